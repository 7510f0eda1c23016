"""Data through real relays: what there is no tool for."""

import pytest

from bench.relays import HOST
from tests.interop.turn.peers import Peer
from tests.interop.turn.servers import SluiceTurn
from tests.turn.client import code, relayed
from turn.attribute_forms import Family
from turn.attributes import ADDITIONAL_ADDRESS_FAMILY, LIFETIME, REQUESTED_ADDRESS_FAMILY

pytestmark = pytest.mark.interop


@pytest.mark.parametrize("protocol", ["udp", "tcp", "tls"])
def test_a_dual_allocation_reaches_both_families(relay: SluiceTurn, protocol: str) -> None:
    """RFC 8656, 7.2 and 8.2: with two relayed addresses, whose ends are apart."""
    with relay.client("dual", protocol) as client, Peer(HOST) as four, Peer("::1") as six:
        addresses = relayed(client.allocate(ADDITIONAL_ADDRESS_FAMILY.of(Family.IPV6)))
        for number, peer, address in zip((0x4000, 0x4001), (four, six), addresses, strict=True):
            assert client.bind(number, peer.address) == 0
            client.send(number, b"by channel")
            assert peer.receive() == (b"by channel", address)
            client.indicate(peer.address, b"by indication")
            assert peer.receive() == (b"by indication", address)
            peer.send(b"and back", address)
            assert client.receive() == (number, b"and back")
        assert code(client.refresh(LIFETIME.of(0), REQUESTED_ADDRESS_FAMILY.of(Family.IPV6))) == 0
        client.send(0x4001, b"to a family that has ended")
        client.send(0x4000, b"to one that has not")
        assert four.receive()[0] == b"to one that has not"
        assert six.has() == []
        client.end()


@pytest.mark.parametrize("protocol", ["udp", "tcp", "tls"])
def test_data_of_every_size(relay: SluiceTurn, protocol: str) -> None:
    with relay.client("sizes", protocol) as client, Peer(HOST) as peer:
        assert code(client.allocate()) == 0
        assert client.bind(0x4000, peer.address) == 0
        for size in (0, 1, 2, 3, 4, 5, 1199, 1200, 1400):
            data = bytes(range(256)) * 6
            client.send(0x4000, data[:size])
            assert peer.echo() == data[:size]
            assert client.receive() == (0x4000, data[:size])
        client.end()

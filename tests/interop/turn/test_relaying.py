"""Data through real relays: what there is no tool for."""

import socket

import pytest

from bench.relays import HOST
from tests.interop.turn.links import PATIENCE
from tests.interop.turn.peers import Peer
from tests.interop.turn.servers import SluiceTurn
from tests.turn.client import code, relayed
from turn.attribute_forms import Family
from turn.attributes import (
    ADDITIONAL_ADDRESS_FAMILY,
    CONNECTION_ID,
    LIFETIME,
    MOBILITY_TICKET,
    REQUESTED_ADDRESS_FAMILY,
    Transport,
)
from turn.stun import Method

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


def test_a_client_moves_and_its_relay_stays(relay: SluiceTurn) -> None:
    """RFC 8016, from UDP to TCP. Whose allocation it is, its credentials must say beside the ticket."""
    with relay.client("mobile") as before, relay.client("mobile", "tcp") as after, Peer(HOST) as peer:
        reply = before.allocate(MOBILITY_TICKET.of(b""))
        [address], ticket = relayed(reply), MOBILITY_TICKET.read(reply)
        assert ticket
        assert before.bind(0x4000, peer.address) == 0
        with relay.client("thief") as thief:
            assert code(thief.refresh(MOBILITY_TICKET.of(ticket))) == 441
        assert code(after.refresh(MOBILITY_TICKET.of(ticket[:-1]))) == 400

        after.username, after.password = before.username, before.password
        assert code(after.refresh(MOBILITY_TICKET.of(ticket))) == 0
        peer.send(b"where are you?", address)
        assert after.receive() == (0x4000, b"where are you?")
        before.send(0x4000, b"no longer there")
        after.send(0x4000, b"here")
        assert peer.receive() == (b"here", address)
        assert code(before.refresh()) == 437
        assert code(before.refresh(MOBILITY_TICKET.of(ticket))) == 400
        assert before.link.waiting() == []
        after.end()


def test_a_connection_is_its_owners(relay: SluiceTurn) -> None:
    """RFC 6062: who made it may have it, once; what comes then is the peer's, whatever it looks like."""
    with relay.client("connecting", "tcp") as control, socket.create_server((HOST, 0)) as listener:
        ip, port = listener.getsockname()
        assert code(control.allocate(transport=Transport.TCP)) == 0
        connection = CONNECTION_ID.read(control.connect((ip, port)))
        assert connection is not None
        assert code(control.connect((ip, port))) == 446
        peer, _ = listener.accept()
        with peer, relay.client("thief", "tcp") as thief, relay.client("connecting", "tcp") as data:
            assert code(thief.request(Method.CONNECTION_BIND, CONNECTION_ID.of(connection))) == 441
            assert code(thief.request(Method.CONNECTION_BIND, CONNECTION_ID.of(connection ^ 1))) == 400
            data.username, data.password = control.username, control.password
            assert code(data.request(Method.CONNECTION_BIND, CONNECTION_ID.of(connection))) == 0
            assert code(control.request(Method.CONNECTION_BIND, CONNECTION_ID.of(connection))) == 400
            request = data.signed(Method.REFRESH, [LIFETIME.of(0)], data.transaction_id())
            data.link.send(request)
            peer.settimeout(PATIENCE)
            assert peer.recv(len(request), socket.MSG_WAITALL) == request
            peer.sendall(request)
            assert data.link.receive() == request
        control.end()

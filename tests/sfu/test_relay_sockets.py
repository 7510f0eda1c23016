"""Relay sockets from Python: bound and held here, taken over by an allocation, closed with it."""

import errno
import gc
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from sfu._datapath import Core, Engine, Path, RelaySocket

CHANNEL = 0x4000


@pytest.fixture
def engine() -> Iterator[Engine]:
    with closing(Engine([("127.0.0.1", 0)], workers=2)) as engine:
        yield engine


def udp() -> socket.socket:
    end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    end.bind(("127.0.0.1", 0))
    end.settimeout(5)
    return end


def is_free(address: tuple[str, int]) -> bool:
    try:
        RelaySocket(*address)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        return False
    return True


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_address_is_nobody_elses_until_the_object_is_gone(host: str) -> None:
    bound = RelaySocket(host, 0)
    address = bound.address
    assert address[0] == host
    assert address[1] != 0
    assert not is_free(address)
    del bound
    gc.collect()
    assert is_free(address)


def test_what_cannot_be_bound_says_why() -> None:
    with pytest.raises(OSError, match="requested address"):
        RelaySocket("192.0.2.1", 0)
    with pytest.raises(ValueError, match="address"):
        RelaySocket("relay.example", 0)
    with pytest.raises(ValueError, match="65535"):
        RelaySocket("127.0.0.1", 65_536)


def test_packets_go_from_the_client_by_the_socket_to_the_peer_and_back(engine: Engine) -> None:
    server = engine.local_addresses[0]
    relayed = RelaySocket("127.0.0.1", 0)
    with udp() as client, udp() as peer:
        # Behind a NAT clients are told another address; peers see what the socket is bound to.
        announced = ("192.0.2.1", relayed.address[1])
        relay = engine.add_relay(Path(server, client.getsockname()), [(relayed, announced)])
        engine.permit(relay, "127.0.0.1")
        engine.bind_channel(relay, CHANNEL, peer.getsockname())
        framed = CHANNEL.to_bytes(2, "big") + b"\x00\x05hello"
        client.sendto(framed, server)
        data, source = peer.recvfrom(100)
        assert (data, source) == (b"hello", relayed.address)
        peer.sendto(data, source)
        assert client.recvfrom(100) == (framed, server)
        assert not is_free(relayed.address)
        engine.remove_relay(relay)
        assert is_free(relayed.address)


def test_closing_the_engine_closes_the_sockets_of_its_allocations() -> None:
    engine = Engine([("127.0.0.1", 0)], workers=1)
    relayed, late = RelaySocket("127.0.0.1", 0), RelaySocket("127.0.0.1", 0)
    client = Path(engine.local_addresses[0], ("127.0.0.1", 9))
    engine.add_relay(client, [relayed])
    engine.close()
    with pytest.raises(RuntimeError, match="closed"):
        engine.add_relay(client, [late])
    assert is_free(relayed.address)
    assert is_free(late.address)


def test_a_socket_serves_one_allocation_and_one_family_has_one_address() -> None:
    core = Core()
    client = Path(("192.0.2.1", 3478), ("198.51.100.1", 4000))
    v4, other, v6 = RelaySocket("127.0.0.1", 0), RelaySocket("127.0.0.1", 0), RelaySocket("::1", 0)
    with pytest.raises(ValueError, match="family"):
        core.add_relay(client, [v4, other])
    with pytest.raises(ValueError, match="family"):
        core.add_relay(client, [(v4, ("2001:db8::1", 50_000))])
    core.add_relay(client, [v4])
    with pytest.raises(ValueError, match="already"):
        core.add_relay(client, [v6, v4])
    # What was refused has taken nothing.
    core.add_relay(client, [("192.0.2.1", 50_000), v6])
    core.add_relay(client, [(other, ("192.0.2.1", 50_001))])
    for wrong in (["192.0.2.1"], [("192.0.2.1",)], [None], [(other, "192.0.2.1")]):
        with pytest.raises((TypeError, ValueError)):
            core.add_relay(client, wrong)  # type: ignore[arg-type]

"""Clients by TCP and TLS that never come to the point, or never listen: they are let go, and nobody waits for them."""

import contextlib
import select
import socket
import ssl
import time

import pytest

from bench.relays import HOST
from tests.interop.turn.calls import Call
from tests.interop.turn.links import connected, tls
from tests.interop.turn.nonsense import SOUND
from tests.interop.turn.peers import Peer
from tests.interop.turn.servers import SluiceTurn
from tests.turn.client import relayed

pytestmark = pytest.mark.interop

# What the server grants is 10 s, for a first message and for a full queue to move.
WITHIN = 20.0
RESIDENT_KIB = 8 << 10


def test_who_never_comes_to_the_point(relay: SluiceTurn, call: Call) -> None:
    plain, secure, source = relay.address, relay.tls_address, "127.0.5.1"
    with contextlib.ExitStack() as stack:
        waiting = {
            name: stack.enter_context(carrier)
            for name, carrier in {
                "nothing": connected(plain, source),
                "half a header": begun(connected(plain, source), SOUND[:9]),
                "half a message": begun(connected(plain, source), SOUND[:21]),
                "half of ChannelData": begun(connected(plain, source), b"\x40\x00\x04\x00data"),
                "half a frame of ICE": begun(connected(plain, source), b"\x00\x14" + SOUND[:9]),
                "a byte now and then": connected(plain, source),
                "nothing instead of TLS": connected(secure, source),
                "half a TLS hello": begun(connected(secure, source), hello()[:50]),
                "nothing in TLS": tls(secure, source).socket,
                "half a message in TLS": begun(tls(secure, source).socket, SOUND[:21]),
                "HTTP where there is none": begun(
                    tls(secure, source, alpn="http/1.1").socket, b"GET / HTTP/1.1\r\n\r\n"
                ),
                "nothing in TLS that may be HTTP": tls(secure, source, alpn=None).socket,
            }.items()
        }
        trickling, rest = waiting["a byte now and then"], iter(SOUND[:-1])
        deadline = time.monotonic() + WITHIN
        while waiting:
            assert time.monotonic() < deadline, waiting.keys()
            select.select(waiting.values(), [], [], 0.5)
            with contextlib.suppress(ConnectionError):
                trickling.sendall(next(rest).to_bytes())
            for name in [name for name, carrier in waiting.items() if has_ended(carrier)]:
                del waiting[name]
            call.goes_on()


def test_who_does_not_listen(relay: SluiceTurn, call: Call) -> None:
    """A peer goes on sending; the relay is gone when the peer is told that nobody is there."""
    before = relay.resident_kib()
    with contextlib.ExitStack() as stack:
        stuck = {}
        for protocol in ("tcp", "tls"):
            client = stack.enter_context(relay.client("stuck", protocol, "127.0.5.2"))
            peer = stack.enter_context(Peer(HOST))
            [address] = relayed(client.allocate())
            assert client.bind(0x4000, peer.address) == 0
            peer.socket.connect(address)
            stuck[protocol] = peer
        deadline = time.monotonic() + WITHIN
        while stuck:
            assert time.monotonic() < deadline, stuck.keys()
            for protocol, peer in list(stuck.items()):
                try:
                    for _ in range(200):
                        peer.socket.send(bytes(1200))
                except ConnectionRefusedError:
                    del stuck[protocol]
            call.goes_on()
            assert relay.resident_kib() - before < RESIDENT_KIB


def begun(carrier: socket.socket, data: bytes) -> socket.socket:
    carrier.sendall(data)
    return carrier


def hello() -> bytes:
    """The first of a TLS client's messages."""
    outgoing = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def has_ended(carrier: socket.socket) -> bool:
    carrier.setblocking(False)
    try:
        return carrier.recv(4096) == b""
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True

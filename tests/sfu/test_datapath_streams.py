"""Connections to the compiled data path: what comes up of them, and what `_datapath.pyi` promises about them."""

import select
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path as FilePath
from typing import TypeVar

import pytest

from sfu._datapath import Engine, HttpAccepted, StreamClosed, StunReceived
from tests.nat.certificates import Certificates, issue

Wanted = TypeVar("Wanted")

PATIENCE = 10.0

# A Binding request without a user (RFC 8489, 5).
REQUEST = bytes.fromhex("0001 0000 2112a442") + bytes(12)


@pytest.fixture
def engine() -> Iterator[Engine]:
    listen = [("127.0.0.1", 0), ("::1", 0)]
    with closing(Engine(listen, workers=2, tcp=True, tls=[("127.0.0.1", 0)])) as engine:
        yield engine


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return issue(tmp_path_factory.mktemp("certificates"), "127.0.0.1")


def connect(address: tuple[str, int]) -> socket.socket:
    return socket.create_connection(address, timeout=PATIENCE)


def connect_tls(engine: Engine, certificates: Certificates, *protocols: str) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=certificates.authority)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context.wrap_socket(connect(engine.tls_addresses[0]), server_hostname="127.0.0.1")


def install(engine: Engine, certificates: Certificates) -> None:
    engine.set_certificate(certificates.chain.read_bytes(), certificates.key.read_bytes())


def next_event(engine: Engine, kind: type[Wanted]) -> Wanted:
    deadline = time.monotonic() + PATIENCE
    while True:
        for event in engine.drain_events():
            if isinstance(event, kind):
                return event
        assert select.select([engine.event_fd], [], [], deadline - time.monotonic())[0], f"no {kind.__name__}"


def read(stream: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = stream.recv(size - len(data))
        assert piece, "the connection ended"
        data += piece
    return data


def test_tcp_has_the_port_of_udp(engine: Engine) -> None:
    for address in engine.local_addresses:
        with connect(address) as client:
            client.sendall(REQUEST)
            event = next_event(engine, StunReceived)
            assert (event.path.local, event.path.remote) == (address, client.getsockname()[:2])
            assert (event.path.protocol, event.data) == ("tcp", REQUEST)
            engine.send(event.path, REQUEST)
            assert read(client, len(REQUEST)) == REQUEST
        assert next_event(engine, StreamClosed).stream == event.path.id != 0


def test_a_connection_ends_when_it_is_told_to(engine: Engine) -> None:
    with connect(engine.local_addresses[0]) as client:
        client.sendall(REQUEST)
        engine.close_stream(next_event(engine, StunReceived).path.id)
        assert client.recv(1) == b""


def test_turn_and_http_by_tls(engine: Engine, certificates: Certificates) -> None:
    install(engine, certificates)
    with connect_tls(engine, certificates, "stun.turn") as client:
        client.sendall(REQUEST)
        event = next_event(engine, StunReceived)
        assert (event.path.protocol, event.path.local) == ("tls", engine.tls_addresses[0])
    with connect_tls(engine, certificates, "h2", "http/1.1") as client:
        assert client.selected_alpn_protocol() == "http/1.1"
        client.sendall(b"GET /")
        accepted = next_event(engine, HttpAccepted)
        assert (accepted.local, accepted.remote) == (engine.tls_addresses[0], client.getsockname())
        with socket.socket(fileno=accepted.detach()) as application:
            application.settimeout(PATIENCE)
            assert read(application, 5) == b"GET /"
            application.sendall(b"HTTP/1.1 204")
        assert read(client, 12) == b"HTTP/1.1 204"
        assert client.recv(1) == b"", "nobody is left at the other end"
        with pytest.raises(RuntimeError, match="taken"):
            accepted.detach()


def test_http_that_nobody_takes_ends(engine: Engine, certificates: Certificates) -> None:
    install(engine, certificates)
    with connect_tls(engine, certificates) as client:
        client.sendall(b"GET /")
        accepted = next_event(engine, HttpAccepted)
        del accepted
        assert client.recv(1) == b""


def test_a_certificate_that_cannot_be_used_is_a_value_error(
    engine: Engine, certificates: Certificates, tmp_path: FilePath
) -> None:
    install(engine, certificates)
    chain, key = certificates.chain.read_bytes(), certificates.key.read_bytes()
    other = issue(tmp_path, "127.0.0.1")
    for wrong_chain, wrong_key, reason in (
        (b"", key, "certificate: no CERTIFICATE"),
        (chain, chain, "key: "),
        (chain, other.key.read_bytes(), "certificate and key: "),
    ):
        with pytest.raises(ValueError, match=reason):
            engine.set_certificate(wrong_chain, wrong_key)
    connect_tls(engine, certificates).close()
    install(engine, other)
    connect_tls(engine, other).close()
    with pytest.raises(ssl.SSLCertVerificationError):
        connect_tls(engine, certificates)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Engine([("127.0.0.1", 0)], tls=[("localhost", 0)]),
        lambda: Engine([("127.0.0.1", 0)], proxies=["10.0.0.1/8"]),
        lambda: Engine([("127.0.0.1", 0)], proxies=["a proxy"]),
        lambda: Engine([("127.0.0.1", 0)], max_streams=-1),
        lambda: Engine([("127.0.0.1", 0)], max_streams_per_source=-1),
    ],
)
def test_an_argument_that_can_never_be_right_is_a_value_error(wrong: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        wrong()


def test_there_are_so_many_connections_at_most() -> None:
    with (
        closing(Engine([("127.0.0.1", 0)], workers=1, tcp=True, max_streams=1)) as engine,
        connect(engine.local_addresses[0]) as first,
    ):
        first.sendall(REQUEST)
        next_event(engine, StunReceived)
        with connect(engine.local_addresses[0]) as second:
            assert second.recv(1) == b""

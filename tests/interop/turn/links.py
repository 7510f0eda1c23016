"""Messages to and from a TURN server over real sockets: one UDP datagram each, or framed in a stream by themselves."""

import select
import socket
import ssl
from types import TracebackType
from typing import Self

from turn.datapath import Address

PATIENCE = 5.0
_HEADER_BYTES = 4
_STUN_HEADER_BYTES = 20


class Link:
    """Close it, or use it as a context manager."""

    def __init__(self, carrier: socket.socket) -> None:
        self.socket = carrier
        self.is_stream = carrier.type == socket.SOCK_STREAM
        self._pending = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    @property
    def local(self) -> Address:
        ip, port, *_ = self.socket.getsockname()
        return ip, port

    def send(self, message: bytes) -> None:
        """Over a stream ChannelData is padded (RFC 8656, 12.5)."""
        self.socket.sendall(message + bytes(-len(message) % 4) if self.is_stream else message)

    def receive(self, within: float = PATIENCE) -> bytes:
        """One message, without padding. TimeoutError: none came; EOFError: the server has ended the connection."""
        self.socket.settimeout(within)
        if not self.is_stream:
            return self.socket.recv(65536)
        head = self._read(_HEADER_BYTES)
        length = int.from_bytes(head[2:4], "big")
        whole = _HEADER_BYTES + length if head[0] & 0xC0 else _STUN_HEADER_BYTES + length
        return (head + self._read(whole + -whole % 4 - _HEADER_BYTES))[:whole]

    def waiting(self) -> list[bytes]:
        """What has come up to now."""
        found = []
        while self._pending or select.select([self.socket], [], [], 0)[0]:
            try:
                found.append(self.receive())
            except EOFError:
                break
        return found

    def _read(self, size: int) -> bytes:
        while len(self._pending) < size:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError("the server has ended the connection")
            self._pending += more
        read, self._pending = self._pending[:size], self._pending[size:]
        return read


def udp(server: Address, source: str = "") -> Link:
    """source: the client's IP address; limits go by it."""
    carrier = socket.socket(_family(server), socket.SOCK_DGRAM)
    carrier.bind((source or _any(server), 0))
    carrier.connect(server)
    return Link(carrier)


def tcp(server: Address, source: str = "") -> Link:
    return Link(connected(server, source))


def tls(server: Address, source: str = "", *, alpn: str | None = "stun.turn") -> Link:
    """Whose certificate it is does not matter here."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if alpn is not None:
        context.set_alpn_protocols([alpn])
    return Link(context.wrap_socket(connected(server, source)))


def connected(server: Address, source: str = "") -> socket.socket:
    carrier = socket.create_connection(server, PATIENCE, (source or _any(server), 0))
    carrier.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return carrier


def _family(address: Address) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address[0] else socket.AF_INET


def _any(server: Address) -> str:
    return "::" if ":" in server[0] else "0.0.0.0"

"""Peers of relays: sockets that tell what has come to them, and what has not."""

import contextlib
import socket
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from tests.interop.turn.links import PATIENCE
from turn.datapath import Address

TRIES = 32


class Peer:
    """A UDP socket. Close it, or use it as a context manager."""

    def __init__(self, ip: str, port: int = 0) -> None:
        self.socket = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM)
        if ":" in ip:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        self.socket.bind((ip, port))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    @property
    def address(self) -> Address:
        ip, port, *_ = self.socket.getsockname()
        return ip, port

    def receive(self, within: float = PATIENCE) -> tuple[bytes, Address]:
        """TimeoutError: nothing came."""
        self.socket.settimeout(within)
        data, (ip, port, *_) = self.socket.recvfrom(65536)
        return data, (ip, port)

    def send(self, data: bytes, to: Address) -> None:
        self.socket.sendto(data, to)

    def echo(self) -> bytes:
        """Send the next datagram back to where it came from."""
        data, source = self.receive()
        self.send(data, source)
        return data

    def has(self) -> list[bytes]:
        """What has come up to now."""
        self.socket.setblocking(False)
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                found.append(self.socket.recv(65536))
        return found


@contextlib.contextmanager
def on_one_port(*ips: str) -> Iterator[list[Peer]]:
    """A peer at each address, all with the same port."""
    for _ in range(TRIES):
        with contextlib.ExitStack() as stack:
            peers = [stack.enter_context(Peer(ips[0]))]
            with contextlib.suppress(OSError):
                peers += [stack.enter_context(Peer(ip, peers[0].address[1])) for ip in ips[1:]]
            if len(peers) == len(ips):
                yield peers
                return
    raise AssertionError("no port is free at all of them")

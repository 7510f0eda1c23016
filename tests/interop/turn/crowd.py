"""Very many UDP clients in one: a socket that says of every datagram it comes from another address of the loopback."""

import itertools
import select
import socket
import struct
from collections.abc import Iterable
from ipaddress import IPv4Address
from types import TracebackType
from typing import Self

from turn.datapath import Address

_IP_PKTINFO = 8
_FIRST = int(IPv4Address("127.64.0.0"))


class Crowd:
    """Close it, or use it as a context manager."""

    def __init__(self, server: Address, members: int) -> None:
        """members: how many there are; 127.64.0.0 is the first."""
        self._server = server
        self._turns = itertools.cycle(range(members))
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self._socket.bind(("0.0.0.0", 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def send(self, messages: Iterable[bytes]) -> None:
        """One from each member, going on where the last call ended, and after the last from the first."""
        for message, member in zip(messages, self._turns, strict=False):
            source = (_FIRST + member).to_bytes(4, "big")
            # struct in_pktinfo of ip(7): the interface, the local address, and one that matters to receivers only.
            control = [(socket.IPPROTO_IP, _IP_PKTINFO, struct.pack("@i4s4x", 0, source))]
            self._socket.sendmsg([message], control, 0, self._server)

    def receive(self, count: int, within: float = 1.0) -> list[bytes]:
        """So many answers; fewer if then none comes for so long."""
        found: list[bytes] = []
        while len(found) < count and select.select([self._socket], [], [], within)[0]:
            found.append(self._socket.recv(2048))
        return found

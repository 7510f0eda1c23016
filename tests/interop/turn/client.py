"""A TURN client over real sockets that says what it is told to, and sees all that comes back."""

import os
from collections import deque
from types import TracebackType
from typing import Self

from tests.interop.turn.links import PATIENCE, Link
from tests.turn.client import TurnClient, code
from turn.attributes import DATA, LIFETIME, XOR_PEER_ADDRESS
from turn.datapath import Address
from turn.errors import Malformed
from turn.stun import Class, Message, Method, encode, parse

# RFC 8489, 6.2.1: the first two retransmissions come after 500 ms and after 1 s more.
_RETRANSMISSIONS = (0.5, 1.0, PATIENCE)


class Client(TurnClient):
    """Close it, or use it as a context manager; over UDP its allocation stays until `end`."""

    def __init__(self, link: Link, username: str = "", password: str = "") -> None:
        super().__init__(username, password)
        self.link = link
        self._came: deque[bytes] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.link.__exit__(kind, error, trace)

    def exchange(self, data: bytes) -> Message:
        """TimeoutError: no answer."""
        for wait in (PATIENCE,) if self.link.is_stream else _RETRANSMISSIONS:
            self.link.send(data)
            try:
                return self.answer(data[8:20], wait)
            except TimeoutError:
                continue
        raise TimeoutError("no answer")

    def answer(self, transaction_id: bytes, within: float = PATIENCE) -> Message:
        """To a request that was sent; what else comes meanwhile is kept for `receive`."""
        while True:
            data = self.link.receive(within)
            message = _answer(data)
            if message is not None and message.transaction_id == transaction_id:
                return message
            self._came.append(data)

    def transaction_id(self) -> bytes:
        return os.urandom(12)

    def connect(self, peer: Address) -> Message:
        """RFC 6062, 4.3: the answer, when the peer has been reached."""
        transaction_id = self.transaction_id()
        return self.request(Method.CONNECT, XOR_PEER_ADDRESS.of(peer, transaction_id), transaction_id=transaction_id)

    def end(self) -> None:
        """Give the allocation back (RFC 8656, 8)."""
        assert code(self.refresh(LIFETIME.of(0))) == 0

    def indicate(self, peer: Address, data: bytes) -> None:
        """A Send indication (RFC 8656, 11.1)."""
        transaction_id = self.transaction_id()
        attributes = (XOR_PEER_ADDRESS.of(peer, transaction_id), DATA.of(data))
        self.link.send(encode(Message(Method.SEND, Class.INDICATION, transaction_id, attributes)))

    def send(self, channel: int, data: bytes) -> None:
        """ChannelData (RFC 8656, 12.5)."""
        self.link.send(channel.to_bytes(2, "big") + len(data).to_bytes(2, "big") + data)

    def receive(self, within: float = PATIENCE) -> tuple[int | Address, bytes]:
        """The channel, or the peer that a Data indication names, and the data. TimeoutError, EOFError as of links."""
        data = self._came.popleft() if self._came else self.link.receive(within)
        if data[0] & 0xC0:
            return int.from_bytes(data[:2], "big"), data[4:]
        message = parse(data)
        assert (message.method, message.cls) == (Method.DATA, Class.INDICATION)
        peer, value = XOR_PEER_ADDRESS.read(message), DATA.read(message)
        assert peer is not None
        assert value is not None
        return peer, value


def _answer(data: bytes) -> Message | None:
    try:
        message = parse(data)
    except Malformed:
        return None
    return message if message.cls in (Class.SUCCESS, Class.ERROR) else None

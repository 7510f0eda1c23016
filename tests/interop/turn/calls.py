"""Somebody who uses a relay meanwhile, and must not notice what others do."""

from tests.interop.turn.client import Client
from tests.interop.turn.peers import Peer
from tests.turn.client import code


class Call:
    """A client and a peer that talk through the client's new allocation."""

    def __init__(self, client: Client, peer: Peer) -> None:
        self._client = client
        self._peer = peer
        assert code(client.allocate()) == 0
        assert client.bind(0x4000, peer.address) == 0

    def goes_on(self) -> None:
        """There and back. TimeoutError: no."""
        self._client.send(0x4000, b"are you there?")
        assert self._peer.echo() == b"are you there?"
        assert self._client.receive() == (0x4000, b"are you there?")

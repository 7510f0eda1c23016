"""Connections between the peers and the clients of TCP allocations (RFC 6062, 5)."""

import enum
from dataclasses import dataclass

from turn.addresses import RandomBytes
from turn.allocation import Allocation
from turn.allocations import Allocations
from turn.answers import Answers
from turn.attributes import CONNECTION_ID, XOR_PEER_ADDRESS, Transport
from turn.datapath import Address, Path, RelayPath
from turn.deadlines import Deadlines
from turn.errors import Refused
from turn.peers import Peers
from turn.request import Request
from turn.stun import TRANSACTION_ID_BYTES, Class, Message, Method, encode

# For so long we try to reach a peer (5.2), and a peer waits for the client's second connection (5.2, 5.3).
PATIENCE_SECONDS = 30.0


class State(enum.Enum):
    """CONNECTING (we to the peer) → WAITING (for the client to come and fetch it) → JOINED; a peer's own begins
    WAITING.
    """

    CONNECTING = enum.auto()
    WAITING = enum.auto()
    JOINED = enum.auto()


@dataclass(slots=True, eq=False)
class PeerConnection:
    """id: the data path's. public_id: CONNECTION-ID, random, so that no other client can guess it."""

    id: int
    public_id: int
    allocation: Allocation
    peer: Address
    state: State
    request: Request | None = None
    client: Path | None = None


class Connections:
    """A Connect request is answered when the peer has."""

    def __init__(
        self,
        datapath: RelayPath,
        allocations: Allocations,
        peers: Peers,
        answers: Answers,
        random_bytes: RandomBytes,
        limit: int,
    ) -> None:
        self._datapath = datapath
        self._allocations = allocations
        self._peers = peers
        self._answers = answers
        self._random_bytes = random_bytes
        self._limit = limit
        self._by_id: dict[int, PeerConnection] = {}
        self._by_public_id: dict[int, PeerConnection] = {}
        self._by_stream: dict[int, PeerConnection] = {}
        self._by_relay: dict[int, set[PeerConnection]] = {}
        self._deadlines = Deadlines[int]()

    def __len__(self) -> int:
        return len(self._by_id)

    def connect(self, request: Request) -> None:
        """5.2. Raises Refused, Malformed."""
        allocation = self._allocations.owned(request)
        peer = XOR_PEER_ADDRESS.read(request.message)
        if peer is None:
            raise Refused(400, "no peer")
        if allocation.transport is not Transport.TCP:
            raise Refused(403, "datagrams need no connection")
        self._peers.check(allocation, peer)
        mine = self._by_relay.get(allocation.relay, ())
        if any(connection.peer == peer for connection in mine):
            raise Refused(446, "connection already exists")
        if len(mine) >= self._limit:
            raise Refused(508, "too many connections")
        connection = self._datapath.connect_peer(allocation.relay, peer)
        self._add(
            PeerConnection(connection, self._public_id(), allocation, peer, State.CONNECTING, request), request.now
        )

    def bind(self, request: Request) -> None:
        """5.4. Raises Refused, Malformed."""
        public_id = CONNECTION_ID.read(request.message)
        connection = None if public_id is None else self._by_public_id.get(public_id)
        if connection is None or connection.state is not State.WAITING:
            raise Refused(400, "no such connection waits")
        # A stream is for one thing: requests, or one peer's bytes.
        if request.client.protocol == "udp" or self._allocations.at(request.client) is not None:
            raise Refused(400, "not with this transport")
        self._allocations.check_owner(connection.allocation, request)
        connection.state = State.JOINED
        connection.client = request.client
        self._by_stream[request.client.id] = connection
        self._deadlines.set(connection.id, None)
        # The client reads the answer before the peer's first byte.
        self._answers.give(request, [])
        self._datapath.join_peer(connection.id, request.client)

    def handle_connected(self, id_: int, now: float) -> None:
        connection = self._by_id.get(id_)
        if connection is None or connection.request is None:
            return
        request, connection.request = connection.request, None
        connection.state = State.WAITING
        self._deadlines.set(id_, now + PATIENCE_SECONDS)
        self._answers.give(request, [CONNECTION_ID.of(connection.public_id)])

    def handle_failed(self, id_: int) -> None:
        """It could not be made, or it ended before anybody fetched it."""
        connection = self._by_id.get(id_)
        if connection is not None:
            self._forget(connection)

    def handle_arrived(self, relay: int, id_: int, peer: Address, now: float) -> None:
        """5.3: whoever has permission is announced to the client."""
        allocation = self._allocations.with_relay(relay)
        if (
            allocation is None
            or peer[0] not in allocation.permissions
            or len(self._by_relay.get(relay, ())) >= self._limit
        ):
            self._datapath.close_peer(id_)
            return
        connection = PeerConnection(id_, self._public_id(), allocation, peer, State.WAITING)
        self._add(connection, now)
        transaction_id = self._random_bytes(TRANSACTION_ID_BYTES)
        attributes = (XOR_PEER_ADDRESS.of(peer, transaction_id), CONNECTION_ID.of(connection.public_id))
        attempt = Message(Method.CONNECTION_ATTEMPT, Class.INDICATION, transaction_id, attributes)
        self._datapath.send(allocation.client, encode(attempt))

    def handle_stream_closed(self, stream: int) -> None:
        connection = self._by_stream.get(stream)
        if connection is not None:
            self._end(connection)

    def close_all_of(self, allocation: Allocation) -> None:
        for connection in tuple(self._by_relay.get(allocation.relay, ())):
            self._end(connection)

    def next_deadline(self) -> float | None:
        return self._deadlines.next()

    def handle_timeout(self, now: float) -> None:
        for id_ in list(self._deadlines.pop_due(now)):
            self._end(self._by_id[id_])

    def _add(self, connection: PeerConnection, now: float) -> None:
        self._by_id[connection.id] = connection
        self._by_public_id[connection.public_id] = connection
        self._by_relay.setdefault(connection.allocation.relay, set()).add(connection)
        self._deadlines.set(connection.id, now + PATIENCE_SECONDS)

    def _end(self, connection: PeerConnection) -> None:
        self._datapath.close_peer(connection.id)
        self._forget(connection)

    def _forget(self, connection: PeerConnection) -> None:
        del self._by_id[connection.id]
        del self._by_public_id[connection.public_id]
        if connection.client is not None:
            del self._by_stream[connection.client.id]
        mine = self._by_relay[connection.allocation.relay]
        mine.discard(connection)
        if not mine:
            del self._by_relay[connection.allocation.relay]
        self._deadlines.set(connection.id, None)
        if connection.request is not None:
            self._answers.give(connection.request, Refused(447, "connection timeout or failure"))

    def _public_id(self) -> int:
        """Never one that is in use: there are far fewer than 2**32."""
        while True:
            public_id = int.from_bytes(self._random_bytes(4), "big")
            if public_id not in self._by_public_id:
                return public_id

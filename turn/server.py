"""A STUN and TURN server without sockets: messages in, messages and commands to the data path out."""

from collections import Counter
from collections.abc import Callable, Sequence

from turn.addresses import RandomBytes
from turn.allocate import AllocateRequests
from turn.allocation import Allocation
from turn.allocations import Allocations
from turn.answers import Answers
from turn.binding import BindingRequests
from turn.connections import Connections
from turn.counters import TurnCounters
from turn.credentials import Credentials
from turn.datapath import Address, Bound, Path, RelayPath
from turn.errors import Malformed, Refused
from turn.leases import Leases
from turn.limiter import Limiter
from turn.peer_requests import PeerRequests
from turn.peers import Peers
from turn.policy import OpenPolicy, SelfPolicy
from turn.pools import announced_ips, pools
from turn.quotas import Quotas
from turn.refresh import RefreshRequests
from turn.requests import Handler, Requests
from turn.reservations import Reservations
from turn.settings import TurnSettings
from turn.stun import Class, Message, Method, parse

# How clients reach us. What comes out of a relay is not served: no relay within a relay.
CLIENT_PROTOCOLS = frozenset(("udp", "tcp", "tls"))


class TurnServer:
    """`now` is monotonic seconds; `unix` the time of day, by which credentials and nonces are judged.

    `handle_timeout` is due at `next_deadline`; `rescheduled` is called when that may have moved.
    """

    def __init__(
        self,
        settings: TurnSettings,
        datapath: RelayPath,
        *,
        own_addresses: Sequence[Address],
        host_addresses: Sequence[str] = (),
        udp_path: Callable[[Address, Address], Path],
        open_socket: Callable[[str, int], Bound] | None = None,
        open_listener: Callable[[str, int], Bound] | None = None,
        random_bytes: RandomBytes,
        may_refresh: Callable[[str], bool] = lambda user: True,
        rescheduled: Callable[[], None] = lambda: None,
    ) -> None:
        """own_addresses: our media addresses as peers name them, those we announce first. host_addresses: the IP
        addresses of this machine, and those forwarded to it. udp_path: the path from our address to a client's.
        open_socket, open_listener: bind a relayed address (IP, port), OSError where it cannot be. may_refresh: whether
        a user whose credential has expired may go on. ValueError: the settings contradict each other.
        """
        ips = announced_ips(settings, own_addresses)
        found = pools(settings, ips, own_addresses, open_socket, open_listener, random_bytes)
        self._quotas = Quotas(total=settings.max_allocations, per_user=settings.allocations_per_user)
        self._credentials = Credentials(settings.secrets, settings.realm, ttl=settings.credential_ttl)
        self._answers = Answers(datapath, Limiter())
        leases = Leases(found, self._quotas)
        self._reservations = Reservations(leases, random_bytes)
        self._allocations = Allocations(datapath, leases, settings, self._handle_closed)
        own = SelfPolicy(own_addresses, [announced for _, announced in ips], self._allocations.relays)
        host = {*host_addresses, *(ip for pair in ips for ip in pair), *(ip for ip, _ in own_addresses)}
        open_ = OpenPolicy(own, host, settings.allow_peers)
        self._peers = Peers(own if settings.policy == "self" else open_)
        self._connections = Connections(
            datapath, self._allocations, self._peers, self._answers, random_bytes, settings.connections
        )
        self._binding = BindingRequests(settings.nat_discovery, udp_path)
        allocate = AllocateRequests(settings, self._allocations, leases, self._reservations, random_bytes)
        refresh = RefreshRequests(settings, self._allocations, random_bytes, may_refresh)
        peers = PeerRequests(self._allocations, self._peers)
        handlers: dict[int, Handler] = {
            Method.ALLOCATE: allocate.answer,
            Method.REFRESH: refresh.answer,
            Method.CREATE_PERMISSION: peers.create_permission,
            Method.CHANNEL_BIND: peers.channel_bind,
            Method.CONNECT: self._connections.connect,
            Method.CONNECTION_BIND: self._connections.bind,
        }
        self._requests = Requests(
            handlers,
            self._credentials,
            self._allocations,
            self._answers,
            random_bytes,
            anonymity=settings.anonymity,
        )
        self._rescheduled = rescheduled
        self._deadline: float | None = None
        self._ignored = Counter[str]()

    def credentials(self, user: str, unix: float) -> tuple[str, str, int]:
        """User name, password, and for how many seconds they admit. ValueError: not a name for a user."""
        username, password = self._credentials.mint(user, unix)
        return username, password, self._credentials.ttl

    def revoke(self, group: str, unix: float) -> None:
        """All that the group's users have ends, and credentials made for them up to now admit nobody."""
        self._credentials.revoke(group, unix)
        for allocation in self._allocations.of(group):
            self._allocations.close(allocation)
        self._reservations.drop_group(group)
        self._reschedule()

    def remove_relay(self, relay: int) -> None:
        """End one allocation, by the data path's id; nothing happens if it has ended."""
        allocation = self._allocations.with_relay(relay)
        if allocation is not None:
            self._allocations.close(allocation)
            self._reschedule()

    def handle_stun(self, client: Path, data: bytes, now: float, unix: float) -> None:
        """One message from a client. Nothing about it is kept unless it is authentic."""
        self.handle_timeout(now)
        if client.protocol not in CLIENT_PROTOCOLS:
            self._ignored["not-a-client"] += 1
            return
        try:
            message = parse(data)
        except Malformed:
            self._ignored["malformed"] += 1
            return
        if message.cls is not Class.REQUEST:
            self._ignored["not-a-request"] += 1
        elif message.method == Method.BINDING:
            self._bind(client, message, now)
        elif self._requests.serves(message.method):
            self._requests.serve(client, message, now, unix)
            self._reschedule()
        else:
            self._ignored["unknown-method"] += 1

    def handle_stream_closed(self, stream: int) -> None:
        """A client's connection has ended, and with it what was made through it (RFC 8656, 3.3), unless the client
        holds a ticket to come back with (RFC 8016).
        """
        allocation = self._allocations.on_stream(stream)
        if allocation is not None and allocation.ticket is None:
            self._allocations.close(allocation)
        self._connections.handle_stream_closed(stream)
        self._reschedule()

    def handle_peer_connected(self, connection: int, now: float) -> None:
        self._connections.handle_connected(connection, now)
        self._reschedule()

    def handle_peer_failed(self, connection: int) -> None:
        self._connections.handle_failed(connection)
        self._reschedule()

    def handle_peer_arrived(self, relay: int, connection: int, peer: Address, now: float) -> None:
        self._connections.handle_arrived(relay, connection, peer, now)
        self._reschedule()

    def handle_timeout(self, now: float) -> None:
        self._reservations.handle_timeout(now)
        self._connections.handle_timeout(now)
        self._allocations.handle_timeout(now)
        self._reschedule()

    def next_deadline(self) -> float | None:
        parts = (self._reservations, self._connections, self._allocations)
        return min((due for due in (part.next_deadline() for part in parts) if due is not None), default=None)

    def counters(self) -> TurnCounters:
        return TurnCounters(
            allocations=Counter(allocation.client.protocol for allocation in self._allocations),
            users=len(self._quotas),
            opened=self._requests.opened.copy(),
            answers=self._answers.counts.copy(),
            denied=self._peers.denied.copy(),
            ignored=self._ignored + Counter(limited=self._answers.limited),
        )

    def _bind(self, client: Path, message: Message, now: float) -> None:
        try:
            path, attributes = self._binding.answer(client, message)
        except Refused as refused:
            self._answers.give_stranger(client, message, refused, now)
        except Malformed as malformed:
            self._answers.give_stranger(client, message, Refused(400, str(malformed)), now)
        else:
            self._answers.give_stranger(path, message, attributes, now)

    def _handle_closed(self, allocation: Allocation) -> None:
        self._connections.close_all_of(allocation)

    def _reschedule(self) -> None:
        deadline = self.next_deadline()
        if deadline != self._deadline:
            self._deadline = deadline
            self._rescheduled()

"""The TURN server on the event loop: requests to it, its one timer, and its end."""

import secrets
import time
from collections.abc import Callable, Sequence

from sfu._datapath import Engine, Path, PeerArrived, PeerConnected, PeerFailed, RelayListener, RelaySocket
from sfu.datapath import PeerEvent
from sfu.timer import Timer
from turn.datapath import Address
from turn.server import TurnServer
from turn.settings import TurnSettings


class RunningTurn:
    """own_addresses: the media addresses as peers name them, to which relays have a way inside. host_addresses: every
    IP address of this machine, to which they have none. may_refresh: whether a user may keep what an expired
    credential began.
    """

    def __init__(
        self,
        settings: TurnSettings,
        engine: Engine,
        *,
        own_addresses: Sequence[Address],
        host_addresses: Sequence[str],
        may_refresh: Callable[[str], bool] = lambda _: True,
        clock: Callable[[], float] = time.monotonic,
        unix: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._unix = unix
        engine.set_own_addresses(own_addresses)
        self._timer = Timer(clock, lambda: self.server.next_deadline(), lambda now: self.server.handle_timeout(now))
        self.server = TurnServer(
            settings,
            engine,
            own_addresses=own_addresses,
            host_addresses=host_addresses,
            open_socket=RelaySocket,
            open_listener=RelayListener,
            udp_path=Path,
            random_bytes=secrets.token_bytes,
            may_refresh=may_refresh,
            rescheduled=self._timer.rearm,
        )

    def start(self) -> None:
        self._timer.start()

    def close(self) -> None:
        self._timer.close()

    def handle_stun(self, path: Path, data: bytes) -> None:
        self.server.handle_stun(path, data, self._clock(), self._unix())

    def handle_peer(self, event: PeerEvent) -> None:
        """RFC 6062: what becomes of connections between a TCP allocation and its peers."""
        match event:
            case PeerConnected():
                self.server.handle_peer_connected(event.connection, self._clock())
            case PeerFailed():
                self.server.handle_peer_failed(event.connection)
            case PeerArrived():
                self.server.handle_peer_arrived(event.relay, event.connection, event.peer, self._clock())

    def credentials(self, user: str) -> tuple[str, str]:
        """User name and password, to be used within the server's TTL."""
        username, password, _ = self.server.credentials(user, self._unix())
        return username, password

    def revoke(self, group: str) -> None:
        """End what its users have, and refuse every credential made for them up to now."""
        self.server.revoke(group, self._unix())

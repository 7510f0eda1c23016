"""What every model peer is made of: an address, ICE checks, SRTP, a queue of datagrams to send."""

from abc import ABC, abstractmethod
from collections import Counter, deque

from sfu._datapath import SrtpSession
from tests.net.ice import Checker
from tests.net.rtp import Rtcp, Rtp, parse_rtcp

Address = tuple[str, int]


class Peer(ABC):
    """A sans-IO client. Subclasses say what they do with packets (`on_rtp`, `on_rtcp`) and with time (`on_timeout`)."""

    def __init__(self, address: Address, checker: Checker, srtp: SrtpSession) -> None:
        self.address, self.checker, self.srtp = address, checker, srtp
        self.counts: Counter[str] = Counter()
        self._outbox: list[bytes] = []
        self._media: set[bytes] = set()
        self.recent: deque[bytes] = deque(maxlen=200)
        """The newest datagrams sent."""

    def handle_datagram(self, now_us: int, data: bytes) -> None:
        """One datagram from the server, told apart by its first bytes (RFC 7983, RFC 5761)."""
        if data[0] < 4:
            self.checker.handle_response(data)
        elif 20 <= data[0] < 64:
            self.counts["dtls"] += 1
        elif 192 <= data[1] < 224:
            for report in parse_rtcp(self.srtp.unprotect_rtcp(data)):
                self.on_rtcp(now_us, report)
        elif data in self._media:
            self.counts["repeats"] += 1  # the network's, or resent as it was; SRTP would call it a replay
        else:
            packet = Rtp.parse(self.srtp.unprotect_rtp(data))
            self._media.add(data)
            self.on_rtp(now_us, packet, data)

    def handle_timeout(self, now_us: int) -> None:
        check = self.checker.poll(now_us)
        if check is not None:
            self.send(check)
        self.on_timeout(now_us)

    def next_deadline(self) -> int | None:
        deadlines = [each for each in (self.checker.next_deadline(), self.next_event()) if each is not None]
        return min(deadlines, default=None)

    def poll_transmits(self) -> list[bytes]:
        outbox, self._outbox = self._outbox, []
        return outbox

    def send(self, datagram: bytes) -> None:
        """Queue a datagram for the server."""
        self._outbox.append(datagram)
        self.recent.append(datagram)

    def send_rtcp(self, *packets: bytes) -> None:
        self.send(self.srtp.protect_rtcp(b"".join(packets)))

    @property
    def connected(self) -> bool:
        return self.checker.answered > 0

    @abstractmethod
    def on_rtp(self, now_us: int, packet: Rtp, datagram: bytes) -> None: ...

    @abstractmethod
    def on_rtcp(self, now_us: int, packet: Rtcp) -> None: ...

    @abstractmethod
    def on_timeout(self, now_us: int) -> None: ...

    @abstractmethod
    def next_event(self) -> int | None: ...

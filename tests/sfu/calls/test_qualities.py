"""How good connections are: every member is looked at every two seconds, and a change is told once."""

from sfu.calls.qualities import INTERVAL_SECONDS, TURNS, Qualities
from sfu.quality import SILENT_MS
from sfu.stats import TransportStats
from tests.sfu.calls.hall import Guest, Hall


class Watch:
    """Members who have a transport each, and what the data path counts of those."""

    def __init__(self, count: int) -> None:
        self.hall = Hall(max_participants=100)
        self.now = 0.0
        self.looks: list[tuple[int, float]] = []
        self.silent: set[int] = set()
        self.unknown: set[int] = set()
        self.guests: list[Guest] = []
        for _ in range(count):
            self.join()
        self.qualities = Qualities(self._snapshot, self.now)

    def join(self) -> Guest:
        guest = self.hall.join(f"guest-{len(self.guests)}", single=True)
        guest.offer()
        self.guests.append(guest)
        return guest

    def run_for(self, seconds: float) -> list[tuple[str, str]]:
        """What was told, by identity."""
        told: list[tuple[str, str]] = []
        until = self.now + seconds
        while (due := self.qualities.next_deadline()) <= until:
            self.now = due
            members = [guest.member for guest in self.guests]
            changes = self.qualities.handle_timeout(members, self.now)
            told += [(who.identity, quality) for who, quality, _ in changes]
        self.now = until
        return told

    def _snapshot(self, transport: int) -> TransportStats | None:
        self.looks.append((transport, self.now))
        if transport in self.unknown:
            return None
        return TransportStats(
            transport=transport,
            connected=True,
            encrypted=True,
            remote=None,
            idle_ms=SILENT_MS if transport in self.silent else 10,
            rtt_ms=20.0,
            packets_received=0,
            bytes_received=0,
            packets_sent=0,
            bytes_sent=0,
            remb_bps=None,
            paths=[],
            tracks=[],
            egresses=[],
        )


def transport_of(guest: Guest) -> int:
    (transport,) = guest.member.transports
    return transport.id


def test_everybody_is_looked_at_once_an_interval_and_a_few_at_a_time() -> None:
    watch = Watch(20)
    watch.run_for(2 * INTERVAL_SECONDS)
    watch.looks.clear()
    watch.run_for(10 * INTERVAL_SECONDS)
    for guest in watch.guests:
        assert sum(transport == transport_of(guest) for transport, _ in watch.looks) == 10
    times = [at for _, at in watch.looks]
    assert max(times.count(at) for at in times) <= 20 // TURNS + 1


def test_nobody_is_looked_at_before_it_is_time() -> None:
    watch = Watch(1)
    assert watch.qualities.handle_timeout([watch.guests[0].member], INTERVAL_SECONDS - 0.01) == []
    assert watch.looks == []
    assert watch.qualities.of(watch.guests[0].member.participant) is None


def test_who_falls_silent_is_lost_and_who_returns_is_back() -> None:
    watch = Watch(3)
    first = watch.run_for(3 * INTERVAL_SECONDS)
    assert sorted(first) == [(f"guest-{number}", "excellent") for number in range(3)]
    watch.silent.add(transport_of(watch.guests[1]))
    assert watch.run_for(2 * INTERVAL_SECONDS) == [("guest-1", "lost")]
    watch.silent.clear()
    assert watch.run_for(2 * INTERVAL_SECONDS)[0] == ("guest-1", "poor")
    quality = watch.qualities.of(watch.guests[0].member.participant)
    assert quality is not None
    assert quality.quality == "excellent"


def test_nothing_known_is_nothing_told() -> None:
    watch = Watch(1)
    watch.unknown.add(transport_of(watch.guests[0]))
    assert watch.run_for(5 * INTERVAL_SECONDS) == []


def test_who_left_is_forgotten_and_who_comes_has_its_turn() -> None:
    watch = Watch(9)
    watch.run_for(2 * INTERVAL_SECONDS)
    gone = watch.guests[:5]
    del watch.guests[:5]
    new = [watch.join() for _ in range(5)]
    watch.run_for(2 * INTERVAL_SECONDS)
    assert [watch.qualities.of(guest.member.participant) for guest in gone] == [None] * 5
    assert all(watch.qualities.of(guest.member.participant) for guest in new)
    watch.looks.clear()
    watch.run_for(INTERVAL_SECONDS)
    assert sorted(transport for transport, _ in watch.looks) == sorted(map(transport_of, watch.guests))

"""How good the connections of a call's members are, looked at every two seconds."""

from collections.abc import Callable, Iterable, Mapping

from sfu.calls.member import Member
from sfu.negotiation import Kind
from sfu.participant import Participant
from sfu.quality import ConnectionQuality, Quality, QualitySample, sample, upstream_loss
from sfu.stats import TransportStats

INTERVAL_SECONDS = 2.0

Snapshot = Callable[[int], TransportStats | None]


class Qualities:
    """Members by their participants' ids. `snapshot` has what the data path counts of a transport."""

    def __init__(self, snapshot: Snapshot, now: float) -> None:
        self._snapshot = snapshot
        self._due = now + INTERVAL_SECONDS
        self._qualities: dict[str, ConnectionQuality] = {}
        self._before: dict[int, TransportStats] = {}

    def of(self, participant: Participant) -> ConnectionQuality | None:
        return self._qualities.get(participant.id)

    def next_deadline(self) -> float:
        return self._due

    def handle_timeout(self, members: Iterable[Member], now: float) -> list[tuple[Participant, Quality, float]]:
        """Whose quality is another now: which, and the score, 1 to 4.5."""
        if now < self._due:
            return []
        self._due = now + INTERVAL_SECONDS
        present = list(members)
        after = {
            transport.id: stats
            for member in present
            for transport in member.transports
            if (stats := self._snapshot(transport.id)) is not None
        }
        lost: dict[int, float] = {}
        for transport, stats in after.items():
            before = self._before.get(transport)
            if before is not None:
                lost |= upstream_loss(before, stats)
        changes = []
        known, self._qualities = self._qualities, {}
        for member in present:
            quality = known.get(member.participant.id) or ConnectionQuality()
            self._qualities[member.participant.id] = quality
            if quality.handle_samples(self._samples(member, after, lost)):
                changes.append((member.participant, quality.quality, quality.score))
        self._before = after
        return changes

    def _samples(
        self, member: Member, after: Mapping[int, TransportStats], lost: Mapping[int, float]
    ) -> list[QualitySample]:
        kinds: dict[int, Kind] = {
            subscription.egress: subscription.track.kind
            for subscription in member.downstream.subscriptions
            if subscription.egress is not None
        }
        found = (
            sample(self._before.get(transport.id), after[transport.id], kinds=kinds, upstream=lost)
            for transport in member.transports
            if transport.id in after
        )
        return [one for one in found if one is not None]

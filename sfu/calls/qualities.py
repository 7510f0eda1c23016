"""How good the connections of a call's members are, each looked at every two seconds, a few at a time."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from sfu.calls.member import Member
from sfu.negotiation import Kind
from sfu.participant import Participant
from sfu.quality import ConnectionQuality, Quality, QualitySample, sample, upstream_loss
from sfu.stats import TransportStats

INTERVAL_SECONDS = 2.0
# So many turns an interval has: to look at a hundred members at once would hold up everything else.
TURNS = 8

Snapshot = Callable[[int], TransportStats | None]


@dataclass(slots=True)
class _Watched:
    """`before`: what was counted last, by transport. `lost`: the share of each of its tracks lost on the way to us.
    `is_known`: its quality has been told, good as it may be.
    """

    turn: int
    quality: ConnectionQuality = field(default_factory=ConnectionQuality)
    before: dict[int, TransportStats] = field(default_factory=dict)
    lost: dict[int, float] = field(default_factory=dict)
    is_known: bool = False


class Qualities:
    """`snapshot` has what the data path counts of a transport."""

    def __init__(self, snapshot: Snapshot, now: float) -> None:
        self._snapshot = snapshot
        self._due = now + INTERVAL_SECONDS
        self._turn = 0
        self._watched: dict[str, _Watched] = {}

    def of(self, participant: Participant) -> ConnectionQuality | None:
        watched = self._watched.get(participant.id)
        return watched.quality if watched is not None else None

    def next_deadline(self) -> float:
        return self._due

    def handle_timeout(self, members: Iterable[Member], now: float) -> list[tuple[Participant, Quality, float]]:
        """Whose quality is another now, or known for the first time: which, and the score, 1 to 4.5."""
        if now < self._due:
            return []
        self._due = now + INTERVAL_SECONDS / TURNS
        self._turn = (self._turn + 1) % TURNS
        present = {member.participant.id: member for member in members}
        self._watched = {name: watched for name, watched in self._watched.items() if name in present}
        lost = {track: share for watched in self._watched.values() for track, share in watched.lost.items()}
        changes = []
        for name, member in present.items():
            watched = self._watched.setdefault(name, _Watched((self._turn - len(self._watched)) % TURNS))
            if watched.turn == self._turn and self._look(member, watched, lost):
                changes.append((member.participant, watched.quality.quality, watched.quality.score))
        return changes

    def _look(self, member: Member, watched: _Watched, lost: Mapping[int, float]) -> bool:
        """Whether its quality is another now, or known for the first time."""
        kinds: dict[int, Kind] = {
            subscription.egress: subscription.track.kind
            for subscription in member.downstream.subscriptions
            if subscription.egress is not None
        }
        samples: list[QualitySample] = []
        after: dict[int, TransportStats] = {}
        watched.lost = {}
        for transport in member.transports:
            stats = self._snapshot(transport.id)
            if stats is None:
                continue
            after[transport.id] = stats
            before = watched.before.get(transport.id)
            if before is not None:
                watched.lost |= upstream_loss(before, stats)
            taken = sample(before, stats, kinds=kinds, upstream=lost)
            if taken is not None:
                samples.append(taken)
        watched.before = after
        changed = watched.quality.handle_samples(samples)
        known, watched.is_known = watched.is_known, watched.is_known or bool(samples)
        return changed or watched.is_known != known

"""How good one participant's connection is, from what the data path counts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sfu.negotiation import Kind
from sfu.stats import TrackStats, TransportStats

Quality = Literal["lost", "poor", "good", "excellent"]
ORDER: tuple[Quality, ...] = ("lost", "poor", "good", "excellent")

# Scores are R factors (ITU-T G.107): 100 is perfect. The bounds are LiveKit's: people put up with more than the E-model
# says, which was made for telephony, because losses are repaired and concealed.
MAX_SCORE = 100.0
EXCELLENT_ABOVE = 80.0
GOOD_ABOVE = 40.0
# However bad it gets, the way back is short.
MIN_SCORE = 30.0

# What one per cent of lost packets costs. Opus hides much with its in-band FEC: 4 % are not excellent, 12 % poor; video
# freezes until the next keyframe: 2 % and 6 % (LiveKit's weights).
LOSS_WEIGHT: Mapping[Kind, float] = {"audio": 5.0, "video": 10.0}
# What came by retransmission came late, which shows less, but shows.
REPAIRED_SHARE = 0.25
# One lost of few, as with DTX or a still screen share, is not a share to speak of.
MIN_PACKETS = 50

# Shares of a new sample in the score: worse counts at once, better must last (LiveKit's factors).
DECREASE_FACTOR = 0.8
INCREASE_FACTOR = 0.4
# A better quality is announced once the score has been this far above its bound for so many samples.
INCREASE_MARGIN = 5.0
INCREASE_SAMPLES = 3

# A client checks its consent every 6 s at most (RFC 7675, 5.1): two checks are missed, and it sends nothing either.
# Half of what ends a transport.
SILENT_MS = 15_000


@dataclass(frozen=True, slots=True)
class Flow:
    """All media of one kind in one direction, in one interval: `packets` that should have arrived, those of them that
    were `lost` for good, those that were `repaired` by retransmission, and the highest jitter of its streams.
    """

    kind: Kind
    packets: int
    lost: float
    repaired: float
    jitter_ms: float


@dataclass(frozen=True, slots=True)
class QualitySample:
    """One interval of one transport. `alive`: something was heard of its client lately; `rtt_ms`: None if not known;
    `flows`: of both directions, those in which something was sent.
    """

    alive: bool
    rtt_ms: float | None = None
    flows: tuple[Flow, ...] = ()


class ConnectionQuality:
    """Of one participant: down at once, up after some samples. Before anything is known it is excellent."""

    def __init__(self) -> None:
        self.quality: Quality = "excellent"
        self._score = MAX_SCORE
        self._better = 0

    @property
    def score(self) -> float:
        """A mean opinion score, 1 to 4.5 (ITU-T G.107, annex B)."""
        r = 0.0 if self.quality == "lost" else self._score
        return 1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6

    def handle_samples(self, samples: Sequence[QualitySample]) -> bool:
        """One interval, of a second or two, of all transports of this participant that are connected; of none: nothing
        is known, thus nothing changes. True: `quality` changed.

        Lost is who is silent on all of them, and nobody else: clients that are told so about themselves for 10 s start
        anew. Who sends and receives no media is judged by round-trip time.
        """
        if not samples:
            return False
        before = self.quality
        alive = [sample for sample in samples if sample.alive]
        if not alive:
            self.quality, self._better = "lost", 0
        elif before == "lost":
            self.quality, self._score = "poor", MIN_SCORE
        else:
            self._take(min(_rated(sample) for sample in alive))
        return self.quality != before

    def _take(self, rated: float) -> None:
        factor = DECREASE_FACTOR if rated < self._score else INCREASE_FACTOR
        self._score = max(MIN_SCORE, self._score + factor * (rated - self._score))
        safely = _quality_of(self._score - INCREASE_MARGIN)
        if _is_worse(now := _quality_of(self._score), self.quality):
            self.quality, self._better = now, 0
        elif not _is_worse(self.quality, safely):
            self._better = 0
        else:
            self._better += 1
            if self._better == INCREASE_SAMPLES:
                self.quality, self._better = safely, 0


def sample(
    before: TransportStats | None,
    after: TransportStats,
    *,
    kinds: Mapping[int, Kind],
    upstream: Mapping[int, float],
) -> QualitySample | None:
    """What two snapshots of one transport, a second or more apart, say of the time between. None: the client has not
    reached it yet.

    `before` may be None, or of a transport that was replaced: then there is nothing to compare, and only the round-trip
    time is known. `kinds` of the egresses by their ids; those not named are left out. `upstream`: by track, the share
    lost on its way to us (`upstream_loss`), which viewers report as their loss as well.
    """
    if not after["connected"]:
        return None
    if before is None or before["transport"] != after["transport"]:
        return QualitySample(after["idle_ms"] < SILENT_MS, after["rtt_ms"])
    heard = after["packets_received"] > before["packets_received"]
    flows = (*_received(before, after), *_sent(before, after, kinds, upstream))
    return QualitySample(heard or after["idle_ms"] < SILENT_MS, after["rtt_ms"], flows)


def upstream_loss(before: TransportStats, after: TransportStats) -> dict[int, float]:
    """The share of packets that did not reach us from the publisher, 0 to 1, by track, between two snapshots."""
    known = {track["track"]: track for track in before["tracks"]}
    shares = {}
    for track in after["tracks"]:
        tally = _Tally()
        _count_layers(tally, known.get(track["track"]), track)
        shares[track["track"]] = tally.lost / max(1, tally.packets)
    return shares


class _Tally:
    """The streams of one flow. They share one way, so that what happens to a few packets of one is not more than that.
    Plain sums: a member of a call of a hundred is sent two hundred streams.
    """

    __slots__ = ("jitter_ms", "lost", "packets", "repaired")

    def __init__(self) -> None:
        self.packets = 0
        self.lost = self.repaired = self.jitter_ms = 0.0

    def add(self, packets: int, lost: float, repaired: float, jitter_ms: float) -> None:
        self.packets += packets
        self.lost += lost
        self.repaired += repaired
        self.jitter_ms = max(self.jitter_ms, jitter_ms)


def _flows(tallies: Mapping[Kind, _Tally]) -> Iterator[Flow]:
    for kind, tally in tallies.items():
        if tally.packets:
            yield Flow(kind, tally.packets, tally.lost, tally.repaired, tally.jitter_ms)


def _received(before: TransportStats, after: TransportStats) -> Iterator[Flow]:
    known = {track["track"]: track for track in before["tracks"]}
    tallies: dict[Kind, _Tally] = {"audio": _Tally(), "video": _Tally()}
    for track in after["tracks"]:
        _count_layers(tallies["audio" if track["kind"] == "audio" else "video"], known.get(track["track"]), track)
    return _flows(tallies)


def _count_layers(tally: _Tally, before: TrackStats | None, after: TrackStats) -> None:
    known = {layer["ssrc"]: layer for layer in before["layers"]} if before else {}
    for layer in after["layers"]:
        old = known.get(layer["ssrc"])
        # What was missing at the first snapshot may have come by the second: then there is nothing lost in between.
        packets, lost, repaired = (
            max(0, layer[name] - (old[name] if old else 0)) for name in ("packets", "lost", "repaired")
        )
        if packets:
            tally.add(packets + lost, lost, repaired, layer["jitter_ms"])


def _sent(
    before: TransportStats, after: TransportStats, kinds: Mapping[int, Kind], upstream: Mapping[int, float]
) -> Iterator[Flow]:
    known = {egress["egress"]: egress for egress in before["egresses"]}
    tallies: dict[Kind, _Tally] = {"audio": _Tally(), "video": _Tally()}
    for egress in after["egresses"]:
        kind, old = kinds.get(egress["egress"]), known.get(egress["egress"])
        packets = egress["packets"] - (old["packets"] if old else 0)
        if kind is None or packets <= 0:
            continue
        source, missing = egress["source"], egress["loss_fraction"]
        if missing and source is not None:
            missing = max(0.0, missing - upstream.get(source, 0.0))
        missing *= packets
        resent = egress["retransmitted"] - (old["retransmitted"] if old else 0)
        repaired = min(missing, max(0, resent)) if missing else 0.0
        tallies[kind].add(packets, missing - repaired, repaired, egress["jitter_ms"])
    return _flows(tallies)


def _rated(sample: QualitySample) -> float:
    """The R factor of the worst flow, simplified as usual: loss and delay, the buffer against jitter included."""
    rtt_ms = sample.rtt_ms or 0.0
    ratings = [MAX_SCORE - _delay_effect(rtt_ms / 2 + 2 * flow.jitter_ms) - _loss_effect(flow) for flow in sample.flows]
    return min(ratings, default=MAX_SCORE - _delay_effect(rtt_ms / 2))


def _delay_effect(delay_ms: float) -> float:
    """Hardly anything until people begin to talk over each other, at 160 ms (ITU-T G.107, Idd, as two lines)."""
    return delay_ms / 40.0 if delay_ms <= 160.0 else (delay_ms - 120.0) / 10.0


def _loss_effect(flow: Flow) -> float:
    weighed = flow.lost + REPAIRED_SHARE * flow.repaired
    return LOSS_WEIGHT[flow.kind] * 100.0 * weighed / max(flow.packets, MIN_PACKETS)


def _quality_of(score: float) -> Quality:
    return "excellent" if score > EXCELLENT_ABOVE else "good" if score > GOOD_ABOVE else "poor"


def _is_worse(one: Quality, other: Quality) -> bool:
    return ORDER.index(one) < ORDER.index(other)

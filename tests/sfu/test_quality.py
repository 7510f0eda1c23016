"""How good a connection is said to be: by made-up samples, and by what the data path counts on emulated links."""

from dataclasses import replace
from itertools import pairwise
from typing import cast, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.negotiation import Kind
from sfu.quality import (
    INCREASE_SAMPLES,
    ORDER,
    SILENT_MS,
    ConnectionQuality,
    Flow,
    Quality,
    QualitySample,
    sample,
    upstream_loss,
)
from sfu.stats import TransportStats
from tests.net.link import LinkSpec
from tests.net.loss import IndependentLoss
from tests.net.peer import Peer
from tests.net.publisher import Publisher
from tests.net.rtp import Report
from tests.net.story import Story
from tests.net.viewer import Viewer

GOOD_NIGHT = QualitySample(alive=False)


def heard(
    kind: Kind = "audio", *, loss: float = 0.0, repaired: float = 0.0, rtt_ms: float = 40.0, jitter_ms: float = 2.0
) -> QualitySample:
    """Two seconds of one stream."""
    packets = 100 if kind == "audio" else 400
    return QualitySample(True, rtt_ms, (Flow(kind, packets, packets * loss, packets * repaired, jitter_ms),))


def after(samples: list[QualitySample]) -> list[Quality]:
    connection = ConnectionQuality()
    return [(connection.handle_samples([each]), connection.quality)[1] for each in samples]


@pytest.mark.parametrize(
    ("steady", "expected"),
    [
        (heard(), "excellent"),
        (heard(loss=0.03), "excellent"),
        (heard(loss=0.06), "good"),
        (heard(loss=0.15), "poor"),
        (heard("video", loss=0.01), "excellent"),
        (heard("video", loss=0.03), "good"),
        (heard("video", loss=0.08), "poor"),
        (heard("video", repaired=0.05), "excellent"),
        (heard("video", repaired=0.15), "good"),
        (heard("video", repaired=0.40), "poor"),
        (heard(rtt_ms=300), "excellent"),
        (heard(rtt_ms=900), "good"),
        (heard(rtt_ms=2000), "poor"),
        (heard(jitter_ms=60), "excellent"),
        (heard(jitter_ms=200), "good"),
        (QualitySample(True, 30.0), "excellent"),
        (QualitySample(True, 1000.0), "good"),
        (QualitySample(True), "excellent"),
    ],
)
def test_what_lasts_is_called_by_its_name(steady: QualitySample, expected: Quality) -> None:
    assert after([steady] * 10)[-1] == expected


def test_down_at_once_and_up_after_a_while() -> None:
    story = after([heard()] * 5 + [heard("video", loss=0.2)] + [heard()] * 10)
    assert story[:6] == ["excellent"] * 5 + ["poor"]
    climb = story[5:]
    assert climb == sorted(climb, key=ORDER.index)
    assert climb.index("good") >= INCREASE_SAMPLES
    assert climb.index("excellent") >= climb.index("good") + INCREASE_SAMPLES
    assert climb[-1] == "excellent"


def test_at_a_bound_it_does_not_flap() -> None:
    """4 % of audio is the bound of excellent."""
    wobbling = [heard(loss=0.035 if second % 2 else 0.045) for second in range(100)]
    assert sum(one != other for one, other in pairwise(after(wobbling))) <= 1


def test_the_worst_flow_and_the_worst_transport_count() -> None:
    connection = ConnectionQuality()
    fine, bad = heard(), heard("video", loss=0.2)
    assert connection.handle_samples([fine, QualitySample(True, 40.0, fine.flows + bad.flows)]) is True
    assert connection.quality == "poor"


def test_one_packet_of_few_is_not_a_share() -> None:
    dtx = QualitySample(True, 40.0, (Flow("audio", 5, 1, 0, 2.0),))
    assert set(after([dtx] * 5)) == {"excellent"}


def test_lost_is_who_is_silent_everywhere_and_nobody_else() -> None:
    connection = ConnectionQuality()
    told: list[tuple[bool, Quality, float]] = []
    for samples in ([], [heard(), GOOD_NIGHT], [GOOD_NIGHT, GOOD_NIGHT], [], [heard()]):
        changed = connection.handle_samples(samples)
        told.append((changed, connection.quality, round(connection.score, 1)))
    assert told == [
        (False, "excellent", 4.5),
        (False, "excellent", 4.5),
        (True, "lost", 1.0),
        (False, "lost", 1.0),  # nothing is known, nothing changes
        (True, "poor", 1.6),  # back, and not proven yet
    ]
    assert after([GOOD_NIGHT] + [heard()] * 10)[-1] == "excellent"


def test_who_mutes_recovers() -> None:
    assert after([heard("video", loss=0.3)] * 3 + [QualitySample(True, 40.0)] * 10)[-1] == "excellent"


_kinds = st.sampled_from(get_args(Kind))
_flow = st.builds(Flow, _kinds, st.integers(0, 10**6), st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1e5))
_sample = st.builds(QualitySample, st.booleans(), st.none() | st.floats(0, 1e5), st.lists(_flow, max_size=4).map(tuple))


@given(st.lists(st.lists(_sample, max_size=2), max_size=40))
def test_lost_never_without_cause_and_no_climb_in_a_hurry(intervals: list[list[QualitySample]]) -> None:
    connection, since_change = ConnectionQuality(), 0
    for samples in intervals:
        before = connection.quality
        changed = connection.handle_samples(samples)
        assert changed == (connection.quality != before)
        assert 1.0 <= connection.score <= 4.5 + 1e-9
        if samples:
            assert (connection.quality == "lost") == (not any(each.alive for each in samples))
        else:
            assert not changed
        since_change += len(samples) > 0
        if changed:
            assert ORDER.index(connection.quality) < ORDER.index(before) or before == "lost" or since_change >= 3
            since_change = 0


@given(_kinds, st.floats(0, 0.5), st.floats(0, 0.5))
def test_more_loss_is_no_better(kind: Kind, loss: float, more: float) -> None:
    scores = []
    for share in (loss, loss + more):
        connection = ConnectionQuality()
        for _ in range(5):
            connection.handle_samples([heard(kind, loss=share)])
        scores.append(connection.score)
    assert scores[1] <= scores[0]


class Watch:
    """One participant of a story, whose quality is looked at every two seconds."""

    def __init__(self, story: Story, peer: Peer) -> None:
        self.story, self.peer = story, peer
        self.place = story.place(peer)
        self.connection = ConnectionQuality()
        self.qualities: list[Quality] = []
        self.samples: list[QualitySample | None] = []
        self.last: TransportStats | None = None
        self.upstream: dict[int, float] = {}

    def look(self, publisher: "Watch | None" = None) -> None:
        stats = self.story.core.transport_stats(self.place.transport)
        assert stats is not None
        kinds: dict[int, Kind] = {} if self.place.egress is None else {self.place.egress: "video"}
        upstream = publisher.upstream if publisher else {}
        taken = sample(self.last, stats, kinds=kinds, upstream=upstream)
        self.samples.append(taken)
        self.connection.handle_samples([taken] if taken else [])
        self.qualities.append(self.connection.quality)
        self.upstream = upstream_loss(self.last, stats) if self.last else {}
        self.last = stats


class ReportingViewer(Viewer):
    """A viewer that reports what it lost (RFC 3550, A.3): its packets' first sending, not what RTX repaired."""

    expected = received = 0

    def _reports(self, now_us: int) -> list[Report]:
        reports = super()._reports(now_us)
        expected = (self.stream.highest or 0) - min(self.payloads, default=0) + 1
        received = self.counts["packets"] - self.counts["rtx"]
        lost = max(0, (expected - self.expected) - (received - self.received))
        fraction = 256 * lost // max(1, expected - self.expected)
        self.expected, self.received = expected, received
        return [replace(report, fraction_lost=min(fraction, 255)) for report in reports]


@pytest.fixture(autouse=True)
def viewers_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.net.story.Viewer", ReportingViewer)


def watched(story: Story, alice: Publisher, *others: Peer, seconds: int = 20) -> list[Watch]:
    story.run_for(1.5)
    publisher, *viewers = watches = [Watch(story, peer) for peer in (alice, *others)]
    for _ in range(seconds // 2):
        publisher.look()
        for viewer in viewers:
            viewer.look(publisher)
        story.run_for(2)
    return watches


def test_on_a_clean_network_all_is_excellent() -> None:
    story = Story("clean")
    alice = story.publisher()
    for watch in watched(story, alice, story.viewer(alice)):
        assert set(watch.qualities) == {"excellent"}
        last = watch.samples[-1]
        assert last is not None
        (flow,) = last.flows
        assert flow.kind == "video"
        assert flow.packets > 100
        assert flow.lost == 0.0


def test_a_viewer_with_a_bad_network_is_the_only_one_who_has_it() -> None:
    story = Story("bad-viewer")
    alice = story.publisher()
    lossy = LinkSpec(loss=IndependentLoss(0.08))
    bob, cid, dan = story.viewer(alice), story.viewer(alice, down=lossy, nack=False), story.viewer(alice, down=lossy)
    ann, fine, bad, repaired = watched(story, alice, bob, cid, dan, seconds=30)
    assert set(ann.qualities) | set(fine.qualities) == {"excellent"}
    assert bad.qualities[-1] == "poor"
    assert repaired.qualities[-1] in {"good", "excellent"}, "with retransmissions it is bearable"


def test_a_publishers_loss_is_not_its_viewers() -> None:
    story = Story("bad-publisher")
    alice = story.publisher(up=LinkSpec(loss=IndependentLoss(0.1)), feedback=False)
    ann, fine = watched(story, alice, story.viewer(alice, nack=False, rtx=False), seconds=30)
    assert ann.qualities[-1] == "poor"
    assert fine.qualities[-1] in {"good", "excellent"}
    assert fine.last is not None
    assert fine.last["egresses"][0]["loss_fraction"] > 0.03, "though it misses the same packets"
    shares = [share for share in ann.upstream.values() if share]
    assert shares
    assert all(0.03 < share < 0.2 for share in shares)


def test_what_is_repaired_weighs_less() -> None:
    story = Story("repaired")
    alice = story.publisher(up=LinkSpec(loss=IndependentLoss(0.03)))
    (ann,) = watched(story, alice, seconds=30)
    assert ann.qualities[-1] == "excellent"
    flows = [flow for each in ann.samples if each for flow in each.flows]
    assert sum(flow.repaired for flow in flows) > 5 * sum(flow.lost for flow in flows)


def test_who_vanishes_is_lost_until_it_is_gone() -> None:
    story = Story("vanished")
    alice = story.publisher()
    story.run_for(1.5)
    ann = Watch(story, alice)
    story.vanish(alice)
    for _ in range(12):
        story.run_for(2)
        ann.look()
    assert ann.qualities[0] == "excellent"
    silent = ann.qualities.index("lost")
    assert SILENT_MS / 1000 - 2 <= 2 * silent <= SILENT_MS / 1000 + 2
    assert set(ann.qualities[silent:]) == {"lost"}
    story.run_for(10)
    assert story.core.transport_stats(ann.place.transport) is None, "consent has expired"


def test_who_sends_is_not_silent_though_its_checks_are_missed() -> None:
    story = Story("no-checks")
    alice = story.publisher()
    story.run_for(4)
    now = story.core.transport_stats(story.place(alice).transport)
    assert now is not None
    unchecked = cast("TransportStats", {**now, "idle_ms": SILENT_MS})
    earlier = cast("TransportStats", {**now, "packets_received": now["packets_received"] - 1})
    for before, alive in ((earlier, True), (now, False), (None, False)):
        taken = sample(before, unchecked, kinds={}, upstream={})
        assert taken is not None
        assert taken.alive == alive


def test_who_has_not_come_yet_is_not_judged() -> None:
    story = Story("not-yet")
    transport = story.core.add_transport(ufrag="sluice", pwd="p" * 24, remote_ufrag="peer", extensions={})
    story.run_for(20)
    stats = story.core.transport_stats(transport)
    assert stats is not None
    assert sample(None, stats, kinds={}, upstream={}) is None


def test_another_transport_is_no_interval() -> None:
    story = Story("replaced")
    alice, bob = story.publisher(), story.publisher()
    story.run_for(4)
    one, other = (story.core.transport_stats(story.place(peer).transport) for peer in (alice, bob))
    assert one is not None
    assert other is not None
    assert sample(one, other, kinds={}, upstream={}) == sample(None, other, kinds={}, upstream={})


def test_egresses_that_are_not_named_and_counters_that_went_back_count_nothing() -> None:
    story = Story("strange")
    alice = story.publisher()
    bob = story.viewer(alice)
    story.run_for(4)
    later = story.core.transport_stats(story.place(bob).transport)
    assert later is not None
    egress = later["egresses"][0]
    kinds: dict[int, Kind] = {egress["egress"]: "audio"}
    backwards = cast("TransportStats", {**later, "egresses": [{**egress, "packets": 10**9, "retransmitted": 10**9}]})
    for before, named in ((backwards, kinds), (later, kinds), (later, {})):
        taken = sample(before, later, kinds=named, upstream={})
        assert taken is not None
        assert taken.flows == ()

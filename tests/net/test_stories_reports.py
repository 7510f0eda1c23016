"""Reports tell the truth: viewers can map our timestamps to a wall clock, publishers learn what was lost."""

import pytest

from tests.net.link import LinkSpec
from tests.net.loss import IndependentLoss
from tests.net.story import SECOND, Story


def test_sender_reports_lie_on_the_line_of_the_stream() -> None:
    story = Story("line")
    alice = story.publisher()
    bob = story.viewer(alice)
    story.run_for(8)
    assert len(bob.sender_reports) >= 5
    (_, first), *later = bob.sender_reports
    for _, report in later:
        ntp_seconds = (report.ntp - first.ntp) / 2**32
        rtp_seconds = ((report.rtp - first.rtp) % 2**32) / 90_000
        assert rtp_seconds == pytest.approx(ntp_seconds, abs=0.005)
        assert report.packets >= first.packets
        assert report.octets >= first.octets
    at_us, last = bob.sender_reports[-1]
    newest = max((each for each in bob.decoded if each.at_us <= at_us), key=lambda each: each.at_us)
    ahead = ((last.rtp - newest.timestamp + 2**31) % 2**32 - 2**31) / 90_000
    assert abs(ahead) < 0.2
    assert last.packets <= bob.counts["packets"] + bob.counts["repeats"] + 10


def test_sender_reports_stay_on_their_line_across_a_new_publisher() -> None:
    story = Story("line-goes-on")
    alice = story.publisher()
    bob = story.viewer(alice)
    story.run_for(4)
    again = story.publisher()
    story.watch(bob, again)
    story.leave(alice)
    story.run_for(5)
    at_us, last = bob.sender_reports[-1]
    newest = max((each for each in bob.decoded if each.at_us <= at_us), key=lambda each: each.at_us)
    assert newest.truth.publisher == again.number
    ahead = ((last.rtp - newest.timestamp + 2**31) % 2**32 - 2**31) / 90_000
    assert abs(ahead) < 0.3


def test_the_publisher_learns_its_loss() -> None:
    story = Story("told")
    alice = story.publisher(up=LinkSpec(loss=IndependentLoss(0.2)))
    story.viewer(alice)
    story.run_for(10)
    assert len(alice.reports) >= 8
    about_media = [report for report in alice.reports if report.ssrc == alice.layers[0].spec.ssrc]
    assert about_media
    assert max(report.fraction_lost for report in about_media) > 256 // 10 // 2
    assert all(report.jitter < 90_000 for report in about_media)
    assert about_media[-1].last_sr != 0
    assert 0 < about_media[-1].delay < 3 * 65_536


def test_on_a_clean_network_reports_are_clean() -> None:
    story = Story("clean-reports")
    alice = story.publisher()
    bob = story.viewer(alice)
    story.run_for(6)
    assert all(report.fraction_lost == 0 and report.lost == 0 for report in alice.reports)
    (stats,) = [each for each in story.core.stats() if each["transport"] == story.place(bob).transport]
    (egress,) = stats["egresses"]
    assert egress["packets"] >= bob.counts["packets"] - 20
    assert egress["loss_fraction"] == 0
    assert stats["rtt_ms"] is not None
    assert 15 <= stats["rtt_ms"] <= 60  # twice ten milliseconds, and a report's rounding
    assert stats["idle_ms"] * 1000 <= 3 * SECOND

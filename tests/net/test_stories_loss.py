"""What the network does to packets, and what viewers notice of it."""

import statistics

import pytest

from tests.net.link import LinkSpec
from tests.net.loss import IndependentLoss, bursts
from tests.net.publisher import Publisher, VideoSpec
from tests.net.story import Story
from tests.net.viewer import Viewer

LOSSY = LinkSpec(delay_us=20_000, loss=IndependentLoss(0.05))
BURSTY = LinkSpec(delay_us=20_000, loss=bursts(0.05, 4.0))


def frame_share(viewer: Viewer, publisher: Publisher, first_frame: int) -> float:
    """The share of the publisher's frames since `first_frame` that the viewer decoded."""
    decoded = sum(each.truth.frame >= first_frame for each in viewer.decoded)
    return decoded / (publisher.frames - first_frame)


@pytest.mark.parametrize("link", [LOSSY, BURSTY], ids=["independent", "bursts"])
@pytest.mark.parametrize("rtx", [True, False], ids=["rtx", "no-rtx"])
def test_five_percent_loss_each_way_is_repaired(link: LinkSpec, rtx: bool) -> None:
    shares = []
    for seed in range(4):
        story = Story(f"loss-{seed}")
        alice = story.publisher([VideoSpec(1000, 1001 if rtx else None)], up=link, down=link)
        bob = story.viewer(alice, up=link, down=link, rtx=rtx)
        story.run_for(2)
        since = alice.frames
        story.run_for(15)
        shares.append(frame_share(bob, alice, since))
        assert alice.counts["nacked"] > 0
        assert (bob.counts["rtx"] > 0) == rtx
    assert statistics.mean(shares) >= 0.97
    assert min(shares) >= 0.85  # one unlucky burst may cost a keyframe's time


def test_without_rtx_a_resend_is_the_very_same_ciphertext() -> None:
    story = Story("same-bytes")
    alice = story.publisher()
    bob = story.viewer(alice, rtx=False)
    story.run_for(2)
    wanted = sorted(bob.ciphertexts)[-5:]
    start = len(story.sent)
    bob.ask_again([each & 0xFFFF for each in wanted])
    story.run_for(0.2)
    sent = [datagram for _, remote, datagram in story.sent[start:] if remote == bob.address]
    for each in wanted:
        assert bob.ciphertexts[each] in sent


def test_with_rtx_a_resend_is_a_new_packet_around_the_old_payload() -> None:
    story = Story("rtx")
    alice = story.publisher()
    bob = story.viewer(alice)
    story.run_for(2)
    wanted = [each & 0xFFFF for each in sorted(bob.ciphertexts)[-5:]]
    bob.ask_again(wanted)
    story.run_for(0.2)
    assert bob.rtx_originals == wanted  # and the receiver has compared their payloads
    assert bob.counts["repeats"] == 5


def test_reordering_and_duplication_are_no_reason_for_a_keyframe() -> None:
    link = LinkSpec(jitter_us=3_000, reorder=0.02, reorder_us=15_000, duplicate=0.02)
    story = Story("reordered")
    alice = story.publisher(up=link)
    bob = story.viewer(alice, down=link)
    story.run_for(2)
    keyframes, since = alice.layers[0].keyframes, alice.frames
    story.run_for(10)
    assert frame_share(bob, alice, since) >= 0.99
    assert bob.counts["plis"] == 0
    assert alice.layers[0].keyframes == keyframes


def test_one_viewers_bad_link_does_not_disturb_another() -> None:
    story = Story("neighbours")
    alice = story.publisher()
    bob = story.viewer(alice)
    story.viewer(alice, up=LinkSpec(loss=IndependentLoss(0.3)), down=LinkSpec(loss=IndependentLoss(0.3)))
    story.run_for(10)
    frames = [each.truth.frame for each in bob.decoded]
    assert frames == list(range(frames[0], frames[0] + len(frames)))
    assert alice.layers[0].keyframes <= 1 + 2 * 10


def test_a_viewer_without_nack_recovers_by_keyframe() -> None:
    story = Story("no-nack")
    alice = story.publisher()
    bob = story.viewer(alice, down=LinkSpec(loss=IndependentLoss(0.01)), rtx=False, nack=False)
    story.run_for(20)
    assert bob.counts["plis"] > 0
    assert bob.decoded[-1].truth.frame > alice.frames - 90


def test_a_flood_of_nacks_is_answered_within_bounds() -> None:
    story = Story("flood")
    alice = story.publisher()
    bob = story.viewer(alice)
    story.run_for(2)
    wanted = [each & 0xFFFF for each in sorted(bob.ciphertexts)[-50:]]
    for _ in range(200):
        bob.ask_again(wanted)
    start = len(story.sent)
    story.run_for(1)
    resent = len(bob.rtx_originals)
    assert 50 <= resent <= 3 * 50
    assert len(story.sent) - start < 1_000


def test_nacks_for_what_was_never_sent_are_met_with_silence() -> None:
    story = Story("never-sent")
    alice = story.publisher()
    bob = story.viewer(alice)
    story.run_for(2)
    highest = bob.stream.highest
    assert highest is not None
    bob.ask_again([(highest + 1_000 + each) & 0xFFFF for each in range(200)])
    story.run_for(0.5)
    assert bob.rtx_originals == []


def test_a_publisher_that_negotiated_no_feedback_is_sent_none() -> None:
    story = Story("no-feedback")
    alice = story.publisher([VideoSpec(1000)], up=LOSSY, feedback=False)
    story.viewer(alice)
    story.run_for(5)
    assert alice.counts["nacked"] == alice.counts["keyframe_requests"] == 0
    assert alice.feedback == []


def test_transport_feedback_reaches_the_publisher_several_times_a_second() -> None:
    story = Story("twcc")
    alice = story.publisher()
    story.viewer(alice)
    story.run_for(5)
    assert 20 <= len(alice.feedback) <= 110


def test_the_same_seed_tells_the_same_story() -> None:
    def tell(seed: str) -> list[tuple[int, tuple[str, int], bytes]]:
        story = Story(seed)
        story.viewer(story.publisher(up=LOSSY), down=LOSSY)
        story.run_for(3)
        return story.sent

    assert tell("seed") == tell("seed")
    assert tell("seed") != tell("other")

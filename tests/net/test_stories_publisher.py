"""The publisher goes, another comes, and viewers notice a new picture and nothing else."""

from tests.net.publisher import Publisher, VideoSpec
from tests.net.story import SECOND, Story
from tests.net.viewer import Viewer


def watched_from(viewer: Viewer, publisher: Publisher) -> list[int]:
    """The frames of this publisher that the viewer decoded."""
    return [each.truth.frame for each in viewer.decoded if each.truth.publisher == publisher.number]


def test_a_replaced_publisher_continues_the_same_stream() -> None:
    story = Story("replaced")
    alice = story.publisher([VideoSpec(1000, 1001, first_sequence=100, first_picture_id=5_000)])
    bob = story.viewer(alice)
    story.run_for(3)
    again = story.publisher([VideoSpec(2000, 2001, first_sequence=40_000, first_timestamp=5, first_picture_id=77)])
    story.watch(bob, again)
    story.leave(alice)
    story.run_for(3)
    assert len(watched_from(bob, alice)) > 60
    assert len(watched_from(bob, again)) > 60
    # The receiver itself checks that sequence numbers, timestamps and picture ids went on without a break.
    sequences = sorted(bob.ciphertexts)
    assert len(sequences) >= sequences[-1] - sequences[0]  # at most one gap, for a frame that was cut off


def test_the_timestamp_advances_by_the_time_the_pause_lasted() -> None:
    story = Story("pause")
    alice = story.publisher()
    bob = story.viewer(alice)
    story.run_for(3)
    story.leave(alice)
    story.watch(bob, None)
    story.run_for(4)
    last = bob.decoded[-1]
    again = story.publisher()
    story.watch(bob, again)
    story.run_for(2)
    first = next(each for each in bob.decoded if each.truth.publisher == again.number)
    elapsed_us = first.at_us - last.at_us
    advanced_us = (first.timestamp - last.timestamp) % 2**32 * 1000 // 90
    assert abs(advanced_us - elapsed_us) < 250_000
    assert elapsed_us > 4 * SECOND


def test_a_viewer_switched_between_two_live_publishers_sees_whole_frames_only() -> None:
    story = Story("channels")
    alice = story.publisher([VideoSpec(1000, 1001)])
    carol = story.publisher([VideoSpec(2000, 2001, first_sequence=65_500, first_timestamp=2**32 - 90_000)])
    bob = story.viewer(alice)
    for turn in range(6):
        story.run_for(1.5)
        story.watch(bob, carol if turn % 2 == 0 else alice)
    story.run_for(1.5)
    assert len(watched_from(bob, alice)) > 90
    assert len(watched_from(bob, carol)) > 90


def test_sequence_numbers_wrap_without_a_break() -> None:
    story = Story("wrap")
    alice = story.publisher(
        [VideoSpec(1000, 1001, first_sequence=65_400, first_timestamp=2**32 - 100_000, first_picture_id=2**15 - 20)]
    )
    bob = story.viewer(alice)
    story.run_for(10)
    frames = [each.truth.frame for each in bob.decoded]
    assert frames == list(range(frames[0], frames[0] + len(frames)))
    assert len(frames) > 280


def test_a_publisher_that_vanishes_is_noticed_after_thirty_seconds() -> None:
    from sfu._datapath import TransportClosed

    story = Story("vanished")
    alice = story.publisher()
    bob = story.viewer(alice)
    story.run_for(3)
    transport = story.place(alice).transport
    story.vanish(alice)
    gone_us = story.now_us

    def closed() -> bool:
        return any(isinstance(event, TransportClosed) and event.transport == transport for event in story.events)

    assert story.run_until(gone_us + 31 * SECOND, closed)
    assert story.now_us - gone_us > 26 * SECOND
    reasons = [event.reason for event in story.events if isinstance(event, TransportClosed)]
    assert reasons == ["consent-expired"]
    assert bob.connected


def test_a_peer_that_never_comes_is_given_up() -> None:
    from sfu._datapath import TransportClosed

    story = Story("no-show")
    transport = story.core.add_transport(ufrag="waiting0", pwd="waiting" * 4, remote_ufrag="never", extensions={})
    story.run_for(31)
    closed = [event for event in story.events if isinstance(event, TransportClosed)]
    assert [event.transport for event in closed] == [transport]

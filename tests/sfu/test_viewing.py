"""What a viewer's egresses are fed from."""

import random

import pytest

from sfu._datapath import Core
from sfu.errors import Rejected
from sfu.ids import Ids
from sfu.negotiation import Plan, plan
from sfu.sdp import SessionDescription
from sfu.viewing import Viewing, check_understood, sent_streams
from tests.sfu import offers
from tests.sfu.recorder import Recorder
from tests.sfu.rooms_of import OPUS, VP8, publisher, track

IDS = Ids(random.Random(1).randbytes)


def plan_of(name: str) -> Plan:
    return plan(SessionDescription.parse(offers.offer(name)), "watch")


def test_every_publisher_is_followed_and_nothing_is_said_twice() -> None:
    datapath = Recorder()
    planned = plan_of(offers.CHROME_WATCH)
    viewing = Viewing(datapath, 9, planned, sent_streams(planned, IDS, "room"))
    video, audio = viewing.slots
    alice = publisher("alice", track("video", VP8), track("audio", OPUS))
    silent = publisher("carol", track("video", VP8))
    for broadcast in (alice, alice, silent, None):
        viewing.follow(broadcast)
    picture, sound = alice.tracks
    (other,) = silent.tracks
    assert datapath.calls == [
        ("set_source", video.egress, picture.handle, {96: (96, 97)}),
        ("set_source", audio.egress, sound.handle, {111: (111, None)}),
        ("set_source", video.egress, other.handle, {96: (96, 97)}),
        ("set_source", audio.egress, None, {}),
        ("set_source", video.egress, None, {}),
    ]


@pytest.mark.parametrize("name", [offers.CHROME_WATCH, offers.AIORTC_WATCH, offers.AIORTC])
def test_the_data_path_takes_every_real_plan(name: str) -> None:
    core = Core()
    planned = plan_of(name)
    transport = core.add_transport(ufrag="ours", pwd="o" * 24, remote_ufrag="peer", extensions=planned.extensions)
    viewing = Viewing(core, transport, planned, sent_streams(planned, IDS, "room"))
    assert {slot.kind for slot in viewing.slots} == {"audio", "video"}


def test_our_ssrcs_are_new_and_all_streams_belong_together() -> None:
    planned = plan_of(offers.AIORTC_WATCH)
    streams = sent_streams(planned, IDS, "room")
    ssrcs = [ssrc for stream in streams.values() for ssrc in (stream.ssrc, stream.rtx_ssrc) if ssrc is not None]
    assert len(set(ssrcs)) == 3
    assert not set(ssrcs) & {ssrc for section in planned.offer.media for ssrc in section.ssrcs}
    assert {stream.msid.stream for stream in streams.values()} == {"room"}
    assert len({stream.cname for stream in streams.values()}) == 1


def test_a_viewer_must_understand_each_kind_it_asks_for() -> None:
    planned = plan_of(offers.AIORTC_WATCH)
    check_understood(planned, publisher("alice", track("video", VP8)))
    check_understood(planned, publisher("alice"))
    unknown = tuple(pair for pair in plan_of(offers.CHROME_WATCH).media[0].codecs if pair.name == "av1")
    with pytest.raises(Rejected):
        check_understood(planned, publisher("alice", track("video", unknown), track("audio", OPUS)))


def test_a_viewer_without_the_codec_that_is_sent_is_refused() -> None:
    """Debian's Firefox has no H.264; what Chromium offered beside it does not help."""
    preferring_h264 = offers.edited(offers.CHROME, ("SAVPF 96 97 102 103", "SAVPF 102 103 96 97"))
    sent = plan(SessionDescription.parse(preferring_h264), "publish").of_kind("video")
    assert sent is not None
    assert [pair.name for pair in sent.codecs] == ["h264"]
    with pytest.raises(Rejected):
        check_understood(plan_of(offers.FIREFOX_WATCH), publisher("alice", track("video", sent.codecs)))

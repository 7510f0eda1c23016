"""What a publisher's plan becomes in the data path."""

import pytest

from sfu._datapath import Core, TrackSpec
from sfu.errors import Rejected
from sfu.ids import Ids
from sfu.layering import Layering
from sfu.negotiation import plan
from sfu.permissions import Permissions
from sfu.publication import check_permitted, publish_plan, track_spec, unpublish
from sfu.sdp import SessionDescription
from sfu.track import TrackSource
from tests.sfu import offers
from tests.sfu.recorder import Recorder
from tests.sfu.rooms_of import NOW

PUBLISHERS = [offers.CHROME, offers.CHROME_SIMULCAST, offers.FFMPEG, offers.AIORTC, offers.LIVEKIT_PUBLISH]


@pytest.mark.parametrize("name", PUBLISHERS)
def test_the_data_path_takes_every_real_plan(name: str) -> None:
    core = Core()
    planned = plan(SessionDescription.parse(offers.offer(name)), "publish")
    transport = core.add_transport(ufrag="ours", pwd="o" * 24, remote_ufrag="peer", extensions=planned.extensions)
    tracks = publish_plan(core, Layering(core), transport, planned, Ids(bytes), NOW)
    assert [track.kind for track in tracks] == [media.kind for media in planned.media]
    assert all(isinstance(track_spec(media), TrackSpec) for media in planned.media)


def test_a_track_knows_what_carries_it_until_it_ends() -> None:
    datapath = Recorder()
    layering = Layering(datapath)
    planned = plan(SessionDescription.parse(offers.offer(offers.CHROME_SIMULCAST)), "publish")
    audio, video = publish_plan(datapath, layering, 9, planned, Ids(bytes), NOW)
    assert (audio.source, video.source) == ("microphone", "camera")
    assert video.layers == ("q", "h", "f")
    assert [track.mid for track in (audio, video)] == [media.mid for media in planned.media]
    handle = video.handle
    assert handle is not None
    layering.handle_layer_changed(handle, 0, True, 0.0)
    assert layering.flowing(handle) == {0}
    unpublish(datapath, layering, video)
    unpublish(datapath, layering, video)
    layering.handle_layer_changed(handle, 0, True, 1.0)
    assert (video.handle, layering.flowing(handle)) == (None, frozenset())
    assert datapath.calls == [("unpublish", handle)]


def test_audio_counts_as_a_microphone_and_video_as_a_camera() -> None:
    planned = plan(SessionDescription.parse(offers.offer(offers.CHROME)), "publish")
    check_permitted(planned, Permissions())
    check_permitted(planned, Permissions(sources=frozenset({TrackSource.CAMERA, TrackSource.MICROPHONE})))
    for denied in (Permissions(can_publish=False), Permissions(sources=frozenset({TrackSource.MICROPHONE}))):
        with pytest.raises(Rejected) as caught:
            check_permitted(planned, denied)
        assert caught.value.code == "not-permitted"

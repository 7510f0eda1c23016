"""What a publisher's plan becomes, and which layer of it is forwarded."""

import pytest

from sfu._datapath import Core, TrackSpec
from sfu.ids import Ids
from sfu.layers import STABLE_SECONDS
from sfu.negotiation import plan
from sfu.publication import Publication, track_spec
from sfu.sdp import SessionDescription
from tests.sfu import offers
from tests.sfu.recorder import Recorder
from tests.sfu.rooms_of import NOW

PUBLISHERS = [offers.CHROME, offers.CHROME_SIMULCAST, offers.FFMPEG, offers.AIORTC, offers.LIVEKIT_PUBLISH]


@pytest.mark.parametrize("name", PUBLISHERS)
def test_the_data_path_takes_every_real_plan(name: str) -> None:
    core = Core()
    planned = plan(SessionDescription.parse(offers.offer(name)), "publish")
    transport = core.add_transport(ufrag="ours", pwd="o" * 24, remote_ufrag="peer", extensions=planned.extensions)
    publication = Publication(core, transport, planned, Ids(bytes), NOW)
    assert [track.kind for track in publication.tracks] == [media.kind for media in planned.media]
    assert all(isinstance(track_spec(media), TrackSpec) for media in planned.media)


def test_layers_are_forwarded_as_they_prove_themselves() -> None:
    datapath = Recorder()
    planned = plan(SessionDescription.parse(offers.offer(offers.CHROME_SIMULCAST)), "publish")
    publication = Publication(datapath, 9, planned, Ids(bytes), NOW)
    audio, video = publication.tracks
    assert video.layers == ("q", "h", "f")
    publication.handle_layer_changed(video.source, 0, True, 0.0)
    publication.handle_layer_changed(video.source, 2, True, 1.0)
    assert publication.next_deadline(audio.source) is None
    due = publication.next_deadline(video.source)
    assert due == 1.0 + STABLE_SECONDS
    publication.handle_timeout(video.source, due)
    publication.handle_layer_changed(video.source, 2, False, 5.0)
    assert datapath.calls == [("forward_layer", video.source, 2), ("forward_layer", video.source, 0)]

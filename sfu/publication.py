"""What one m-section of a publisher becomes in the data path."""

from collections.abc import Sequence
from datetime import datetime

from sfu._datapath import TrackSpec
from sfu.datapath import DataPath
from sfu.errors import Rejected
from sfu.extensions import TRANSPORT_CC
from sfu.ids import Ids
from sfu.layering import Layering
from sfu.negotiation import Kind, MediaPlan, Plan
from sfu.permissions import Permissions
from sfu.track import Track, TrackAnnouncement, TrackSource

# Of a WHIP publisher, whose protocol does not say.
_SOURCES: dict[Kind, TrackSource] = {"audio": TrackSource.MICROPHONE, "video": TrackSource.CAMERA}


def check_permitted(plan: Plan, permissions: Permissions) -> None:
    """Rejected ("not-permitted"): of audio or video, which count as microphone and camera, one may not be published."""
    for media in plan.media:
        if not permissions.may_publish(_SOURCES[media.kind]):
            raise Rejected("not-permitted", f"publishing {media.kind} is not permitted")


def publish_plan(
    datapath: DataPath, layering: Layering, transport: int, plan: Plan, ids: Ids, created_at: datetime
) -> Sequence[Track]:
    """A track for every m-section of the plan."""
    tracks = []
    for media in plan.media:
        name = media.mid or media.kind
        track = Track(
            ids.object_id("TR"), TrackAnnouncement(name, media.kind, _SOURCES[media.kind], name=media.kind), created_at
        )
        publish(datapath, layering, transport, media, track)
        tracks.append(track)
    return tuple(tracks)


def publish(datapath: DataPath, layering: Layering, transport: int, media: MediaPlan, track: Track) -> None:
    """The track's media comes in this m-section from now on."""
    track.handle = datapath.publish(transport, track_spec(media))
    layering.add(track.handle)
    track.codecs = media.codecs
    track.layers = tuple(media.layers.rids_upwards)
    track.mid = media.mid


def unpublish(datapath: DataPath, layering: Layering, track: Track) -> None:
    """It has no media any more."""
    if track.handle is not None:
        datapath.unpublish(track.handle)
        layering.forget(track.handle)
        track.handle = None


def track_spec(media: MediaPlan) -> TrackSpec:
    """The plan's words in the data path's."""
    return TrackSpec(
        kind=media.kind,
        mid=media.mid,
        codecs=[
            (pair.codec.payload_type, pair.name, pair.codec.clock_rate, pair.rtx_payload_type) for pair in media.codecs
        ],
        ssrcs=media.layers.ssrcs,
        rids=media.layers.rids_upwards,
        nack=media.feedback("nack"),
        pli=media.feedback("nack pli"),
        fir=media.feedback("ccm fir"),
        twcc=media.feedback("transport-cc") and any(extmap.uri == TRANSPORT_CC for extmap in media.extmaps),
        remb=media.feedback("goog-remb"),
    )

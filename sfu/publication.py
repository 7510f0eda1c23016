"""What one publisher's transport carries, told to the data path."""

from collections.abc import Sequence
from datetime import datetime

from sfu._datapath import TrackSpec
from sfu.datapath import DataPath
from sfu.extensions import TRANSPORT_CC
from sfu.ids import Ids
from sfu.layers import LayerChoice
from sfu.negotiation import MediaPlan, Plan
from sfu.track import Track


class Publication:
    """The tracks of a plan, and which layer of each is forwarded."""

    def __init__(self, datapath: DataPath, transport: int, plan: Plan, ids: Ids, created_at: datetime) -> None:
        self._datapath = datapath
        self.tracks: Sequence[Track] = tuple(
            Track(
                id=ids.object_id("TR"),
                kind=media.kind,
                source=datapath.publish(transport, track_spec(media)),
                codecs=media.codecs,
                layers=tuple(media.layers.rids_upwards),
                created_at=created_at,
            )
            for media in plan.media
        )
        self._choices = {track.source: LayerChoice() for track in self.tracks}

    def handle_layer_changed(self, source: int, layer: int, active: bool, now: float) -> None:
        """A layer of one of these tracks began or stopped flowing."""
        choice = self._choices[source]
        before = choice.chosen
        choice.handle_change(layer, active, now)
        self._apply(source, before)

    def next_deadline(self, source: int) -> float | None:
        return self._choices[source].next_deadline()

    def handle_timeout(self, source: int, now: float) -> None:
        choice = self._choices[source]
        before = choice.chosen
        choice.handle_timeout(now)
        self._apply(source, before)

    def _apply(self, source: int, before: int) -> None:
        chosen = self._choices[source].chosen
        if chosen != before:
            self._datapath.forward_layer(source, chosen)


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

"""What one viewer's transport carries: an egress per kind, fed by whatever the broadcast is."""

from collections.abc import Mapping

from sfu._datapath import EgressSpec
from sfu.answer import SentStream
from sfu.attributes import Msid
from sfu.datapath import DataPath
from sfu.errors import Rejected
from sfu.ids import Ids
from sfu.negotiation import Kind, Plan
from sfu.participant import Participant
from sfu.slot import Slot, mapped


class Viewing:
    """The egresses of a plan. They stay for as long as the viewer does; publishers come and go behind them."""

    def __init__(self, datapath: DataPath, transport: int, plan: Plan, streams: Mapping[Kind, SentStream]) -> None:
        self._datapath = datapath
        self.slots = tuple(
            Slot(
                kind=media.kind,
                egress=datapath.subscribe(
                    transport,
                    EgressSpec(
                        kind=media.kind,
                        mid=media.mid,
                        ssrc=streams[media.kind].ssrc,
                        rtx_ssrc=streams[media.kind].rtx_ssrc,
                        cname=streams[media.kind].cname,
                        nack=media.feedback("nack"),
                    ),
                ),
                codecs=media.codecs,
            )
            for media in plan.media
        )

    def follow(self, broadcast: Participant | None) -> None:
        """Feed every egress from this publisher (None: from nobody). Nothing is renegotiated; the data path asks for
        a keyframe as soon as the viewer can be sent one."""
        for slot in self.slots:
            track, payload_types = slot.source(broadcast)
            if track is not slot.track:
                slot.track = track
                self._datapath.set_source(slot.egress, track.handle if track else None, payload_types)


def sent_streams(plan: Plan, ids: Ids, stream: str) -> dict[Kind, SentStream]:
    """One stream per kind, all of one media stream and one CNAME, so that players keep them in sync (RFC 8830, 2)."""
    taken = {ssrc for section in plan.offer.media for ssrc in section.ssrcs}
    cname = ids.object_id("cn")
    streams: dict[Kind, SentStream] = {}
    for media in plan.media:
        ssrc = ids.ssrc(taken)
        taken.add(ssrc)
        rtx_ssrc = None
        if any(pair.rtx for pair in media.codecs):
            rtx_ssrc = ids.ssrc(taken)
            taken.add(rtx_ssrc)
        streams[media.kind] = SentStream(ssrc, rtx_ssrc, cname, Msid(stream, f"{stream}-{media.kind}"))
    return streams


def check_understood(plan: Plan, broadcast: Participant) -> None:
    """Rejected ("unsupported-codec"): of something the viewer asks for and the broadcast has, it can decode nothing."""
    for media in plan.media:
        tracks = [track for track in broadcast.tracks if track.kind == media.kind]
        if tracks and not any(mapped(track.codecs, media.codecs) for track in tracks):
            raise Rejected("unsupported-codec", f"the viewer has no {media.kind} codec in common with the broadcast")

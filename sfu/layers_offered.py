"""Which RTP streams a publisher announces for one track: simulcast layers by rid (RFC 8853) or by SSRC, or just one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sfu.attributes import Extmap, Rid, SimulcastId
from sfu.codecs import CodecPair
from sfu.extensions import RTP_STREAM_ID
from sfu.sdp import MediaSection

MAX_LAYERS = 4

# By convention `a=simulcast:send` lists layers from low to high. Some SDKs list the same names the other way round, and
# OBS counts downwards from its full picture, "0": well-known names count more than the order.
_RANKS: Mapping[str, int] = {
    "q": 0, "h": 1, "f": 2,
    "lo": 0, "mid": 1, "hi": 2,
    "low": 0, "medium": 1, "high": 2,
    "3": 0, "2": 1, "1": 2, "0": 3,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class OfferedLayers:
    """Layers by SSRC or by rid. `ssrcs` are (SSRC, RTX SSRC), lowest layer first; `rids` are what the answer accepts,
    in the offer's order.
    """

    ssrcs: tuple[tuple[int, int | None], ...] = ()
    rids: tuple[Rid, ...] = ()
    simulcast: tuple[SimulcastId, ...] = ()

    @property
    def rids_upwards(self) -> list[str]:
        return upwards([layer.rid for layer in self.simulcast])


def offered_layers(section: MediaSection, codecs: Sequence[CodecPair], extmaps: Sequence[Extmap]) -> OfferedLayers:
    """rids count only with the header extension that carries them; of alternatives (RFC 8853, 5.2) the first
    is used. Beside rids, SSRCs say nothing: Firefox lists them, but not which belongs to which layer.
    """
    ssrcs = _ssrc_layers(section)
    simulcast = section.simulcast
    if simulcast is None or not simulcast.send or all(extmap.uri != RTP_STREAM_ID for extmap in extmaps):
        return OfferedLayers(ssrcs)
    rids = {rid.id: rid for rid in section.rids if rid.direction == "send"}
    payload_types = {str(pair.codec.payload_type) for pair in codecs}
    streams: dict[str, SimulcastId] = {}
    accepted: dict[str, Rid] = {}
    for alternatives in simulcast.send[:MAX_LAYERS]:
        for layer in dict.fromkeys(alternatives):  # each rid is looked at once, however often it is named
            answered = _answer_rid(rids.get(layer.rid), payload_types)
            if answered is not None and layer.rid not in accepted:
                accepted[layer.rid] = answered
                streams[layer.rid] = layer
                break
    return OfferedLayers(() if streams else ssrcs, tuple(accepted.values()), tuple(streams.values()))


def upwards(rids: Sequence[str]) -> list[str]:
    """The rids, lowest layer first."""
    if len({_RANKS.get(rid, -1) for rid in rids} - {-1}) == len(rids):
        return sorted(rids, key=lambda rid: _RANKS[rid])
    return list(rids)


def _answer_rid(rid: Rid | None, payload_types: set[str]) -> Rid | None:
    """The restrictions go back as offered (RFC 8851, 6.3), `pt` only with what is accepted; None: nothing is left."""
    if rid is None:
        return None
    restrictions = []
    for restriction in filter(None, rid.restrictions.split(";")):
        name, _, value = restriction.partition("=")
        if name == "pt":
            left = [payload_type for payload_type in value.split(",") if payload_type in payload_types]
            if not left:
                return None
            restriction = "pt=" + ",".join(left)
        restrictions.append(restriction)
    return Rid(rid.id, "recv", ";".join(restrictions))


def _ssrc_layers(section: MediaSection) -> tuple[tuple[int, int | None], ...]:
    """FID pairs a stream with its RTX (RFC 4588, 8.5), SIM lists simulcast streams, lowest first."""
    groups = section.ssrc_groups
    rtx = {group.ssrcs[0]: group.ssrcs[1] for group in groups if group.semantics == "FID" and len(group.ssrcs) == 2}
    layers = next((group.ssrcs for group in groups if group.semantics == "SIM"), ())
    if not layers:
        repairs = {*rtx.values()}
        layers = tuple(ssrc for ssrc in section.ssrcs if ssrc not in repairs)[:1]
    return tuple((ssrc, rtx.get(ssrc)) for ssrc in dict.fromkeys(layers[:MAX_LAYERS]))

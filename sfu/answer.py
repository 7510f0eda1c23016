"""Plans to answers: ICE-lite, everything bundled, every candidate of ours inside (RFC 9725, 4.2-4.4)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sfu.attributes import Candidate, Codec, Fingerprint, IceCredentials, Msid, SsrcGroup
from sfu.codecs import CodecPair
from sfu.extensions import Purpose
from sfu.negotiation import Kind, MediaPlan, Plan
from sfu.sdp import MediaSection

# The feedback (RFC 4585, RFC 5104) we speak. Publishers get transport-wide feedback; viewers have REMB only.
_FEEDBACK: Mapping[Purpose, tuple[str, ...]] = {
    "publish": ("goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"),
    "watch": ("goog-remb", "ccm fir", "nack", "nack pli"),
}


@dataclass(frozen=True, slots=True)
class LocalTransport:
    """Our side of the transport, as the answer tells it. `session_id` is the number in the o-line."""

    ice: IceCredentials
    fingerprint: Fingerprint
    candidates: Sequence[Candidate]
    session_id: int


@dataclass(frozen=True, slots=True)
class SentStream:
    """What we send in one m-section of a viewer. Audio and video share `msid.stream` and `cname`, to stay in sync."""

    ssrc: int
    rtx_ssrc: int | None
    cname: str
    msid: Msid


def answer(plan: Plan, local: LocalTransport, streams: Mapping[Kind, SentStream]) -> str:
    """The SDP answer. streams: one per kind in a viewer's plan, none for a publisher."""
    served = {media.index: media for media in plan.media}
    lines = list(_session_lines(plan, local))
    for index, section in enumerate(plan.offer.media):
        media = served.get(index)
        if media is None:
            lines += _declined_lines(section)
        else:
            lines += _media_lines(plan, media, section, local, streams.get(media.kind))
    return "".join(f"{line}\r\n" for line in lines)


def media_line(plan: Plan, media: MediaPlan, candidates: Sequence[Candidate]) -> str:
    """`<kind> <port> <profile> <formats>` of a served section; the port is the first candidate's."""
    formats = " ".join(str(codec.payload_type) for codec in _codecs(media.codecs))
    return f"{media.kind} {candidates[0].port if candidates else 9} {plan.offer.media[media.index].profile} {formats}"


def _session_lines(plan: Plan, local: LocalTransport) -> Iterator[str]:
    yield "v=0"
    yield f"o=- {local.session_id} 1 IN IP4 0.0.0.0"
    yield "s=-"
    yield "t=0 0"
    mids = [media.mid for media in plan.media if media.mid is not None]
    if plan.offer.bundles and mids:
        yield f"a=group:BUNDLE {' '.join(mids)}"
    if "extmap-allow-mixed" in plan.offer.session:
        yield "a=extmap-allow-mixed"
    yield "a=ice-lite"
    yield "a=ice-options:trickle ice2"


def _declined_lines(section: MediaSection) -> Iterator[str]:
    """RFC 3264, 6: port 0, and some format, which means nothing."""
    yield f"m={section.kind} 0 {section.profile} {section.formats[0]}"
    yield "c=IN IP4 0.0.0.0"
    if section.mid is not None:
        yield f"a=mid:{section.mid}"
    yield "a=inactive"


def _media_lines(
    plan: Plan, media: MediaPlan, section: MediaSection, local: LocalTransport, stream: SentStream | None
) -> Iterator[str]:
    yield f"m={media_line(plan, media, local.candidates)}"
    yield _connection_line(local.candidates)
    if media.mid is not None:
        yield f"a=mid:{media.mid}"
    yield f"a=ice-ufrag:{local.ice.ufrag}"
    yield f"a=ice-pwd:{local.ice.pwd}"
    yield f"a=fingerprint:{local.fingerprint}"
    yield f"a=setup:{'passive' if plan.remote.our_role == 'server' else 'active'}"
    if media is plan.media[0]:  # the tagged section alone carries the bundle's candidates (RFC 9143, 7.1.3)
        for candidate in local.candidates:
            yield f"a=candidate:{candidate}"
        yield "a=end-of-candidates"
    yield "a=recvonly" if plan.purpose == "publish" else "a=sendonly"
    for name in ("rtcp-mux", "rtcp-mux-only", "rtcp-rsize"):
        if name in section:
            yield f"a={name}"
    for extmap in media.extmaps:
        yield f"a=extmap:{extmap}"
    for codec in _codecs(media.codecs):
        yield from _codec_lines(codec, plan.purpose)
    for rid in media.layers.rids:
        yield f"a=rid:{rid}"
    if media.layers.simulcast:
        yield f"a=simulcast:recv {';'.join(map(str, media.layers.simulcast))}"
    if stream is not None:
        yield from _stream_lines(stream)


def _connection_line(candidates: Sequence[Candidate]) -> str:
    """The first candidate is the default one (RFC 8839, 4.2.1.2)."""
    address = candidates[0].address if candidates else "0.0.0.0"
    return f"c=IN IP{6 if ':' in address else 4} {address}"


def _codecs(pairs: Sequence[CodecPair]) -> Iterator[Codec]:
    """Each codec with its RTX behind it; an RTX payload type shared by several would be named once."""
    seen = set()
    for pair in pairs:
        for codec in (pair.codec, pair.rtx):
            if codec is not None and codec.payload_type not in seen:
                seen.add(codec.payload_type)
                yield codec


def _codec_lines(codec: Codec, purpose: Purpose) -> Iterator[str]:
    channels = f"/{codec.channels}" if codec.channels > 1 else ""
    yield f"a=rtpmap:{codec.payload_type} {codec.name}/{codec.clock_rate}{channels}"
    if codec.format:
        yield f"a=fmtp:{codec.payload_type} {codec.format}"
    for name in codec.feedback:
        if name in _FEEDBACK[purpose] and codec.name.lower() != "rtx":
            yield f"a=rtcp-fb:{codec.payload_type} {name}"


def _stream_lines(stream: SentStream) -> Iterator[str]:
    yield f"a=msid:{stream.msid}"
    ssrcs = (stream.ssrc,) if stream.rtx_ssrc is None else (stream.ssrc, stream.rtx_ssrc)
    if len(ssrcs) == 2:
        yield f"a=ssrc-group:{SsrcGroup('FID', ssrcs)}"
    for ssrc in ssrcs:
        yield f"a=ssrc:{ssrc} cname:{stream.cname}"
        yield f"a=ssrc:{ssrc} msid:{stream.msid}"

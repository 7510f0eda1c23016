"""Our side of a session description: ICE-lite, everything bundled, every candidate inside (RFC 9725, 4.2-4.4)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sfu.attributes import Candidate, Codec, Direction, Extmap, Fingerprint, IceCredentials, Msid, SsrcGroup
from sfu.codecs import CodecPair
from sfu.layers_offered import OfferedLayers
from sfu.negotiation import DtlsRole, Kind, MediaPlan, Plan
from sfu.sdp import MediaSection

# The feedback (RFC 4585, RFC 5104) we speak. Publishers get transport-wide feedback; viewers have REMB only.
PUBLISHER_FEEDBACK = frozenset({"goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"})
VIEWER_FEEDBACK = frozenset({"goog-remb", "ccm fir", "nack", "nack pli"})
_MULTIPLEXING = ("rtcp-mux", "rtcp-mux-only", "rtcp-rsize")


@dataclass(frozen=True, slots=True)
class LocalTransport:
    """Our side of the transport, as descriptions tell it. `session_id` is the number in the o-line."""

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


@dataclass(frozen=True, slots=True)
class OwnSection:
    """One audio or video m-section as we describe it.

    setup: of DTLS (RFC 5763, 5). tagged: it is the one that carries the bundle's candidates (RFC 9143, 7.1.3).
    multiplexing: names of the attributes on RTCP. feedback: what may stay of each codec's. stream: None unless we send.
    """

    kind: Kind
    profile: str
    mid: str | None
    setup: str
    tagged: bool
    direction: Direction
    codecs: Sequence[CodecPair]
    feedback: frozenset[str]
    multiplexing: Sequence[str]
    extmaps: Sequence[Extmap]
    layers: OfferedLayers
    stream: SentStream | None


def answer(plan: Plan, local: LocalTransport, streams: Mapping[Kind, SentStream]) -> str:
    """The SDP answer. streams: one per kind in a viewer's plan, none for a publisher."""
    served = {media.index: media for media in plan.media}
    mids = [media.mid for media in plan.media if media.mid is not None] if plan.offer.bundles else []
    lines = list(session_lines(local, mids, version=1, mixed="extmap-allow-mixed" in plan.offer.session))
    for index, section in enumerate(plan.offer.media):
        media = served.get(index)
        if media is None:
            lines += declined_lines(section)
        else:
            lines += section_lines(_own_section(plan, media, section, streams.get(media.kind)), local)
    return joined(lines)


def media_line(plan: Plan, media: MediaPlan, candidates: Sequence[Candidate]) -> str:
    """`<kind> <port> <profile> <formats>` of a served section."""
    return _media_line(media.kind, plan.offer.media[media.index].profile, media.codecs, candidates)


def _own_section(plan: Plan, media: MediaPlan, section: MediaSection, stream: SentStream | None) -> OwnSection:
    publishing = plan.purpose == "publish"
    return OwnSection(
        kind=media.kind,
        profile=section.profile,
        mid=media.mid,
        setup=answered_setup(plan.remote.our_role),
        tagged=media is plan.media[0],
        direction="recvonly" if publishing else "sendonly",
        codecs=media.codecs,
        feedback=PUBLISHER_FEEDBACK if publishing else VIEWER_FEEDBACK,
        multiplexing=answered_multiplexing(section),
        extmaps=media.extmaps,
        layers=media.layers,
        stream=stream,
    )


def answered_setup(role: DtlsRole) -> str:
    """What our DTLS role is called in an answer (RFC 5763, 5)."""
    return "passive" if role == "server" else "active"


def answered_multiplexing(section: MediaSection) -> tuple[str, ...]:
    """All that was offered of RTCP on RTP's port and of reduced size (RFC 5761, RFC 8858, RFC 5506)."""
    return tuple(name for name in _MULTIPLEXING if name in section)


def joined(lines: Iterable[str]) -> str:
    return "".join(f"{line}\r\n" for line in lines)


def session_lines(local: LocalTransport, mids: Sequence[str], *, version: int, mixed: bool) -> Iterator[str]:
    """mids: the BUNDLE group, if any. version: the o-line's. mixed: one- and two-byte header extensions (RFC 8285)."""
    yield "v=0"
    yield f"o=- {local.session_id} {version} IN IP4 0.0.0.0"
    yield "s=-"
    yield "t=0 0"
    if mids:
        yield f"a=group:BUNDLE {' '.join(mids)}"
    if mixed:
        yield "a=extmap-allow-mixed"
    yield "a=ice-lite"
    yield "a=ice-options:trickle ice2"


def declined_lines(section: MediaSection) -> Iterator[str]:
    """RFC 3264, 6: port 0, and some format, which means nothing."""
    yield f"m={section.kind} 0 {section.profile} {section.formats[0]}"
    yield "c=IN IP4 0.0.0.0"
    if section.mid is not None:
        yield f"a=mid:{section.mid}"
    yield "a=inactive"


def section_lines(own: OwnSection, local: LocalTransport) -> Iterator[str]:
    """The whole m-section."""
    yield f"m={_media_line(own.kind, own.profile, own.codecs, local.candidates)}"
    yield from transport_lines(local, own.mid, own.setup, tagged=own.tagged)
    yield f"a={own.direction}"
    for name in own.multiplexing:
        yield f"a={name}"
    for extmap in own.extmaps:
        yield f"a=extmap:{extmap}"
    for codec in _codecs(own.codecs):
        yield from _codec_lines(codec, own.feedback)
    for rid in own.layers.rids:
        yield f"a=rid:{rid}"
    if own.layers.simulcast:
        yield f"a=simulcast:recv {';'.join(map(str, own.layers.simulcast))}"
    if own.stream is not None:
        yield from _stream_lines(own.stream)


def transport_lines(local: LocalTransport, mid: str | None, setup: str, *, tagged: bool) -> Iterator[str]:
    """What follows an m-line whose section belongs to the transport."""
    yield _connection_line(local.candidates)
    if mid is not None:
        yield f"a=mid:{mid}"
    yield f"a=ice-ufrag:{local.ice.ufrag}"
    yield f"a=ice-pwd:{local.ice.pwd}"
    yield f"a=fingerprint:{local.fingerprint}"
    yield f"a=setup:{setup}"
    if tagged:
        for candidate in local.candidates:
            yield f"a=candidate:{candidate}"
        yield "a=end-of-candidates"


def default_port(candidates: Sequence[Candidate]) -> int:
    """The first candidate is the default one (RFC 8839, 4.2.1.2); 9 where there is none."""
    return candidates[0].port if candidates else 9


def _connection_line(candidates: Sequence[Candidate]) -> str:
    address = candidates[0].address if candidates else "0.0.0.0"
    return f"c=IN IP{6 if ':' in address else 4} {address}"


def _media_line(kind: Kind, profile: str, codecs: Sequence[CodecPair], candidates: Sequence[Candidate]) -> str:
    formats = " ".join(str(codec.payload_type) for codec in _codecs(codecs))
    return f"{kind} {default_port(candidates)} {profile} {formats}"


def _codecs(pairs: Sequence[CodecPair]) -> Iterator[Codec]:
    """Each codec with its RTX behind it; an RTX payload type shared by several would be named once."""
    seen = set()
    for pair in pairs:
        for codec in (pair.codec, pair.rtx):
            if codec is not None and codec.payload_type not in seen:
                seen.add(codec.payload_type)
                yield codec


def _codec_lines(codec: Codec, feedback: frozenset[str]) -> Iterator[str]:
    channels = f"/{codec.channels}" if codec.channels > 1 else ""
    yield f"a=rtpmap:{codec.payload_type} {codec.name}/{codec.clock_rate}{channels}"
    if codec.format:
        yield f"a=fmtp:{codec.payload_type} {codec.format}"
    for name in codec.feedback:
        if name in feedback and codec.name.lower() != "rtx":
            yield f"a=rtcp-fb:{codec.payload_type} {name}"


def _stream_lines(stream: SentStream) -> Iterator[str]:
    yield f"a=msid:{stream.msid}"
    ssrcs = (stream.ssrc,) if stream.rtx_ssrc is None else (stream.ssrc, stream.rtx_ssrc)
    if len(ssrcs) == 2:
        yield f"a=ssrc-group:{SsrcGroup('FID', ssrcs)}"
    for ssrc in ssrcs:
        yield f"a=ssrc:{ssrc} cname:{stream.cname}"
        yield f"a=ssrc:{ssrc} msid:{stream.msid}"

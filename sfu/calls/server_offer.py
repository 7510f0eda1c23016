"""The connection of its own on which a participant receives, and where we make the offers: what they say, and what the
answers to them do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sfu.answer import (
    VIEWER_FEEDBACK,
    LocalTransport,
    OwnSection,
    SentStream,
    joined,
    section_lines,
    session_lines,
)
from sfu.attributes import Extmap
from sfu.calls.data_section import DataSection, data_section_lines, is_data_section, read_data_section
from sfu.calls.payload_types import DEFAULTS, PayloadTypes
from sfu.calls.peer_offer import CALL_LIMITS, in_bundle
from sfu.codecs import CodecPair
from sfu.errors import Rejected
from sfu.extensions import (
    ABS_CAPTURE_TIME,
    ABS_SEND_TIME,
    AUDIO_LEVEL,
    COLOR_SPACE,
    MID,
    PLAYOUT_DELAY,
    VIDEO_CONTENT_TYPE,
    VIDEO_ORIENTATION,
    ExtensionIds,
)
from sfu.layers_offered import OfferedLayers
from sfu.negotiation import (
    DtlsRole,
    Kind,
    RemoteTransport,
    check_mids,
    check_transportable,
    remote_transport,
)
from sfu.sdp import MediaSection, SessionDescription

__all__ = ["SUBSCRIBER_EXTENSIONS", "OfferedSection", "PayloadTypes", "PeerAnswer", "read_answer", "write_offer"]

SUBSCRIBER_EXTENSIONS: dict[str, int] = {
    AUDIO_LEVEL: 1,
    ABS_SEND_TIME: 2,
    MID: 4,
    PLAYOUT_DELAY: 5,
    VIDEO_CONTENT_TYPE: 6,
    COLOR_SPACE: 8,
    ABS_CAPTURE_TIME: 9,
    VIDEO_ORIENTATION: 13,
}
"""Header extension ids by URI. They fit the one-byte form; 15 would not (RFC 8285, 4.2)."""

_OF_VIDEO_ONLY = (PLAYOUT_DELAY, VIDEO_CONTENT_TYPE, COLOR_SPACE, VIDEO_ORIENTATION)
_EXTMAPS: Mapping[Kind, tuple[Extmap, ...]] = {
    "audio": tuple(Extmap(id_, uri) for uri, id_ in SUBSCRIBER_EXTENSIONS.items() if uri not in _OF_VIDEO_ONLY),
    "video": tuple(Extmap(id_, uri) for uri, id_ in SUBSCRIBER_EXTENSIONS.items() if uri != AUDIO_LEVEL),
}
# RFC 5763, 5: an answer chooses.
_ANSWERED_ROLES: Mapping[str | None, DtlsRole] = {"active": "server", "passive": "client"}


@dataclass(frozen=True, slots=True)
class OfferedSection:
    """One m-section of ours. Once offered, it keeps its place, mid and kind (RFC 3264, 8).

    codecs: with payload types of `PayloadTypes`; may be () in a section without a stream. stream: None, `inactive`.
    """

    mid: str
    kind: Kind
    codecs: tuple[CodecPair, ...]
    stream: SentStream | None


def write_offer(
    local: LocalTransport, sections: Sequence[OfferedSection], *, data_mid: str | None, version: int
) -> str:
    """The SDP offer, of one BUNDLE group.

    data_mid: of the data channels' m-section, which comes first; None, there is none. version: greater in each offer of
    a connection (RFC 3264, 8). ValueError: an m-section that sends has no codec, or two have the same mid or send the
    same msid, which kills clients.
    """
    data = [] if data_mid is None else [data_mid]
    mids = [*data, *(section.mid for section in sections)]
    msids = [section.stream.msid for section in sections if section.stream is not None]
    if len(set(mids)) < len(mids) or len(set(msids)) < len(msids):
        raise ValueError("two m-sections have the same mid or msid")
    lines = list(session_lines(local, mids, version=version, mixed=True))
    for mid in data:
        lines += data_section_lines(local, mid, "actpass", tagged=True)
    for section in sections:
        if section.stream is not None and not section.codecs:
            raise ValueError("an m-section in use needs a codec")
        own = OwnSection(
            kind=section.kind,
            profile="UDP/TLS/RTP/SAVPF",
            mid=section.mid,
            setup="actpass",
            tagged=section.mid == mids[0],
            direction="inactive" if section.stream is None else "sendonly",
            codecs=section.codecs or (DEFAULTS[section.kind],),
            feedback=VIEWER_FEEDBACK,
            multiplexing=("rtcp-mux", "rtcp-rsize"),
            extmaps=_EXTMAPS[section.kind],
            layers=OfferedLayers(),
            stream=section.stream,
        )
        lines += section_lines(own, local)
    return joined(lines)


@dataclass(frozen=True, slots=True)
class PeerAnswer:
    """What a client agreed to.

    accepted: by mid, of the m-sections it will receive, the codecs offered that it takes, with the payload types
    offered and what feedback it will give. extensions: ids by URI of the bundle. data: None, it has no data channels.
    """

    remote: RemoteTransport
    accepted: Mapping[str, tuple[CodecPair, ...]]
    extensions: Mapping[str, int]
    data: DataSection | None


def read_answer(text: str, offered: Sequence[OfferedSection], *, data_mid: str | None) -> PeerAnswer:
    """The answer to an offer of these m-sections. Malformed: it cannot be read, or disagrees with itself. Rejected: it
    is none to that offer, or turns everything down.
    """
    description = SessionDescription.parse(text, CALL_LIMITS)
    check_mids(description)
    data_sections = [] if data_mid is None else [("application", data_mid)]
    live = _live(description, data_sections + [(section.kind, section.mid) for section in offered])
    remote = remote_transport(description, [live[mid] for mid in in_bundle(description, list(live))], _ANSWERED_ROLES)
    extensions = ExtensionIds("watch")
    extensions.accept(description.session.extmaps)
    accepted: dict[str, tuple[CodecPair, ...]] = {}
    for ours in offered:
        if (theirs := live.get(ours.mid)) is not None:
            check_transportable(theirs)
            extensions.accept(theirs.extmaps)
            receives = description.direction(theirs) in ("recvonly", "sendrecv")
            if ours.stream is not None and receives and (codecs := _accepted(ours.codecs, theirs)):
                accepted[ours.mid] = codecs
    ids = {uri: id_ for uri, id_ in extensions.ids.items() if SUBSCRIBER_EXTENSIONS.get(uri) == id_}
    return PeerAnswer(remote, accepted, ids, _data(data_mid, live))


def _live(description: SessionDescription, offered: Sequence[tuple[str, str]]) -> dict[str, MediaSection]:
    """By mid, the m-sections not turned down. offered: kinds and mids; all must be there, in order (RFC 3264, 6)."""
    if len(description.media) != len(offered):
        raise Rejected("not-an-answer", "the answer has not as many m-sections as the offer")
    live: dict[str, MediaSection] = {}
    for section, (kind, mid) in zip(description.media, offered, strict=True):
        if section.kind != kind or (section.mid != mid and (section.port or section.mid is not None)):
            raise Rejected("not-an-answer", "the answer's m-sections are not those of the offer")
        if section.port:
            live[mid] = section
    if not live:
        raise Rejected("no-media", "the answer turns every m-section down")
    return live


def _accepted(ours: Sequence[CodecPair], theirs: MediaSection) -> tuple[CodecPair, ...]:
    answered = {codec.payload_type: codec for codec in theirs.codecs}
    accepted = []
    for pair in ours:
        codec = answered.get(pair.codec.payload_type)
        if codec is not None and codec.name.lower() == pair.name:
            rtx = answered.get(pair.rtx.payload_type) if pair.rtx is not None else None
            feedback = tuple(name for name in pair.codec.feedback if name in codec.feedback)
            is_rtx = rtx is not None and rtx.name.lower() == "rtx"
            accepted.append(CodecPair(replace(pair.codec, feedback=feedback), pair.rtx if is_rtx else None))
    return tuple(accepted)


def _data(mid: str | None, live: Mapping[str, MediaSection]) -> DataSection | None:
    section = None if mid is None else live.get(mid)
    if mid is None or section is None:
        return None
    if not is_data_section(section):
        raise Rejected("not-an-answer", "data channels were offered, and something else is answered")
    return read_data_section(0, mid, section)

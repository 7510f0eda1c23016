"""The codecs we forward, and which payload type of a viewer can carry which payload type of a publisher."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sfu.attributes import Codec

# Codec name in lower case and clock rate, per kind, to the data path's name. Nothing is decoded, so this is about what
# the data path can tell keyframes of and rewrite. Forward error correction and video RED are left out: lost packets
# are repaired by RTX on each hop.
_FORWARDED: Mapping[str, frozenset[tuple[str, int]]] = {
    "audio": frozenset({("opus", 48000), ("red", 48000), ("pcmu", 8000), ("pcma", 8000), ("g722", 8000)}),
    "video": frozenset({(name, 90000) for name in ("vp8", "vp9", "h264", "h265", "av1")}),
}
# What an offer may carry and we still read all of: more alternatives than this are not looked at.
MAX_CODECS = 64

# H.264 profiles by preference of who can decode whom (RFC 6184, 8.1): a decoder of a later one takes the earlier ones.
# Baseline's extra tools (FMO, ASO) are made by no encoder in use, so it counts as Constrained Baseline.
_H264_DECODERS: Mapping[str, tuple[str, ...]] = {
    "constrained-baseline": ("constrained-baseline", "baseline", "main", "high", "constrained-high"),
    "baseline": ("baseline", "constrained-baseline", "main", "high", "constrained-high"),
    "main": ("main", "high"),
    "constrained-high": ("constrained-high", "high"),
    "high": ("high",),
}
_H264_DEFAULT_LEVEL_ID = "420010"


@dataclass(frozen=True, slots=True)
class CodecPair:
    """A payload type we forward, with the payload type of its retransmissions if there is one (RFC 4588, 8)."""

    codec: Codec
    rtx: Codec | None

    @property
    def name(self) -> str:
        return self.codec.name.lower()

    @property
    def rtx_payload_type(self) -> int | None:
        return self.rtx.payload_type if self.rtx else None


def forwardable(kind: str, offered: Iterable[Codec]) -> list[CodecPair]:
    """What we can forward of an m-section's codecs, in its order."""
    codecs = list(offered)[:MAX_CODECS]
    rtx = {codec.parameters().get("apt"): codec for codec in reversed(codecs) if codec.name.lower() == "rtx"}
    known = _FORWARDED.get(kind, frozenset())
    return [
        CodecPair(codec, rtx.get(str(codec.payload_type)))
        for codec in codecs
        if (codec.name.lower(), codec.clock_rate) in known and _plain(codec)
    ]


def preferred(offered: Sequence[CodecPair]) -> tuple[CodecPair, ...]:
    """What a publisher is asked to send: the first of what it offers, and RED beside Opus.

    Given more, it could change codec within the session (Chromium does when an encoder fails), and viewers admitted by
    their codecs would be left without a picture.
    """
    first = offered[0].name if offered else None
    together = {"opus", "red"} if first in ("opus", "red") else set()
    return tuple(pair for index, pair in enumerate(offered) if index == 0 or pair.name in together)


def _plain(codec: Codec) -> bool:
    """Opus is always declared stereo (RFC 7587, 7), and its RED with it; the others are mono."""
    return codec.channels == {"opus": 2, "red": 2}.get(codec.name.lower(), 1)


def payload_type_map(published: Sequence[CodecPair], wanted: Sequence[CodecPair]) -> dict[int, tuple[int, int | None]]:
    """The publisher's payload type to the viewer's `(payload_type, rtx_payload_type)`; empty: nothing in common.

    RED without a counterpart needs none: the data path takes the Opus out of it. RED without Opus has no meaning.
    """
    found = {}
    opus = False
    for source in published:
        best = min(wanted, key=lambda target: _distance(source, target), default=None)
        if best is not None and _distance(source, best) < _IMPOSSIBLE:
            found[source.codec.payload_type] = (best.codec.payload_type, best.rtx_payload_type)
            opus |= source.name == "opus"
    red = [source.codec.payload_type for source in published if source.name == "red"]
    return found if opus else {source: target for source, target in found.items() if source not in red}


_IMPOSSIBLE = 1_000


def _distance(source: CodecPair, target: CodecPair) -> int:
    """0: the same format; more: a format whose decoder takes it too; `_IMPOSSIBLE`: neither."""
    if source.name != target.name:
        return _IMPOSSIBLE
    if source.name == "h264":
        return _h264_distance(source.codec.parameters(), target.codec.parameters())
    return 0 if variant(source.codec) == variant(target.codec) else _IMPOSSIBLE


def variant(codec: Codec) -> tuple[str, ...]:
    """What its format parameters make of a codec: equal for streams that one decoder takes.

    VP9, AV1: the profile. H.265: profile and transmission mode. H.264: the profile's name, or the digits of one we do
    not know, and the packetization mode. Others: ().
    """
    parameters = codec.parameters()
    if codec.name.lower() == "h264":
        return _h264_profile(parameters), _h264_mode(parameters)
    return tuple(parameters.get(key, default) for key, default in _IDENTITY.get(codec.name.lower(), ()))


# The format parameters that make two payload types of one codec different streams, with their defaults.
_IDENTITY: Mapping[str, tuple[tuple[str, str], ...]] = {
    "vp9": (("profile-id", "0"),),  # RFC 9628, 6
    "av1": (("profile", "0"),),  # AV1 RTP payload format, 7.2
    "h265": (("profile-id", "1"), ("tx-mode", "SRST")),  # RFC 7798, 7.1
}


def _h264_distance(source: Mapping[str, str], target: Mapping[str, str]) -> int:
    """RFC 6184, 8.1: profiles by who decodes whom; a mode 1 receiver takes mode 0, not the other way round."""
    mode, target_mode = _h264_mode(source), _h264_mode(target)
    if mode != target_mode and (mode, target_mode) != ("0", "1"):
        return _IMPOSSIBLE
    profile, decoder = _h264_profile(source), _h264_profile(target)
    if profile == decoder:
        return int(mode != target_mode)
    decoders = _H264_DECODERS.get(profile, ())
    if decoder not in decoders:
        return _IMPOSSIBLE
    return 2 * decoders.index(decoder) + int(mode != target_mode)


def _h264_mode(parameters: Mapping[str, str]) -> str:
    return parameters.get("packetization-mode", "0")


def _h264_profile(parameters: Mapping[str, str]) -> str:
    """The profile's name by profile_idc and the constraint flags (RFC 6184, 8.1, table 5), else the digits."""
    level_id = parameters.get("profile-level-id", _H264_DEFAULT_LEVEL_ID).lower()
    try:
        profile, constraints = int(level_id[:2], 16), int(level_id[2:4], 16)
    except ValueError:
        return level_id
    constrained = bool(constraints & 0x40)
    match profile:
        case 0x42 | 0x58 if constrained:
            return "constrained-baseline"
        case 0x42:
            return "baseline"
        case 0x4D:
            return "constrained-baseline" if constraints & 0x80 else "main"
        case 0x64:
            return "constrained-high" if constraints & 0x0C == 0x0C else "high"
        case _:
            return level_id[:4]

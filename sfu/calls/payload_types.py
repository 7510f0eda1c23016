"""Payload types on connections where we make the offers."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, product

from sfu.attributes import Codec
from sfu.codecs import CodecPair, variant
from sfu.errors import Rejected
from sfu.negotiation import Kind

# RFC 3551, 6 and RFC 8829, 5.2.1: the dynamic ones, then those that neither RTCP nor a static codec needs.
_NUMBERS = (*range(96, 128), *range(35, 64))
_FEEDBACK = ("goog-remb", "ccm fir", "nack", "nack pli")
_OPUS_FORMAT = "minptime=10;useinbandfec=1"
# Some SDKs look for `sprop-stereo`, what is sent, to ask their decoder for two channels.
_STEREO_FORMAT = f"{_OPUS_FORMAT};stereo=1;sprop-stereo=1"

# The variants (`sfu.codecs.variant`) of each video codec that can be offered, with the format they are written as. What
# publishers say beyond that is not passed on: their words would become every viewer's. They choose among these few, so
# that there are numbers for all of them, and nobody can use them up.
_H264_PROFILES = {
    "constrained-baseline": "42e01f",
    "baseline": "42001f",
    "main": "4d001f",
    "constrained-high": "640c1f",
    "high": "64001f",
}
_VIDEO: Mapping[str, Mapping[tuple[str, ...], str]] = {
    "VP8": {(): ""},
    "H264": {
        (profile, mode): f"level-asymmetry-allowed=1;packetization-mode={mode};profile-level-id={level_id}"
        for mode, (profile, level_id) in product("10", _H264_PROFILES.items())
    },
    "VP9": {(profile,): f"profile-id={profile}" for profile in "0123"},
    "AV1": {(profile,): f"level-idx=5;profile={profile};tier=0" for profile in "012"},
    "H265": {(profile, "SRST"): f"level-id=180;profile-id={profile};tier-flag=0;tx-mode=SRST" for profile in "1234"},
}


def _all(numbers: Iterator[int]) -> dict[tuple[str, ...], CodecPair]:
    """By name in lower case and variant; of Opus and RED, the variants are mono and stereo."""
    return dict(chain(_audio(numbers), _video(numbers)))


def _video(numbers: Iterator[int]) -> Iterator[tuple[tuple[str, ...], CodecPair]]:
    for name, formats in _VIDEO.items():
        for values, text in formats.items():
            payload_type = next(numbers)
            rtx = Codec(next(numbers), "rtx", 90_000, format=f"apt={payload_type}")
            yield (name.lower(), *values), CodecPair(Codec(payload_type, name, 90_000, 1, text, _FEEDBACK), rtx)


def _audio(numbers: Iterator[int]) -> Iterator[tuple[tuple[str, ...], CodecPair]]:
    for stereo, text in (("0", _OPUS_FORMAT), ("1", _STEREO_FORMAT)):
        opus, red = next(numbers), next(numbers)
        yield ("opus", stereo), CodecPair(Codec(opus, "opus", 48_000, 2, text), None)
        yield ("red", stereo), CodecPair(Codec(red, "red", 48_000, 2, f"{opus}/{opus}"), None)
    for payload_type, name in ((0, "PCMU"), (8, "PCMA"), (9, "G722")):  # RFC 3551, 6
        yield (name.lower(),), CodecPair(Codec(payload_type, name, 8_000), None)


_PAIRS = _all(iter(_NUMBERS))
DEFAULTS: Mapping[Kind, CodecPair] = {"audio": _PAIRS["opus", "0"], "video": _PAIRS["vp8",]}
"""What every WebRTC endpoint has (RFC 7874, 3; RFC 7742, 5)."""


class PayloadTypes:
    """A format has one payload type, the same on all connections, and a payload type one meaning (RFC 3264, 8.3.2)."""

    def pairs(self, codecs: Sequence[CodecPair]) -> tuple[CodecPair, ...]:
        """A publisher's codecs as they are offered to a subscriber, in the publisher's order: video with RTX; RED only
        together with the Opus in it. Rejected ("unsupported-codec"): none of them can be offered.
        """
        opus = next((pair for pair in codecs if pair.name == "opus"), None)
        stereo = "1" if opus is not None and _is_stereo(opus.codec) else "0"
        keys = [(pair.name, stereo) if pair.name in ("opus", "red") else _key(pair) for pair in codecs]
        found = dict.fromkeys(_PAIRS[key] for key in keys if key in _PAIRS and (key[0] != "red" or opus is not None))
        if not found:
            raise Rejected("unsupported-codec", "none of the publisher's codecs can be offered")
        return tuple(found)


def _key(pair: CodecPair) -> tuple[str, ...]:
    return pair.name, *variant(pair.codec)


def _is_stereo(opus: Codec) -> bool:
    parameters = opus.parameters()
    return "1" in (parameters.get("stereo"), parameters.get("sprop-stereo"))

"""RTP header extensions (RFC 8285) the data path knows what to do with."""

from collections.abc import Iterable, Mapping
from typing import Literal

from sfu.attributes import Direction, Extmap, malformed

Purpose = Literal["publish", "watch"]
# What extensions are agreed on for: a call's peer connection carries media both ways.
Usage = Literal[Purpose, "call"]

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RTP_STREAM_ID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RTP_STREAM_ID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
VIDEO_ORIENTATION = "urn:3gpp:video-orientation"
PLAYOUT_DELAY = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
VIDEO_CONTENT_TYPE = "http://www.webrtc.org/experiments/rtp-hdrext/video-content-type"
COLOR_SPACE = "http://www.webrtc.org/experiments/rtp-hdrext/color-space"
ABS_CAPTURE_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"

# The dependency descriptor and the layer allocation stay out: they describe a stream as its sender made it and would
# have to be rewritten when layers are switched.
_FORWARDED = frozenset(
    {
        MID,
        AUDIO_LEVEL,
        ABS_SEND_TIME,
        VIDEO_ORIENTATION,
        PLAYOUT_DELAY,
        VIDEO_CONTENT_TYPE,
        COLOR_SPACE,
        ABS_CAPTURE_TIME,
    }
)
# Streams towards viewers are named by SSRC and mid, and their rate follows the viewer's own estimate (REMB): stream ids
# and transport-wide sequence numbers are for publishers only.
_FROM_PUBLISHERS = _FORWARDED | {RTP_STREAM_ID, REPAIRED_RTP_STREAM_ID, TRANSPORT_CC}
_ACCEPTED: Mapping[Usage, frozenset[str]] = {
    "publish": _FROM_PUBLISHERS,
    "watch": _FORWARDED,
    "call": _FROM_PUBLISHERS,
}
# An extension the publisher only wants to receive is nothing for us, nor one the viewer only wants to send.
_USELESS: Mapping[Usage, tuple[Direction, ...]] = {
    "publish": ("recvonly", "inactive"),
    "watch": ("sendonly", "inactive"),
    "call": ("inactive",),
}
_MIRROR: Mapping[Direction | None, Direction] = {"sendonly": "recvonly", "recvonly": "sendonly"}
_MAX_ID = 255


class ExtensionIds:
    """What one BUNDLE group agreed on: each id means one URI (RFC 9143, 9.2), and we use one id per URI."""

    def __init__(self, usage: Usage) -> None:
        self.ids: dict[str, int] = {}
        self._usage: Usage = usage
        self._uris: dict[int, str] = {}

    def accept(self, offered: Iterable[Extmap]) -> tuple[Extmap, ...]:
        """The extmaps to answer one m-section with, one per URI (RFC 8285, 6). Malformed: an id means two things in the
        group.
        """
        answer: dict[str, Extmap] = {}
        for extmap in offered:
            if self._uris.setdefault(extmap.id, extmap.uri) != extmap.uri:
                raise malformed(f"extmap id {extmap.id} means two extensions in one bundle")
            if extmap.uri not in _ACCEPTED[self._usage] or extmap.direction in _USELESS[self._usage]:
                continue
            if extmap.id <= _MAX_ID and self.ids.setdefault(extmap.uri, extmap.id) == extmap.id:
                answer.setdefault(extmap.uri, Extmap(extmap.id, extmap.uri, _MIRROR.get(extmap.direction)))
        return tuple(answer.values())

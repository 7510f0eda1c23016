"""VP8 payloads (RFC 7741) that carry their own truth: which publisher, which frame, which part of it."""

import struct
from dataclasses import dataclass

_DESCRIPTOR = struct.Struct("!BBHBB")
_TRUTH = struct.Struct("!BIIBB")
PAYLOAD_BYTES = 900


@dataclass(frozen=True, slots=True)
class Vp8Packet:
    """One packet of a frame. The picture id has 15 bits, TL0PICIDX 8 and KEYIDX 5; the rest is never rewritten."""

    picture_id: int
    tl0_pic_idx: int
    key_idx: int
    publisher: int
    frame: int
    captured_us: int
    """Low 32 bits of the virtual time at which the frame was captured."""
    part: int
    parts: int
    keyframe: bool

    def __bytes__(self) -> bytes:
        starts = self.part == 0
        descriptor = _DESCRIPTOR.pack(
            0x90 if starts else 0x80,
            0xF0,
            0x8000 | self.picture_id & 0x7FFF,
            self.tl0_pic_idx & 0xFF,
            self.key_idx & 0x1F,
        )
        first = b"\x10" if self.keyframe else b"\x11"
        truth = _TRUTH.pack(self.publisher, self.frame, self.captured_us & 0xFFFFFFFF, self.part, self.parts)
        return (descriptor + first + truth).ljust(PAYLOAD_BYTES, bytes([self.frame & 0xFF]))

    @classmethod
    def parse(cls, payload: bytes) -> "Vp8Packet":
        """Read one back; ValueError if it is not one of ours, filler included."""
        first, flags, picture_id, tl0, key_idx = _DESCRIPTOR.unpack_from(payload)
        at = _DESCRIPTOR.size
        publisher, frame, captured_us, part, parts = _TRUTH.unpack_from(payload, at + 1)
        packet = cls(
            picture_id & 0x7FFF, tl0, key_idx & 0x1F, publisher, frame, captured_us, part, parts, payload[at] & 1 == 0
        )
        if flags != 0xF0 or (first & 0x10 != 0) != (part == 0) or bytes(packet) != payload:
            raise ValueError("payload was damaged on the way")
        return packet

"""RTP and RTCP as the model peers speak it: written from the RFCs, independent of the code under test.

RFC 3550 (RTP, SR, RR), RFC 8285 (one-byte header extensions), RFC 4585 (NACK, PLI), RFC 4588 (RTX).
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

SR, RR, SDES, BYE, RTPFB, PSFB = 200, 201, 202, 203, 205, 206
NACK_FORMAT, TWCC_FORMAT = 1, 15  # of RTPFB
PLI_FORMAT, FIR_FORMAT, AFB_FORMAT = 1, 4, 15  # of PSFB


@dataclass(frozen=True, slots=True)
class Rtp:
    """One RTP packet in the clear."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False
    extensions: Mapping[int, bytes] = field(default_factory=dict)

    def __bytes__(self) -> bytes:
        """The wire form, with one-byte header extensions if there are any."""
        first = 0x80 | (0x10 if self.extensions else 0)
        second = self.payload_type | (0x80 if self.marker else 0)
        header = struct.pack("!BBHII", first, second, self.sequence & 0xFFFF, self.timestamp & 0xFFFFFFFF, self.ssrc)
        if self.extensions:
            body = b"".join(bytes([number << 4 | len(data) - 1]) + data for number, data in self.extensions.items())
            body += bytes(-len(body) % 4)
            header += struct.pack("!HH", 0xBEDE, len(body) // 4) + body
        return header + self.payload

    @classmethod
    def parse(cls, data: bytes) -> "Rtp":
        """Read a plain packet without CSRCs; ValueError otherwise."""
        first, second, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", data)
        if first & 0xCF != 0x80:
            raise ValueError(f"unexpected first byte {first:#x}")
        at, extensions = 12, {}
        if first & 0x10:
            profile, words = struct.unpack_from("!HH", data, 12)
            at = 16 + words * 4
            extensions = dict(_extensions(profile, data[16:at]))
        end = len(data) - data[-1] if first & 0x20 else len(data)
        return cls(second & 0x7F, sequence, timestamp, ssrc, data[at:end], bool(second & 0x80), extensions)


def _extensions(profile: int, body: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(body):
        if body[at] == 0:
            at += 1
            continue
        if profile == 0xBEDE:
            number, length, at = body[at] >> 4, (body[at] & 15) + 1, at + 1
        else:
            number, length, at = body[at], body[at + 1], at + 2
        yield number, body[at : at + length]
        at += length


@dataclass(frozen=True, slots=True)
class SenderReport:
    ssrc: int
    ntp: int
    """64-bit NTP time: seconds since 1900 and their binary fraction."""
    rtp: int
    packets: int
    octets: int


@dataclass(frozen=True, slots=True)
class Report:
    """One report block (RFC 3550, 6.4.1)."""

    ssrc: int
    fraction_lost: int
    lost: int
    highest_sequence: int
    jitter: int
    last_sr: int
    delay: int


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    ssrc: int
    reports: tuple[Report, ...]


@dataclass(frozen=True, slots=True)
class Nack:
    media: int
    lost: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class KeyframeRequest:
    """PLI or FIR."""

    media: int


@dataclass(frozen=True, slots=True)
class OtherRtcp:
    packet_type: int
    count: int
    body: bytes


Rtcp: TypeAlias = SenderReport | ReceiverReport | Nack | KeyframeRequest | OtherRtcp


def parse_rtcp(data: bytes) -> list[Rtcp]:
    """The packets of a compound; ValueError or struct.error if it is malformed."""
    packets: list[Rtcp] = []
    while data:
        first, packet_type, words = struct.unpack_from("!BBH", data)
        end = 4 + words * 4
        if first >> 6 != 2 or end > len(data):
            raise ValueError("malformed RTCP")
        packets += _parse_one(packet_type, first & 31, data[4:end])
        data = data[end:]
    return packets


def _parse_one(packet_type: int, count: int, body: bytes) -> list[Rtcp]:
    if packet_type == SR:
        report = SenderReport(*struct.unpack_from("!IQIII", body))
        return [report, ReceiverReport(report.ssrc, _reports(body[24:], count))]
    if packet_type == RR:
        return [ReceiverReport(struct.unpack_from("!I", body)[0], _reports(body[4:], count))]
    if (packet_type, count) == (RTPFB, NACK_FORMAT):
        return [Nack(struct.unpack_from("!I", body, 4)[0], tuple(_lost(body[8:])))]
    if (packet_type, count) == (PSFB, PLI_FORMAT):
        return [KeyframeRequest(struct.unpack_from("!I", body, 4)[0])]
    if (packet_type, count) == (PSFB, FIR_FORMAT):
        return [KeyframeRequest(struct.unpack_from("!I", body, 8)[0])]
    return [OtherRtcp(packet_type, count, body)]


def _reports(body: bytes, count: int) -> tuple[Report, ...]:
    reports = []
    for at in range(0, count * 24, 24):
        ssrc, loss, *rest = struct.unpack_from("!IIIIII", body, at)
        lost = (loss & 0xFFFFFF) - ((loss & 0x800000) << 1)
        reports.append(Report(ssrc, loss >> 24, lost, *rest))
    return tuple(reports)


def _lost(body: bytes) -> Iterator[int]:
    for pid, mask in struct.iter_unpack("!HH", body):
        yield pid
        yield from ((pid + 1 + bit) & 0xFFFF for bit in range(16) if mask >> bit & 1)


def write_rtcp(packet_type: int, count: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0x80 | count, packet_type, len(body) // 4) + body


def write_sender_report(report: SenderReport) -> bytes:
    return write_rtcp(SR, 0, struct.pack("!IQIII", report.ssrc, report.ntp, report.rtp, report.packets, report.octets))


def write_receiver_report(sender: int, reports: Sequence[Report]) -> bytes:
    body = struct.pack("!I", sender)
    for each in reports:
        loss = each.fraction_lost << 24 | each.lost & 0xFFFFFF
        body += struct.pack("!IIIIII", each.ssrc, loss, each.highest_sequence, each.jitter, each.last_sr, each.delay)
    return write_rtcp(RR, len(reports), body)


def write_nack(sender: int, media: int, lost: Sequence[int]) -> bytes:
    """One PID/BLP pair per lost sequence number: the longest legal form, which a receiver must take as well."""
    return write_rtcp(
        RTPFB,
        NACK_FORMAT,
        struct.pack("!II", sender, media) + b"".join(struct.pack("!HH", each & 0xFFFF, 0) for each in lost),
    )


def write_pli(sender: int, media: int) -> bytes:
    return write_rtcp(PSFB, PLI_FORMAT, struct.pack("!II", sender, media))


def nearest(reference: int, value: int, bits: int = 16) -> int:
    """The number with these low bits that is nearest to the reference."""
    size = 1 << bits
    return reference + (value - reference + size // 2) % size - size // 2

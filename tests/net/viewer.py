"""The reference receiver: takes packets in order of arrival, repairs by NACK, decodes what can be decoded, and objects.

Whatever a correct receiver would be harmed by is an AssertionError here: a sequence number used for two packets, time
running backwards, a frame that looks whole and is not, a picture id that jumps without a hole in the sequence numbers.
"""

from dataclasses import dataclass, field

from sfu._datapath import SrtpSession
from tests.net.ice import Checker
from tests.net.peer import Address, Peer
from tests.net.rtp import (
    Report,
    Rtcp,
    Rtp,
    SenderReport,
    nearest,
    write_nack,
    write_pli,
    write_receiver_report,
)
from tests.net.vp8 import Vp8Packet

REORDER_TOLERANCE_US = 8_000
"""How long a hole may last before it is asked for."""
NACK_INTERVAL_US = 60_000
MAX_NACKS = 10
GIVE_UP_US = 600_000
"""How long a hole may last before the receiver asks for a keyframe instead."""
PLI_INTERVAL_US = 500_000
REPORT_INTERVAL_US = 1_000_000
OWN_SSRC = 1


@dataclass(frozen=True, slots=True)
class EgressIds:
    """What the viewer was told to expect: payload types, SSRCs (without RTX: None) and the id of the MID extension."""

    payload_type: int
    ssrc: int
    rtx_payload_type: int | None = None
    rtx_ssrc: int | None = None
    mid_extension: int = 4


@dataclass(slots=True)
class Hole:
    """A sequence number that has not come."""

    since_us: int
    nacks: int = 0
    next_nack_us: int = 0


@dataclass(slots=True)
class Decoded:
    """One decoded frame and what is true of it."""

    at_us: int
    timestamp: int
    truth: Vp8Packet


@dataclass(slots=True)
class Stream:
    """What has arrived of the viewer's video."""

    packets: dict[int, tuple[Rtp, Vp8Packet]] = field(default_factory=dict)
    """By extended sequence number; dropped once decoded."""
    holes: dict[int, Hole] = field(default_factory=dict)
    highest: int | None = None
    next_sequence: int | None = None
    """Of the next packet to decode; None until a keyframe starts."""
    last: Decoded | None = None
    began_us: int | None = None
    """Arrival of the first packet."""


class Viewer(Peer):
    """Watches one video stream."""

    def __init__(
        self, address: Address, checker: Checker, srtp: SrtpSession, ids: EgressIds, *, nack: bool = True
    ) -> None:
        super().__init__(address, checker, srtp)
        self.ids, self.nack = ids, nack
        self.stream = Stream()
        self.decoded: list[Decoded] = []
        self.sender_reports: list[tuple[int, SenderReport]] = []
        """With the time of arrival in microseconds."""
        self.ciphertexts: dict[int, bytes] = {}
        """First datagram of each extended media sequence number."""
        self.payloads: dict[int, bytes] = {}
        self.rtx_originals: list[int] = []
        self._next_report_us = 0
        self._next_pli_us = 0

    # what comes in

    def on_rtp(self, now_us: int, packet: Rtp, datagram: bytes) -> None:
        if packet.ssrc == self.ids.rtx_ssrc:
            packet = self._unwrapped(packet)
            self.counts["rtx"] += 1
        else:
            assert packet.ssrc == self.ids.ssrc, "a stream nobody announced"
            assert packet.payload_type == self.ids.payload_type, "a payload type nobody negotiated"
        sequence = packet.sequence if self.stream.highest is None else nearest(self.stream.highest, packet.sequence)
        if self._is_repeat(sequence, packet, datagram):
            self.counts["repeats"] += 1
            return
        self.counts["packets"] += 1
        self._note_holes(now_us, sequence)
        if self.stream.next_sequence is None or sequence >= self.stream.next_sequence:
            self.stream.packets[sequence] = (packet, Vp8Packet.parse(packet.payload))
        self._decode(now_us)

    def on_rtcp(self, now_us: int, packet: Rtcp) -> None:
        if isinstance(packet, SenderReport) and packet.ssrc == self.ids.ssrc:
            self.sender_reports.append((now_us, packet))

    def _unwrapped(self, packet: Rtp) -> Rtp:
        """The original of a retransmission (RFC 4588, 4)."""
        assert packet.payload_type == self.ids.rtx_payload_type
        original = int.from_bytes(packet.payload[:2], "big")
        self.rtx_originals.append(original)
        return Rtp(
            self.ids.payload_type,
            original,
            packet.timestamp,
            self.ids.ssrc,
            packet.payload[2:],
            packet.marker,
            packet.extensions,
        )

    def _is_repeat(self, sequence: int, packet: Rtp, datagram: bytes) -> bool:
        before = self.payloads.get(sequence)
        if before is None:
            self.payloads[sequence] = packet.payload
            self.ciphertexts[sequence] = datagram
            return False
        assert before == packet.payload, f"sequence number {sequence} was used twice"
        return True

    def _note_holes(self, now_us: int, sequence: int) -> None:
        stream = self.stream
        if stream.highest is None:
            stream.highest, stream.began_us = sequence, now_us
        for missing in range(stream.highest + 1, sequence):
            stream.holes[missing] = Hole(now_us, next_nack_us=now_us + REORDER_TOLERANCE_US)
        stream.holes.pop(sequence, None)
        stream.highest = max(stream.highest, sequence)

    # decoding

    def _decode(self, now_us: int) -> None:
        while (frame := self._next_frame()) is not None:
            sequence, parts = frame
            packet, truth = self.stream.packets[sequence]
            self._check_frame([self.stream.packets[at] for at in range(sequence, sequence + parts)], sequence)
            for at in range(sequence, sequence + parts):
                del self.stream.packets[at]
            for at in [at for at in self.stream.packets if at < sequence]:
                del self.stream.packets[at]
            self.stream.holes = {at: hole for at, hole in self.stream.holes.items() if at > sequence}
            self.stream.next_sequence = sequence + parts
            self.stream.last = Decoded(now_us, packet.timestamp, truth)
            self.decoded.append(self.stream.last)

    def _next_frame(self) -> tuple[int, int] | None:
        """First sequence number and length of the next frame that can be decoded: the next in line, or any keyframe."""
        expected = self.stream.next_sequence
        if expected is not None and self._is_whole(expected):
            return expected, self.stream.packets[expected][1].parts
        for sequence in sorted(self.stream.packets):
            truth = self.stream.packets[sequence][1]
            if truth.keyframe and truth.part == 0 and self._is_whole(sequence) and self._may_skip_to(sequence):
                return sequence, truth.parts
        return None

    def _may_skip_to(self, keyframe: int) -> bool:
        """Wait for repair as long as there is hope; then a keyframe lets us go on."""
        expected = self.stream.next_sequence
        return expected is None or all(
            not self.nack or hole.nacks >= 3 for at, hole in self.stream.holes.items() if expected <= at < keyframe
        )

    def _is_whole(self, sequence: int) -> bool:
        if sequence not in self.stream.packets:
            return False
        truth = self.stream.packets[sequence][1]
        return truth.part == 0 and all(sequence + part in self.stream.packets for part in range(truth.parts))

    def _check_frame(self, frame: list[tuple[Rtp, Vp8Packet]], sequence: int) -> None:
        first, truth = frame[0]
        for part, (packet, each) in enumerate(frame):
            assert (each.part, each.frame, each.publisher) == (part, truth.frame, truth.publisher), "parts out of order"
            assert packet.timestamp == first.timestamp, "a frame with two timestamps"
            assert each.picture_id == truth.picture_id, "a frame with two picture ids"
            assert packet.marker == (part == truth.parts - 1), "marker not at the end of the frame"
        last = self.stream.last
        if last is None:
            assert truth.keyframe, "the first frame is no keyframe"
            return
        assert 0 < (first.timestamp - last.timestamp) % 2**32 < 2**31, "time ran backwards"
        if self.stream.next_sequence == sequence:
            step = (truth.picture_id - last.truth.picture_id) % 2**15
            assert step == 1, f"the picture id moved by {step} without a hole"
            assert truth.tl0_pic_idx == (last.truth.tl0_pic_idx + 1) % 256, "TL0PICIDX jumped without a hole"
            if last.truth.publisher != truth.publisher:
                assert truth.keyframe, "another publisher took over in mid-GOP"

    # what goes out

    def on_timeout(self, now_us: int) -> None:
        if not self.connected:
            return
        if self.nack:
            self._send_nacks(now_us)
        waiting_since = self._waiting_since()
        if waiting_since is not None and now_us >= max(waiting_since + GIVE_UP_US, self._next_pli_us):
            self._next_pli_us = now_us + PLI_INTERVAL_US
            self.ask_for_keyframe()
        if now_us >= self._next_report_us:
            self._next_report_us = now_us + REPORT_INTERVAL_US
            self.send_rtcp(write_receiver_report(OWN_SSRC, self._reports(now_us)))

    def next_event(self) -> int | None:
        if not self.connected:
            return None
        deadlines = [self._next_report_us]
        if self.nack:
            deadlines += [hole.next_nack_us for hole in self.stream.holes.values() if hole.nacks < MAX_NACKS]
        waiting_since = self._waiting_since()
        if waiting_since is not None:
            deadlines.append(max(self._next_pli_us, waiting_since + GIVE_UP_US))
        return min(deadlines)

    def ask_for_keyframe(self) -> None:
        """Send a PLI."""
        self.counts["plis"] += 1
        self.send_rtcp(write_receiver_report(OWN_SSRC, []), write_pli(OWN_SSRC, self.ids.ssrc))

    def ask_again(self, lost: list[int]) -> None:
        """Send a NACK for these sequence numbers, wanted or not."""
        self.send_rtcp(write_receiver_report(OWN_SSRC, []), write_nack(OWN_SSRC, self.ids.ssrc, lost))

    def _send_nacks(self, now_us: int) -> None:
        due = [at for at, hole in self.stream.holes.items() if now_us >= hole.next_nack_us and hole.nacks < MAX_NACKS]
        for at in due:
            self.stream.holes[at].nacks += 1
            self.stream.holes[at].next_nack_us = now_us + NACK_INTERVAL_US
        if due:
            self.counts["nacks"] += len(due)
            self.ask_again(sorted(due)[:200])

    def _waiting_since(self) -> int | None:
        """Since when the oldest hole, or the very first keyframe, has been missing."""
        since = [hole.since_us for hole in self.stream.holes.values()]
        if self.stream.next_sequence is None and self.stream.began_us is not None:
            since.append(self.stream.began_us)
        return min(since, default=None)

    def _reports(self, now_us: int) -> list[Report]:
        if self.stream.highest is None:
            return []
        last_sr = delay = 0
        if self.sender_reports:
            at_us, report = self.sender_reports[-1]
            last_sr, delay = report.ntp >> 16 & 0xFFFFFFFF, (now_us - at_us) * 65_536 // 1_000_000
        return [Report(self.ids.ssrc, 0, 0, self.stream.highest & 0xFFFFFFFF, 0, last_sr, delay)]

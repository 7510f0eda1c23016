"""A model publisher: numbered VP8 frames in one or more layers, sender reports, answers to NACK and PLI."""

from collections import OrderedDict
from dataclasses import dataclass

from sfu._datapath import SrtpSession
from tests.net.ice import Checker
from tests.net.peer import Address, Peer
from tests.net.rtp import (
    KeyframeRequest,
    Nack,
    OtherRtcp,
    ReceiverReport,
    Report,
    Rtcp,
    Rtp,
    SenderReport,
    nearest,
    write_sender_report,
)
from tests.net.vp8 import Vp8Packet

VIDEO_PAYLOAD_TYPE, RTX_PAYLOAD_TYPE = 96, 97
MID_EXTENSION, TWCC_EXTENSION, RID_EXTENSION, REPAIRED_RID_EXTENSION = 1, 2, 3, 4
HISTORY = 600
NTP_OFFSET_SECONDS = 3_900_000_000
"""NTP time of virtual time 0, so that reports carry plausible values."""


@dataclass(frozen=True, slots=True)
class VideoSpec:
    """One layer. parts: packets of an ordinary frame; keyframes have twice as many."""

    ssrc: int
    rtx_ssrc: int | None = None
    rid: str | None = None
    parts: int = 3
    first_sequence: int = 100
    first_timestamp: int = 1_000_000
    first_picture_id: int = 5_000


class Publisher(Peer):
    """Publishes one video track at 30 frames per second; every layer starts with a keyframe."""

    FRAME_INTERVAL_US = 33_333

    def __init__(
        self,
        address: Address,
        checker: Checker,
        srtp: SrtpSession,
        number: int,
        layers: list[VideoSpec],
        mid: str = "0",
        twcc: bool = True,
    ) -> None:
        super().__init__(address, checker, srtp)
        self.number = number
        self.layers = [Layer(self, spec, mid, twcc) for spec in layers]
        self.frames = 0
        self.publishing = True
        self.reports: list[Report] = []
        """Report blocks received about our streams."""
        self.feedback: list[bytes] = []
        """Bodies of transport-wide feedback packets received."""
        self.transport_sequence = 0
        self._next_frame_us: int | None = None
        self._next_report_us = 0

    def on_timeout(self, now_us: int) -> None:
        if not self.connected or not self.publishing:
            return
        if self._next_frame_us is None:
            self._next_frame_us = self._next_report_us = now_us
        if now_us >= self._next_frame_us:
            self._next_frame_us += self.FRAME_INTERVAL_US
            for layer in self.layers:
                layer.send_frame(now_us, self.frames)
            self.frames += 1
        if now_us >= self._next_report_us:
            self._next_report_us += 1_000_000
            self.send_rtcp(*(layer.sender_report(now_us) for layer in self.layers if layer.enabled))

    def next_event(self) -> int | None:
        if not self.connected or not self.publishing:
            return None
        if self._next_frame_us is None:
            return 0
        return min(self._next_frame_us, self._next_report_us)

    def on_rtp(self, now_us: int, packet: Rtp, datagram: bytes) -> None:
        self.counts["unexpected_rtp"] += 1

    def on_rtcp(self, now_us: int, packet: Rtcp) -> None:
        match packet:
            case Nack():
                self.counts["nacked"] += len(packet.lost)
                for layer in self._layers_of(packet.media):
                    layer.resend(packet.lost)
            case KeyframeRequest():
                self.counts["keyframe_requests"] += 1
                for layer in self._layers_of(packet.media):
                    layer.keyframe_wanted = True
            case ReceiverReport():
                self.reports += packet.reports
            case OtherRtcp(packet_type=205, count=15):
                self.feedback.append(packet.body)

    def _layers_of(self, ssrc: int) -> list["Layer"]:
        return [layer for layer in self.layers if layer.spec.ssrc == ssrc]


class Layer:
    """One SSRC of the publisher."""

    def __init__(self, publisher: Publisher, spec: VideoSpec, mid: str, twcc: bool) -> None:
        self.spec, self._publisher, self._mid, self._twcc = spec, publisher, mid, twcc
        self.enabled = True
        self.keyframe_wanted = True
        self.keyframes = 0
        self.packets = self.octets = 0
        self._frames = 0
        self._rtx_sequence = 7
        self._history: OrderedDict[int, tuple[Rtp, bytes]] = OrderedDict()

    def send_frame(self, now_us: int, frame: int) -> None:
        if not self.enabled:
            return
        keyframe, self.keyframe_wanted = self.keyframe_wanted, False
        self.keyframes += keyframe
        parts = self.spec.parts * (2 if keyframe else 1)
        for part in range(parts):
            picture = Vp8Packet(
                picture_id=self.spec.first_picture_id + self._frames,
                tl0_pic_idx=self._frames,
                key_idx=self.keyframes,
                publisher=self._publisher.number,
                frame=frame,
                captured_us=now_us,
                part=part,
                parts=parts,
                keyframe=keyframe,
            )
            self._send(now_us, bytes(picture), part == parts - 1)
        self._frames += 1

    def timestamp(self, now_us: int) -> int:
        return (self.spec.first_timestamp + now_us * 90 // 1000) & 0xFFFFFFFF

    def sender_report(self, now_us: int) -> bytes:
        ntp = ((NTP_OFFSET_SECONDS * 1_000_000 + now_us) << 32) // 1_000_000
        return write_sender_report(
            SenderReport(self.spec.ssrc, ntp, self.timestamp(now_us), self.packets, self.octets & 0xFFFFFFFF)
        )

    def resend(self, lost: tuple[int, ...]) -> None:
        """Answer a NACK: by RTX (RFC 4588) if we have it, else with the very same bytes."""
        for sequence in lost:
            packet, datagram = self._history.get(nearest(self._next_sequence, sequence), (None, b""))
            if packet is None:
                continue
            if self.spec.rtx_ssrc is None:
                self._publisher.send(datagram)
                continue
            payload = (packet.sequence & 0xFFFF).to_bytes(2, "big") + packet.payload
            extensions = self._extensions(REPAIRED_RID_EXTENSION)
            repair = Rtp(
                RTX_PAYLOAD_TYPE,
                self._rtx_sequence,
                packet.timestamp,
                self.spec.rtx_ssrc,
                payload,
                packet.marker,
                extensions,
            )
            self._rtx_sequence += 1
            self._publisher.send(self._publisher.srtp.protect_rtp(bytes(repair)))

    @property
    def _next_sequence(self) -> int:
        return self.spec.first_sequence + self.packets

    def _send(self, now_us: int, payload: bytes, marker: bool) -> None:
        extensions = self._extensions(RID_EXTENSION)
        packet = Rtp(
            VIDEO_PAYLOAD_TYPE, self._next_sequence, self.timestamp(now_us), self.spec.ssrc, payload, marker, extensions
        )
        datagram = self._publisher.srtp.protect_rtp(bytes(packet))
        self._history[self._next_sequence] = (packet, datagram)
        if len(self._history) > HISTORY:
            self._history.popitem(last=False)
        self.packets += 1
        self.octets += len(payload)
        self._publisher.send(datagram)

    def _extensions(self, rid_extension: int) -> dict[int, bytes]:
        extensions = {MID_EXTENSION: self._mid.encode()}
        if self.spec.rid is not None:
            extensions[rid_extension] = self.spec.rid.encode()
        if self._twcc:
            extensions[TWCC_EXTENSION] = (self._publisher.transport_sequence & 0xFFFF).to_bytes(2, "big")
            self._publisher.transport_sequence += 1
        return extensions

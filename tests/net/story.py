"""A stage for stories: the data path's core, model peers around it, links between, and one virtual clock.

    story = Story("late-joiner")
    alice = story.publisher()
    bob = story.viewer(alice)
    story.run_for(2)
    assert len(bob.decoded) > 50

Nothing sleeps and nothing is random but the links' seeded generators: a story that fails, fails again.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sfu._datapath import Core, EgressSpec, Event, LayerChanged, SrtpSession, TrackSpec
from tests.net.ice import Checker
from tests.net.link import Link, LinkSpec
from tests.net.peer import Address, Peer
from tests.net.publisher import (
    MID_EXTENSION,
    REPAIRED_RID_EXTENSION,
    RID_EXTENSION,
    RTX_PAYLOAD_TYPE,
    TWCC_EXTENSION,
    VIDEO_PAYLOAD_TYPE,
    Publisher,
    VideoSpec,
)
from tests.net.viewer import EgressIds, Viewer

SECOND = 1_000_000
SERVER: Address = ("192.0.2.1", 3478)
PROFILE, KEY_BYTES = "SRTP_AEAD_AES_128_GCM", 28
PERFECT = LinkSpec()
MAX_STEPS = 5_000_000
"""Events of one `run_for`; more means that something reschedules itself without end."""

_MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
_RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
_REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
_TWCC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
PUBLISHER_EXTENSIONS = {
    _MID: MID_EXTENSION,
    _TWCC: TWCC_EXTENSION,
    _RID: RID_EXTENSION,
    _REPAIRED_RID: REPAIRED_RID_EXTENSION,
}
VIEWER_EXTENSIONS = {_MID: 4}


@dataclass(slots=True)
class Place:
    """Where a peer stands: its transport in the core, and the links there and back."""

    peer: Peer
    transport: int
    up: Link
    down: Link
    track: int | None = None
    egress: int | None = None


class Story:
    """See the module."""

    def __init__(self, seed: str) -> None:
        self.seed = seed
        self.core = Core()
        self.now_us = 1 * SECOND
        self.places: dict[Address, Place] = {}
        self.events: list[Event] = []
        self.sent: list[tuple[int, Address, bytes]] = []
        """Every datagram the core sent: time, to whom, what."""
        self._publishers = self._peers = 0

    # who takes part

    def publisher(
        self,
        layers: list[VideoSpec] | None = None,
        up: LinkSpec = PERFECT,
        down: LinkSpec = PERFECT,
        *,
        feedback: bool = True,
    ) -> Publisher:
        """A publisher of one video track; `feedback` whether NACK, PLI and transport-wide feedback are negotiated."""
        self._publishers += 1
        layers = layers or [VideoSpec(ssrc=1000 * self._publishers, rtx_ssrc=1000 * self._publishers + 1)]
        transport, checker, srtp = self._join(PUBLISHER_EXTENSIONS)
        peer = Publisher(self._address(), checker, srtp, self._publishers, layers, twcc=feedback)
        has_rtx = layers[0].rtx_ssrc is not None
        by_rid = layers[0].rid is not None
        track = TrackSpec(
            kind="video",
            mid="0",
            codecs=[(VIDEO_PAYLOAD_TYPE, "vp8", 90_000, RTX_PAYLOAD_TYPE if has_rtx else None)],
            ssrcs=[] if by_rid else [(layer.ssrc, layer.rtx_ssrc) for layer in layers],
            rids=[layer.rid for layer in layers if layer.rid is not None],
            nack=feedback,
            pli=feedback,
            twcc=feedback,
        )
        place = self._place(peer, transport, up, down)
        place.track = self.core.publish(transport, track)
        return peer

    def viewer(
        self,
        source: Publisher | None,
        up: LinkSpec = PERFECT,
        down: LinkSpec = PERFECT,
        *,
        rtx: bool = True,
        nack: bool = True,
        layer: int | None = None,
    ) -> Viewer:
        """A viewer of a publisher's video (None: of nothing yet), in this layer (None: in that for all)."""
        transport, checker, srtp = self._join(VIEWER_EXTENSIONS)
        ssrc = 0x5000_0000 + transport * 2
        ids = EgressIds(101, ssrc, 102, ssrc + 1) if rtx else EgressIds(101, ssrc)
        peer = Viewer(self._address(), checker, srtp, ids, nack=nack)
        place = self._place(peer, transport, up, down)
        egress = EgressSpec(kind="video", mid="0", ssrc=ssrc, rtx_ssrc=ids.rtx_ssrc, cname="sluice", nack=nack)
        place.egress = self.core.subscribe(transport, egress)
        self.watch(peer, source, layer)
        return peer

    def watch(self, viewer: Viewer, source: Publisher | None, layer: int | None = None) -> None:
        """Feed the viewer from this publisher from now on."""
        egress = self._egress(viewer)
        track = None if source is None else self.place(source).track
        payload_types = {VIDEO_PAYLOAD_TYPE: (viewer.ids.payload_type, viewer.ids.rtx_payload_type)}
        self.core.set_source(egress, track, payload_types if source is not None else {}, layer)
        self._flush()

    def choose(self, viewer: Viewer, layer: int | None) -> None:
        """The viewer is to have this layer of what it watches."""
        self.core.choose_layer(self._egress(viewer), layer)
        self._flush()

    def leave(self, peer: Peer) -> None:
        """The peer's session is deleted, and the peer falls silent."""
        place = self.places.pop(peer.address)
        self.core.remove_transport(place.transport)
        self._flush()

    def vanish(self, peer: Peer) -> None:
        """The peer falls silent without a word; the core still has its transport."""
        peer.checker.enabled = False
        self.places.pop(peer.address)

    def restart_ice(self, peer: Peer, address: Address | None = None) -> None:
        """New ICE credentials on both sides, and for the peer a new address if one is given."""
        place = self.place(peer)
        ufrag, pwd = f"again{place.transport}", f"{place.transport:022}again"
        self.core.restart_ice(place.transport, ufrag=ufrag, pwd=pwd, remote_ufrag="peer2")
        peer.checker.restart("peer2", ufrag, pwd)
        if address is not None:
            del self.places[peer.address]
            peer.address = address
            self.places[address] = place
        self._flush()

    def place(self, peer: Peer) -> Place:
        return self.places[peer.address]

    # the passing of time

    def run_for(self, seconds: float) -> None:
        """Let virtual time pass."""
        self.run_until(self.now_us + round(seconds * SECOND), lambda: False)

    def run_until(self, deadline_us: int, done: Callable[[], bool]) -> bool:
        """Let virtual time pass until `done` or the deadline; whether it was done."""
        self._flush()
        for _ in range(MAX_STEPS):
            if done():
                return True
            next_us = max(self.now_us, self._next_event(deadline_us))
            if next_us >= deadline_us:
                self.now_us = deadline_us
                return done()
            self.now_us = next_us
            self._step()
        raise AssertionError("the story does not move on")

    def inject(self, datagram: bytes, sender: Address = ("203.0.113.66", 6666)) -> None:
        """A datagram out of the blue reaches the server."""
        self.core.handle_datagram(self.now_us, SERVER, sender, datagram)
        self._flush()

    def counters(self) -> dict[str, int]:
        return self.core.counters()

    def layer_changes(self) -> list[LayerChanged]:
        return [event for event in self.events if isinstance(event, LayerChanged)]

    def _next_event(self, deadline_us: int) -> int:
        candidates = [deadline_us, self.core.next_deadline()]
        for place in self.places.values():
            candidates += [place.peer.next_deadline(), place.up.next_delivery(), place.down.next_delivery()]
        return min(each for each in candidates if each is not None)

    def _step(self) -> None:
        """Everything that is due now, in a fixed order: arrivals, then timers."""
        for place in list(self.places.values()):
            for datagram in place.up.receive(self.now_us):
                self.core.handle_datagram(self.now_us, SERVER, place.peer.address, datagram)
                self._flush()
            for datagram in place.down.receive(self.now_us):
                place.peer.handle_datagram(self.now_us, datagram)
        deadline = self.core.next_deadline()
        if deadline is not None and deadline <= self.now_us:
            self.core.handle_timeout(self.now_us)
            self._flush()
        for place in list(self.places.values()):
            deadline = place.peer.next_deadline()
            if deadline is not None and deadline <= self.now_us:
                place.peer.handle_timeout(self.now_us)
            for datagram in place.peer.poll_transmits():
                place.up.send(self.now_us, datagram)

    def _flush(self) -> None:
        """Drain what the core wants sent and told."""
        for local, remote, datagram in self.core.poll_transmits(self.now_us):
            assert local == SERVER, "a reply leaves from the address the packet came to"
            self.sent.append((self.now_us, remote, datagram))
            if (place := self.places.get(remote)) is not None:
                place.down.send(self.now_us, datagram)
        self.events += self.core.drain_events()

    # setting up

    def _join(self, extensions: dict[str, int]) -> tuple[int, Checker, SrtpSession]:
        """A transport with keys installed, and the peer's half of it."""
        self._peers += 1
        ufrag, pwd = f"sluice{self._peers:04}", f"{self._peers:022}password"
        transport = self.core.add_transport(ufrag=ufrag, pwd=pwd, remote_ufrag="peer", extensions=extensions)
        to_server = transport.to_bytes(8, "big").ljust(KEY_BYTES, b"\x11")
        to_client = transport.to_bytes(8, "big").ljust(KEY_BYTES, b"\x22")
        self.core.install_keys(transport, PROFILE, to_server, to_client)
        return transport, Checker("peer", ufrag, pwd), SrtpSession(PROFILE, to_client, to_server)

    def _egress(self, viewer: Viewer) -> int:
        egress = self.place(viewer).egress
        assert egress is not None
        return egress

    def _address(self) -> Address:
        return (f"198.51.100.{self._peers % 250}", 10_000 + self._peers)

    def _place(self, peer: Peer, transport: int, up: LinkSpec, down: LinkSpec) -> Place:
        name = f"{self.seed}/{peer.address[0]}:{peer.address[1]}"
        place = Place(peer, transport, Link(up, f"{name}/up"), Link(down, f"{name}/down"))
        self.places[peer.address] = place
        return place

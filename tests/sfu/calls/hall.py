"""Calls without sockets: real members over real transports that never connect, and clients that answer when told to."""

import logging
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Self, cast

import pytest

from sfu._datapath import EgressSpec, TrackSpec
from sfu.answer import LocalTransport
from sfu.attributes import IceCredentials
from sfu.calls.calls import Calls
from sfu.calls.forwarding import Forwardings
from sfu.calls.joining import Joining, ServerOffer
from sfu.calls.member import Member
from sfu.ids import Ids
from sfu.layering import Layering
from sfu.media_endpoint import MediaEndpoint
from sfu.moderation import Moderation
from sfu.negotiation import Kind
from sfu.participant import Participant
from sfu.room import Room
from sfu.rooms import Rooms
from sfu.track import Track, TrackAnnouncement, TrackSource
from sfu.transports import Transports
from sfu.view_settings import VideoLayer
from tests.sfu.calls.descriptions import CANDIDATES, LOCAL, answered
from tests.sfu.handshakes import certificate
from tests.sfu.recorder import Recorder
from tests.sfu.rooms_of import NOW

CERTIFICATE = certificate()
LAYERS = (VideoLayer("low", 320, 180), VideoLayer("medium", 640, 360), VideoLayer("high", 1280, 720))
_CODECS: Mapping[Kind, tuple[str, ...]] = {
    "audio": ("m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=rtpmap:111 opus/48000/2"),
    "video": (
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97",
        "a=rtpmap:96 VP8/90000",
        "a=rtpmap:97 rtx/90000",
        "a=fmtp:97 apt=96",
        "a=rtcp-fb:96 nack",
    ),
}


class Ledger(Recorder):
    """What the data path has now: `tracks` by handle, and `egresses`, each with the track that feeds it."""

    def __init__(self) -> None:
        super().__init__()
        self.tracks: dict[int, int] = {}
        self.egresses: dict[int, int] = {}
        self.sources: dict[int, int | None] = {}

    def publish(self, transport: int, track: TrackSpec) -> int:
        handle = super().publish(transport, track)
        self.tracks[handle] = transport
        return handle

    def unpublish(self, track: int) -> None:
        super().unpublish(track)
        self.tracks.pop(track, None)

    def subscribe(self, transport: int, egress: EgressSpec) -> int:
        number = super().subscribe(transport, egress)
        self.egresses[number] = transport
        self.sources[number] = None
        return number

    def unsubscribe(self, egress: int) -> None:
        super().unsubscribe(egress)
        self.egresses.pop(egress, None)
        self.sources.pop(egress, None)

    def set_source(
        self,
        egress: int,
        track: int | None,
        payload_types: Mapping[int, tuple[int, int | None]] | None = None,
        layer: int | None = None,
    ) -> None:
        super().set_source(egress, track, payload_types, layer)
        if egress in self.egresses:
            self.sources[egress] = track


class Endpoint:
    """As much of a `MediaEndpoint` as members use."""

    def __init__(self, datapath: Ledger, clock: Callable[[], float], max_transports: int) -> None:
        self.engine = datapath
        self.candidates = CANDIDATES
        self.transports = Transports(
            datapath,
            CERTIFICATE,
            clock=clock,
            random_bytes=random.Random(2).randbytes,
            handshake_timeout=15.0,
            max_transports=max_transports,
            max_handshakes=1_000,
        )

    def local(self, ice: IceCredentials, session_id: int) -> LocalTransport:
        return LocalTransport(ice, LOCAL.fingerprint, CANDIDATES, session_id)


class Hall:
    """All of `sfu.calls` in virtual time: `now` is the clock."""

    def __init__(self, *, last_n: int | None = None, max_participants: int = 20, max_transports: int = 1_000) -> None:
        self.now = 100.0
        self.datapath = Ledger()
        ids = Ids(random.Random(1).randbytes)
        self.layering = Layering(self.datapath)
        self.rooms = Rooms(
            ids, clock=lambda: self.now, now=lambda: NOW, max_rooms=10, max_participants=max_participants
        )
        endpoint = cast("MediaEndpoint", Endpoint(self.datapath, lambda: self.now, max_transports))
        self.calls = Calls(endpoint, self.layering, ids, clock=lambda: self.now, now=lambda: NOW, last_n=last_n)
        self.forwardings = Forwardings(ids, lambda: self.now)
        self.moderation = Moderation(self.rooms, self.calls, self.forwardings, close=self._close, may_unmute=False)

    def room(self, name: str = "hall") -> Room:
        return self.rooms.get_or_create(name)

    def join(
        self, identity: str, room: str = "hall", *, connect: bool = True, single: bool = False, **said: object
    ) -> "Guest":
        joining = Joining(identity, single=single, **said)  # type: ignore[arg-type]
        guest = Guest(self.calls.join(self.room(room), joining))
        guest.member.start()
        if connect:
            guest.connect()
        return guest

    def pass_time(self, seconds: float) -> None:
        """To each deadline on the way, as a timer would."""
        until = self.now + seconds
        while (due := self.calls.next_deadline()) is not None and due <= until:
            self.now = max(self.now, due)
            self.calls.handle_timeout(self.now)
        self.now = until

    def _close(self, home: Room, participant: Participant, reason: str) -> None:
        member = self.calls.member(participant)
        if member is not None:
            member.close(reason)
        else:
            home.leave(participant, self.now)


class Guest:
    """A client: `offers` are those it was made, `heard` what its member's other signals said, by name. `waits`: what it
    was offered or asked for and has not answered; `asked`: how often it was asked for the same offer.
    """

    def __init__(self, member: Member) -> None:
        self.member = member
        self.offers: list[ServerOffer] = []
        self.heard: list[tuple[object, ...]] = []
        self._unanswered: list[ServerOffer] = []
        self._sections: list[tuple[Kind, str, str]] = []
        self.asked = 0
        self._wanted: tuple[int, int] | None = None
        self._ids = 0
        member.offered.connect(self._take)
        member.sections_wanted.connect(self._ask)
        for name in ("sections_wanted", "track_wanted", "subscription_allowed", "subscription_failed"):
            getattr(member, name).connect(lambda *said, name=name: self.heard.append((name, *said)))
        for name in ("quality_demanded", "track_muted", "track_removed", "moved", "closed"):
            getattr(member, name).connect(lambda *said, name=name: self.heard.append((name, *said)))

    @property
    def waits(self) -> int:
        return len(self._unanswered) + (self._wanted is not None)

    def connect(self) -> None:
        tuple(self.member.links)[-1].connected.emit()

    def announce(self, kind: Kind = "video", source: TrackSource = TrackSource.UNKNOWN, *, layers: int = 1) -> Track:
        self._ids += 1
        announcement = TrackAnnouncement(f"cid-{self._ids}", kind, source, layers=LAYERS[:layers])
        return self.member.add_track(announcement)

    def publish(self, kind: Kind = "video", source: TrackSource = TrackSource.UNKNOWN, *, layers: int = 1) -> Track:
        track = self.announce(kind, source, layers=layers)
        self.send(track)
        return track

    def send(self, *tracks: Track) -> None:
        """Put them into m-sections."""
        self._sections += [(track.kind, "sendonly", track.announcement.client_id) for track in tracks]
        self.offer()

    def receive(self, audio: int, video: int) -> None:
        """Offer so many more m-sections to receive in."""
        kinds: list[Kind] = ["audio"] * audio
        kinds += ["video"] * video
        self._sections += [(kind, "recvonly", "") for kind in kinds]
        self.offer()

    def unpublish(self, track: Track) -> None:
        self._sections = [
            (kind, "inactive", "") if name == track.announcement.client_id else (kind, direction, name)
            for kind, direction, name in self._sections
        ]
        self.offer()

    def offer(self) -> None:
        self._wanted, self.asked = None, 0
        self.member.offer(described(self._sections))

    def answer(self) -> bool:
        """The oldest offer that has no answer, or the request for one; False: there is none."""
        if self._wanted is not None:
            self.receive(*self._wanted)
            return True
        if not self._unanswered:
            return False
        offer = self._unanswered.pop(0)
        self.member.answer(answered(offer.sdp), offer.id)
        return True

    def refuse(self) -> None:
        """Take nothing of the oldest offer that has no answer."""
        offer = self._unanswered.pop(0)
        self.member.answer(answered(offer.sdp).replace("a=recvonly", "a=inactive"), offer.id)

    def answer_all(self) -> None:
        while self.answer():
            pass

    def said(self, name: str) -> list[tuple[object, ...]]:
        return [words for first, *rest in self.heard if first == name for words in [tuple(rest)]]

    def _ask(self, audio: int, video: int) -> None:
        self.asked += 1
        self._wanted = audio, video

    def _take(self, offer: ServerOffer) -> None:
        self.offers.append(offer)
        self._unanswered.append(offer)


def described(sections: list[tuple[Kind, str, str]]) -> str:
    """A client's offer: data channels, then m-sections of these kinds, directions and names of tracks, with mids 1…"""
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", f"a=fingerprint:{LOCAL.fingerprint}"]
    lines += ["a=ice-ufrag:them", "a=ice-pwd:" + "t" * 24, "a=setup:actpass"]
    lines.append("a=group:BUNDLE " + " ".join(str(mid) for mid in range(len(sections) + 1)))
    lines += ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "c=IN IP4 0.0.0.0", "a=mid:0", "a=sctp-port:5000"]
    for mid, (kind, direction, name) in enumerate(sections, 1):
        lines += [_CODECS[kind][0], "c=IN IP4 0.0.0.0", f"a=mid:{mid}", f"a={direction}", "a=rtcp-mux"]
        lines += _CODECS[kind][1:]
        lines += [f"a=msid:- {name}"] if name else []
    return "\r\n".join(lines) + "\r\n"


class Failures(logging.Handler):
    """Signals log what their listeners raise; here it counts. Listens from `__enter__` until `__exit__`."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(self.format(record))

    def __enter__(self) -> Self:
        logging.getLogger("sfu").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("sfu").removeHandler(self)


@pytest.fixture
def sound() -> Iterator[None]:
    """No listener fails."""
    with Failures() as failures:
        yield
    assert failures.records == []

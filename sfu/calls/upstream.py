"""What a member publishes: announced by signalling and carried by an m-section, which come in either order."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sfu.calls.peer_offer import PeerSection
from sfu.codecs import CodecPair, preferred
from sfu.datapath import DataPath
from sfu.errors import Overloaded
from sfu.events import Signal
from sfu.ids import Ids
from sfu.layering import Layering
from sfu.negotiation import MediaPlan
from sfu.publication import publish, unpublish
from sfu.track import Track, TrackAnnouncement

MAX_TRACKS = 64
_TOO_MANY_RETRY = 5.0


class Upstream:
    """`published` and `unpublished` are told tracks that are announced and have an m-section, and that lose it."""

    def __init__(self, datapath: DataPath, layering: Layering, ids: Ids) -> None:
        self.published = Signal[[Track]]()
        self.unpublished = Signal[[Track]]()
        self._datapath = datapath
        self._layering = layering
        self._ids = ids
        self._transport: int | None = None
        # By the client's own name, those without an m-section; by mid, those with, and m-sections nobody announced.
        self._announced: dict[str, Track] = {}
        self._carried: dict[str, Track] = {}
        self._unknown: dict[str, PeerSection] = {}

    @property
    def tracks(self) -> Sequence[Track]:
        return (*self._carried.values(), *self._announced.values())

    def find(self, track_id: str) -> Track | None:
        return next((track for track in self.tracks if track.id == track_id), None)

    def announce(self, announcement: TrackAnnouncement, created_at: datetime) -> Track:
        """Overloaded ("too-many-tracks"). Said twice before there is media, it is the same."""
        if (announced := self._announced.get(announcement.client_id)) is not None:
            return announced
        if len(self.tracks) >= MAX_TRACKS:
            raise Overloaded("too-many-tracks", f"at most {MAX_TRACKS} tracks at once", retry_after=_TOO_MANY_RETRY)
        track = Track(self._ids.object_id("TR"), announcement, created_at)
        self._announced[announcement.client_id] = track
        for mid, section in self._unknown.items():
            if self._is_of(track, section):
                del self._unknown[mid]
                self._carry(track, section)
                break
        return track

    def place(self, offered: Sequence[PeerSection]) -> Mapping[str, tuple[CodecPair, ...]]:
        """The codecs we take in each m-section that sends, by mid. What the direction says counts: some clients leave
        the names of what they sent before in a section.
        """
        sending = {section.mid: section for section in offered if section.sends}
        for mid in [mid for mid in self._carried if mid not in sending]:
            self._drop(self._carried.pop(mid))
        self._unknown = {mid: section for mid, section in self._unknown.items() if mid in sending}
        return {mid: preferred(section.codecs) for mid, section in sending.items()}

    def accept(self, offered: Sequence[PeerSection], transport: int) -> None:
        """The answer stands: media may come on this transport."""
        self._transport = transport
        for section in offered:
            if section.sends and section.mid not in self._carried:
                track = self._announced_for(section)
                if track is None:
                    self._unknown[section.mid] = section
                else:
                    self._unknown.pop(section.mid, None)
                    self._carry(track, section)

    def remove(self, track: Track) -> None:
        """It is no longer to be published; its m-section may go on sending to nobody."""
        for mid, carried in list(self._carried.items()):
            if carried is track:
                del self._carried[mid]
                self._drop(track)
        self._announced = {name: other for name, other in self._announced.items() if other is not track}

    def end(self) -> None:
        """Its connection is gone, and with it everything it carried."""
        self._transport = None
        for track in self._carried.values():
            unpublish(self._datapath, self._layering, track)

    def _announced_for(self, section: PeerSection) -> Track | None:
        """By the name in the m-section; a client whose names were changed on the way has the first of the kind."""
        name = section.msid.track if section.msid else ""
        named = self._announced.get(name)
        if named is not None:
            return named if named.kind == section.kind else None
        return next((track for track in self._announced.values() if track.kind == section.kind), None)

    def _is_of(self, track: Track, section: PeerSection) -> bool:
        return track.kind == section.kind and self._announced_for(section) is track

    def _carry(self, track: Track, section: PeerSection) -> None:
        if self._transport is None:
            return
        self._announced.pop(track.announcement.client_id, None)
        self._carried[section.mid] = track
        codecs = preferred(section.codecs)
        media = MediaPlan(section.index, section.kind, section.mid, codecs, section.extmaps, section.layers)
        publish(self._datapath, self._layering, self._transport, media, track)
        self.published.emit(track)

    def _drop(self, track: Track) -> None:
        self.unpublished.emit(track)
        unpublish(self._datapath, self._layering, track)

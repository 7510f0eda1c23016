"""The receiving half of a member's only connection, where the client makes the offers."""

from collections.abc import Mapping, Sequence

from sfu.answer import SentStream
from sfu.calls.downstream import MAX_SECTIONS, Downstream, Section
from sfu.calls.peer_offer import PeerSection
from sfu.codecs import CodecPair
from sfu.datapath import DataPath
from sfu.events import Signal
from sfu.ids import Ids
from sfu.layering import Layering
from sfu.slot import mapped

Sending = Mapping[str, tuple[tuple[CodecPair, ...], SentStream]]


class AnsweringDownstream(Downstream):
    """What waits goes into the m-sections a client offers to receive in. `sections_wanted` asks for so many more of
    audio and video, and for an offer (0, 0: for that alone); at most one such request is outstanding. What finds no
    place in `MAX_SECTIONS` waits until another leaves.
    """

    def __init__(self, datapath: DataPath, layering: Layering, ids: Ids) -> None:
        super().__init__(datapath, layering, ids)
        self.sections_wanted = Signal[[int, int]]()
        self._asked = False

    def place(self, offered: Sequence[PeerSection]) -> Sending:
        """What we send in which of the m-sections offered, by mid: with which codecs, and as what stream."""
        self._asked = False
        open_to_us = {section.mid: section for section in offered if section.receives and not section.sends}
        for mid, section in list(self._sections.items()):
            if mid not in open_to_us:
                del self._sections[mid]
                self._wait_again(section)
        for mid, offer in open_to_us.items():
            known = self._sections.get(mid)
            if known is not None and not self._agree(known, offer):
                del self._sections[mid]
                self._wait_again(known)
            if mid not in self._sections and len(self._sections) < MAX_SECTIONS:
                self._sections[mid] = Section(mid, offer.kind, offer.codecs)
        self._assign()
        return {
            section.mid: (section.codecs, section.subscription.stream)
            for section in self._sections.values()
            if section.subscription is not None and section.subscription.stream is not None
        }

    def accept(self, transport: int) -> None:
        """The answer is on its way: what is in it flows."""
        for section in self._sections.values():
            if section.subscription is not None:
                section.subscription.start(self._datapath, transport, section.mid, section.codecs, self._layering)
        self.renegotiate()

    def resume(self) -> None:
        """A request that was outstanding may be lost."""
        self._asked = False
        self.renegotiate()

    def renegotiate(self) -> None:
        if self._asked or not self._started:
            return
        room = MAX_SECTIONS - len(self._sections)
        audio, audio_fits = self._missing("audio", room)
        video, video_fits = self._missing("video", room - audio)
        if audio_fits or video_fits:
            self._asked = True
            self.sections_wanted.emit(audio, video)

    def _missing(self, kind: str, room: int) -> tuple[int, bool]:
        """How many more m-sections would carry what waits, and whether an offer would bring any of it a place."""
        waiting = sum(subscription.track.kind == kind for subscription in self._waiting.values())
        free = sum(section.kind == kind and section.subscription is None for section in self._sections.values())
        missing = max(min(waiting - free, room), 0)
        return missing, waiting > 0 and (free > 0 or missing > 0)

    def _assign(self) -> None:
        for track_id, subscription in list(self._waiting.items()):
            free = [
                section
                for section in self._sections.values()
                if section.subscription is None and section.kind == subscription.track.kind
            ]
            section = next((one for one in free if subscription.understood_by(one.codecs)), None)
            if section is not None:
                del self._waiting[track_id]
                section.subscription = subscription
                subscription.place(self._ids, rtx=any(pair.rtx for pair in section.codecs))
            elif free:
                self._refuse(subscription)

    def _agree(self, section: Section, offer: PeerSection) -> bool:
        """Whether the m-section goes on as it was, with the codecs now offered."""
        subscription = section.subscription
        if section.kind != offer.kind or (
            subscription is not None
            and mapped(subscription.track.codecs, section.codecs) != mapped(subscription.track.codecs, offer.codecs)
        ):
            return False
        section.codecs = offer.codecs
        return True

    def _wait_again(self, section: Section) -> None:
        subscription, section.subscription = section.subscription, None
        if subscription is not None:
            subscription.stop(self._datapath)
            self._waiting[subscription.track.id] = subscription

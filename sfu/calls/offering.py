"""The connection of its own on which a member receives, where we make the offers (LiveKit's subscriber)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sfu.answer import LocalTransport
from sfu.calls.downstream import MAX_SECTIONS, Downstream, Section
from sfu.calls.joining import ServerOffer
from sfu.calls.server_offer import OfferedSection, PayloadTypes, PeerAnswer, read_answer, write_offer
from sfu.calls.subscription import Subscription
from sfu.datapath import DataPath
from sfu.errors import Rejected
from sfu.events import Signal
from sfu.ids import Ids
from sfu.layering import Layering

DATA_MID = "0"


@dataclass(slots=True)
class _Outstanding:
    """An offer that waits for its answer, and what each of its m-sections carries, by mid."""

    id: int
    sections: list[OfferedSection]
    carried: Mapping[str, Subscription] = field(default_factory=dict)


class OfferingDownstream(Downstream):
    """At most one offer is outstanding; whatever changes meanwhile is in the next. An m-section goes through `inactive`
    before it carries another track: some clients miss a change of track within it.

    `offered` is told each offer: the first at once, even with nothing to send, for it is how clients connect. Sections
    are never taken back, only reused (RFC 3264, 8).
    """

    def __init__(self, datapath: DataPath, layering: Layering, ids: Ids, local: LocalTransport) -> None:
        super().__init__(datapath, layering, ids)
        self.offered = Signal[[ServerOffer]]()
        self._local = local
        self._payload_types = PayloadTypes()
        self._outstanding: _Outstanding | None = None
        self._offers = 0
        self._last: list[OfferedSection] | None = None

    @property
    def waits_for_answer(self) -> bool:
        return self._outstanding is not None

    def restart(self, local: LocalTransport) -> None:
        """Offer everything again with other ICE credentials. An answer to what was outstanding does not count."""
        self._local = local
        self._outstanding = self._last = None
        self.renegotiate()

    def renegotiate(self) -> None:
        if not self._started or self._outstanding is not None:
            return
        self._assign()
        sections = [self._describe(section) for section in self._sections.values()]
        if sections == self._last:
            return
        self._offers += 1
        self._last = sections
        carried = {
            section.mid: section.subscription for section in self._sections.values() if section.subscription is not None
        }
        self._outstanding = _Outstanding(self._offers, sections, carried)
        sdp = write_offer(self._local, sections, data_mid=DATA_MID, version=self._offers)
        self.offered.emit(ServerOffer(self._offers, sdp, self.tracks()))

    def read(self, sdp: str, offer_id: int) -> PeerAnswer | None:
        """What the client says to the outstanding offer (0: to whatever is outstanding); None: to an older one.

        Malformed, Rejected.
        """
        outstanding = self._outstanding
        if outstanding is None or offer_id not in (0, outstanding.id):
            return None
        return read_answer(sdp, outstanding.sections, data_mid=DATA_MID)

    def accept(self, answer: PeerAnswer, transport: int) -> None:
        """The answer stands; what the client agreed to flows on this transport from now on."""
        outstanding, self._outstanding = self._outstanding, None
        if outstanding is None:
            return
        for mid, section in list(self._sections.items()):
            offered = outstanding.carried.get(mid)
            if offered is None:
                section.settled = True
            elif offered is section.subscription:
                codecs = answer.accepted.get(mid, ())
                if offered.understood_by(codecs):
                    offered.start(self._datapath, transport, mid, codecs, self._layering)
                else:
                    section.subscription, section.settled = None, False
                    self._refuse(offered)
        self.renegotiate()

    def _assign(self) -> None:
        """Everything that waits gets an m-section, an old one that is free or a new one, while there are any."""
        free: dict[str, list[Section]] = {"audio": [], "video": []}
        for section in self._sections.values():
            if section.subscription is None and section.settled:
                free[section.kind].append(section)
        for track_id, subscription in list(self._waiting.items()):
            kind = subscription.track.kind
            if not free[kind] and len(self._sections) >= MAX_SECTIONS:
                continue
            try:
                codecs = self._payload_types.pairs(subscription.track.codecs)
            except Rejected:
                self._refuse(subscription)
                continue
            if free[kind]:
                section = free[kind].pop(0)
            else:
                mid = str(len(self._sections) + 1)
                section = self._sections[mid] = Section(mid, kind, ())
            del self._waiting[track_id]
            section.codecs, section.subscription, section.settled = codecs, subscription, False
            subscription.place(self._ids, rtx=any(pair.rtx for pair in section.codecs))

    def _describe(self, section: Section) -> OfferedSection:
        stream = section.subscription.stream if section.subscription is not None else None
        return OfferedSection(section.mid, section.kind, section.codecs, stream)

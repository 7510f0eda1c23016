"""What a member of a call receives: which of the others' tracks are in which m-sections of its connection.

What it should have changes at any time; what its description says changes by offer and answer, one at a time. Both
kinds of connection keep the difference: `waiting` for an m-section, and sections whose subscription has ended.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sfu.calls.subscription import Subscription
from sfu.codecs import CodecPair
from sfu.datapath import DataPath
from sfu.events import Signal
from sfu.ids import Ids
from sfu.layering import Layering
from sfu.negotiation import Kind
from sfu.track import Track

# M-sections towards one client. A description of so many is some 400 KiB.
MAX_SECTIONS = 240


@dataclass(slots=True, eq=False)
class Section:
    """One m-section. `settled`: the client knows that it carries nothing, so that it may carry something else."""

    mid: str
    kind: Kind
    codecs: tuple[CodecPair, ...]
    subscription: Subscription | None = None
    settled: bool = False


class Downstream(ABC):
    """`failed` tells a subscription that cannot be had, and why: "unsupported-codec"."""

    def __init__(self, datapath: DataPath, layering: Layering, ids: Ids) -> None:
        self.failed = Signal[[Subscription, str]]()
        self._datapath = datapath
        self._layering = layering
        self._ids = ids
        self._subscriptions: dict[str, Subscription] = {}
        self._waiting: dict[str, Subscription] = {}
        self._sections: dict[str, Section] = {}
        self._started = False

    @property
    def subscriptions(self) -> Collection[Subscription]:
        return self._subscriptions.values()

    def subscription(self, track_id: str) -> Subscription | None:
        return self._subscriptions.get(track_id)

    def tracks(self) -> Mapping[str, str]:
        """Which track is in which m-section, by mid."""
        return {
            section.mid: section.subscription.track.id
            for section in self._sections.values()
            if section.subscription is not None
        }

    def want(self, subscription: Subscription) -> None:
        """From now on."""
        track_id = subscription.track.id
        if track_id not in self._subscriptions:
            self._subscriptions[track_id] = self._waiting[track_id] = subscription
            self.renegotiate()

    def unwant(self, track: Track) -> None:
        """No longer."""
        self._waiting.pop(track.id, None)
        subscription = self._subscriptions.pop(track.id, None)
        if subscription is None:
            return
        subscription.stop(self._datapath)
        for section in self._sections.values():
            if section.subscription is subscription:
                section.subscription = None
                section.settled = False
        self.renegotiate()

    def start(self) -> None:
        """The client may be asked to renegotiate from now on."""
        self._started = True
        self.renegotiate()

    def end(self) -> None:
        """The connection is gone: there is nothing to ask the client for any more."""
        self._started = False

    def feed(self, subscription: Subscription) -> None:
        """Its view, or what flows of its track, is another."""
        subscription.feed(self._datapath, self._layering)

    @abstractmethod
    def renegotiate(self) -> None:
        """Bring the description up to what is wanted, now or after what is under way."""

    def _refuse(self, subscription: Subscription) -> None:
        """The client cannot decode it. It is not tried again until it is wanted anew."""
        self._waiting.pop(subscription.track.id, None)
        self._subscriptions.pop(subscription.track.id, None)
        subscription.stop(self._datapath)
        self.failed.emit(subscription, "unsupported-codec")

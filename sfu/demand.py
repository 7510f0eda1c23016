"""What a publisher needs to send of one video track, from what all its viewers want (LiveKit's dynacast)."""

from collections.abc import Hashable
from typing import Generic, TypeVar

from sfu.view_settings import QUALITIES, VideoQuality

# Who scrolls past a video, or changes the layout, often comes back within this; LiveKit waits as long.
DECREASE_SECONDS = 5.0

K = TypeVar("K", bound=Hashable)


class Demand(Generic[K]):
    """The qualities that are wanted of one track by its viewers, by any key of theirs.

    More is asked for at once, since somebody waits for it; less only once nobody has wanted more for a while, which
    bounds how often the publisher's encoders start and stop. Holds one value per viewer.
    """

    def __init__(self, now: float) -> None:
        """As published: everything is sent until somebody says otherwise, and nobody wants it yet."""
        self.maximum: VideoQuality | None = "high"
        self._wanted: dict[K, VideoQuality] = {}
        self._viewers = dict.fromkeys(QUALITIES, 0)
        self._due: float | None = now + DECREASE_SECONDS

    @property
    def enabled(self) -> dict[VideoQuality, bool]:
        """What to tell the publisher: what is wanted, and all below it, to which a viewer may have to fall back."""
        return {quality: _rank(quality) <= _rank(self.maximum) for quality in QUALITIES}

    def want(self, viewer: K, quality: VideoQuality | None, now: float) -> bool:
        """This viewer wants at most this quality; None: nothing, or it is gone. True: `enabled` changed."""
        if (known := self._wanted.pop(viewer, None)) is not None:
            self._viewers[known] -= 1
        if quality is not None:
            self._wanted[viewer] = quality
            self._viewers[quality] += 1
        wanted = self._highest()
        if _rank(wanted) > _rank(self.maximum):
            return self._settle(wanted)
        if wanted == self.maximum:
            self._due = None
        elif self._due is None:
            self._due = now + DECREASE_SECONDS
        return False

    def next_deadline(self) -> float | None:
        """When less will be asked for, if it stays as it is."""
        return self._due

    def handle_timeout(self, now: float) -> bool:
        """True: `enabled` changed."""
        if self._due is None or now < self._due:
            return False
        return self._settle(self._highest())

    def _highest(self) -> VideoQuality | None:
        return next((quality for quality in reversed(QUALITIES) if self._viewers[quality]), None)

    def _settle(self, quality: VideoQuality | None) -> bool:
        """Everybody is content with this now."""
        self._due = None
        changed, self.maximum = quality != self.maximum, quality
        return changed


def _rank(quality: VideoQuality | None) -> int:
    return -1 if quality is None else QUALITIES.index(quality)

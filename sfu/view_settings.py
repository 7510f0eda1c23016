"""What one viewer wants of one video track (LiveKit's UpdateTrackSettings), and which simulcast layer that is."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

VideoQuality = Literal["low", "medium", "high"]
QUALITIES: tuple[VideoQuality, ...] = ("low", "medium", "high")

# A layer that is that much of the wanted size is scaled up without anybody seeing it; LiveKit tolerates as much.
SIZE_TOLERANCE = 0.9


@dataclass(frozen=True, slots=True)
class ViewSettings:
    """`width`, `height`: pixels of the element that shows the picture, 0 if not said; they beat `quality`. With neither
    it is the best there is. `fps` is what was asked for, 0 if nothing: nothing here chooses by it, because layers of
    one track differ in size, and temporal layers are not told apart.
    """

    enabled: bool = True
    quality: VideoQuality | None = None
    width: int = 0
    height: int = 0
    fps: int = 0


@dataclass(frozen=True, slots=True)
class VideoLayer:
    """One simulcast layer as its publisher announces it: pixels, bits per second, each 0 if not said."""

    quality: VideoQuality
    width: int = 0
    height: int = 0
    bitrate: int = 0


def layer_for(settings: ViewSettings, layers: Sequence[VideoLayer], active: Collection[int]) -> int | None:
    """The layer to send: of those that flow now (`active`) the best that is not more than is wanted, else the least.

    Layers count from 0, the lowest, as their rids do. `layers` may be empty or shorter than what flows: publishers
    announce what they like. None: there is nothing to send, or it is not wanted.
    """
    if not settings.enabled or not active:
        return None
    wanted = wanted_layer(settings, layers)
    return max((layer for layer in active if layer <= wanted), default=min(active))


def wanted_layer(settings: ViewSettings, layers: Sequence[VideoLayer]) -> int:
    """The layer that suits best, if all flowed and the track is wanted at all."""
    if not layers:
        return QUALITIES.index(settings.quality or "high")
    # Both may be turned by 90 degrees or cropped; the shorter sides say most about how much detail is to be seen.
    sizes = [min(layer.width, layer.height) for layer in layers]
    if (size := _shorter_side(settings)) and all(sizes):
        return _smallest_of(size * SIZE_TOLERANCE, sizes)
    if settings.quality is not None:
        rank = QUALITIES.index(settings.quality)
        return max((i for i, layer in enumerate(layers) if QUALITIES.index(layer.quality) <= rank), default=0)
    return len(layers) - 1


def wanted_quality(settings: ViewSettings, layers: Sequence[VideoLayer]) -> VideoQuality | None:
    """What the publisher must send for it (`sfu.demand`); None: nothing."""
    if not settings.enabled:
        return None
    wanted = wanted_layer(settings, layers)
    return layers[wanted].quality if layers else QUALITIES[wanted]


def _shorter_side(settings: ViewSettings) -> int:
    """Of what was said; 0: nothing was."""
    return min(settings.width, settings.height) or max(settings.width, settings.height)


def _smallest_of(size: float, sizes: Sequence[int]) -> int:
    """The smallest that suffices, else the highest; of equal ones, which differ in frame rate, the best.

    A layer never counts as smaller than one below it, so that who wants more never gets a lower layer, whatever the
    publisher announced.
    """
    grown = list(accumulate(sizes, max))
    enough = min((known for known in grown if known >= size), default=grown[-1])
    return max(i for i, known in enumerate(grown) if known == enough)

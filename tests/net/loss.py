"""Loss models: given a stream of packets, which of them a link loses."""

from dataclasses import dataclass
from random import Random
from typing import Protocol


class LossModel(Protocol):
    """Asked once per packet, in order."""

    def loses(self, now_us: int, rng: Random) -> bool: ...


@dataclass(slots=True)
class IndependentLoss:
    """Every packet is lost with the same probability, whatever became of the one before."""

    probability: float

    def loses(self, now_us: int, rng: Random) -> bool:
        return rng.random() < self.probability


@dataclass(slots=True)
class GilbertElliott:
    """Bursty loss: two states, each with its own loss probability, and a chance per packet to change state."""

    good_to_bad: float
    bad_to_good: float
    loss_good: float = 0.0
    loss_bad: float = 1.0
    bad: bool = False

    def loses(self, now_us: int, rng: Random) -> bool:
        leave = self.bad_to_good if self.bad else self.good_to_bad
        if rng.random() < leave:
            self.bad = not self.bad
        return rng.random() < (self.loss_bad if self.bad else self.loss_good)


def bursts(loss: float, mean_burst: float) -> GilbertElliott:
    """The simple Gilbert model with this stationary loss and mean burst length in packets.

    ValueError: bursts that short cannot make up that much loss.
    """
    if not 0 < loss < 1 or mean_burst < 1 or mean_burst < loss / (1 - loss):
        raise ValueError("loss must be within (0, 1) and mean_burst at least max(1, loss / (1 - loss))")
    return GilbertElliott(good_to_bad=loss / (mean_burst * (1 - loss)), bad_to_good=1 / mean_burst)


@dataclass(slots=True)
class Outages:
    """Everything is lost during the last `length_us` of every `period_us`: a fade, whatever the packet rate."""

    period_us: int
    length_us: int

    def loses(self, now_us: int, rng: Random) -> bool:
        return now_us % self.period_us >= self.period_us - self.length_us

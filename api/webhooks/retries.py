"""When an event that could not be delivered is tried again."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds; each wait is twice the one before. By default they add up to a minute and a half, with a target that
    lets every attempt time out to three minutes, so that what is behind an event in its room does not wait for ever."""

    first: float = 1.0
    longest: float = 30.0
    attempts: int = 8

    def wait(self, failures: int, chance: float) -> float | None:
        """After so many failures; None: give up. chance: 0 to 1, at random, so that targets are not hit in step."""
        if failures >= self.attempts:
            return None
        return min(self.longest, self.first * 2.0 ** (failures - 1)) * (0.5 + chance / 2)

"""Whether traffic should be sent here."""

from enum import Enum


class State(Enum):
    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"


class Readiness:
    """Starting, then ready, then draining; never back."""

    def __init__(self) -> None:
        self.state = State.STARTING

    def started(self) -> None:
        if self.state is State.STARTING:
            self.state = State.READY

    def draining(self) -> None:
        self.state = State.DRAINING

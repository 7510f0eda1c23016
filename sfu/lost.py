"""Participants that did not connect or fell silent, remembered for a while for whoever asks what went wrong."""

from collections import OrderedDict

from sfu.connection import Connection
from sfu.participant import Participant

MEMORY_SECONDS = 120.0
# Beyond, those lost longest ago are forgotten.
MAX_LOST = 512


class LostParticipants:
    """Times are monotonic seconds."""

    def __init__(self) -> None:
        self._lost = OrderedDict[str, tuple[float, str, Participant, Connection]]()

    def note(self, now: float, room: str, participant: Participant, connection: Connection) -> None:
        self._lost[participant.id] = (now, room, participant, connection)
        self._forget(now)

    def find(self, now: float, room: str, identity: str) -> Participant | None:
        """The one lost last, of those with this identity."""
        self._forget(now)
        for _, lost_from, participant, _ in reversed(self._lost.values()):
            if (lost_from, participant.identity) == (room, identity):
                return participant
        return None

    def connection(self, now: float, participant: Participant) -> Connection | None:
        self._forget(now)
        found = self._lost.get(participant.id)
        return found[3] if found else None

    def _forget(self, now: float) -> None:
        while self._lost:
            lost_at = next(iter(self._lost.values()))[0]
            if len(self._lost) <= MAX_LOST and now - lost_at < MEMORY_SECONDS:
                return
            self._lost.popitem(last=False)

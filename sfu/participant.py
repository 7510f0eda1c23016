"""Someone in a room, with what they publish."""

import enum
from collections.abc import Sequence
from datetime import datetime

from sfu.track import Track


class ParticipantKind(enum.StrEnum):
    PUBLISHER = "publisher"
    VIEWER = "viewer"


class ParticipantState(enum.StrEnum):
    """JOINING → ACTIVE → DISCONNECTED; a participant whose transport never connects skips ACTIVE."""

    JOINING = "joining"
    ACTIVE = "active"
    DISCONNECTED = "disconnected"


class Participant:
    """`hidden` participants count and are listed for operators, but are nobody to the others in the room."""

    def __init__(
        self,
        *,
        id: str,  # noqa: A002 - what it is called everywhere else
        identity: str,
        kind: ParticipantKind,
        joined_at: datetime,
        name: str = "",
        metadata: str = "",
        tracks: Sequence[Track] = (),
    ) -> None:
        self.id = id
        self.identity = identity
        self.kind = kind
        self.joined_at = joined_at
        self.name = name
        self.metadata = metadata
        self.tracks: Sequence[Track] = tuple(tracks)
        self.state = ParticipantState.JOINING

    @property
    def hidden(self) -> bool:
        return self.kind is ParticipantKind.VIEWER

    @property
    def is_live(self) -> bool:
        """Whether there is media to be had from them."""
        return self.state is ParticipantState.ACTIVE and bool(self.tracks)

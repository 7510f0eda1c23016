"""Someone in a room, with what they publish."""

import enum
from collections.abc import Mapping, Sequence
from datetime import datetime

from sfu.permissions import Permissions
from sfu.track import Track

EVERYTHING = Permissions()


class ParticipantKind(enum.StrEnum):
    """By the door they came in: WHIP, WHEP, a call's signalling; or forwarded from another room."""

    PUBLISHER = "publisher"
    VIEWER = "viewer"
    MEMBER = "member"
    FORWARDED = "forwarded"


class ParticipantState(enum.StrEnum):
    """JOINING → ACTIVE → DISCONNECTED; a participant whose transport never connects skips ACTIVE."""

    JOINING = "joining"
    ACTIVE = "active"
    DISCONNECTED = "disconnected"


class Participant:
    """`hidden` participants count and are listed for operators, but are nobody to the others in the room.

    `version` grows with every change that others can see. `client_protocol` and `capabilities` are what its client says
    it understands of other clients' messages; `role` is LiveKit's kind. `departure`: why it left.
    """

    def __init__(
        self,
        *,
        id: str,  # noqa: A002 - what it is called everywhere else
        identity: str,
        kind: ParticipantKind,
        joined_at: datetime,
        name: str = "",
        metadata: str = "",
        attributes: Mapping[str, str] | None = None,
        permissions: Permissions = EVERYTHING,
        tracks: Sequence[Track] = (),
        client_protocol: int = 0,
        capabilities: Sequence[int] = (),
        role: str = "standard",
    ) -> None:
        self.id = id
        self.identity = identity
        self.kind = kind
        self.joined_at = joined_at
        self.name = name
        self.metadata = metadata
        self.attributes = dict(attributes or {})
        self.permissions = permissions
        self.tracks: Sequence[Track] = tuple(tracks)
        self.client_protocol = client_protocol
        self.capabilities = tuple(capabilities)
        self.role = role
        self.state = ParticipantState.JOINING
        self.version = 1
        self.departure: str | None = None

    @property
    def hidden(self) -> bool:
        return self.kind is ParticipantKind.VIEWER or self.permissions.hidden

    @property
    def is_live(self) -> bool:
        """Whether there is media to be had from them."""
        return self.state is ParticipantState.ACTIVE and any(track.handle is not None for track in self.tracks)

    def has(self, kind: str) -> bool:
        """Whether they publish media of this kind."""
        return any(track.kind == kind and track.handle is not None for track in self.tracks)

"""What one brings to a call, and what descriptions go back and forth, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sfu.participant import EVERYTHING
from sfu.permissions import Permissions


@dataclass(frozen=True, slots=True)
class Joining:
    """`single`: one peer connection for both directions, which the client alone makes offers for; else one for what it
    publishes, and one for what it receives, for which we make them.
    """

    identity: str
    name: str = ""
    metadata: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    permissions: Permissions = EVERYTHING
    single: bool = False
    auto_subscribe: bool = True
    client_protocol: int = 0
    capabilities: tuple[int, ...] = ()
    role: str = "standard"


@dataclass(frozen=True, slots=True)
class SubscriptionPermissions:
    """Whom a publisher lets have its tracks. `tracks`: by identity or participant id, the ids of those tracks that one
    may have; None: all of them. It adds nothing where `everybody` may.
    """

    everybody: bool = True
    tracks: Mapping[str, frozenset[str] | None] = field(default_factory=dict)

    def allow(self, identity: str, participant_id: str, track_id: str) -> bool:
        if self.everybody:
            return True
        for name in (participant_id, identity):
            if name in self.tracks:
                allowed = self.tracks[name]
                return allowed is None or track_id in allowed
        return False


@dataclass(frozen=True, slots=True)
class ServerOffer:
    """`tracks`: which track is in which m-section, by mid; all of them, each time."""

    id: int
    sdp: str
    tracks: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class MemberAnswer:
    """As `ServerOffer`, to an offer of the client's."""

    sdp: str
    tracks: Mapping[str, str]

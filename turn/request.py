"""One authenticated request, with what it takes to answer it, now or later."""

from dataclasses import dataclass

from turn.allocation import Owner
from turn.authentication import Authenticated
from turn.datapath import Path
from turn.stun import Message


@dataclass(frozen=True, slots=True)
class Request:
    """client: where it came from. now, unix: when."""

    client: Path
    message: Message
    authenticated: Authenticated
    now: float
    unix: float

    @property
    def owner(self) -> Owner:
        return Owner(self.authenticated.username, self.authenticated.user)

    @property
    def expired(self) -> bool:
        """Whether the credential is good for nothing new."""
        return self.unix >= self.authenticated.expiry

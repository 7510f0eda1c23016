"""Time-limited credentials: a name that says until when, and a password that follows from it and a shared secret.

The form is that of coturn's `use-auth-secret` (draft-uberti-behave-turn-rest-00): "{Unix expiry}:{user}" and
base64(HMAC-SHA1(secret, name)). Ours have "{Unix expiry}:{minted, Unix ms}:{user}", so that a revocation can tell what
was minted before it from what came after; those minted elsewhere with the secret are as good without.
"""

import base64
import hmac
import re
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from turn.groups import group_of
from turn.integrity import PasswordAlgorithm, long_term_key, userhash
from turn.opaque import opaque_string

TTL = 300
MAX_SECRETS = 8
MAX_USERNAME_BYTES = 508  # RFC 8489, 14.3: fewer than 509
MAX_REALM = 127  # characters; 14.9: fewer than 128
CAPACITY = 65_536
_USERNAME = re.compile(r"([0-9]{1,12}):(?:([0-9]{13}):)?(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Identity:
    """What a user name says. `minted` is Unix ms, 0 where the name does not say."""

    username: str
    user: str
    expiry: int
    minted: int


def identity(username: str) -> Identity | None:
    """None: not a name of this form."""
    match = _USERNAME.fullmatch(username)
    return match and Identity(username, match[3], int(match[1]), int(match[2] or 0))


def password(secret: str, username: str) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), username.encode(), "sha1")).decode()


class Credentials:
    """Mints with the first secret, knows passwords by any of them, and remembers who was sent away."""

    def __init__(self, secrets: Sequence[str], realm: str, *, ttl: int = TTL, capacity: int = CAPACITY) -> None:
        """ttl: seconds. Raises ValueError for no secret, an empty one, too many, and for what cannot be a realm."""
        if not 1 <= len(secrets) <= MAX_SECRETS or not all(secrets):
            raise ValueError(f"1 to {MAX_SECRETS} secrets, none of them empty")
        self.realm = opaque_string(realm)
        if len(self.realm) > MAX_REALM:
            raise ValueError(f"a realm of more than {MAX_REALM} characters")
        self.ttl = ttl
        self._secrets = tuple(secrets)
        self._capacity = capacity
        self._hashes: OrderedDict[bytes, str] = OrderedDict()
        self._revocations = Revocations(ttl, capacity)

    def mint(self, user: str, unix: float) -> tuple[str, str]:
        """User name and password. Raises ValueError for a user who is not its own OpaqueString, or too long."""
        if opaque_string(user) != user:
            raise ValueError("the user's name has another spelling")
        username = f"{int(unix) + self.ttl}:{self._revocations.mark(unix):013}:{user}"
        if len(username.encode()) > MAX_USERNAME_BYTES:
            raise ValueError("the user's name is too long")
        self._hashes[userhash(username, self.realm)] = username
        if len(self._hashes) > self._capacity:
            self._hashes.popitem(last=False)
        return username, password(self._secrets[0], username)

    def username(self, hashed: bytes) -> str | None:
        """Whose USERHASH this is, if minted here and not `capacity` others used since."""
        username = self._hashes.get(hashed)
        if username is not None:
            self._hashes.move_to_end(hashed)
        return username

    def keys(self, username: str, algorithm: PasswordAlgorithm) -> Iterator[bytes]:
        """One per secret."""
        return (long_term_key(username, self.realm, password(secret, username), algorithm) for secret in self._secrets)

    def admits(self, who: Identity, unix: float) -> bool:
        """Whether it is still good for something new: neither expired nor revoked."""
        return unix < who.expiry and not self._revocations.covers(who)

    def revoke(self, group: str, unix: float) -> None:
        """What was minted for this group up to now admits nobody any more; what is minted from now on does."""
        self._revocations.add(group, unix)


class Revocations:
    """Who was sent away, and when, for as long as credentials from before live.

    At the bound the oldest is forgotten, and what anybody was given before it admits nobody, either: a new credential
    is easily had, one that was taken back must not return.
    """

    def __init__(self, ttl: int, capacity: int) -> None:
        self._ttl = ttl
        self._capacity = capacity
        self._last = 0
        self._floor = 0
        self._marks: OrderedDict[str, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._marks)

    def mark(self, unix: float) -> int:
        """Unix ms, not before any earlier mark, whatever becomes of the clock."""
        self._last = max(self._last, int(unix * 1000))
        return self._last

    def add(self, group: str, unix: float) -> None:
        self._last = self.mark(unix) + 1
        self._marks[group] = self._last
        self._marks.move_to_end(group)
        while self._marks:
            oldest, mark = next(iter(self._marks.items()))
            outlived = mark + self._ttl * 1000 <= unix * 1000
            if not outlived and len(self._marks) <= self._capacity:
                break
            del self._marks[oldest]
            if not outlived:
                self._floor = mark

    def covers(self, who: Identity) -> bool:
        return who.minted < max(self._marks.get(group_of(who.user), 0), self._floor)

"""Who sent a request: the long-term credential mechanism (RFC 8489, 9.2.4). Nothing is kept of those who fail."""

from dataclasses import dataclass, field

from turn.attribute_forms import Address, Written
from turn.attributes import NONCE, PASSWORD_ALGORITHM, PASSWORD_ALGORITHMS, REALM, USERHASH, USERNAME
from turn.credentials import Credentials, Identity, identity
from turn.errors import Malformed, Refused
from turn.integrity import Integrity, PasswordAlgorithm
from turn.nonces import Nonces, Verdict
from turn.stun import Message, Method

_OFFERED = PASSWORD_ALGORITHMS.of((PasswordAlgorithm.SHA256, PasswordAlgorithm.MD5))


@dataclass(frozen=True, slots=True)
class Authenticated:
    """Who sent the request, and how its answer is to be signed: `encode(reply, key=who.key, algorithm=who.algorithm)`.

    `expiry` is in Unix seconds; past it the credential is good for what it already began, and for nothing new.
    """

    username: str
    user: str
    expiry: int
    key: bytes = field(repr=False)
    algorithm: Integrity


class Authentication:
    def __init__(self, credentials: Credentials, nonces: Nonces) -> None:
        self._credentials = credentials
        self._nonces = nonces
        self._realm = REALM.of(credentials.realm)

    def authenticate(self, request: Message, client: Address, unix: float) -> Authenticated:
        """Raises Refused: 400, 401 or 438 (RFC 8489, 9.2.4, whose order this is). Such answers are not signed.

        An Allocate needs a credential that has neither expired nor been revoked.
        """
        # No integrity: the first request of every client.
        if not request.signed:
            raise self._challenge(401, "no integrity", client, unix)
        # Integrity, and one of user name, realm and nonce is missing.
        try:
            username, nonce, realm = USERNAME.read(request), NONCE.read(request), REALM.read(request)
            hashed, algorithm = USERHASH.read(request), _password_algorithm(request)
        except Malformed as error:
            raise Refused(400, str(error)) from None
        if (username is None and hashed is None) or realm is None or nonce is None:
            raise Refused(400, "no user name, realm or nonce")
        # The user name or its hash is not valid.
        who = self._identity(username, hashed)
        if who is None or realm != self._credentials.realm:
            raise self._challenge(401, "nobody of that name", client, unix)
        # Integrity does not match.
        chosen = algorithm or PasswordAlgorithm.MD5
        key = next((key for key in self._credentials.keys(who.username, chosen) if request.verify(key)), None)
        if key is None:
            raise self._challenge(401, "another password", client, unix)
        # The nonce is no longer valid, or never was.
        verdict = self._nonces.verdict(nonce, client, unix)
        if verdict is not Verdict.VALID:
            raise self._challenge(438, f"{verdict.value} nonce", client, unix)
        # The user name is not valid any more.
        if request.method == Method.ALLOCATE and not self._credentials.admits(who, unix):
            raise self._challenge(401, "expired or revoked", client, unix)
        integrity = Integrity.SHA1 if algorithm is None else Integrity.SHA256
        return Authenticated(who.username, who.user, who.expiry, key, integrity)

    def _identity(self, username: str | None, hashed: bytes | None) -> Identity | None:
        if username is None and hashed is not None:
            username = self._credentials.username(hashed)
        return None if username is None else identity(username)

    def _challenge(self, code: int, reason: str, client: Address, unix: float) -> Refused:
        nonce: Written = NONCE.of(self._nonces.mint(client, unix))
        return Refused(code, reason, (self._realm, nonce, _OFFERED))


def _password_algorithm(request: Message) -> PasswordAlgorithm | None:
    """The client's choice, None where it does not know that there is one. Raises Refused.

    It repeats our offer, so that we see whether somebody shortened it on the way (RFC 8489, 9.2.1). This is checked of
    every nonce: one without the cookie is not ours.
    """
    offered, chosen = request.get(PASSWORD_ALGORITHMS.type), PASSWORD_ALGORITHM.read(request)
    if offered is None and chosen is None:
        return None
    if offered != _OFFERED[1] or chosen not in (PasswordAlgorithm.SHA256, PasswordAlgorithm.MD5):
        raise Refused(400, "password algorithms other than those offered")
    return PasswordAlgorithm(chosen)

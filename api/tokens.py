"""Access tokens: LiveKit-shaped JWTs, HS256 only.

`iss` names the API key whose secret signed the token, `sub` is the participant's identity, `video` holds the grants.
`exp` is required, because a token without it is a permanent credential. As in LiveKit, a permission that is not
mentioned is given once `roomJoin` is, and a grant that names no room holds in every room.

Pure: the time is an argument.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt
from jwt.algorithms import HMACAlgorithm
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from api.names import name_fault, room_fault

ALGORITHM = "HS256"
LEEWAY = timedelta(seconds=60)
DEFAULT_TTL = timedelta(hours=6)
MAX_TTL = timedelta(days=366)
MAX_TOKEN_LENGTH = 8192


class TokenError(Exception):
    """The token proves nothing. The text says why, without quoting the token."""


class _Hs256(HMACAlgorithm):
    """Without a rule on the secret's length: that is the settings' rule, and --dev is exempt from it."""

    def check_key_length(self, key: bytes) -> str | None:
        return None


# Signatures that know one algorithm, so that there is no other to be talked into.
_JWS = jwt.PyJWS(algorithms=[])
_JWS.register_algorithm(ALGORITHM, _Hs256(HMACAlgorithm.SHA256))


class VideoGrant(BaseModel):
    """The `video` claim. Grants that Sluice does not know are ignored."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, strict=True, hide_input_in_errors=True
    )

    room_create: bool = Field(default=False, description="May create and delete rooms.")
    room_list: bool = Field(default=False, description="May list rooms.")
    room_admin: bool = Field(default=False, description="May see and remove participants of the room.")
    room_join: bool = Field(default=False, description="May join the room.")
    room: str = Field(default="", description="The room the grant holds in; empty: every room.")
    can_publish: bool | None = Field(default=None, description="May publish; not given: yes, with roomJoin.")
    can_subscribe: bool | None = Field(default=None, description="May watch; not given: yes, with roomJoin.")
    hidden: bool = Field(default=False, description="Other participants are not told of this one.")

    def holds_in(self, room: str) -> bool:
        return self.room in {"", room}


NO_GRANTS = VideoGrant()


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A verified token."""

    key: str
    identity: str
    name: str = ""
    metadata: str = ""
    video: VideoGrant = NO_GRANTS

    def may_publish(self, room: str) -> bool:
        return self._may_join(room) and self.video.can_publish is not False

    def may_subscribe(self, room: str) -> bool:
        return self._may_join(room) and self.video.can_subscribe is not False

    def may_administer(self, room: str) -> bool:
        return self.video.room_admin and self.video.holds_in(room)

    def may_create(self, room: str) -> bool:
        return self.video.room_create and self.video.holds_in(room)

    def may_grant(self, grant: VideoGrant) -> bool:
        """Whether the bearer may hand out this grant: an administrator of the room, and no right it lacks itself."""
        mine = self.video
        return (
            self.may_administer(grant.room)
            and (mine.room_create or not grant.room_create)
            and (mine.room_list or not grant.room_list)
        )

    def _may_join(self, room: str) -> bool:
        return bool(self.identity) and self.video.room_join and self.video.holds_in(room)


def mint(
    key: str,
    secret: str,
    video: VideoGrant,
    *,
    now: datetime,
    identity: str = "",
    name: str = "",
    metadata: str = "",
    ttl: timedelta = DEFAULT_TTL,
) -> str:
    """A signed token, valid from `now` for `ttl`. ValueError: ttl not positive or above MAX_TTL."""
    if not timedelta(0) < ttl <= MAX_TTL:
        raise ValueError(f"a token's lifetime must be positive and at most {MAX_TTL.days} days")
    issued = int(now.timestamp())
    claims: dict[str, object] = {
        "iss": key,
        "nbf": issued,
        "exp": issued + math.ceil(ttl.total_seconds()),
        "video": video.model_dump(by_alias=True, exclude_defaults=True),
    }
    claims |= {k: v for k, v in {"sub": identity, "name": name, "metadata": metadata}.items() if v}
    return _JWS.encode(json.dumps(claims, separators=(",", ":")).encode(), secret, ALGORITHM, {"typ": "JWT"})


def verify(token: str, secrets: Mapping[str, str], now: datetime) -> AccessToken:
    """Check signature, issuer, lifetime and shape. `secrets`: API key to secret. TokenError: anything is wrong."""
    if len(token) > MAX_TOKEN_LENGTH:
        raise TokenError("the token is too long")
    claims = _signed_claims(token, secrets)
    _check_lifetime(claims, now.timestamp())
    try:
        video = VideoGrant.model_validate(claims.get("video", {}))
    except ValidationError as error:
        raise TokenError("the video grant cannot be read") from error
    identity = _text(claims, "sub")
    if identity and (fault := name_fault(identity)):
        raise TokenError(f"the identity {fault}")
    if video.room and (fault := room_fault(video.room)):
        raise TokenError(f"the room name {fault}")
    return AccessToken(
        key=_text(claims, "iss"),
        identity=identity,
        name=_text(claims, "name"),
        metadata=_text(claims, "metadata"),
        video=video,
    )


def _signed_claims(token: str, secrets: Mapping[str, str]) -> dict[str, Any]:
    """The claims, once their signature is known to be good. The header's kid, jku, x5u and such are never looked at."""
    try:
        issuer = _claims(_JWS.decode(token, options={"verify_signature": False})).get("iss")
        secret = secrets.get(issuer) if isinstance(issuer, str) else None
        if secret is None:
            raise TokenError("the token was issued by an unknown API key")
        return _claims(_JWS.decode(token, secret, algorithms=[ALGORITHM]))
    except jwt.InvalidAlgorithmError as error:
        raise TokenError("the token is not signed with HS256") from error
    except jwt.InvalidSignatureError as error:
        raise TokenError("the token's signature is wrong") from error
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise TokenError("the token is not a JWT") from error


def _claims(payload: bytes) -> dict[str, Any]:
    """RFC 7519, 7.2, step 10: the payload is a JSON object."""
    claims = json.loads(payload)
    if not isinstance(claims, dict):
        raise TokenError("the token's payload is not an object")
    return claims


def _check_lifetime(claims: Mapping[str, Any], now: float) -> None:
    leeway = LEEWAY.total_seconds()
    if "exp" not in claims:
        raise TokenError("the token has no exp claim")
    expires = _timestamp(claims, "exp")
    if expires + leeway <= now:
        raise TokenError("the token has expired")
    if expires > now + MAX_TTL.total_seconds() + leeway:
        raise TokenError(f"the token is valid for more than {MAX_TTL.days} days")
    if "nbf" in claims and _timestamp(claims, "nbf") - leeway > now:
        raise TokenError("the token is not valid yet")


def _timestamp(claims: Mapping[str, Any], claim: str) -> float:
    """RFC 7519, 2: NumericDate."""
    value = claims.get(claim)
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e15 < value < 1e15:
        raise TokenError(f"the {claim} claim is not a time")
    return float(value)


def _text(claims: Mapping[str, Any], claim: str) -> str:
    value = claims.get(claim, "")
    if not isinstance(value, str):
        raise TokenError(f"the {claim} claim is not text")
    return value

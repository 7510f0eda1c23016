"""The claims of a JWT (RFC 7519), read one by one: each is there and as it should be, or the token is refused."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

LEEWAY = timedelta(seconds=60)

Claims = Mapping[str, Any]
Model = TypeVar("Model", bound=BaseModel)


class ClaimError(Exception):
    """A claim is missing or not as it should be. The text says which, without quoting it."""


def parse(payload: bytes) -> Claims:
    """RFC 7519, 7.2, step 10: the payload is a JSON object. ClaimError."""
    try:
        claims = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise ClaimError("the token is not a JWT") from error
    if not isinstance(claims, dict):
        raise ClaimError("the token's payload is not an object")
    return claims


def check_lifetime(claims: Claims, now: float, longest: timedelta) -> None:
    """`exp` is there and in the future, but not beyond `longest`; `nbf` is not in the future. now: Unix time."""
    leeway = LEEWAY.total_seconds()
    if "exp" not in claims:
        raise ClaimError("the token has no exp claim")
    expires = _timestamp(claims, "exp")
    if expires + leeway <= now:
        raise ClaimError("the token has expired")
    if expires > now + longest.total_seconds() + leeway:
        raise ClaimError(f"the token is valid for more than {longest.days} days")
    if "nbf" in claims and _timestamp(claims, "nbf") - leeway > now:
        raise ClaimError("the token is not valid yet")


def text(claims: Claims, claim: str) -> str:
    """Empty when it is not there. ClaimError."""
    value = claims.get(claim)
    if value is None:
        return ""
    if not _is_text(value):
        raise ClaimError(f"the {claim} claim is not text")
    return str(value)


def texts(claims: Claims, claim: str) -> dict[str, str]:
    """An object that holds text by name; empty when it is not there. ClaimError."""
    value = claims.get(claim)
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(map(_is_text, (*value, *value.values()))):
        raise ClaimError(f"the {claim} claim does not hold text by name")
    return value


def read(model: type[Model], claims: Claims, claim: str) -> Model | None:
    """An object of that shape, in which null is what is not said, as in ProtoJSON. ClaimError."""
    value = claims.get(claim)
    if value is None:
        return None
    if isinstance(value, dict):
        value = {name: given for name, given in value.items() if given is not None}
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise ClaimError(f"the {claim} claim cannot be read") from error


def _timestamp(claims: Claims, claim: str) -> float:
    """RFC 7519, 2: NumericDate."""
    value = claims.get(claim)
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e15 < value < 1e15:
        raise ClaimError(f"the {claim} claim is not a time")
    return float(value)


def _is_text(value: object) -> bool:
    """JSON can write half a surrogate pair, which is in no text and which no message can hold."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True

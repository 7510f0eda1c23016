"""What handlers ask for by annotation: the context, the bearer's token, a checked room name, a turn in the queue."""

from typing import Annotated

from fastapi import Depends, Path, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.context import Context
from api.names import room_fault
from api.problems import Problem
from api.rate_limit import address_key
from api.tokens import AccessToken, TokenError, verify

REALM = 'Bearer realm="sluice"'

_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="An access token; `sluice token` makes one.")


def get_context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


ContextDep = Annotated[Context, Depends(get_context)]


def get_token(
    context: ContextDep, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
) -> AccessToken:
    """The verified bearer token (RFC 6750, 3: a request without one learns the scheme and nothing more)."""
    if credentials is None:
        raise Problem(401, "no-token", "A bearer token is required.", headers={"WWW-Authenticate": REALM})
    try:
        return verify(credentials.credentials, context.secrets, context.now())
    except TokenError as error:
        challenge = {"WWW-Authenticate": f'{REALM}, error="invalid_token"'}
        raise Problem(401, "invalid-token", f"{error}.".capitalize(), headers=challenge) from None


TokenDep = Annotated[AccessToken, Depends(get_token)]


def limit_address(request: Request, context: ContextDep) -> None:
    """Before the token is looked at, so that guessing tokens is limited too."""
    host = request.client.host if request.client else "unknown"
    _refuse_above(context.address_limiter.take(address_key(host), context.clock()))


def limit_identity(token: TokenDep, context: ContextDep) -> None:
    _refuse_above(context.identity_limiter.take(f"{token.key}\n{token.identity}", context.clock()))


LIMITED = [Depends(limit_address), Depends(limit_identity)]


def get_room(room: Annotated[str, Path(description="The room's name.", examples=["lobby"])]) -> str:
    if fault := room_fault(room):
        raise Problem(400, "malformed-room", f"The room name {fault}.")
    return room


RoomName = Annotated[str, Depends(get_room)]


def require(allowed: bool, what: str) -> None:
    """403 unless allowed (RFC 6750, 3.1: insufficient_scope)."""
    if not allowed:
        challenge = {"WWW-Authenticate": f'{REALM}, error="insufficient_scope"'}
        raise Problem(403, "not-permitted", f"The token does not permit {what}.", headers=challenge)


def _refuse_above(wait: float) -> None:
    if wait > 0:
        raise Problem(429, "rate-limited", "Too many requests.", retry_after=wait)

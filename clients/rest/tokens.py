"""Access tokens for the client's own requests: JWTs (RFC 7519) with HS256, of one shape."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime, timedelta

# What a backend may be allowed at most; whoever has the key's secret has it anyway.
EVERYTHING: Mapping[str, object] = {
    "roomCreate": True,
    "roomList": True,
    "roomAdmin": True,
    "roomRecord": True,
    "ingressAdmin": True,
    "agent": True,
    "canManageAgentSession": True,
}


def sign(
    key: str, secret: str, *, now: datetime, ttl: timedelta, video: Mapping[str, object], identity: str = ""
) -> str:
    """A token that is valid from `now` for `ttl`."""
    issued = int(now.timestamp())
    claims: dict[str, object] = {"iss": key, "nbf": issued, "exp": issued + int(ttl.total_seconds()), "video": video}
    if identity:
        claims["sub"] = identity
    head, body = (_encode(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    signature = hmac.new(secret.encode(), f"{head}.{body}".encode(), hashlib.sha256).digest()
    return f"{head}.{body}.{_encode(signature)}"


def _encode(data: bytes) -> str:
    """RFC 7515, 2: base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")

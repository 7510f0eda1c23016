"""Signatures of webhooks: LiveKit's and Standard Webhooks', both on each request."""

import base64
import hashlib
import hmac
from datetime import datetime, timedelta

from api.tokens import NO_GRANTS, mint

LIFETIME = timedelta(minutes=5)  # LiveKit's, and the tolerance of Standard Webhooks


def signature_headers(event_id: str, body: bytes, key: str, secret: str, now: datetime) -> dict[str, str]:
    """For one attempt at `now`.

    LiveKit: `Authorization` is a token, without `Bearer`, whose sha256 claim is of the exact body. Standard Webhooks
    1.0: `webhook-signature` is an HMAC of id, timestamp and body. Nothing signed that way can be taken for a token that
    the same secret signed: a token begins with an object in base64, an id with `EV_`.
    """
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    timestamp = str(int(now.timestamp()))
    signed = f"{event_id}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.digest(secret.encode(), signed, "sha256")).decode()
    return {
        "Authorization": mint(key, secret, NO_GRANTS, now=now, ttl=LIFETIME, sha256=digest),
        "webhook-id": event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{signature}",
    }

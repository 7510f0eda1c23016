"""Signatures, verified by the packages that receivers use."""

import base64
from datetime import UTC, datetime

import pytest
import standardwebhooks
from livekit import api as livekit
from livekit.protocol.models import Room

from api.tokens import verify
from api.webhooks.events import encode, room_started
from api.webhooks.signing import signature_headers
from tests.api.recording import KEY, SECRET

BODY = encode(room_started(Room(name="rööm")), "EV_1", 1_700_000_000)


def headers() -> dict[str, str]:
    return signature_headers("EV_1", BODY, KEY, SECRET, datetime.now(UTC))


def test_livekits_receiver_takes_it() -> None:
    receiver = livekit.WebhookReceiver(livekit.TokenVerifier(KEY, SECRET))
    event = receiver.receive(BODY.decode(), headers()["Authorization"])
    assert (event.event, event.room.name) == ("room_started", "rööm")
    with pytest.raises(Exception, match="hash mismatch"):
        receiver.receive(BODY.decode() + " ", headers()["Authorization"])


def test_standard_webhooks_takes_it() -> None:
    secret = "whsec_" + base64.b64encode(SECRET.encode()).decode()
    receiver = standardwebhooks.Webhook(secret)
    assert receiver.verify(BODY, headers())["event"] == "room_started"
    for change in ({"webhook-id": "EV_2"}, {"webhook-timestamp": str(int(datetime.now(UTC).timestamp()) + 1)}):
        with pytest.raises(standardwebhooks.WebhookVerificationError):
            receiver.verify(BODY, headers() | change)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        receiver.verify(BODY + b" ", headers())


def test_the_token_opens_no_door() -> None:
    token = verify(headers()["Authorization"], {KEY: SECRET}, datetime.now(UTC))
    assert (token.identity, token.video.room_join, token.may_administer(""), token.may_create("")) == (
        "",
        False,
        False,
        False,
    )

"""Requests made up from the description of /v1: nothing fails, and every answer is as it is described."""

from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.app import create_app
from tests.api.recording import (
    RecordedParticipant,
    RecordedRoom,
    RecordedTrack,
    RecordingRelay,
    RecordingSfu,
    WallClock,
    admin_token,
    bearer,
    settings_for_tests,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
EXAMPLES = 12


def make_schema() -> schemathesis.BaseSchema:
    """Of an app without limits on how often it is asked, and with what the examples name."""
    wall = WallClock()
    sfu = RecordingSfu(wall.now)
    alice = RecordedParticipant("alice", "publisher", wall.now(), tracks=[RecordedTrack("TR_q9dXzY0fAbcD")])
    sfu.rooms.rooms["lobby"] = RecordedRoom("lobby", wall.now(), participants=[alice])
    limits = {f"{who}_{what}": 1e9 for who in ("address", "identity") for what in ("rate", "burst")}
    app = create_app(settings_for_tests(**limits), sfu, clock=wall.monotonic, now=wall.now, relay=RecordingRelay())
    return schemathesis.openapi.from_asgi("/openapi.json", app).include(path_regex="^/v1/")


schema = make_schema()


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_any_request_is_answered_as_described(case: schemathesis.Case[Any]) -> None:
    case.call_and_validate(headers=bearer(admin_token()), checks=CHECKS)

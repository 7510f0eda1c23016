"""Requests made up from the description of /v1: nothing fails, and every answer is as it is described."""

from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import CheckContext, Response
from schemathesis.checks import not_a_server_error
from schemathesis.core.parameters import ParameterLocation
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

CONFORMANCE = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 5
THERE = {"room": "lobby", "identity": "alice", "track_id": "TR_q9dXzY0fAbcD"}


class World:
    """An app without limits on how often it is asked, and what the description's examples name."""

    def __init__(self) -> None:
        self._wall = WallClock()
        self._sfu = RecordingSfu(self._wall.now)
        limits = {f"{who}_{what}": 1e9 for who in ("address", "identity") for what in ("rate", "burst")}
        settings = settings_for_tests(**limits)
        wall = self._wall
        app = create_app(settings, self._sfu, clock=wall.monotonic, now=wall.now, relay=RecordingRelay())
        self.schema = schemathesis.openapi.from_asgi("/openapi.json", app)

    def begin_anew(self) -> None:
        now = self._wall.now()
        alice = RecordedParticipant("alice", "publisher", now, tracks=[RecordedTrack(THERE["track_id"])])
        self._sfu.rooms.rooms = {"lobby": RecordedRoom("lobby", now, participants=[alice])}


world = World()
bounded = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def wrong_bodies_are_refused(ctx: CheckContext, response: Response, case: schemathesis.Case[Any]) -> bool | None:
    """Where nothing else is wrong: parameters and headers that are not known are not looked at."""
    components = case.meta.components if case.meta else {}
    wrong = {location for location, component in components.items() if component.mode.is_negative}
    return negative_data_rejection(ctx, response, case) if wrong == {ParameterLocation.BODY} else None


@world.schema.include(path_regex="^/v1/").parametrize()
@bounded
def test_any_request_is_answered_as_described(case: schemathesis.Case[Any]) -> None:
    world.begin_anew()
    case.call_and_validate(headers=bearer(admin_token()), checks=[*CONFORMANCE, wrong_bodies_are_refused])


@world.schema.include(path_regex=r"^/v1/.*\{").parametrize()
@bounded
def test_so_is_one_that_names_what_there_is(case: schemathesis.Case[Any]) -> None:
    """What is made up names nobody who is there."""
    world.begin_anew()
    case.path_parameters = {name: THERE[name] for name in case.path_parameters}
    case.call_and_validate(headers=bearer(admin_token()), checks=[*CONFORMANCE, wrong_bodies_are_refused])

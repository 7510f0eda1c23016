"""Which requests are made again, with which token, and what their failures say."""

from collections.abc import Sequence
from datetime import timedelta

import httpx
import pytest

from api.tokens import verify
from clients.rest import SluiceClient
from clients.rest.errors import ApiError, UnreachableError
from clients.rest.requests import ATTEMPTS
from tests.api.recording import KEY, SECRET, WallClock

ROOM = {
    "id": "RM_1",
    "name": "room",
    "created_at": "2026-11-22T12:00:00Z",
    "metadata": "",
    "empty_timeout": 300,
    "departure_timeout": 20,
    "max_participants": 10,
    "num_participants": 0,
    "num_publishers": 0,
    "of_later": True,
}
OK = httpx.Response(200, json=ROOM)
BUSY = httpx.Response(503, json={"code": "too-many-rooms", "detail": "Full."}, headers={"Retry-After": "30"})
NOT_FOUND = httpx.Response(404, json={"code": "room-not-found", "detail": "None."})
Reply = httpx.Response | Exception


class World:
    """A server that gives these answers, one after the other; the last of them again and again."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.asked: list[httpx.Request] = []
        self.waited: list[float] = []
        self.wall = WallClock()
        self.client = SluiceClient(
            "http://server/prefix/",
            KEY,
            SECRET,
            transport=httpx.MockTransport(self._answer),
            now=self.wall.now,
            wait=self._wait,
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def _wait(self, seconds: float) -> None:
        self.waited.append(seconds)


async def test_what_a_later_server_says_besides_is_not_read() -> None:
    world = World(OK)
    assert (await world.client.get_room("room")).name == "room"
    assert str(world.asked[0].url) == "http://server/prefix/v1/rooms/room"


@pytest.mark.parametrize(
    "replies", [[BUSY, OK], [httpx.ConnectError("refused"), OK], [httpx.ReadTimeout("late"), httpx.Response(502), OK]]
)
async def test_what_may_have_been_lost_is_asked_again(replies: Sequence[Reply]) -> None:
    world = World(*replies)
    await world.client.create_room("room")
    assert len(world.asked) == len(replies)
    assert len({request.headers["idempotency-key"] for request in world.asked}) == 1
    assert len(world.waited) == len(replies) - 1
    await world.client.create_room("room")
    assert world.asked[-1].headers["idempotency-key"] != world.asked[0].headers["idempotency-key"]


async def test_the_servers_patience_is_kept() -> None:
    world = World(BUSY)
    with pytest.raises(ApiError) as error:
        await world.client.get_room("room")
    assert (error.value.status, error.value.code, error.value.detail) == (503, "too-many-rooms", "Full.")
    assert error.value.retry_after == 30
    assert (len(world.asked), world.waited) == (ATTEMPTS, [30.0] * (ATTEMPTS - 1))


async def test_without_an_answer() -> None:
    world = World(httpx.ConnectError("refused"))
    with pytest.raises(UnreachableError):
        await world.client.get_room("room")
    assert len(world.asked) == ATTEMPTS
    assert all(0 < seconds <= 8 for seconds in world.waited)


async def test_a_refusal_is_final() -> None:
    faults = [{"pointer": "body/name", "detail": "no"}]
    world = World(httpx.Response(422, json={"code": "invalid-request", "detail": "no", "errors": faults}))
    with pytest.raises(ApiError) as error:
        await world.client.create_room("")
    assert (len(world.asked), error.value.errors) == (1, ('{"pointer": "body/name", "detail": "no"}',))


async def test_what_is_gone_after_a_lost_answer_was_removed() -> None:
    world = World(httpx.ReadError("reset"), NOT_FOUND)
    await world.client.delete_room("room")
    with pytest.raises(ApiError):
        await world.client.delete_room("room")


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(400, text="<html>"),
        httpx.Response(400, json=[]),
        httpx.Response(400, json={"errors": 1}, headers={"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}),
        httpx.Response(302, headers={"Location": "/"}),
    ],
)
async def test_answers_of_somebody_else(response: httpx.Response) -> None:
    with pytest.raises(ApiError) as error:
        await World(response).client.get_room("room")
    assert (error.value.status, error.value.code) == (response.status_code, "http-error")


@pytest.mark.parametrize("body", ["{}", "[]", "nonsense"])
async def test_an_answer_that_cannot_be_read(body: str) -> None:
    with pytest.raises(ApiError) as error:
        await World(httpx.Response(200, text=body)).client.get_room("room")
    assert error.value.code == "unreadable-answer"


async def test_tokens_are_renewed_in_time() -> None:
    world = World(OK)
    bearers: list[str] = []
    for _ in range(6):
        await world.client.get_room("room")
        bearers.append(world.asked[-1].headers["authorization"].removeprefix("Bearer "))
        assert verify(bearers[-1], {KEY: SECRET}, world.wall.now()).video.room_admin
        world.wall.advance(timedelta(minutes=3).total_seconds())
    assert len(set(bearers)) == 2

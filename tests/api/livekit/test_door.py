"""Who is let in by LiveKit's door, and what the others are told."""

import base64
import gzip
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import httpx
import jwt
import pytest
from livekit.protocol import models, rtc
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.api.livekit.calling import Client, Server, access, join_request, serving
from tests.api.recording import KEY, SECRET, token


async def status_of_upgrade(server: Server, path: str, bearer: str | None = None) -> tuple[int, str]:
    """101, or the status and the text the upgrade is refused with."""
    headers = {} if bearer is None else {"Authorization": bearer}
    try:
        async with connect(f"ws://127.0.0.1:{server.port}{path}", additional_headers=headers):
            return 101, ""
    except InvalidStatus as refusal:
        return refusal.response.status_code, (refusal.response.body or b"").decode()


async def status_of_validate(server: Server, path: str, bearer: str | None = None) -> tuple[int, str]:
    path, _, query = path.partition("?")
    headers = {} if bearer is None else {"Authorization": bearer}
    async with httpx.AsyncClient(base_url=server.http_url) as http:
        response = await http.get(f"{path}/validate?{query}", headers=headers)
    assert response.headers["access-control-allow-origin"] == "*"
    return response.status_code, response.text


NEW = f"join_request={join_request()}"


@pytest.mark.parametrize(
    ("path", "bearer", "status", "said"),
    [
        ("/rtc", None, 401, "required"),
        ("/rtc", "Bearer nonsense", 401, "not a JWT"),
        ("/rtc", f"Basic {access()}", 401, "required"),
        ("/rtc", f"Bearer {token(now=datetime.now(UTC) - timedelta(days=1))}", 401, "expired"),
        ("/rtc", f"Bearer {access(room_join=False)}", 401, "joining"),
        ("/rtc", f"Bearer {access('')}", 400, "identity"),
        ("/rtc", f"Bearer {access(room='')}", 400, "room"),
        (f"/rtc?access_token={access()}", "Basic x", 401, "required"),
        ("/rtc/v1", f"Bearer {access()}", 400, "join_request"),
        ("/rtc/v1?join_request=!", f"Bearer {access()}", 400, "join_request"),
        (f"/rtc/v1?{NEW}", None, 401, "required"),
    ],
)
async def test_who_is_not_let_in(server: Server, path: str, bearer: str | None, status: int, said: str) -> None:
    for ask in (status_of_upgrade, status_of_validate):
        given, text = await ask(server, path, bearer)
        assert given == status
        assert said in text
    assert list(server.sfu.rooms.list()) == []


@pytest.mark.parametrize(
    ("path", "bearer"),
    [
        ("/rtc", f"Bearer {access()}"),
        ("/rtc", f"bearer {access()}"),
        (f"/rtc?access_token={access()}", None),
        ("/rtc?room=elsewhere", f"Bearer {access(room='')}"),
        (f"/rtc/v1?{NEW}", f"Bearer {access()}"),
        (f"/rtc/v1?{NEW}&access_token={access()}", None),
    ],
)
async def test_who_is_let_in(server: Server, path: str, bearer: str | None) -> None:
    assert await status_of_validate(server, path, bearer) == (200, "success")
    assert list(server.sfu.rooms.list()) == []
    assert await status_of_upgrade(server, path, bearer) == (101, "")
    (room,) = server.sfu.rooms.list()
    assert room.name == ("elsewhere" if "elsewhere" in path else "room")


async def test_a_long_token_in_the_query(server: Server) -> None:
    bearer = token(now=datetime.now(UTC), room="room", can_publish_sources=("x" * 9_000,))
    assert (await status_of_upgrade(server, f"/rtc?access_token={bearer}"))[0] == 101


async def test_one_peer_connection_can_be_switched_off() -> None:
    async with serving(livekit_single_peer_connection=False) as server:
        for ask in (status_of_upgrade, status_of_validate):
            assert (await ask(server, f"/rtc/v1?{NEW}", f"Bearer {access()}"))[0] == 404
        assert (await status_of_upgrade(server, "/rtc", f"Bearer {access()}"))[0] == 101


async def test_limits() -> None:
    async with serving(max_participants_per_room=1, max_call_sockets=2) as server:
        alice = Client(server, access("alice"))
        await alice.join()
        for ask in (status_of_upgrade, status_of_validate):
            assert (await ask(server, "/rtc", f"Bearer {access('bob')}"))[0] == 503
        assert (await status_of_validate(server, "/rtc", f"Bearer {access('alice')}"))[0] == 200
        elsewhere = Client(server, access("bob", "elsewhere"))
        await elsewhere.join()
        for ask in (status_of_upgrade, status_of_validate):
            assert (await ask(server, "/rtc", f"Bearer {access('carol', 'third')}"))[0] == 503
        await alice.close()
        await elsewhere.close()


async def test_the_rate_of_one_address_is_limited() -> None:
    async with serving(address_rate=0.001, address_burst=2) as server:
        statuses = [(await status_of_validate(server, "/rtc", f"Bearer {access()}"))[0] for _ in range(3)]
        assert statuses == [200, 200, 429]
        assert (await status_of_upgrade(server, "/rtc", f"Bearer {access()}"))[0] == 429


@pytest.mark.parametrize("path", ["/", "/v1/rooms", "/assets/x", "/rtc/v2", "/rtc/validate", "/whip/room"])
async def test_other_paths_take_no_websockets(server: Server, path: str) -> None:
    assert (await status_of_upgrade(server, path, f"Bearer {access()}"))[0] == 404


@pytest.mark.parametrize("path", ["/rtc", "/rtc/v1"])
async def test_what_is_no_upgrade_is_not_found(server: Server, path: str) -> None:
    async with httpx.AsyncClient(base_url=server.http_url) as http:
        assert (await http.get(path, headers={"Authorization": f"Bearer {access()}"})).status_code == 404


async def test_an_untrusted_host_is_not_upgraded() -> None:
    async with serving(trusted_hosts="calls.example") as server:
        assert (await status_of_upgrade(server, "/rtc", f"Bearer {access()}"))[0] == 421


async def test_the_room_is_as_the_token_says(server: Server) -> None:
    claims = {"roomConfig": {"emptyTimeout": 7, "maxParticipants": 3, "metadata": "m"}}
    client = Client(server, signed(claims))
    join = await client.join()
    assert (join.room.empty_timeout, join.room.max_participants, join.room.metadata) == (7, 3, "m")
    assert join.participant.kind == models.ParticipantInfo.AGENT
    await client.close()


def signed(claims: Mapping[str, object]) -> str:
    now = int(datetime.now(UTC).timestamp())
    basic: dict[str, object] = {
        "iss": KEY,
        "sub": "alice",
        "exp": now + 600,
        "kind": "agent",
        "video": {"roomJoin": True, "room": "room"},
    }
    return jwt.encode({**basic, "video": {"roomJoin": True, "room": "room"}, **claims}, SECRET, "HS256")


async def test_who_brings_large_offers_comes_less_often() -> None:
    """Each is answered at once, for everybody else to wait for."""
    offer = rtc.SessionDescription(type="offer", sdp="v=0\r\n" + "a=x\r\n" * 20_000)
    wrapped = rtc.WrappedJoinRequest(
        compression=rtc.WrappedJoinRequest.GZIP,
        join_request=gzip.compress(rtc.JoinRequest(publisher_offer=offer).SerializeToString()),
    )
    large = f"/rtc/v1?join_request={base64.urlsafe_b64encode(wrapped.SerializeToString()).decode()}"
    async with serving(identity_rate=0.001, identity_burst=20) as server:
        assert (await status_of_validate(server, large, f"Bearer {access('mallory')}"))[0] == 200
        assert (await status_of_upgrade(server, large, f"Bearer {access('mallory')}"))[0] == 429
        assert (await status_of_upgrade(server, f"/rtc/v1?{NEW}", f"Bearer {access('alice')}"))[0] == 101

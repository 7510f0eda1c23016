"""`GET /v1/ice-servers`, and which URLs there are."""

import httpx
import pytest

from api.app import create_app
from api.ice_servers import IceServer, entries, ice_urls
from tests.api.recording import (
    RecordingRelay,
    RecordingSfu,
    WallClock,
    admin_token,
    bearer,
    settings_for_tests,
    token,
)

SERVERS = (
    IceServer("stun:192.0.2.1:3478"),
    IceServer("turn:192.0.2.1:3478?transport=udp", "user", "secret"),
    IceServer("turn:192.0.2.1:3478?transport=tcp", "user", "secret"),
)


@pytest.fixture
def relay() -> RecordingRelay:
    return RecordingRelay(*SERVERS)


@pytest.fixture
def client(sfu: RecordingSfu, wall: WallClock, relay: RecordingRelay) -> httpx.AsyncClient:
    app = create_app(settings_for_tests(), sfu, clock=wall.monotonic, now=wall.now, relay=relay)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver")


async def test_a_participant_gets_what_a_peer_connection_takes(
    client: httpx.AsyncClient, relay: RecordingRelay
) -> None:
    response = await client.get("/v1/ice-servers", headers=bearer(token("alice")))
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert response.json() == {
        "iceServers": [
            {"urls": ["stun:192.0.2.1:3478"]},
            {"urls": [server.url for server in SERVERS[1:]], "username": "user", "credential": "secret"},
        ],
        "ttl": 300,
    }
    assert relay.asked == [("room", "alice")]


async def test_a_token_for_every_room_names_one(client: httpx.AsyncClient, relay: RecordingRelay) -> None:
    everywhere = bearer(token("alice", room=""))
    assert (await client.get("/v1/ice-servers", headers=everywhere)).status_code == 422
    assert (await client.get("/v1/ice-servers?room=lobby", headers=everywhere)).status_code == 200
    assert relay.asked == [("lobby", "alice")]


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/v1/ice-servers", {}, 401),
        ("/v1/ice-servers?room=other", bearer(token("alice")), 403),
        ("/v1/ice-servers?room=room", bearer(admin_token()), 403),
        ("/v1/ice-servers", bearer(token("alice", can_publish=False, can_subscribe=False)), 403),
        ("/v1/ice-servers?room=a%2Fb", bearer(token("alice", room="")), 422),
    ],
)
async def test_nobody_else_gets_any(
    client: httpx.AsyncClient, relay: RecordingRelay, path: str, headers: dict[str, str], status: int
) -> None:
    assert (await client.get(path, headers=headers)).status_code == status
    assert relay.asked == []


async def test_a_server_without_a_relay_says_so_with_an_empty_list(http: httpx.AsyncClient) -> None:
    response = await http.get("/v1/ice-servers", headers=bearer(token("alice")))
    assert response.json()["iceServers"] == []


async def test_the_relay_runs_as_long_as_the_application(
    sfu: RecordingSfu, wall: WallClock, relay: RecordingRelay
) -> None:
    app = create_app(settings_for_tests(), sfu, clock=wall.monotonic, now=wall.now, relay=relay)
    async with app.router.lifespan_context(app):
        assert relay.running
    assert not relay.running


def test_urls_name_one_address_of_each_family_or_the_domain() -> None:
    addresses = [("192.0.2.1", 3478), ("192.0.2.2", 3478), ("2001:db8::1", 3478)]
    assert ice_urls(addresses, domain=None, tls=None) == (
        ["stun:192.0.2.1:3478", "stun:[2001:db8::1]:3478"],
        [
            "turn:192.0.2.1:3478?transport=udp",
            "turn:[2001:db8::1]:3478?transport=udp",
            "turn:192.0.2.1:3478?transport=tcp",
            "turn:[2001:db8::1]:3478?transport=tcp",
        ],
    )
    assert ice_urls(addresses, domain="live.example", tls=("live.example", 443)) == (
        ["stun:live.example:3478"],
        [
            "turn:live.example:3478?transport=udp",
            "turn:live.example:3478?transport=tcp",
            "turns:live.example:443?transport=tcp",
        ],
    )
    assert ice_urls([], domain=None, tls=("2001:db8::1", 443))[1] == ["turns:[2001:db8::1]:443?transport=tcp"]


def test_servers_with_the_same_credential_are_one_entry() -> None:
    assert [len(entry.urls) for entry in entries(SERVERS)] == [1, 2]
    assert "secret" not in repr(entries(SERVERS))

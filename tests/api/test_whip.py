"""WHIP, one test per requirement of RFC 9725 that is the HTTP layer's (W1..W24 in the order of the RFC's checklist).

What the SDP answers say (W3, W7, W8, W10, W11, W17, W22) is in test_whip_real.py.
"""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.app import create_app
from api.ice_servers import IceServer
from api.routes.signalling import ENDPOINT_METHODS, SESSION_METHODS
from api.tokens import VideoGrant, mint
from sfu.errors import Overloaded, Rejected
from tests.api.recording import (
    ANSWER,
    FRAGMENT,
    KEY,
    OFFER,
    SDP,
    SDPFRAG,
    SECRET,
    RecordingRelay,
    RecordingSfu,
    WallClock,
    admin_token,
    bearer,
    settings_for_tests,
    token,
)

ENDPOINT = "/whip/room"
SESSION = "/whip/room/session-0"


async def publish(http: httpx.AsyncClient, **headers: str) -> httpx.Response:
    return await http.post(ENDPOINT, content=OFFER, headers=SDP | bearer(token()) | headers)


async def test_w1_an_offer_is_answered_with_201_and_the_session_url(http: httpx.AsyncClient, sfu: RecordingSfu) -> None:
    response = await publish(http)
    assert response.status_code == 201
    assert response.headers["content-type"] == "application/sdp"
    assert response.headers["location"] == SESSION
    assert response.text == ANSWER
    assert sfu.calls == [("publish", "room", "alice", OFFER, "", "")]


async def test_w1_a_content_type_with_parameters_and_capitals_is_the_same_type(http: httpx.AsyncClient) -> None:
    assert (await publish(http, **{"Content-Type": "Application/SDP; charset=utf-8"})).status_code == 201


async def test_w1_location_escapes_the_room(http: httpx.AsyncClient) -> None:
    headers = SDP | bearer(token(room="a b?c"))
    response = await http.post("/whip/a%20b%3Fc", content=OFFER, headers=headers)
    assert response.headers["location"] == "/whip/a%20b%3Fc/session-0"
    assert (await http.get(response.headers["location"], headers=headers)).status_code == 204


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/json", "", "application/sdpx", "multipart/form-data"]
)
async def test_w2_another_content_type_is_415(http: httpx.AsyncClient, content_type: str) -> None:
    response = await publish(http, **{"Content-Type": content_type})
    assert (response.status_code, response.json()["code"]) == (415, "unsupported-media-type")
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["accept-post"] == "application/sdp"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "empty-body"),
        (b"garbage", "malformed-sdp"),
        (b"\xff\xfe", "malformed-body"),
        (b"\0" * 99, "malformed-sdp"),
    ],
)
async def test_w2_malformed_sdp_is_400(http: httpx.AsyncClient, body: bytes, code: str) -> None:
    response = await http.post(
        ENDPOINT, content=body, headers=SDP | bearer(token()) | {"Content-Length": str(len(body))}
    )
    assert (response.status_code, response.json()["code"]) == (400, code)
    assert response.json()["type"] == f"urn:sluice:problem:{code}"


async def test_w4_get_has_no_content(http: httpx.AsyncClient) -> None:
    await publish(http)
    for url in (ENDPOINT, SESSION):
        response = await http.get(url, headers=bearer(token()))
        assert (response.status_code, response.content) == (204, b"")


async def test_w5_options_says_what_may_be_posted(http: httpx.AsyncClient) -> None:
    response = await http.options(ENDPOINT)
    assert response.status_code == 200
    assert response.headers["accept-post"] == "application/sdp"
    assert response.headers["access-control-allow-origin"] == "*"
    session = await http.options(SESSION)
    assert session.status_code == 200
    assert session.headers["accept-patch"] == "application/trickle-ice-sdpfrag"


async def test_w5_browsers_may_read_the_headers_they_need(http: httpx.AsyncClient) -> None:
    response = await publish(http, Origin="https://elsewhere.example")
    exposed = {name.strip() for name in response.headers["access-control-expose-headers"].split(",")}
    assert {"Location", "ETag", "Link", "Retry-After", "WWW-Authenticate"} <= exposed


async def test_w6_delete_ends_the_session(http: httpx.AsyncClient, sfu: RecordingSfu) -> None:
    await publish(http)
    response = await http.delete(SESSION, headers=bearer(token()))
    assert response.status_code == 200
    assert sfu.sessions["session-0"].closed


@pytest.mark.parametrize("code", ["no-media", "unsupported-codec", "too-many-tracks", "unsupported-setup"])
async def test_w9_what_is_not_supported_is_422(http: httpx.AsyncClient, sfu: RecordingSfu, code: str) -> None:
    sfu.refusal = Rejected(code, "No.")
    response = await publish(http)
    assert (response.status_code, response.json()["code"], response.json()["detail"]) == (422, code, "No.")


async def test_w12_trickle_has_its_own_type(http: httpx.AsyncClient) -> None:
    await publish(http)
    response = await http.patch(SESSION, content=FRAGMENT, headers=SDP | bearer(token()) | {"If-Match": '"one"'})
    assert response.status_code == 415
    assert response.headers["accept-patch"] == "application/trickle-ice-sdpfrag"


async def test_w12_a_malformed_fragment_is_400(http: httpx.AsyncClient) -> None:
    await publish(http)
    for etag in ('"one"', "*"):
        response = await http.patch(SESSION, content="garbage", headers=SDPFRAG | bearer(token()) | {"If-Match": etag})
        assert (response.status_code, response.json()["code"]) == (400, "malformed-sdpfrag")


async def test_w13_both_trickle_and_restart_are_served(http: httpx.AsyncClient) -> None:
    await publish(http)
    statuses = [
        (
            await http.patch(SESSION, content=FRAGMENT, headers=SDPFRAG | bearer(token()) | {"If-Match": match})
        ).status_code
        for match in ('"one"', '"*"')
    ]
    assert statuses == [204, 200]


async def test_w14_the_session_has_a_strong_etag(http: httpx.AsyncClient) -> None:
    assert (await publish(http)).headers["etag"] == '"one"'


async def test_w14_a_patch_without_if_match_is_428(http: httpx.AsyncClient) -> None:
    await publish(http)
    response = await http.patch(SESSION, content=FRAGMENT, headers=SDPFRAG | bearer(token()))
    assert response.status_code == 428


@pytest.mark.parametrize("etag", ['"old"', 'W/"one"', "one", '"one', ""])
async def test_w14_a_stale_or_weak_etag_is_412(http: httpx.AsyncClient, sfu: RecordingSfu, etag: str) -> None:
    await publish(http)
    response = await http.patch(SESSION, content=FRAGMENT, headers=SDPFRAG | bearer(token()) | {"If-Match": etag})
    assert response.status_code == 412
    assert sfu.sessions["session-0"].fragments == []


async def test_w15_trickle_is_204_without_etag(http: httpx.AsyncClient, sfu: RecordingSfu) -> None:
    await publish(http)
    response = await http.patch(SESSION, content=FRAGMENT, headers=SDPFRAG | bearer(token()) | {"If-Match": '"one"'})
    assert (response.status_code, response.content) == (204, b"")
    assert "etag" not in response.headers
    assert sfu.sessions["session-0"].fragments == [FRAGMENT]


@pytest.mark.parametrize("any_etag", ["*", '"*"'])
async def test_w16_restart_is_200_with_a_fragment_and_a_new_etag(http: httpx.AsyncClient, any_etag: str) -> None:
    await publish(http)
    headers = SDPFRAG | bearer(token()) | {"If-Match": any_etag}
    response = await http.patch(SESSION, content=FRAGMENT, headers=headers)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/trickle-ice-sdpfrag"
    assert response.headers["etag"] == '"two"'
    assert "a=ice-ufrag:wxyz" in response.text
    stale = await http.patch(SESSION, content=FRAGMENT, headers=headers | {"If-Match": '"one"'})
    assert stale.status_code == 412


async def test_w18_an_etag_on_delete_is_ignored(http: httpx.AsyncClient, sfu: RecordingSfu) -> None:
    await publish(http)
    response = await http.delete(SESSION, headers=bearer(token()) | {"If-Match": '"stale"'})
    assert response.status_code == 200
    assert sfu.sessions["session-0"].closed


async def test_w19_overload_is_503_with_retry_after(http: httpx.AsyncClient, sfu: RecordingSfu) -> None:
    sfu.refusal = Overloaded("too-many-sessions", "The server is full.", retry_after=2.5)
    response = await publish(http)
    assert response.status_code == 503
    assert response.headers["retry-after"] == "3"


async def test_w20_ice_servers_come_one_per_link_header(sfu: RecordingSfu, wall: WallClock) -> None:
    relay = RecordingRelay(IceServer("stun:a.example"), IceServer("turn:a.example?transport=udp", "u", 'p"\\'))
    app = create_app(settings_for_tests(), sfu, clock=wall.monotonic, now=wall.now, relay=relay)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver") as http:
        response = await publish(http)
        assert response.headers.get_list("link") == [
            '<stun:a.example>; rel="ice-server"',
            '<turn:a.example?transport=udp>; rel="ice-server"; username="u"; credential="p\\"\\\\"; '
            'credential-type="password"',
        ]
        assert "link" not in (await http.options(ENDPOINT)).headers


async def test_w21_without_a_token_the_answer_is_a_challenge(http: httpx.AsyncClient, sfu: RecordingSfu) -> None:
    response = await http.post(ENDPOINT, content=OFFER, headers=SDP)
    assert (response.status_code, response.json()["code"]) == (401, "no-token")
    assert response.headers["www-authenticate"] == 'Bearer realm="sluice"'
    wrong = await http.post(ENDPOINT, content=OFFER, headers=SDP | bearer("nonsense"))
    assert wrong.headers["www-authenticate"] == 'Bearer realm="sluice", error="invalid_token"'
    assert sfu.calls == []


async def test_w21_a_preflight_needs_no_token(http: httpx.AsyncClient) -> None:
    asked = {"Origin": "https://a.example", "Access-Control-Request-Headers": "authorization,content-type,if-match"}
    for url, method in ((ENDPOINT, "POST"), (SESSION, "PATCH"), (SESSION, "DELETE")):
        response = await http.options(url, headers=asked | {"Access-Control-Request-Method": method})
        assert response.status_code == 200
        assert method in response.headers["access-control-allow-methods"]
        assert "Authorization" in response.headers["access-control-allow-headers"]
        assert "www-authenticate" not in response.headers


@pytest.mark.parametrize(
    "grants",
    [{"room": "other"}, {"room_join": False}, {"can_publish": False}, {"room_join": False, "room_admin": True}],
)
async def test_w21_a_token_for_something_else_is_403(http: httpx.AsyncClient, grants: dict[str, Any]) -> None:
    response = await http.post(ENDPOINT, content=OFFER, headers=SDP | bearer(token(**grants)))
    assert (response.status_code, response.json()["code"]) == (403, "not-permitted")


async def test_w23_no_extension_is_announced(http: httpx.AsyncClient) -> None:
    assert "link" not in (await publish(http)).headers


async def test_w24_session_urls_of_others_do_not_exist(http: httpx.AsyncClient, sfu: RecordingSfu) -> None:
    await publish(http)
    for headers in (bearer(token("mallory")), bearer(token(room="other")), bearer(token(can_publish=False))):
        for response in (
            await http.get(SESSION, headers=headers),
            await http.delete(SESSION, headers=headers),
            await http.patch(SESSION, content=FRAGMENT, headers=SDPFRAG | headers | {"If-Match": "*"}),
        ):
            assert (response.status_code, response.json()["code"]) == (404, "session-not-found")
    assert (await http.delete(SESSION)).status_code == 401
    assert (await http.delete("/whip/other/session-0", headers=bearer(token(room="")))).status_code == 404
    assert (await http.delete("/whep/room/session-0", headers=bearer(token()))).status_code == 404
    assert not sfu.sessions["session-0"].closed


async def test_w24_an_administrator_may_end_any_session_of_the_room(http: httpx.AsyncClient, sfu: RecordingSfu) -> None:
    await publish(http)
    assert (await http.delete(SESSION, headers=bearer(admin_token(room="other")))).status_code == 404
    assert (await http.delete(SESSION, headers=bearer(admin_token(room="room")))).status_code == 200
    assert sfu.sessions["session-0"].closed


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
async def test_w24_changing_requests_are_rate_limited(sfu: RecordingSfu, wall: WallClock, method: str) -> None:
    settings = settings_for_tests(address_rate=1.0, address_burst=2.0)
    app = create_app(settings, sfu, clock=wall.monotonic, now=wall.now)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver") as http:
        url = ENDPOINT if method == "POST" else SESSION
        statuses = [(await http.request(method, url)).status_code for _ in range(3)]
        assert statuses == [401, 401, 429]
        refused = await http.request(method, url)
        assert refused.headers["retry-after"] == "1"
        wall.advance(1)
        assert (await http.request(method, url)).status_code == 401
        assert (await http.get(ENDPOINT)).status_code == 204


async def test_w24_one_identity_is_limited_wherever_it_comes_from(sfu: RecordingSfu, wall: WallClock) -> None:
    settings = settings_for_tests(identity_rate=1.0, identity_burst=1.0)
    app = create_app(settings, sfu, clock=wall.monotonic, now=wall.now)
    statuses = []
    for address, identity in (("192.0.2.1", "alice"), ("192.0.2.2", "alice"), ("192.0.2.3", "bob")):
        transport = httpx.ASGITransport(app, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as http:
            response = await http.post(ENDPOINT, content=OFFER, headers=SDP | bearer(token(identity)))
            statuses.append(response.status_code)
    assert statuses == [201, 429, 201]


async def test_other_methods_are_405_and_named(http: httpx.AsyncClient) -> None:
    response = await http.put(ENDPOINT, headers=bearer(token()))
    assert (response.status_code, response.json()["code"]) == (405, "method-not-allowed")
    assert response.headers["allow"] == ENDPOINT_METHODS
    session = await http.put(SESSION, headers=bearer(token()))
    assert session.headers["allow"] == SESSION_METHODS


async def test_an_unknown_session_is_404(http: httpx.AsyncClient) -> None:
    response = await http.patch("/whip/room/none", content=FRAGMENT, headers=SDPFRAG | bearer(token()))
    assert (response.status_code, response.json()["code"]) == (404, "session-not-found")


async def test_name_and_metadata_travel_from_the_token(
    app: FastAPI, http: httpx.AsyncClient, sfu: RecordingSfu
) -> None:
    grant = VideoGrant(room_join=True, room="room")
    text = mint(KEY, SECRET, grant, identity="alice", name="Alice", metadata="{}", now=app.state.context.now())
    await http.post(ENDPOINT, content=OFFER, headers=SDP | bearer(text))
    assert sfu.calls == [("publish", "room", "alice", OFFER, "Alice", "{}")]

"""WHEP (draft-ietf-wish-whep-04): where it differs from WHIP; what they share is tested in test_whip.py."""

from typing import Any

import httpx
import pytest

from sfu.errors import Conflict
from tests.api.recording import ANSWER, FRAGMENT, OFFER, SDP, SDPFRAG, RecordingSfu, bearer, token

ENDPOINT = "/whep/room"


async def watch(http: httpx.AsyncClient, text: str | None = None) -> httpx.Response:
    return await http.post(ENDPOINT, content=OFFER, headers=SDP | bearer(text or token(can_publish=False)))


async def test_an_offer_is_answered_with_201(http: httpx.AsyncClient, sfu: RecordingSfu) -> None:
    response = await watch(http)
    assert (response.status_code, response.text) == (201, ANSWER)
    assert response.headers["location"] == "/whep/room/session-0"
    assert response.headers["etag"] == '"one"'
    assert sfu.calls == [("watch", "room", "alice", OFFER, "", "")]


async def test_nothing_published_is_409_with_retry_after(http: httpx.AsyncClient, sfu: RecordingSfu) -> None:
    sfu.refusal = Conflict("not-live", "Nothing is published in this room yet.", retry_after=2)
    response = await watch(http)
    assert (response.status_code, response.json()["code"]) == (409, "not-live")
    assert response.headers["retry-after"] == "2"


async def test_head_discovers_the_endpoint(http: httpx.AsyncClient) -> None:
    response = await http.head(ENDPOINT)
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-type"] == "application/sdp"


async def test_get_and_options(http: httpx.AsyncClient) -> None:
    assert (await http.get(ENDPOINT)).status_code == 204
    options = await http.options(ENDPOINT)
    assert (options.status_code, options.headers["accept-post"]) == (200, "application/sdp")


async def test_a_counter_offer_is_never_made_so_an_answer_is_415(http: httpx.AsyncClient) -> None:
    await watch(http)
    response = await http.patch("/whep/room/session-0", content=ANSWER, headers=SDP | bearer(token()))
    assert response.status_code == 415


@pytest.mark.parametrize(("match", "status"), [('"one"', 204), ("*", 200), ('"old"', 412), (None, 428)])
async def test_patch(http: httpx.AsyncClient, match: str | None, status: int) -> None:
    await watch(http)
    headers = SDPFRAG | bearer(token()) | ({"If-Match": match} if match else {})
    response = await http.patch("/whep/room/session-0", content=FRAGMENT, headers=headers)
    assert response.status_code == status
    assert ("etag" in response.headers) == (status == 200)


async def test_delete(http: httpx.AsyncClient, sfu: RecordingSfu) -> None:
    await watch(http)
    assert (await http.delete("/whep/room/session-0", headers=bearer(token()))).status_code == 200
    assert sfu.sessions["session-0"].closed


@pytest.mark.parametrize("grants", [{"can_subscribe": False}, {"room": "other"}, {"room_join": False}])
async def test_a_token_that_does_not_permit_watching_is_403(http: httpx.AsyncClient, grants: dict[str, Any]) -> None:
    assert (await watch(http, token(**grants))).status_code == 403

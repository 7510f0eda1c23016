"""WHIP against the real SFU: what answers say (the rows of RFC 9725 that are the SFU's), and media that flows."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.api.real import access, admin, publisher, real_http, state
from tests.api.recording import SDP, SDPFRAG
from tests.sfu import offers
from tests.waiting import eventually

UFRAG = re.compile(r"^a=ice-ufrag:(\S+)\r?$", re.MULTILINE)


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with real_http() as client:
        yield client


async def post(http: httpx.AsyncClient, offer: str, identity: str = "alice") -> httpx.Response:
    return await http.post("/whip/room", content=offer, headers=SDP | access(identity))


async def answered(http: httpx.AsyncClient, offer: str) -> str:
    response = await post(http, offer)
    assert response.status_code == 201, response.text
    return response.text


def sections(description: str) -> list[str]:
    return re.split(r"(?m)^(?=m=)", description)[1:]


def lines(description: str, prefix: str) -> list[str]:
    return [line for line in description.splitlines() if line.startswith(prefix)]


async def participants(http: httpx.AsyncClient) -> list[dict[str, Any]]:
    response = await http.get("/v1/rooms/room/participants", headers=admin())
    return list(response.json().get("items", []))


@pytest.mark.parametrize("name", [offers.CHROME, offers.AIORTC, offers.FFMPEG, offers.LIVEKIT_PUBLISH])
async def test_w3_answers_are_recvonly(http: httpx.AsyncClient, name: str) -> None:
    answer = await answered(http, offers.offer(name))
    media = [section for section in sections(answer) if not section.startswith("m=application")]
    assert media
    assert all("a=recvonly" in section for section in media)


@pytest.mark.parametrize("direction", ["recvonly", "inactive"])
async def test_w3_an_offer_that_sends_nothing_is_refused(http: httpx.AsyncClient, direction: str) -> None:
    response = await post(http, offers.edited(offers.FFMPEG, ("a=sendonly", f"a={direction}")))
    assert response.status_code == 422


async def test_w7_all_candidates_are_in_the_answer(http: httpx.AsyncClient) -> None:
    answer = await answered(http, offers.offer(offers.CHROME))
    assert "a=ice-lite" in answer
    assert any("127.0.0.1" in line for line in lines(answer, "a=candidate:"))
    assert lines(answer, "a=end-of-candidates")


async def test_w8_everything_is_bundled_and_muxed(http: httpx.AsyncClient) -> None:
    answer = await answered(http, offers.offer(offers.CHROME))
    mids = [line.removeprefix("a=mid:") for line in lines(answer, "a=mid:")]
    assert lines(answer, "a=group:BUNDLE") == [f"a=group:BUNDLE {' '.join(mids)}"]
    assert all("a=rtcp-mux" in section for section in sections(answer))


async def test_w8_a_client_without_rtcp_mux_only_is_served(http: httpx.AsyncClient) -> None:
    assert "rtcp-mux-only" not in offers.offer(offers.FFMPEG)
    await answered(http, offers.offer(offers.FFMPEG))


async def test_w10_no_partial_success(http: httpx.AsyncClient) -> None:
    """A video section in a codec nobody knows fails the whole offer, sound included."""
    offer = re.sub(
        r"(?m)^a=rtpmap:(\d+) (?!opus|PCM|G722|CN|telephone|red)\S+",
        r"a=rtpmap:\1 X/90000",
        offers.offer(offers.CHROME),
    )
    response = await post(http, offer)
    assert response.status_code in {400, 422}
    assert (await http.get("/v1/rooms", headers=admin())).json()["items"] == []


@pytest.mark.parametrize(("setup", "reply"), [("actpass", "passive"), ("active", "passive"), ("passive", "active")])
async def test_w11_either_dtls_role_is_served(http: httpx.AsyncClient, setup: str, reply: str) -> None:
    answer = await answered(http, offers.edited(offers.CHROME, ("a=setup:actpass", f"a=setup:{setup}")))
    assert set(lines(answer, "a=setup:")) == {f"a=setup:{reply}"}


async def test_w14_w16_restart_changes_credentials_and_etag(http: httpx.AsyncClient) -> None:
    response = await post(http, offers.offer(offers.CHROME))
    fragment = "a=ice-options:trickle\r\na=ice-ufrag:NEWU\r\na=ice-pwd:0123456789abcdef01234567\r\n"
    headers = SDPFRAG | access()
    restarted = await http.patch(response.headers["location"], content=fragment, headers=headers | {"If-Match": '"*"'})
    assert restarted.status_code == 200, restarted.text
    assert re.fullmatch(r'"[^"]+"', restarted.headers["etag"])
    assert restarted.headers["etag"] != response.headers["etag"]
    assert UFRAG.findall(restarted.text)[0] not in UFRAG.findall(response.text)
    assert "a=candidate:" in restarted.text
    stale = headers | {"If-Match": response.headers["etag"]}
    assert (await http.patch(response.headers["location"], content=fragment, headers=stale)).status_code == 412


async def test_w15_candidates_for_nothing_are_dropped(http: httpx.AsyncClient) -> None:
    response = await post(http, offers.offer(offers.CHROME))
    ufrag = UFRAG.findall(offers.offer(offers.CHROME))[0]
    fragment = (
        f"a=ice-ufrag:{ufrag}\r\na=ice-pwd:0123456789abcdef01234567\r\n"
        "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:nosuch\r\n"
        "a=candidate:1 1 carrier-pigeon 1 host.invalid 1 typ host\r\na=end-of-candidates\r\n"
    )
    headers = SDPFRAG | access() | {"If-Match": response.headers["etag"]}
    trickled = await http.patch(response.headers["location"], content=fragment, headers=headers)
    assert (trickled.status_code, trickled.content) == (204, b"")


async def test_w22_simulcast_is_accepted(http: httpx.AsyncClient) -> None:
    offer = offers.offer(offers.CHROME_SIMULCAST)
    answer = await answered(http, offer)
    rids = [line.split()[0].removeprefix("a=rid:") for line in lines(offer, "a=rid:")]
    assert lines(answer, "a=simulcast:") == [f"a=simulcast:recv {';'.join(rids)}"]
    assert [line.split()[0].removeprefix("a=rid:") for line in lines(answer, "a=rid:")] == rids


async def test_w24_session_urls_cannot_be_guessed(http: httpx.AsyncClient) -> None:
    urls = [(await post(http, offers.offer(offers.CHROME), f"p{n}")).headers["location"] for n in range(3)]
    ids = {url.rpartition("/")[2] for url in urls}
    assert len(ids) == 3
    assert all(len(each) >= 22 and re.fullmatch(r"[\w-]+", each) for each in ids)  # 22 base64 characters: 128 bits


@pytest.mark.parametrize("name", offers.NAMES)
async def test_no_real_offer_is_a_server_error(http: httpx.AsyncClient, name: str) -> None:
    for endpoint in ("/whip/room", "/whep/room"):
        response = await http.post(endpoint, content=offers.offer(name), headers=SDP | access())
        assert response.status_code in {201, 409, 422}


async def test_w6_media_flows_until_delete(http: httpx.AsyncClient) -> None:
    async with publisher(http) as (peer, url):

        async def received() -> dict[str, Any]:
            one: dict[str, Any] = (await http.get("/v1/rooms/room/participants/alice", headers=admin())).json()
            return one if one["stats"] and one["stats"]["bytes_received"] > 0 else {}

        one = await eventually(received, "media at the server")
        assert (one["kind"], one["state"]) == ("publisher", "active")
        assert {track["kind"] for track in one["tracks"]} == {"audio", "video"}
        assert one["stats"]["encrypted"]
        assert (await http.delete(url, headers=access())).status_code == 200
        assert (await http.get(url, headers=access())).status_code == 404
        assert await participants(http) == []
        await state(peer, "closed")  # DTLS close_notify


async def test_w17_a_failed_restart_leaves_the_session_alone(http: httpx.AsyncClient) -> None:
    async with publisher(http) as (peer, url):
        headers = SDPFRAG | access() | {"If-Match": "*"}
        for fragment in ("garbage", "a=ice-ufrag:x\r\n", "a=ice-ufrag:NEWU\r\na=ice-pwd:tooshort\r\n"):
            assert (await http.patch(url, content=fragment, headers=headers)).status_code == 400
        assert (await http.get(url, headers=access())).status_code == 204
        assert peer.connectionState == "connected"
        assert [participant["state"] for participant in await participants(http)] == ["active"]


async def test_a_publisher_who_returns_replaces_their_old_session(http: httpx.AsyncClient) -> None:
    async with publisher(http) as (_, old), publisher(http) as (_, new):
        assert (await http.get(old, headers=access())).status_code == 404
        assert (await http.get(new, headers=access())).status_code == 204
        assert len(await participants(http)) == 1


async def test_an_administrator_removes_a_participant(http: httpx.AsyncClient) -> None:
    async with publisher(http) as (peer, url):
        removed = await http.delete("/v1/rooms/room/participants/alice", headers=admin())
        assert removed.status_code == 204
        assert (await http.get(url, headers=access())).status_code == 404
        await state(peer, "closed")

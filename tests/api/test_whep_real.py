"""WHEP against the real SFU."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.api.real import access, admin, publisher, real_http, state, viewer
from tests.api.recording import SDP
from tests.sfu import offers
from tests.waiting import eventually


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with real_http() as client:
        yield client


async def watch(http: httpx.AsyncClient) -> httpx.Response:
    return await http.post("/whep/room", content=offers.offer(offers.CHROME_WATCH), headers=SDP | access("bob"))


async def test_before_the_broadcast_it_is_409_with_retry_after(http: httpx.AsyncClient) -> None:
    response = await watch(http)
    assert (response.status_code, response.json()["code"]) == (409, "not-live")
    assert response.headers["retry-after"] == "2"
    assert (await http.get("/v1/rooms", headers=admin())).json()["items"] == []


async def test_answers_are_sendonly_with_our_streams_in_them(http: httpx.AsyncClient) -> None:
    async with publisher(http):
        response = await watch(http)
        assert response.status_code == 201, response.text
        sections = re.split(r"(?m)^(?=m=)", response.text)[1:]
        assert all("a=sendonly" in section and "a=ssrc:" in section for section in sections)


async def test_a_viewer_is_sent_sound_and_pictures(http: httpx.AsyncClient) -> None:
    async with publisher(http), viewer(http) as (peer, url):
        for receiver in peer.getReceivers():
            await receiver.track.recv()
        one = (await http.get("/v1/rooms/room/participants/bob", headers=admin())).json()
        assert (one["kind"], one["state"]) == ("viewer", "active")

        async def sent() -> bool:
            stats = (await http.get("/v1/rooms/room/participants/bob", headers=admin())).json()["stats"]
            return bool(stats and stats["bytes_sent"] > 0)

        await eventually(sent, "bytes sent to the viewer")
        metrics = (await http.get("/metrics")).text
        assert 'sluice_participants{kind="viewer"} 1.0' in metrics
        assert (await http.delete(url, headers=access("bob"))).status_code == 200
        await state(peer, "closed")


async def test_one_watch_link_serves_many(http: httpx.AsyncClient) -> None:
    async with publisher(http), viewer(http) as (_, first), viewer(http) as (_, second):
        for url in (first, second):
            assert (await http.get(url, headers=access("bob"))).status_code == 204


async def test_the_viewer_stays_when_the_publisher_goes_and_another_comes(http: httpx.AsyncClient) -> None:
    async with publisher(http) as (_, url), viewer(http) as (peer, viewing):
        video = next(receiver.track for receiver in peer.getReceivers() if receiver.track.kind == "video")
        await video.recv()
        await http.delete(url, headers=access())
        assert (await watch(http)).status_code == 409
        assert (await http.get(viewing, headers=access("bob"))).status_code == 204
        async with publisher(http, "carol"):

            async def live() -> bool:
                people = (await http.get("/v1/rooms/room/participants", headers=admin())).json()["items"]
                return [p["identity"] for p in people if p["state"] == "active"] == ["bob", "carol"]

            await eventually(live, "the new publisher")
            for _ in range(5):
                await video.recv()
            assert peer.connectionState == "connected"


async def test_deleting_the_room_ends_everyone(http: httpx.AsyncClient) -> None:
    async with publisher(http) as (publishing, _), viewer(http) as (watching, _):
        assert (await http.delete("/v1/rooms/room", headers=admin())).status_code == 204
        for peer in (publishing, watching):
            await state(peer, "closed")
        assert (await http.get("/v1/rooms/room", headers=admin())).status_code == 404

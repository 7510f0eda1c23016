"""What /metrics says, and what it costs to ask."""

import asyncio

import httpx

from api.app import create_app
from api.metrics import LoopLag
from tests.api.recording import (
    OFFER,
    SDP,
    RecordedParticipant,
    RecordedRoom,
    RecordingSfu,
    WallClock,
    bearer,
    settings_for_tests,
    token,
)


async def test_the_sfu_is_read_at_scrape_time(http: httpx.AsyncClient, sfu: RecordingSfu, wall: WallClock) -> None:
    sfu.rooms.rooms["room"] = RecordedRoom(
        "room",
        wall.now(),
        participants=[
            RecordedParticipant("a", "publisher", wall.now()),
            RecordedParticipant("b", "viewer", wall.now()),
            RecordedParticipant("c", "viewer", wall.now()),
        ],
    )
    text = (await http.get("/metrics")).text
    for line in (
        "sluice_rooms 1.0",
        'sluice_participants{kind="publisher"} 1.0',
        'sluice_participants{kind="viewer"} 2.0',
        "sluice_transports_connected 1.0",
        "sluice_packets_received_total 10.0",
        'sluice_dropped_total{reason="unauthenticated"} 3.0',
    ):
        assert line in text.splitlines()


async def test_requests_are_counted_by_route_not_by_path(http: httpx.AsyncClient) -> None:
    for room in ("one", "two"):
        await http.post(f"/whip/{room}", content=OFFER, headers=SDP | bearer(token(room=room)))
    await http.get("/no/such/path")
    await http.request("BREW", "/healthz")
    text = (await http.get("/metrics")).text
    assert 'sluice_http_requests_total{method="POST",route="/whip/{room}",status="201"} 2.0' in text
    assert 'sluice_http_requests_total{method="GET",route="unmatched",status="404"} 1.0' in text
    assert 'method="other"' in text
    assert "/no/such/path" not in text


async def test_metrics_can_ask_for_a_token(sfu: RecordingSfu) -> None:
    app = create_app(settings_for_tests(metrics_token="m" * 32), sfu)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver") as http:
        assert (await http.get("/metrics")).status_code == 401
        assert (await http.get("/metrics", headers=bearer("n" * 32))).status_code == 401
        assert (await http.get("/metrics", headers=bearer("m" * 32))).status_code == 200


async def test_two_apps_do_not_share_a_registry(wall: WallClock) -> None:
    first, second = (create_app(settings_for_tests(), RecordingSfu(wall.now)) for _ in range(2))
    assert first.state.context.metrics.registry is not second.state.context.metrics.registry


async def test_the_loop_lag_is_observed_again_and_again() -> None:
    observed: list[float] = []
    twice = asyncio.Event()

    def observe(lag: float) -> None:
        observed.append(lag)
        if len(observed) == 2:
            twice.set()

    lag = LoopLag(observe, period=0.0)
    lag.start()
    async with asyncio.timeout(5):
        await twice.wait()
    lag.stop()
    assert all(0 <= value < 5 for value in observed)

"""Live figures of rooms and of the server: the grants they take, what is added up, and how it is said."""

import asyncio
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.context import Context
from api.figures import ParticipantFigures, RoomFigures, dropped, participant_figures, traffic, video_tracks
from api.server_load import cores, process_seconds, resident_bytes, thread_seconds
from sfu.combined_stats import combined
from sfu.participant import Participant
from sfu.stats import EgressStats, LayerStats, PathStats, TrackStats, TransportStats
from tests.api.real import admin, publisher, real_http, viewer
from tests.api.recording import (
    PATH,
    RecordedParticipant,
    RecordedRoom,
    RecordedTrack,
    RecordingSfu,
    WallClock,
    admin_token,
    bearer,
)
from tests.waiting import eventually

ADMIN = bearer(admin_token())
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def layer(number: int, bitrate: int, *, lost: int = 0, packets: int = 100) -> LayerStats:
    return LayerStats(
        layer=number,
        rid=f"r{number}",
        ssrc=number,
        payload_type=96,
        active=bitrate > 0,
        packets=packets,
        bytes=packets * 1000,
        bitrate_bps=bitrate,
        frames=30,
        frame_rate=30.0,
        keyframes=1,
        lost=lost,
        repaired=0,
        duplicates=0,
        jitter_ms=1.0,
        nacks_sent=0,
        plis_sent=0,
    )


def egress(source: int | None, bitrate: int, loss: float = 0.0, layer: int | None = 1) -> EgressStats:
    return EgressStats(
        egress=1,
        source=source,
        layer=layer,
        packets=10,
        bytes=1000,
        bitrate_bps=bitrate,
        retransmitted=0,
        nacks_received=0,
        plis_received=0,
        unmapped=0,
        loss_fraction=loss,
        lost=0,
        jitter_ms=0.0,
    )


def transport(
    *,
    tracks: Sequence[TrackStats] = (),
    egresses: Sequence[EgressStats] = (),
    paths: Sequence[PathStats] = (),
    rtt_ms: float | None = None,
) -> TransportStats:
    return TransportStats(
        transport=1,
        connected=True,
        encrypted=True,
        remote=("192.0.2.1", 4242),
        idle_ms=3,
        rtt_ms=rtt_ms,
        packets_received=10,
        bytes_received=1000,
        packets_sent=20,
        bytes_sent=2000,
        remb_bps=None,
        paths=list(paths),
        tracks=list(tracks),
        egresses=list(egresses),
    )


def figures(
    participant: RecordedParticipant, stats: TransportStats | None, problem: str | None = None
) -> ParticipantFigures:
    """With the tracks below to be had in the room."""
    return participant_figures(participant, stats, problem, frozenset({7}))


SIMULCAST = TrackStats(track=7, kind="video", forwarded_layer=1, layers=[layer(0, 100, lost=2), layer(1, 400, lost=-3)])
SOUND = TrackStats(track=8, kind="audio", forwarded_layer=0, layers=[layer(0, 30)])
CAMERA = RecordedTrack("TR_v", "video", "vp8", handle=7)
MICROPHONE = RecordedTrack("TR_a", "audio", "opus", source="microphone", muted=True, handle=8)


def test_what_a_publisher_sends_is_added_up() -> None:
    alice = RecordedParticipant("alice", "publisher", NOW, tracks=[CAMERA, MICROPHONE])
    shown = figures(alice, transport(tracks=[SIMULCAST, SOUND], rtt_ms=12.5))
    # A layer of which packets came twice does not make up for what another has lost.
    assert shown.incoming.model_dump() == {"bitrate_bps": 530, "packets": 300, "lost": 2}
    assert shown.outgoing.model_dump() == {"streams": 0, "bitrate_bps": 0, "loss_fraction": None, "video_layers": []}
    camera, microphone = shown.tracks
    assert (camera.bitrate_bps, camera.forwarded_layer, camera.muted, camera.source) == (500, 1, False, "camera")
    assert [(sent.layer, sent.rid, sent.bitrate_bps) for sent in camera.layers] == [(0, "r0", 100), (1, "r1", 400)]
    assert (microphone.forwarded_layer, microphone.muted, microphone.codec) == (None, True, "opus")
    assert shown.rtt_ms == 12.5


def test_what_a_viewer_is_sent_is_told_by_layer_and_loss_weighed_by_bitrate() -> None:
    egresses = [egress(7, 300, 0.2), egress(8, 100, 0.0), egress(None, 0, 1.0), egress(7, 0), egress(7, 0, layer=None)]
    outgoing = figures(RecordedParticipant("bob", "viewer", NOW), transport(egresses=egresses)).outgoing
    assert (outgoing.streams, outgoing.bitrate_bps, outgoing.video_layers) == (5, 400, [0, 1])
    assert outgoing.loss_fraction == pytest.approx(0.15)


def test_a_member_with_two_transports_is_one() -> None:
    tcp = PATH | {"protocol": "tcp", "via": None}
    carol = RecordedParticipant("carol", "member", NOW, tracks=[CAMERA])
    sending = transport(tracks=[SIMULCAST], paths=[PATH, PATH | {"selected": False}])
    receiving = transport(egresses=[egress(7, 50)], paths=[tcp, PATH], rtt_ms=4.0)
    shown = figures(carol, combined([sending, receiving]))
    assert [(path.protocol, path.relayed) for path in shown.paths] == [("tls", True), ("tcp", False)]
    assert (shown.incoming.bitrate_bps, shown.outgoing.bitrate_bps, shown.rtt_ms) == (500, 50, 4.0)
    assert shown.outgoing.video_layers == [0, 1]


def test_one_without_media_has_figures_too() -> None:
    announced = RecordedTrack("TR_v", "video", "", handle=None)
    dave = RecordedParticipant("dave", "member", NOW, state="joining", tracks=[announced])
    shown = figures(dave, None, "a firewall")
    assert (shown.problem, shown.paths, shown.rtt_ms) == ("a firewall", [], None)
    assert (shown.tracks[0].forwarded_layer, shown.tracks[0].layers) == (None, [])


def test_tracks_of_video_are_those_with_media() -> None:
    members = [
        RecordedParticipant("a", "member", NOW, tracks=[CAMERA, MICROPHONE]),
        RecordedParticipant("b", "member", NOW, tracks=[RecordedTrack(handle=None), RecordedTrack(handle=9)]),
    ]
    assert video_tracks(members) == {7, 9}


async def test_a_large_room_leaves_the_event_loop_to_others(
    http: httpx.AsyncClient, sfu: RecordingSfu, wall: WallClock
) -> None:
    people = [RecordedParticipant(f"p{number}", "viewer", wall.now()) for number in range(200)]
    sfu.rooms.rooms["room"] = RecordedRoom("room", wall.now(), participants=people)
    asked = asyncio.ensure_future(http.get("/v1/rooms/room/figures", headers=ADMIN))
    read = 0
    stats = sfu.participant_stats

    def counted(participant: Participant) -> TransportStats | None:
        nonlocal read
        read += 1
        return stats(participant)

    sfu.participant_stats = counted  # type: ignore[method-assign]  # to see where it has got to
    between = set[int]()
    while not asked.done():
        between.add(read)
        await asyncio.sleep(0)
    assert len((await asked).json()["participants"]) == read == 200
    assert len(between) >= 10


async def test_the_figures_of_a_room(http: httpx.AsyncClient, sfu: RecordingSfu, wall: WallClock) -> None:
    people = [RecordedParticipant("alice", "publisher", wall.now(), name="<b>Alice</b>", tracks=[CAMERA])]
    sfu.rooms.rooms["room"] = RecordedRoom("room", wall.now(), participants=people)
    response = await http.get("/v1/rooms/room/figures", headers=ADMIN)
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert (body["room"], body["at"]) == ("room", "2026-11-22T12:00:00Z")
    (alice,) = body["participants"]
    assert (alice["identity"], alice["name"], alice["rtt_ms"]) == ("alice", "<b>Alice</b>", 12.5)
    assert "192.0.2.1" not in response.text
    missing = await http.get("/v1/rooms/nowhere/figures", headers=ADMIN)
    assert (missing.status_code, missing.json()["code"]) == (404, "room-not-found")


async def test_the_figures_of_the_server(http: httpx.AsyncClient, sfu: RecordingSfu, wall: WallClock) -> None:
    people = [RecordedParticipant(name, kind, wall.now()) for name, kind in (("a", "viewer"), ("b", "member"))]
    sfu.rooms.rooms["room"] = RecordedRoom("room", wall.now(), participants=people)
    wall.advance(60)
    body = (await http.get("/v1/server", headers=ADMIN)).json()
    assert (body["uptime_seconds"], body["rooms"]) == (60.0, 1)
    assert body["participants"] == {"member": 1, "viewer": 1}
    assert body["dropped"] == {"unauthenticated": 3}
    assert body["memory_bytes"] > 1_000_000
    assert body["processor"]["process_seconds"] > 0


async def test_the_lag_of_the_event_loop_is_what_was_observed(app: Any, http: httpx.AsyncClient) -> None:
    context: Context = app.state.context
    before = context.metrics.lag_so_far()
    context.metrics.loop_lag.observe(0.25)
    context.metrics.loop_lag.observe(0.5)
    lag, observations = context.metrics.lag_so_far()
    assert (lag - before[0], observations - before[1]) == (0.75, 2)


@pytest.mark.parametrize(
    ("path", "grants"),
    [
        ("/v1/rooms/room/figures", {"room_admin": False}),
        ("/v1/rooms/room/figures", {"room": "other"}),
        ("/v1/server", {"room_list": False}),
        ("/v1/server", {"room": "room"}),
    ],
)
async def test_every_figure_takes_its_grant(
    http: httpx.AsyncClient, sfu: RecordingSfu, wall: WallClock, path: str, grants: dict[str, Any]
) -> None:
    sfu.rooms.rooms["room"] = RecordedRoom("room", wall.now())
    refused = await http.get(path, headers=bearer(admin_token(**grants)))
    assert (refused.status_code, refused.json()["code"]) == (403, "not-permitted")
    assert (await http.get(path)).status_code == 401
    assert (await http.get(path, headers=ADMIN)).is_success


def test_the_examples_are_of_the_shape_they_stand_for(app: Any) -> None:
    schemas = app.openapi()["components"]["schemas"]
    for name in ("RoomFigures", "ServerFigures"):
        (example,) = schemas[name]["examples"]
        assert example.keys() == schemas[name]["properties"].keys()
    assert RoomFigures.model_validate(schemas["RoomFigures"]["examples"][0]).participants[0].identity == "alice"


def test_counters_become_traffic_and_drops() -> None:
    counters = {"datagrams_received": 1, "bytes_received": 2, "datagrams_sent": 3, "bytes_sent": 4}
    counters |= {"dropped_forged": 5, "dropped_replayed": 0, "wakeups": 6}
    assert list(traffic(counters).model_dump().values()) == [1, 2, 3, 4]
    assert dropped(counters) == {"forged": 5}


def test_the_processor_time_is_split_by_thread() -> None:
    assert cores() >= 1
    with thread_named("sluice-worker-0"):
        main, workers = thread_seconds()
    assert main is not None
    assert 0 < main <= process_seconds() + 0.1
    assert len(workers) >= 1


@contextmanager
def thread_named(name: str) -> Iterator[None]:
    """A thread with this name for the kernel."""
    named, done = threading.Event(), threading.Event()

    def wait() -> None:
        Path(f"/proc/self/task/{threading.get_native_id()}/comm").write_text(name)
        named.set()
        done.wait(20)

    thread = threading.Thread(target=wait)
    thread.start()
    try:
        assert named.wait(20)
        yield
    finally:
        done.set()
        thread.join()


def test_a_thread_whose_name_is_made_to_mislead_is_read_right(tmp_path: Path) -> None:
    fields = b"S 1 " + b"0 " * 9 + b"%d %d 0 0"
    ticks = os.sysconf("SC_CLK_TCK")
    names = {10: b"x) S 1 2 (", 9: b"sluice-worker-0", 11: b"sluice-worker-1"}
    for number, name in names.items():
        (tmp_path / "task" / str(number)).mkdir(parents=True)
        text = b"%d (%s) " % (number, name) + fields % (number * ticks, ticks)
        (tmp_path / "task" / str(number) / "stat").write_bytes(text)
    (tmp_path / "task" / "12").mkdir()  # one that ends while it is read
    (tmp_path / "stat").write_bytes(b"10 (python) " + fields % (1, 1))
    assert thread_seconds(tmp_path) == (11.0, [10.0, 12.0])


def test_elsewhere_less_is_known(tmp_path: Path) -> None:
    assert (resident_bytes(tmp_path), thread_seconds(tmp_path)) == (None, (None, []))
    (tmp_path / "statm").write_bytes(b"1 2 3 4")
    assert resident_bytes(tmp_path) == 2 * os.sysconf("SC_PAGE_SIZE")


async def test_real_media_has_real_figures() -> None:
    async with real_http() as http, publisher(http), viewer(http):

        async def flowing() -> dict[str, Any] | None:
            body = (await http.get("/v1/rooms/room/figures", headers=admin())).json()
            people = {participant["kind"]: participant for participant in body["participants"]}
            sent, received = people["publisher"]["incoming"], people["viewer"]["outgoing"]
            return people if sent["bitrate_bps"] and sum(received["video_layers"]) else None

        people = await eventually(flowing, "media in both directions")
        assert people is not None
        assert people["publisher"]["paths"] == [{"protocol": "udp", "relayed": False}]
        assert {track["kind"] for track in people["publisher"]["tracks"]} == {"audio", "video"}
        assert people["viewer"]["outgoing"]["video_layers"] == [1]
        server = (await http.get("/v1/server", headers=admin())).json()
        assert server["traffic"]["packets_received"] > 0
        assert server["traffic"]["bytes_sent"] > 0
        assert server["participants"] == {"publisher": 1, "viewer": 1}

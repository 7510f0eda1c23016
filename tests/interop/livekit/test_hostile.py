"""Clients that mean harm are told so or cut off, and two who are in a call at the same time notice nothing of it."""

import asyncio
import base64
import contextlib
import gzip
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

import jwt
import pytest
from livekit.protocol import models, rtc

from api.settings import DEV_KEY, DEV_SECRET
from bench.server import ServerProcess
from tests.interop.livekit.access import access
from tests.interop.livekit.callers import Caller, call, join
from tests.interop.livekit.raw import BINARY, PING, TEXT, Wire, frame, request, wire
from tests.interop.livekit.test_media import RED, shows, sounds
from tests.interop.livekit.watching import interruptions

pytestmark = pytest.mark.interop

# What the server may have more of at the end than at the beginning.
MORE_KIB = 64 << 10
PATIENCE = 30.0

Result = TypeVar("Result")


@contextlib.asynccontextmanager
async def undisturbed(server: ServerProcess, room: str) -> AsyncIterator[list[Caller]]:
    """Two in a call: all the while they hear and see each other, and the server keeps its size."""
    async with call(server, room, "alice", "bob", single=True) as (alice, bob):
        face = await alice.ask("publish_video", colour=RED)
        voice = await bob.ask("publish_audio", tone=500.0)
        await bob.receives(face, matching=shows(RED))
        await alice.receives(voice, matching=sounds(500.0))
        before = server.resident_kib()
        watching = asyncio.ensure_future(_watch(alice, bob, face, voice))
        try:
            yield [alice, bob]
        finally:
            watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
        await bob.receives(face, frames=15, matching=shows(RED))
        await alice.receives(voice, frames=50, matching=sounds(500.0))
        await alice.ask("send", payload="all is well")
        await bob.told("data", lambda event: event["text"] == "all is well")
        assert not interruptions(alice)
        assert not interruptions(bob)
        assert server.resident_kib() < before + MORE_KIB


async def _watch(alice: Caller, bob: Caller, face: str, voice: str) -> None:
    while True:
        await bob.receives(face, frames=5)
        await alice.receives(voice, frames=20)


def forged(**changes: object) -> str:
    """A token with other claims than it should have."""
    claims = {
        "iss": DEV_KEY,
        "sub": "mallory",
        "exp": int(time.time()) + 600,
        "video": {"roomJoin": True, "room": "tokens"},
    }
    payload = json.dumps(claims | changes).encode()
    return jwt.PyJWS().encode(payload, DEV_SECRET, "HS256")


def unsigned() -> str:
    head, payload, _ = forged().split(".")
    head = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    return f"{head}.{payload}."


TOKENS: dict[str, Callable[[], str]] = {
    "none": lambda: "",
    "nonsense": lambda: "x.y.z",
    "unsigned": unsigned,
    "another secret": lambda: jwt.PyJWS().encode(b"{}", "another" * 8, "HS256"),
    "cut short": lambda: forged()[:-3],
    "expired": lambda: forged(exp=int(time.time()) - 3600),
    "for ever": lambda: forged(exp=None),
    "not yet": lambda: forged(nbf=int(time.time()) + 3600),
    "another key": lambda: forged(iss="other"),
    "no right to join": lambda: forged(video={"roomAdmin": True, "roomCreate": True, "room": "tokens"}),
    "half a surrogate": lambda: forged(name="\ud800"),
    "a control character": lambda: forged(sub="mal\x00lory"),
    "a name that turns round": lambda: forged(sub="mal\u202elory"),
    "too long a name": lambda: forged(sub="m" * 300),
    "too much metadata": lambda: forged(metadata="m" * 20_000),
    "a list of rooms": lambda: forged(video={"roomJoin": True, "room": ["tokens"]}),
    "depth": lambda: forged(video={"room": json.loads("[" * 200 + "]" * 200)}),
}


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
async def test_tokens_that_prove_nothing_let_nobody_in(server: ServerProcess) -> None:
    async with undisturbed(server, "tokens") as (alice, _):
        for what, token in TOKENS.items():
            for target in ("/rtc", f"/rtc/v1?join_request={join_request()}"):
                async with wire(server, token(), target) as refused:
                    assert 400 <= refused.status < 500, what
        assert sorted((await alice.ask("state"))["others"]) == ["bob"]


async def test_a_token_for_one_room_is_of_no_use_in_another(server: ServerProcess) -> None:
    async with undisturbed(server, "mine") as (alice, _):
        async with wire(server, access("mallory", "hers"), "/rtc?room=mine") as elsewhere:
            joined = await elsewhere.received("join")
            assert joined is not None
            assert (joined.join.room.name, list(joined.join.other_participants)) == ("hers", [])
        me = (await alice.ask("state"))["me"]["sid"]
        resume = f"/rtc?reconnect=1&sid={me}"
        for token in (access("alice", "hers"), access("mallory", "mine")):
            async with wire(server, token, resume) as stranger:
                assert await stranger.ends() == ["leave"]


def join_request(*, compress: bool = False, **values: object) -> str:
    content = rtc.JoinRequest(**values).SerializeToString()  # type: ignore[arg-type]
    return wrapped(gzip.compress(content) if compress else content, compress=compress)


def wrapped(content: bytes, *, compress: bool) -> str:
    compression = rtc.WrappedJoinRequest.GZIP if compress else rtc.WrappedJoinRequest.NONE
    message = rtc.WrappedJoinRequest(compression=compression, join_request=content)
    return base64.urlsafe_b64encode(message.SerializeToString()).decode()


def nested(depth: int) -> bytes:
    """A field that holds itself, so to speak: group 1 within group 1."""
    return b"\x0b" * depth + b"\x0c" * depth


async def test_join_requests_that_cannot_be_meant(server: ServerProcess) -> None:
    bomb = gzip.compress(bytes(64 << 20))
    async with undisturbed(server, "bombs"):
        for content in (
            wrapped(bomb[: 32 << 10], compress=True),
            wrapped(gzip.compress(bytes(8 << 20)), compress=True),
            wrapped(gzip.compress(nested(100_000)), compress=True),
            wrapped(nested(10_000), compress=False),
            wrapped(b"\xff" * 1_000, compress=False),
            wrapped(b"not gzip", compress=True),
            join_request(add_track_requests=[rtc.AddTrackRequest(cid=str(number)) for number in range(1_000)]),
            "A" * 49_152,
            "%00%ff%ed%a0%80",
        ):
            async with wire(server, access("mallory", "bombs"), f"/rtc/v1?join_request={content}") as refused:
                assert 400 <= refused.status < 500
        for target in ("/rtc?attributes=" + base64.urlsafe_b64encode(b'{"a":"\\ud800"}').decode(),):
            async with wire(server, access("mallory", "bombs", can_update_own_metadata=True), target) as refused:
                assert 400 <= refused.status < 500


FRAMES = {
    "garbage": frame(b"\xff" * 100) * 200,
    "depth": frame(nested(100_000)) * 60,
    "text": frame(b'{"ping": 1}', TEXT) * 200,
    "text that is none": frame(b"\xed\xa0\x80", TEXT),
    "emptiness": frame(b"") * 100_000,
    "too much": frame(bytes(3 << 20)),
    "too much in parts": frame(b"", fin=False) + frame(bytes(1 << 20), 0, fin=False) * 3,
    "endless parts": frame(b"", fin=False) + frame(b"", 0, fin=False) * 100_000,
    "pings": frame(b"x" * 125, PING) * 50_000,
    "pongs": frame(b"", 0xA) * 200_000,
    "a reserved bit": b"\xf2" + frame(b"")[1:],
    "without a mask": bytes([0x80 | BINARY, 4]) + b"abcd",
    "a length beyond all": bytes([0x80 | BINARY, 0xFF]) + b"\x7f" + b"\xff" * 7 + bytes(4),
}


@pytest.mark.calls
async def test_frames_that_no_client_sends_end_the_connection(server: ServerProcess) -> None:
    async with undisturbed(server, "frames"):
        for what, content in FRAMES.items():
            async with wire(server, access("mallory", "frames")) as mallory:
                assert mallory.status == 101
                writing = asyncio.ensure_future(mallory.send(content))
                await _within(mallory.ends(), what)
                writing.cancel()


async def _within(work: Awaitable[Result], what: str) -> Result:
    try:
        async with asyncio.timeout(PATIENCE):
            return await work
    except TimeoutError:
        raise AssertionError(f"it takes for ever: {what}") from None


async def test_ten_thousand_requests_a_second(server: ServerProcess) -> None:
    """The client is read as slowly as it should have sent, and answered."""
    many = request(ping_req=rtc.Ping(timestamp=1)) * 10_000
    async with undisturbed(server, "requests") as (alice, bob), wire(server, access("mallory", "requests")) as mallory:
        writing = asyncio.ensure_future(_write(mallory, many))
        answered = 0
        async with asyncio.timeout(PATIENCE):
            while answered < 1_000:
                message = await mallory.receive()
                assert message is not None
                answered += message.WhichOneof("message") == "pong_resp"
        assert not writing.done()
        async with Caller("carol") as carol:
            await join(server, "requests", carol, single=True)
            await carol.ask("send", payload="hello", to=["alice"])
            await alice.told("data", lambda event: event["text"] == "hello")
            await carol.ask("disconnect")
            for caller in (alice, bob):
                await caller.told("participant_disconnected")
                caller.forget()
        writing.cancel()


async def _write(mallory: Wire, data: bytes) -> None:
    while await mallory.send(data):
        pass


TRACK = rtc.AddTrackRequest(cid="c", name="n", type=models.TrackType.AUDIO)
REQUESTS = {
    "trickle": [
        request(trickle=rtc.TrickleRequest(candidateInit='{"candidate":"candidate:1 1 UDP 1 192.0.2.1 9 typ host"}'))
    ],
    "bad trickle": [
        request(trickle=rtc.TrickleRequest(candidateInit=text))
        for text in ("[" * 4_000, '{"candidate":"\\ud800"}', "9" * 5_000)
    ],
    "tracks": [
        request(add_track=rtc.AddTrackRequest(cid=str(number), name="<b>", type=models.TrackType.VIDEO))
        for number in range(200)
    ],
    "one track": [request(add_track=TRACK)],
    "mutes": [request(mute=rtc.MuteTrackRequest(sid="TR_x", muted=True))],
    "wishes": [
        request(
            subscription=rtc.UpdateSubscription(track_sids=[f"TR_{number}" for number in range(4_000)], subscribe=True)
        )
    ],
    "permissions": [
        request(
            subscription_permission=rtc.SubscriptionPermission(
                track_permissions=[
                    rtc.TrackPermission(participant_identity=f"p{number}", all_tracks=True) for number in range(1_001)
                ]
            )
        )
    ],
    "metadata": [
        request(
            update_metadata=rtc.UpdateParticipantMetadata(
                metadata="<script>" * 8_000, name="\x00\u202e<b>", attributes={"a": str(number)}
            )
        )
        for number in range(50)
    ],
    "states": [
        request(
            sync_state=rtc.SyncState(
                datachannel_receive_states=[
                    rtc.DataChannelReceiveState(publisher_sid=f"PA_{number}") for number in range(2_000)
                ]
            )
        )
    ],
}


@pytest.mark.calls
async def test_requests_by_the_thousand(server: ServerProcess) -> None:
    """Two thousand of each kind, from one who reads nothing."""
    async with undisturbed(server, "kinds") as (alice, bob):
        for what, some in REQUESTS.items():
            async with wire(server, access("mallory", "kinds", can_update_own_metadata=True)) as mallory:
                writing = asyncio.ensure_future(_write(mallory, b"".join(some) * (2_000 // len(some))))
                for _ in range(20):
                    await alice.ask("send", payload=what, to=["bob"])
                await bob.told("data", partial(_says, what))
                writing.cancel()


def _says(text: str, event: dict[str, Any]) -> bool:
    return bool(event["text"] == text)


def description(sections: int, formats: int) -> str:
    """An offer of so many m-sections with so many formats each."""
    mids = " ".join(map(str, range(sections)))
    lines = [
        "v=0",
        "o=- 1 1 IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        f"a=group:BUNDLE {mids}",
        "a=fingerprint:sha-256 " + ":".join(["AA"] * 32),
        "a=ice-ufrag:abcd",
        f"a=ice-pwd:{'a' * 24}",
        "a=setup:actpass",
    ]
    types = range(96, 96 + formats)
    for mid in range(sections):
        lines += [f"m=video 9 UDP/TLS/RTP/SAVPF {' '.join(map(str, types))}", "c=IN IP4 0.0.0.0", f"a=mid:{mid}"]
        lines += ["a=rtcp-mux", "a=sendrecv", f"a=msid:s{mid} t{mid}"]
        lines += [f"a=rtpmap:{number} VP8/90000" for number in types]
    return "\r\n".join(lines) + "\r\n"


OFFERS = {
    "too many sections": description(300, 1),
    "too many lines": description(250, 30) * 5,
    "as much as may be": description(240, 30),
    "too large": description(1, 1) + "a=x:" + "x" * (2_000_000 - 2_000),
    "nothing": "",
    "no SDP": "\x00\x01",
    "two alike": description(2, 1).replace("a=mid:1", "a=mid:0"),
}


async def test_offers_of_absurd_size(server: ServerProcess) -> None:
    async with undisturbed(server, "offers"):
        for what, text in OFFERS.items():
            offer = rtc.SessionDescription(type="offer", sdp=text)
            async with wire(server, access("mallory", "offers")) as mallory:
                writing = asyncio.ensure_future(_write(mallory, request(offer=offer)))
                await _within(_answer_or_end(mallory), what)
                writing.cancel()


async def _answer_or_end(mallory: Wire) -> None:
    while (message := await mallory.receive()) is not None:
        if message.WhichOneof("message") in ("answer", "leave"):
            return


async def test_five_hundred_sockets_of_one_address(server: ServerProcess) -> None:
    async with undisturbed(server, "sockets") as (alice, _):
        async with contextlib.AsyncExitStack() as stack:
            statuses = []
            for number in range(500):
                opened = await stack.enter_async_context(wire(server, access(f"guest {number % 250}", "sockets")))
                statuses.append(opened.status)
            assert set(statuses) <= {101, 429}
            assert 101 in statuses
        # Nobody has seen any of them: none has ever connected.
        assert sorted((await alice.ask("state"))["others"]) == ["bob"]


async def test_one_who_never_reads_is_cut_off_while_the_room_is_busy(server: ServerProcess) -> None:
    async with undisturbed(server, "unread"), contextlib.AsyncExitStack() as stack:
        for number in range(20):
            await stack.enter_async_context(wire(server, access(f"mallory {number}", "unread")))
        busy = await stack.enter_async_context(wire(server, access("busy", "unread", can_update_own_metadata=True)))
        change = rtc.UpdateParticipantMetadata(metadata="m" * 60_000)
        for _ in range(40):
            await busy.send(request(update_metadata=change))
        async with asyncio.timeout(PATIENCE):
            assert await busy.received("request_response") is not None


@pytest.mark.parametrize(
    ("size", "reliable"),
    [
        (10, True),
        pytest.param(10, False, marks=pytest.mark.calls),
        pytest.param(60_000, True, marks=pytest.mark.calls),
        (60_000, False),
    ],
)
async def test_a_flood_of_data(server: ServerProcess, size: int, reliable: bool) -> None:
    room = f"flood-{size}-{reliable}"
    async with undisturbed(server, room) as callers, Caller("mallory") as mallory:
        await join(server, room, mallory, single=True)
        flooding = asyncio.ensure_future(mallory.ask("flood", seconds=3.0, size=size, reliable=reliable))
        for number in range(10):
            await callers[0].ask("send", payload=f"word {number}", to=["bob"])
        await callers[1].told("data", lambda event: event["text"] == "word 9")
        flooding.cancel()
        for caller in callers:
            caller.forget()

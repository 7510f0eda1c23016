"""Sessions from outside: tokens for later, space, and the end of them all."""

from datetime import UTC, datetime

import pytest
from livekit.protocol import rtc

from api.livekit import session, signalling
from api.livekit.join_request import Hello
from api.tokens import AccessToken, VideoGrant, verify
from sfu.errors import Overloaded
from tests.api.livekit.calling import Client, Server, access, serving
from tests.api.recording import KEY, SECRET
from tests.waiting import eventually


async def test_a_token_for_later_says_what_is_so_now_if_it_can(server: Server) -> None:
    client = Client(server, access(can_update_own_metadata=True))
    await client.join()
    await client.expect("refresh_token")
    for metadata, kept in (("short", "short"), ("x" * 30_000, "")):
        server.sfu.moderation.update("room", "alice", name="A", metadata=metadata)
        found = server.signalling.session(server.sfu.members("room")[0])
        assert found is not None
        found.outbound.refresh_token()
        refreshed = verify(await client.expect("refresh_token"), {KEY: SECRET}, datetime.now(UTC))
        assert (refreshed.identity, refreshed.metadata) == ("alice", kept)
        assert refreshed.video.can_update_own_metadata
        # As long as the first one, and no longer.
        assert refreshed.expires == pytest.approx(
            verify(client.bearer, {KEY: SECRET}, datetime.now(UTC)).expires, abs=5
        )
    await client.close()


async def test_nothing_is_kept_of_those_who_left(server: Server) -> None:
    client = Client(server, access())
    await client.join()
    (member,) = server.sfu.members("room")
    assert server.signalling.session(member) is not None
    await client.send(leave=rtc.LeaveRequest())
    await client.expect_end()

    async def forgotten() -> bool:
        return server.signalling.session(member) is None

    await eventually(forgotten, "the session is forgotten")


async def test_one_whose_socket_never_comes_is_gone(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "RESUME_SECONDS", 0.05)
    grants = VideoGrant(room_join=True, room="room")
    joined = server.signalling.join("room", AccessToken(KEY, "alice", video=grants), Hello(single=False))

    async def gone() -> bool:
        return joined.member.ended == "signal-lost"

    await eventually(gone, "the participant is gone")


async def test_who_ends_lets_nobody_in(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signalling, "FAREWELL_SECONDS", 0.0)
    server.signalling.check_space()
    await server.signalling.close()
    with pytest.raises(Overloaded, match="closing"):
        server.signalling.check_space()


async def test_a_crowd_is_introduced_with_few_messages() -> None:
    """Twenty join at once; each is told of the others in a handful of messages."""
    async with serving() as server:
        clients = [Client(server, access(f"p{number}")) for number in range(20)]
        for client in clients:
            await client.join()
        room = server.sfu.rooms.get("room")
        for participant in room.participants:
            room.activate(participant)
        for client in clients:
            updates, told = 0, set[str]()
            while len(told) < len(clients) - 1:
                update: rtc.ParticipantUpdate = await client.expect("update")
                updates += 1
                told |= {info.identity for info in update.participants}
            assert updates <= 2
        for client in clients:
            await client.close()

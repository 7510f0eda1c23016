"""What is said between a client and the server in the course of a call, over real WebSockets."""

import asyncio
import contextlib
import os
import signal
from datetime import UTC, datetime
from typing import Any

import pytest
from livekit.protocol import models, rtc
from websockets.exceptions import ConnectionClosed

from api.livekit import outbox, session
from api.tokens import verify
from clients.connection import new_peer_connection
from sfu.permissions import Permissions
from sfu.track import TrackSource
from tests.api.livekit.calling import Client, Server, access, calling, join_request
from tests.api.recording import KEY, SECRET
from tests.waiting import eventually

ACTIVE, DISCONNECTED = models.ParticipantInfo.ACTIVE, models.ParticipantInfo.DISCONNECTED
MICROPHONE = rtc.AddTrackRequest(
    cid="mic", name="m", type=models.TrackType.AUDIO, source=models.TrackSource.MICROPHONE, muted=True
)


async def gone(server: Server, identity: str) -> None:
    async def look() -> bool:
        return server.sfu.member("room", identity) is None

    await eventually(look, f"{identity} has left")


async def test_what_comes_first(server: Server) -> None:
    client = Client(server, access("alice", can_update_own_metadata=True))
    join = await client.join()
    assert (join.room.name, join.participant.identity) == ("room", "alice")
    assert join.participant.state == models.ParticipantInfo.JOINED
    assert join.participant.permission.can_update_metadata
    assert (join.subscriber_primary, join.ping_interval, join.ping_timeout) == (True, 5, 15)
    assert (join.server_info.version, join.server_version) == ("1.13.6", "1.13.6")
    assert join.enabled_publish_codecs[0].mime == "video/VP8"
    offer = await client.expect("offer")
    assert "webrtc-datachannel" in offer.sdp
    refreshed = verify(await client.expect("refresh_token"), {KEY: SECRET}, datetime.now(UTC))
    assert (refreshed.identity, refreshed.video.room, refreshed.may_publish("room")) == ("alice", "room", True)
    await client.close()


async def test_with_one_peer_connection_the_answer_follows(server: Server) -> None:
    peer = new_peer_connection()
    peer.createDataChannel("_reliable")
    for kind in ("audio", "video"):
        peer.addTransceiver(kind, direction="recvonly")
    await peer.setLocalDescription(await peer.createOffer())
    offer = rtc.SessionDescription(type="offer", sdp=peer.localDescription.sdp, id=7)
    info = models.ClientInfo(client_protocol=2, capabilities=[models.ClientInfo.CAP_PACKET_TRAILER])
    query = join_request(client_info=info, publisher_offer=offer, add_track_requests=[MICROPHONE])
    client = Client(server, access())
    client.oracle.offered = offer.sdp
    join = await client.join(f"/rtc/v1?join_request={query}")
    assert not join.subscriber_primary
    assert (join.participant.client_protocol, list(join.participant.capabilities)) == (2, [1])
    kinds = [(await client.receive()).WhichOneof("message") for _ in range(2)]
    assert kinds == ["track_published", "answer"]
    await peer.close()
    await client.close()


async def test_an_answer_has_the_id_of_its_offer(server: Server) -> None:
    peer = new_peer_connection()
    peer.createDataChannel("_reliable")
    await peer.setLocalDescription(await peer.createOffer())
    client = Client(server, access())
    await client.join()
    for number in (3, 0):
        await client.send(offer=rtc.SessionDescription(type="offer", sdp=peer.localDescription.sdp, id=number))
        answer = await client.expect("answer")
        assert (answer.type, answer.id) == ("answer", number)
    await peer.close()
    await client.close()


async def test_pings(server: Server) -> None:
    client = Client(server, access())
    await client.join()
    await client.send(ping_req=rtc.Ping(timestamp=1234))
    pong = await client.expect("pong_resp")
    assert pong.last_ping_timestamp == 1234
    assert abs(pong.timestamp / 1000 - datetime.now(UTC).timestamp()) < 60
    await client.send(ping=1)
    assert await client.expect("pong") > 0
    await client.close()


async def test_a_track_is_announced_muted_and_described(server: Server) -> None:
    client = Client(server, access())
    await client.join()
    for _ in range(2):
        await client.send(add_track=MICROPHONE)
        published = await client.expect("track_published")
        assert (published.cid, published.track.name, published.track.muted) == ("mic", "m", True)
    (track,) = published_tracks(server, "alice")
    assert track.id == published.track.sid
    await client.send(mute=rtc.MuteTrackRequest(sid=track.id, muted=False))
    await client.send(
        update_audio_track=rtc.UpdateLocalAudioTrack(
            track_sid=track.id, features=[models.AudioTrackFeature.TF_ECHO_CANCELLATION]
        )
    )
    await client.send(ping=1)
    await client.expect("pong")
    assert (track.muted, track.announcement.features) == (False, (3,))
    await client.close()


def published_tracks(server: Server, identity: str) -> list[Any]:
    member = server.sfu.member("room", identity)
    assert member is not None
    return list(member.published)


@pytest.mark.parametrize(
    ("grants", "request_", "quoted", "reason"),
    [
        ({"can_publish": False}, {"add_track": MICROPHONE}, "add_track", rtc.RequestResponse.NOT_ALLOWED),
        (
            {"can_publish_sources": ("camera",)},
            {"add_track": MICROPHONE},
            "add_track",
            rtc.RequestResponse.NOT_ALLOWED,
        ),
        (
            {},
            {"add_track": rtc.AddTrackRequest(cid="c", type=models.TrackType.DATA)},
            "add_track",
            rtc.RequestResponse.UNSUPPORTED_TYPE,
        ),
        ({}, {"mute": rtc.MuteTrackRequest(sid="TR_no")}, "mute", rtc.RequestResponse.NOT_FOUND),
        (
            {},
            {"update_metadata": rtc.UpdateParticipantMetadata(request_id=5, name="x")},
            "update_metadata",
            rtc.RequestResponse.NOT_ALLOWED,
        ),
        (
            {"can_update_own_metadata": True},
            {"update_metadata": rtc.UpdateParticipantMetadata(request_id=5, metadata="x" * 100_000)},
            "update_metadata",
            rtc.RequestResponse.LIMIT_EXCEEDED,
        ),
        ({}, {"trickle": rtc.TrickleRequest(candidateInit="{")}, "trickle", rtc.RequestResponse.INVALID_REQUEST),
        (
            {},
            {"publish_data_track_request": rtc.PublishDataTrackRequest(pub_handle=1, name="x")},
            "publish_data_track",
            rtc.RequestResponse.UNSUPPORTED_TYPE,
        ),
        (
            {},
            {"get_data_blob_request": rtc.GetDataBlobRequest(request_id=5)},
            None,
            rtc.RequestResponse.UNSUPPORTED_TYPE,
        ),
    ],
)
async def test_what_is_refused_is_said_to_be(
    server: Server,
    grants: dict[str, Any],
    request_: dict[str, Any],
    quoted: str | None,
    reason: rtc.RequestResponse.Reason,
) -> None:
    client = Client(server, access(**grants))
    await client.join()
    await client.send(**request_)
    response = await client.expect("request_response")
    assert (response.reason, response.WhichOneof("request")) == (reason, quoted)
    assert response.message
    (content,) = request_.values()
    assert response.request_id == getattr(content, "request_id", 0)
    await client.close()


@pytest.mark.parametrize("kind", ["offer", "answer"])
@pytest.mark.parametrize("sdp", ["", "v=0\r\n", "\0" * 100])
async def test_a_description_that_cannot_be_used_ends_the_call(server: Server, kind: str, sdp: str) -> None:
    client = Client(server, access())
    await client.join()
    await client.send(**{kind: rtc.SessionDescription(type=kind, sdp=sdp, id=1)})
    leave = await client.expect("leave")
    assert (leave.action, leave.reason) == (rtc.LeaveRequest.DISCONNECT, models.DisconnectReason.MEDIA_FAILURE)
    await client.expect_end()


async def test_others_are_told_who_comes_changes_and_goes(server: Server) -> None:
    async with calling(server, "alice") as alice:
        async with calling(server, "bob", can_update_own_metadata=True) as bob:
            info = await alice.expect_info("bob", ACTIVE)
            assert info.sid == bob.id
            await bob.send(
                update_metadata=rtc.UpdateParticipantMetadata(
                    request_id=9, name="Bob", metadata="m", attributes={"k": "v"}
                )
            )
            own = await bob.expect_info("bob", ACTIVE)
            response = await bob.expect("request_response")
            assert (response.request_id, response.reason) == (9, rtc.RequestResponse.OK)
            told = await alice.expect_info("bob", ACTIVE)
            for seen in (own, told):
                assert (seen.name, seen.metadata, dict(seen.attributes)) == ("Bob", "m", {"k": "v"})
            await bob.send(leave=rtc.LeaveRequest())
            assert "leave" not in await bob.expect_end()
        info = await alice.expect_info("bob", DISCONNECTED)
        assert (info.sid, info.disconnect_reason) == (bob.id, models.DisconnectReason.CLIENT_INITIATED)


async def test_one_who_hides_is_gone_for_the_others(server: Server) -> None:
    async with calling(server, "alice") as alice, calling(server, "bob"):
        await alice.expect_info("bob", ACTIVE)
        for hidden, state in ((True, DISCONNECTED), (False, ACTIVE)):
            server.sfu.moderation.update("room", "bob", permissions=Permissions(hidden=hidden))
            await alice.expect_info("bob", state)


async def test_one_who_comes_later_is_told_who_is_there(server: Server) -> None:
    async with calling(server, "alice"), calling(server, "spy", hidden=True) as spy:
        bob = Client(server, access("bob"))
        join = await bob.join()
        assert [other.identity for other in join.other_participants] == ["alice"]
        assert join.room.num_participants == 2
        await bob.close()
        again = Client(server, access("spy", hidden=True))
        await again.join()
        assert (await spy.expect("leave")).reason == models.DisconnectReason.DUPLICATE_IDENTITY
        await again.close()


async def test_the_same_identity_again_ends_the_first(server: Server) -> None:
    first, second = Client(server, access()), Client(server, access())
    await first.join()
    await second.join()
    leave = await first.expect("leave")
    assert (leave.action, leave.reason) == (rtc.LeaveRequest.DISCONNECT, models.DisconnectReason.DUPLICATE_IDENTITY)
    await first.expect_end()
    await second.send(ping=1)
    await second.expect("pong")
    await second.close()


async def test_ends_that_are_not_the_clients(server: Server) -> None:
    alice, bob = Client(server, access("alice")), Client(server, access("bob"))
    await alice.join()
    await bob.join()
    server.sfu.moderation.remove("room", "alice")
    leave = await alice.expect("leave")
    assert (leave.action, leave.reason) == (rtc.LeaveRequest.DISCONNECT, models.DisconnectReason.PARTICIPANT_REMOVED)
    await alice.expect_end()
    server.sfu.rooms.delete("room")
    leave = await bob.expect("leave")
    assert (leave.action, leave.reason) == (rtc.LeaveRequest.DISCONNECT, models.DisconnectReason.ROOM_DELETED)
    await bob.expect_end()


async def test_when_the_server_ends_clients_are_told_to_come_again(server: Server) -> None:
    clients = [Client(server, access(f"c{number}")) for number in range(5)]
    for client in clients:
        await client.join()
    os.kill(os.getpid(), signal.SIGTERM)
    for client in clients:
        leave = await client.expect("leave")
        assert (leave.action, leave.reason) == (rtc.LeaveRequest.RECONNECT, models.DisconnectReason.SERVER_SHUTDOWN)
        await client.expect_end()
    assert await server.status == 0


async def test_data_goes_from_one_to_the_other(server: Server) -> None:
    async with calling(server, "alice") as alice, calling(server, "bob") as bob, calling(server, "carol") as carol:
        for label, kind in (("_reliable", models.DataPacket.RELIABLE), ("_lossy", models.DataPacket.LOSSY)):
            packet = models.DataPacket(user=models.UserPacket(payload=b"hi"), destination_identities=["bob"])
            await alice.say(label, packet)
            async with asyncio.timeout(20):
                by, heard = await bob.heard.get()
            assert (by, heard.kind, heard.participant_identity) == (label, kind, "alice")
            assert heard.participant_sid == alice.id
        server.signalling.data.send("room", models.DataPacket(user=models.UserPacket(payload=b"all")))
        for caller in (alice, bob, carol):
            async with asyncio.timeout(20):
                _, heard = await caller.heard.get()
            assert (heard.user.payload, heard.participant_sid) == (b"all", "")
        assert carol.heard.empty()


async def test_permissions_that_change_are_told_with_a_token_that_says_so(server: Server) -> None:
    client = Client(server, access())
    await client.join()
    await client.expect("refresh_token")
    server.sfu.moderation.update("room", "alice", permissions=Permissions(can_publish=False))
    info = await client.expect_info("alice", models.ParticipantInfo.JOINED)
    assert not info.permission.can_publish
    refreshed = verify(await client.expect("refresh_token"), {KEY: SECRET}, datetime.now(UTC))
    assert not refreshed.may_publish("room")
    assert refreshed.may_subscribe("room")
    await client.close()


async def test_the_room_changes_and_is_another(server: Server) -> None:
    async with calling(server, "alice") as alice, calling(server, "bob", room="elsewhere"):
        await alice.expect("refresh_token")
        server.sfu.moderation.set_room_metadata("room", "new")
        while (await alice.expect("room_update")).room.metadata != "new":
            pass
        server.sfu.moderation.move("room", "alice", "elsewhere")
        moved = await alice.expect("room_moved")
        assert (moved.room.name, moved.participant.identity) == ("elsewhere", "alice")
        assert moved.participant.state == ACTIVE
        assert [other.identity for other in moved.other_participants] == ["bob"]
        assert verify(moved.token, {KEY: SECRET}, datetime.now(UTC)).video.room == "elsewhere"


async def test_a_client_comes_back(server: Server) -> None:
    async with calling(server, "alice") as alice, calling(server, "bob") as bob:
        await alice.expect_info("bob", ACTIVE)
        await alice.cut()
        await bob.send(leave=rtc.LeaveRequest())
        await gone(server, "bob")
        server.sfu.moderation.set_room_metadata("room", "meanwhile")
        await alice.open(f"/rtc?reconnect=1&sid={alice.id}")
        reconnect = await alice.receive()
        assert reconnect.reconnect.server_info.version
        told = {info.identity: info.state for info in (await alice.receive()).update.participants}
        assert told == {"alice": ACTIVE, "bob": DISCONNECTED}
        assert (await alice.receive()).room_update.room.metadata == "meanwhile"
        await alice.expect("refresh_token")
        await alice.send(sync_state=rtc.SyncState(subscription=rtc.UpdateSubscription(subscribe=False)))
        await alice.answer()
        await alice.send(ping=1)
        await alice.expect("pong")
        assert server.sfu.member("room", "alice") is not None


async def test_a_client_comes_back_before_we_know_that_it_was_away(server: Server) -> None:
    async with calling(server, "alice") as alice:
        before = alice.socket
        assert before is not None
        await alice.open(f"/rtc?reconnect=1&sid={alice.id}")
        assert (await alice.receive()).WhichOneof("message") == "reconnect"
        await before.wait_closed()
        await alice.send(ping=1)
        await alice.expect("pong")


async def test_what_it_must_hear_it_hears_when_it_is_back(server: Server) -> None:
    client = Client(server, access())
    await client.join()
    other = rtc.AddTrackRequest(cid="cam", type=models.TrackType.VIDEO, source=models.TrackSource.CAMERA)
    sids = []
    for request in (MICROPHONE, other):
        await client.send(add_track=request)
        sids.append((await client.expect("track_published")).track.sid)
    await client.cut()
    server.sfu.moderation.mute("room", "alice", sids[1], True)
    permissions = Permissions(sources=frozenset({TrackSource.CAMERA}))
    server.sfu.moderation.update("room", "alice", permissions=permissions)
    await client.open(f"/rtc?reconnect=1&sid={client.id}")
    await client.expect("reconnect")
    # It still believes in the track, and is not sent away for that.
    believed = [rtc.TrackPublishedResponse(cid="x", track=models.TrackInfo(sid=sid)) for sid in sids]
    await client.send(sync_state=rtc.SyncState(publish_tracks=believed))
    assert (await client.expect("track_unpublished")).track_sid == sids[0]
    mute = await client.expect("mute")
    assert (mute.sid, mute.muted) == (sids[1], True)
    await client.send(ping=1)
    await client.expect("pong")
    await client.close()


async def test_one_who_believes_in_other_tracks_must_come_anew(server: Server) -> None:
    client = Client(server, access())
    await client.join()
    await client.cut()
    await client.open(f"/rtc/v1?join_request={join_request(reconnect=True, participant_sid=client.id)}")
    await client.expect("reconnect")
    believed = rtc.TrackPublishedResponse(cid="x", track=models.TrackInfo(sid="TR_unknown"))
    await client.send(sync_state=rtc.SyncState(publish_tracks=[believed]))
    leave = await client.expect("leave")
    assert (leave.action, leave.reason) == (rtc.LeaveRequest.RECONNECT, models.DisconnectReason.STATE_MISMATCH)
    await client.expect_end()


@pytest.mark.parametrize("sid", ["PA_unknown", ""])
async def test_nobody_comes_back_who_was_not_there(server: Server, sid: str) -> None:
    client = Client(server, access())
    await client.open(f"/rtc?reconnect=1&sid={sid}")
    leave = (await client.receive()).leave
    assert (leave.action, leave.reason) == (rtc.LeaveRequest.RECONNECT, models.DisconnectReason.STATE_MISMATCH)
    await client.expect_end()
    assert list(server.sfu.rooms.list()) == []


async def test_nobody_comes_back_as_somebody_else(server: Server) -> None:
    alice, mallory = Client(server, access("alice")), Client(server, access("mallory"))
    await alice.join()
    await mallory.open(f"/rtc?reconnect=1&sid={alice.id}")
    assert (await mallory.receive()).WhichOneof("message") == "leave"
    await alice.send(ping=1)
    await alice.expect("pong")
    await alice.close()


async def test_one_who_does_not_come_back_is_gone(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "RESUME_SECONDS", 0.05)
    async with calling(server, "alice") as alice:
        bob = Client(server, access("bob"))
        await bob.join()
        await alice.cut()
        await gone(server, "alice")
        info = await bob.expect_info("alice", DISCONNECTED)
        assert info.disconnect_reason == models.DisconnectReason.SIGNAL_CLOSE
        await bob.close()


async def test_a_little_garbage_is_forgiven_and_more_is_not(server: Server) -> None:
    client = Client(server, access())
    await client.join()
    assert client.socket is not None
    for garbage in (b"\xff" * 10, b"", "text", b"\xfa\x3f\x00"):
        await client.socket.send(garbage)
    await client.send(ping=1)
    await client.expect("pong")
    for _ in range(int(session.GARBAGE_BURST)):
        await client.socket.send(b"\xff")
    assert (await client.expect("leave")).action == rtc.LeaveRequest.DISCONNECT
    await client.expect_end()


async def test_a_flood_of_requests_is_read_slowly_and_others_are_served(server: Server) -> None:
    began = asyncio.get_running_loop().time()
    flooder, other = Client(server, access("flooder")), Client(server, access("other"))
    await flooder.join()
    await other.join()
    assert flooder.socket is not None
    ping = rtc.SignalRequest(ping=1).SerializeToString()

    async def flood(socket: Any) -> None:
        for _ in range(10_000):
            await socket.send(ping)

    flooding = asyncio.create_task(flood(flooder.socket))
    for _ in range(50):
        await other.send(ping=1)
        await other.expect("pong")
    answered = 0
    while answered < session.REQUEST_BURST:
        await flooder.expect("pong")
        answered += 1
    # Of 10,000 the server has looked at what is allowed; the rest waits with the flooder.
    handled = server.app.state.context.metrics.registry.get_sample_value(
        "sluice_signalling_messages_total", {"outcome": "handled"}
    )
    elapsed = asyncio.get_running_loop().time() - began
    assert handled <= 2 * session.REQUEST_BURST + session.REQUEST_RATE * elapsed + 60
    flooding.cancel()
    await asyncio.wait({flooding})
    await flooder.cut()
    await other.close()


async def test_a_client_that_never_reads_is_cut_off(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "MAX_WAITING_BYTES", 1 << 20)
    async with calling(server, "alice") as alice:
        assert alice.socket is not None
        alice.socket.transport.pause_reading()
        other = Client(server, access("bob"))
        await other.join()

        async def is_gone() -> bool:
            for count in range(20):
                if server.sfu.member("room", "alice") is None:
                    return True
                permissions = Permissions(can_publish_data=bool(count % 2))
                server.sfu.moderation.update("room", "alice", metadata="x" * 60_000, permissions=permissions)
                await asyncio.sleep(0)
            return False

        await eventually(is_gone, "the one who does not read is gone")
        await other.send(ping=1)
        await other.expect("pong")
        await other.close()


@pytest.mark.parametrize("fragments", [False, True])
async def test_messages_that_are_too_large_end_the_connection(server: Server, fragments: bool) -> None:
    client = Client(server, access())
    await client.join()
    assert client.socket is not None
    message: Any = [b"x"] * 1_000 if fragments else b"\0" * ((2 << 20) + 1)
    with contextlib.suppress(ConnectionClosed):
        await client.socket.send(message)
    await client.expect_end()
    assert client.socket.close_code == 1009
    # It may come back: this may have been an accident.
    await client.open(f"/rtc?reconnect=1&sid={client.id}")
    await client.expect("reconnect")
    await client.close()


async def test_subscriptions_and_settings_are_passed_on(server: Server) -> None:
    client = Client(
        server,
        access(),
    )
    await client.join("/rtc?auto_subscribe=0")
    await client.send(subscription=rtc.UpdateSubscription(track_sids=["TR_later"], subscribe=True))
    await client.send(track_setting=rtc.UpdateTrackSettings(track_sids=["TR_later"], disabled=True))
    allowed = rtc.TrackPermission(participant_identity="bob", all_tracks=True)
    await client.send(subscription_permission=rtc.SubscriptionPermission(track_permissions=[allowed]))
    await client.send(ping=1)
    await client.expect("pong")
    member = server.sfu.member("room", "alice")
    assert member is not None
    assert member.interest.wants("TR_later")
    assert not member.interest.wants("TR_other")
    assert not member.subscription_permissions.everybody
    assert member.subscription_permissions.allow("bob", "PA_x", "TR_x")
    await client.close()

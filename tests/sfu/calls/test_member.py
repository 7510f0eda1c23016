"""Calls with real clients: aiortc publishes, receives and sends messages, over real sockets on loopback."""

import pytest

from sfu.errors import Rejected
from sfu.participant import ParticipantState
from sfu.permissions import Permissions
from sfu.track import TrackAnnouncement, TrackSource
from tests.sfu.calls.callers import Caller
from tests.sfu.peers import Peer, eventually, loopback, running_sfu

__all__ = ["loopback"]
pytestmark = pytest.mark.usefixtures("loopback")


async def test_everybody_sees_and_hears_everybody() -> None:
    async with running_sfu() as sfu:
        alice = await Caller.join(sfu, "hall", "alice")
        bob = await Caller.join(sfu, "hall", "bob")
        await eventually(lambda: alice.member.is_connected and bob.member.is_connected)
        assert alice.member.participant.state is ParticipantState.ACTIVE
        hers = await alice.publish("audio", "video")
        his = await bob.publish("audio", "video")
        await eventually(lambda: all(bob.seen(track) > 10 for track in hers))
        await eventually(lambda: all(alice.seen(track) > 10 for track in his))
        # aiortc receives no more than one track of a kind within a bundle that begins with data channels.
        carol = await Caller.join(sfu, "hall", "carol", auto_subscribe=False)
        carol.member.subscribe([track.id for track in hers], True)
        await eventually(lambda: all(carol.seen(track) > 5 for track in hers))
        await alice.close()
        await eventually(lambda: not {track.id for track in hers} & set(carol.member.sent_tracks.values()))
        for caller in (bob, carol):
            await caller.close()
        assert sfu.stats() is not None


async def test_messages_arrive_by_both_channels() -> None:
    async with running_sfu() as sfu:
        alice = await Caller.join(sfu, "hall", "alice")
        early = [b"first", b"second"]
        assert [alice.member.send_message(True, message) for message in early] == [True, True]
        assert not alice.member.send_message(False, b"too early")
        got: list[tuple[bool, bytes]] = []
        alice.member.message_received.connect(lambda reliable, payload: got.append((reliable, payload)))
        await alice.offer()
        await eventually(lambda: alice.reliable.readyState == alice.lossy.readyState == "open")
        alice.reliable.send(b"to stay")
        alice.lossy.send(b"to go")
        await eventually(lambda: sorted(got) == [(False, b"to go"), (True, b"to stay")])
        await eventually(
            lambda: alice.member.send_message(True, b"back") and alice.member.send_message(False, b"forth")
        )
        await eventually(lambda: {("_reliable", b"back"), ("_lossy", b"forth")} <= set(alice.messages))
        reliable = [message for label, message in alice.messages if label == "_reliable"]
        assert reliable[:2] == early
        await alice.close()


async def test_a_call_and_a_broadcast_are_one_room() -> None:
    async with running_sfu() as sfu:
        alice = await Caller.join(sfu, "hall", "alice")
        (hers,) = await alice.publish("video")
        room = sfu.rooms.get("hall")
        await eventually(lambda: room.broadcast is alice.member.participant)
        viewer, _ = await Peer.watch(sfu, "hall")
        await viewer.receives("video", 10)
        studio, session = await Peer.publish(sfu, "hall", "studio")
        await eventually(lambda: all(alice.seen(track) > 5 for track in session.participant.tracks))
        await viewer.receives("audio", 10)
        assert room.broadcast is session.participant
        await studio.close()
        await eventually(lambda: room.broadcast is alice.member.participant)
        await viewer.receives("video", 10)
        assert hers.codec == "vp8"
        await viewer.close()
        await alice.close()


async def test_only_what_is_wanted_is_received() -> None:
    async with running_sfu() as sfu:
        alice = await Caller.join(sfu, "hall", "alice")
        bob = await Caller.join(sfu, "hall", "bob", auto_subscribe=False)
        sound, picture = await alice.publish("audio", "video")
        await eventually(lambda: bob.member.is_connected)
        assert bob.member.sent_tracks == {}
        bob.member.subscribe([picture.id], True)
        await eventually(lambda: bob.seen(picture) > 5)
        bob.member.subscribe([picture.id], False)
        bob.member.subscribe([sound.id], True)
        await eventually(lambda: bob.seen(sound) > 5)
        assert list(bob.member.subscribed) == [sound]
        for caller in (alice, bob):
            await caller.close()


async def test_permissions_are_revoked_live() -> None:
    async with running_sfu() as sfu:
        alice = await Caller.join(sfu, "hall", "alice")
        bob = await Caller.join(sfu, "hall", "bob")
        sound, picture = await alice.publish(
            "audio", "video", sources=(TrackSource.MICROPHONE, TrackSource.SCREEN_SHARE)
        )
        await eventually(lambda: bob.seen(picture) > 5 and bob.seen(sound) > 5)
        removed: list[object] = []
        alice.member.track_removed.connect(removed.append)
        sources = frozenset({TrackSource.MICROPHONE})
        sfu.moderation.update("hall", "alice", permissions=Permissions(sources=sources))
        assert removed == [picture]
        assert list(bob.member.subscribed) == [sound]
        with pytest.raises(Rejected):
            alice.member.add_track(TrackAnnouncement("again", "video", TrackSource.SCREEN_SHARE))
        sfu.moderation.update("hall", "bob", permissions=Permissions(can_subscribe=False))
        assert list(bob.member.subscribed) == []
        for caller in (alice, bob):
            await caller.close()


async def test_who_comes_again_takes_the_place_of_who_was_there() -> None:
    async with running_sfu() as sfu:
        alice = await Caller.join(sfu, "hall", "alice")
        await eventually(lambda: alice.member.is_connected)
        again = await Caller.join(sfu, "hall", "alice")
        assert alice.closed == ["duplicate-identity"]
        assert sfu.member("hall", "alice") is again.member
        sfu.moderation.remove("hall", "alice")
        assert again.closed == ["removed"]
        for caller in (alice, again):
            await caller.close()


async def test_a_member_moves_with_its_media() -> None:
    async with running_sfu() as sfu:
        alice = await Caller.join(sfu, "hall", "alice")
        bob = await Caller.join(sfu, "hall", "bob")
        carol = await Caller.join(sfu, "garden", "carol")
        (picture,) = await alice.publish("video")
        await eventually(lambda: bob.seen(picture) > 5)
        image = sfu.moderation.forward("hall", "alice", "garden")
        (copy,) = image.tracks
        await eventually(lambda: carol.seen(copy) > 5)
        sfu.rooms.get("garden").leave(image, 0.0)
        sfu.moderation.move("hall", "alice", "garden")
        await eventually(lambda: carol.seen(picture) > 5)
        assert list(bob.member.subscribed) == []
        assert [who.identity for who in sfu.rooms.get("hall").participants] == ["bob"]
        for caller in (alice, bob, carol):
            await caller.close()

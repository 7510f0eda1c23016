"""The whole SFU with real clients: aiortc publishes and watches, over real sockets on loopback."""

import logging

import pytest

from sfu.errors import Conflict, Malformed, NotFound, Overloaded, Rejected
from sfu.extensions import Purpose
from sfu.participant import Participant, ParticipantState
from sfu.server import Sfu, SfuSettings
from tests.sfu import offers
from tests.sfu.peers import Peer, eventually, loopback, running_sfu

__all__ = ["loopback"]
pytestmark = pytest.mark.usefixtures("loopback")


def packets_sent(sfu: Sfu, participant: Participant) -> int:
    stats = sfu.participant_stats(participant)
    return stats["packets_sent"] if stats else 0


async def test_a_viewer_sees_and_hears_a_publisher() -> None:
    async with running_sfu() as sfu:
        alice, _ = await Peer.publish(sfu, "hall")
        room = sfu.rooms.get("hall")
        await eventually(lambda: room.broadcast is not None)
        bob, watching = await Peer.watch(sfu, "hall")
        await bob.receives("video", 15)
        await bob.receives("audio", 15)
        assert [(who.identity, who.kind, who.state) for who in room.participants] == [
            ("alice", "publisher", "active"),
            ("bob", "viewer", "active"),
        ]
        assert {track.codec for track in room.participants[0].tracks} == {"vp8", "opus"}
        await eventually(lambda: packets_sent(sfu, room.participants[1]) > 0)
        await watching.close()
        assert [who.identity for who in room.participants] == ["alice"]
        await alice.close()
        await bob.close()


async def test_a_publisher_that_comes_back_is_followed_without_a_new_session() -> None:
    async with running_sfu() as sfu:
        first, old = await Peer.publish(sfu, "hall")
        room = sfu.rooms.get("hall")
        await eventually(lambda: room.broadcast is not None)
        bob, watching = await Peer.watch(sfu, "hall")
        await bob.receives("video", 5)
        second, new = await Peer.publish(sfu, "hall")
        with pytest.raises(NotFound):
            sfu.session(old.id)
        await eventually(lambda: room.broadcast is new.participant)
        await bob.receives("video", 15)
        await bob.receives("audio", 15)
        assert sfu.session(watching.id) is watching
        for peer in (first, second, bob):
            await peer.close()


async def test_viewers_stay_when_the_publisher_leaves_and_pick_up_the_next() -> None:
    async with running_sfu() as sfu:
        alice, publishing = await Peer.publish(sfu, "hall")
        room = sfu.rooms.get("hall")
        await eventually(lambda: room.broadcast is not None)
        bob, watching = await Peer.watch(sfu, "hall")
        await bob.receives("video", 5)
        await alice.close()
        await eventually(lambda: room.broadcast is None)
        with pytest.raises(NotFound):
            sfu.session(publishing.id)
        carol, _ = await Peer.publish(sfu, "hall", "carol")
        await bob.receives("video", 15)
        assert watching.participant.state is ParticipantState.ACTIVE
        await carol.close()
        await bob.close()


async def test_the_end_of_the_server_is_told_to_everyone() -> None:
    async with running_sfu() as sfu:
        alice, _ = await Peer.publish(sfu, "hall")
        await eventually(lambda: sfu.rooms.get("hall").broadcast is not None)
    await eventually(lambda: alice.pc.connectionState == "closed")
    await alice.close()


@pytest.mark.parametrize("purpose", ["publish", "watch"])
async def test_bad_offers_leave_no_trace(purpose: Purpose) -> None:
    async with running_sfu() as sfu:
        attempt = sfu.publish if purpose == "publish" else sfu.watch
        for text in ("", "v=0\r\n", offers.without(offers.AIORTC, "a=fingerprint")):
            with pytest.raises((Malformed, Rejected)):
                await attempt("hall", "alice", text)
        assert list(sfu.rooms.list()) == []
        assert sfu.stats() == []


async def test_nothing_to_watch_is_a_conflict_that_passes() -> None:
    async with running_sfu() as sfu:
        offer = offers.offer(offers.AIORTC_WATCH)
        with pytest.raises(Conflict) as caught:
            await sfu.watch("hall", "bob", offer)
        assert (caught.value.code, caught.value.retry_after) == ("not-live", 2.0)
        await sfu.publish("hall", "alice", offers.offer(offers.CHROME))  # announced, but not connected
        with pytest.raises(Conflict):
            await sfu.watch("hall", "bob", offer)


async def test_a_viewer_without_the_broadcasts_codec_is_refused() -> None:
    async with running_sfu() as sfu:
        alice, _ = await Peer.publish(sfu, "hall")
        await eventually(lambda: sfu.rooms.get("hall").broadcast is not None)
        only_h265 = offers.edited(offers.AIORTC_WATCH, ("VP8/90000", "H265/90000"), ("H264/90000", "x/90000"))
        with pytest.raises(Rejected) as caught:
            await sfu.watch("hall", "bob", only_h265)
        assert caught.value.code == "unsupported-codec"
        assert len(sfu.rooms.get("hall").participants) == 1
        await alice.close()


async def test_limits_are_kept() -> None:
    async with running_sfu(max_sessions=1, max_rooms=5) as sfu:
        await sfu.publish("hall", "alice", offers.offer(offers.CHROME))
        with pytest.raises(Overloaded):
            await sfu.publish("lobby", "alice", offers.offer(offers.CHROME))
        assert [room.name for room in sfu.rooms.list()] == ["hall"]


async def test_removing_and_deleting_close_sessions() -> None:
    async with running_sfu() as sfu:
        session = await sfu.publish("hall", "alice", offers.offer(offers.CHROME))
        with pytest.raises(NotFound):
            sfu.moderation.remove("hall", "bob")
        sfu.moderation.remove("hall", "alice")
        with pytest.raises(NotFound):
            sfu.session(session.id)
        again = await sfu.publish("hall", "alice", offers.offer(offers.CHROME))
        sfu.rooms.delete("hall")
        with pytest.raises(NotFound):
            sfu.session(again.id)
        with pytest.raises(NotFound):
            sfu.moderation.remove("hall", "alice")


async def test_empty_rooms_end_and_silent_clients_are_dropped_in_time() -> None:
    async with running_sfu(handshake_timeout=0.05) as sfu:
        sfu.rooms.create("lobby", empty_timeout=0.05)
        session = await sfu.publish("hall", "alice", offers.offer(offers.CHROME))
        sfu.rooms.get("hall").departure_timeout = 0.05
        await eventually(lambda: list(sfu.rooms.list()) == [])
        with pytest.raises(NotFound):
            sfu.session(session.id)


async def test_one_who_cannot_connect_is_remembered_with_the_reason(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with running_sfu(handshake_timeout=0.05) as sfu:
        session = await sfu.publish("hall", "alice", offers.offer(offers.CHROME))
        assert sfu.lost_participant("hall", "alice") is None
        await eventually(lambda: sfu.lost_participant("hall", "alice") is session.participant)
        connection = sfu.connection(session.participant)
        assert connection is not None
        problem = (
            f"no check ever arrived on UDP or TCP port {sfu.media_port}: a firewall between, or a wrong --public-ip"
        )
        assert connection.problem == problem
        assert f"{session.participant.id} is lost (handshake-timeout): {problem}" in caplog.messages
        assert sfu.participant_stats(session.participant) is None


async def test_how_a_participant_is_connected_is_known() -> None:
    async with running_sfu() as sfu:
        alice, session = await Peer.publish(sfu, "hall")
        await eventually(lambda: sfu.rooms.get("hall").broadcast is not None)

        def selected() -> bool:
            connection = sfu.connection(session.participant)
            return connection is not None and any(path["selected"] and path["dtls"] for path in connection.paths)

        await eventually(selected)
        connection = sfu.connection(session.participant)
        assert connection is not None
        assert (connection.dtls, connection.problem) == ("connected", None)
        assert {(count.type, count.protocol) for count in connection.offered} >= {("host", "udp")}
        await session.close()
        assert sfu.connection(session.participant) is None
        await alice.close()


async def test_it_starts_once_at_a_time_and_closes_any_number_of_times() -> None:
    sfu = Sfu(SfuSettings(listen=(("127.0.0.1", 0),), workers=1))
    with pytest.raises(RuntimeError):
        _ = sfu.media_port
    await sfu.close()
    await sfu.start()
    with pytest.raises(RuntimeError):
        await sfu.start()
    await sfu.close()
    await sfu.close()


async def test_logs_hold_neither_addresses_nor_credentials(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with running_sfu() as sfu:
        alice, session = await Peer.publish(sfu, "hall")
        await eventually(lambda: sfu.rooms.get("hall").broadcast is not None)
        await session.close()
        await alice.close()
    ours = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("sfu"))
    assert session.participant.id in ours
    for secret in ("127.0.0.1", session.transport.ice.ufrag, session.transport.ice.pwd, session.id, "hall"):
        assert secret not in ours

"""What happens in a call, as a client is told."""

import pytest
from livekit.protocol import models, rtc

from api.livekit import outbound
from sfu.calls.member import Member
from sfu.room import Room
from sfu.speakers import SpeakerChange
from sfu.view_settings import VideoQuality
from tests.api.livekit.calling import Caller, Client, Server, access, calling
from tests.api.livekit.domain import camera


def member_of(server: Server, client: Client, identity: str) -> Member:
    member = server.sfu.member("room", identity)
    assert member is not None
    assert member.participant.id == client.id
    return member


def the_room(server: Server) -> Room:
    return server.sfu.rooms.get("room")


async def test_who_speaks(server: Server) -> None:
    async with calling(server, "alice") as alice, calling(server, "bob") as bob:
        room = the_room(server)
        a, b = (member_of(server, who, name).participant for who, name in ((alice, "alice"), (bob, "bob")))
        room.active_speakers = (SpeakerChange(a, 0.5, True), SpeakerChange(b, 0.25, True))
        room.speakers_changed.emit([SpeakerChange(b, 0.25, True)])
        for caller in (alice, bob):
            told = {speaker.sid: (speaker.level, speaker.active) for speaker in await speakers(caller)}
            assert told == {alice.id: (0.5, True), bob.id: (0.25, True)}
        room.active_speakers = (SpeakerChange(b, 0.25, True),)
        room.speakers_changed.emit([SpeakerChange(a, 0.0, False)])
        told = {speaker.sid: (speaker.level, speaker.active) for speaker in await speakers(alice)}
        assert told == {alice.id: (0.0, False), bob.id: (0.25, True)}
        # Who has been away is told who speaks, though nothing changes.
        await bob.cut()
        await bob.open(f"/rtc?reconnect=1&sid={bob.id}")
        await bob.expect("reconnect")
        assert [speaker.sid for speaker in await speakers(bob)] == [bob.id]


async def speakers(caller: Caller) -> list[models.SpeakerInfo]:
    changed: rtc.SpeakersChanged = await caller.expect("speakers_changed")
    return list(changed.speakers)


async def test_whose_connection_is_how_good(server: Server) -> None:
    async with calling(server, "alice") as alice, calling(server, "bob") as bob:
        await alice.expect_info("bob", models.ParticipantInfo.ACTIVE)
        a, b = (member_of(server, who, name).participant for who, name in ((alice, "alice"), (bob, "bob")))
        room = the_room(server)
        room.qualities |= {a.id: (a, "lost", 0.0), b.id: (b, "poor", 2.0)}
        room.qualities_changed.emit(list(room.qualities.values()))
        # Others may be told before, by what is counted meanwhile.
        heard_by_alice = await qualities_until(alice, bob.id, models.ConnectionQuality.POOR)
        assert (alice.id, models.ConnectionQuality.LOST) not in heard_by_alice
        heard_by_bob = await qualities_until(bob, bob.id, models.ConnectionQuality.POOR)
        assert (alice.id, models.ConnectionQuality.LOST) in heard_by_bob


async def test_who_comes_or_comes_back_is_told_how_good_connections_are(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sfu.calls.qualities.INTERVAL_SECONDS", 1e6)  # nobody looks meanwhile
    async with calling(server, "alice") as alice:
        participant = member_of(server, alice, "alice").participant
        the_room(server).qualities[participant.id] = (participant, "poor", 2.0)
        async with calling(server, "bob") as bob:
            await qualities_until(bob, alice.id, models.ConnectionQuality.POOR)
            the_room(server).qualities[participant.id] = (participant, "good", 3.0)
            await bob.cut()
            await bob.open(f"/rtc?reconnect=1&sid={bob.id}")
            await bob.expect("reconnect")
            await qualities_until(bob, alice.id, models.ConnectionQuality.GOOD)


async def qualities_until(
    caller: Caller, sid: str, quality: models.ConnectionQuality
) -> list[tuple[str, models.ConnectionQuality]]:
    """All that is told, the one that is waited for included."""
    heard: list[tuple[str, models.ConnectionQuality]] = []
    while (sid, quality) not in heard:
        update: rtc.ConnectionQualityUpdate = await caller.expect("connection_quality")
        heard += [(info.participant_sid, info.quality) for info in update.updates]
    return heard


async def test_what_concerns_its_own_tracks(server: Server) -> None:
    client = Client(server, access())
    await client.join()
    member, track = member_of(server, client, "alice"), camera()
    member.track_wanted.emit(track)
    assert (await client.expect("track_subscribed")).track_sid == track.id
    wanted: dict[VideoQuality, bool] = {"low": True, "medium": False, "high": False}
    member.quality_demanded.emit(track, wanted)
    demanded = await client.expect("subscribed_quality_update")
    assert (demanded.track_sid, demanded.subscribed_codecs[0].codec) == (track.id, "vp8")
    track.muted = True
    member.track_muted.emit(track)
    mute = await client.expect("mute")
    assert (mute.sid, mute.muted) == (track.id, True)
    member.track_removed.emit(track)
    assert (await client.expect("track_unpublished")).track_sid == track.id
    await client.close()


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("unsupported-codec", models.SubscriptionError.SE_CODEC_UNSUPPORTED),
        ("not-found", models.SubscriptionError.SE_TRACK_NOTFOUND),
        ("something-else", models.SubscriptionError.SE_UNKNOWN),
    ],
)
async def test_what_concerns_others_tracks(server: Server, code: str, error: models.SubscriptionError) -> None:
    client = Client(server, access())
    await client.join()
    member, track = member_of(server, client, "alice"), camera()
    member.subscription_allowed.emit(member.participant, track, False)
    update = await client.expect("subscription_permission_update")
    assert (update.participant_sid, update.track_sid, update.allowed) == (client.id, track.id, False)
    member.subscription_failed.emit(track.id, code)
    response = await client.expect("subscription_response")
    assert (response.track_sid, response.err) == (track.id, error)
    await client.close()


async def test_an_offer_that_is_asked_for_while_one_is_answered_comes_behind_the_answer(server: Server) -> None:
    client = Client(server, access())
    await client.join()
    member = member_of(server, client, "alice")
    session = server.signalling.session(member)
    assert session is not None
    assert isinstance(session.outbound, outbound.Outbound)
    with session.outbound.answering():
        member.sections_wanted.emit(1, 2)
        member.track_removed.emit(camera())
    kinds = []
    while "media_sections_requirement" not in kinds:
        kinds.append((await client.receive()).WhichOneof("message"))
    assert kinds[-2:] == ["track_unpublished", "media_sections_requirement"]
    member.sections_wanted.emit(0, 0)
    wanted = await client.expect("media_sections_requirement")
    assert (wanted.num_audios, wanted.num_videos) == (0, 0)
    await client.close()

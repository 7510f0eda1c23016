"""What is told to a client, in which order, and how much is told at once."""

from collections.abc import Callable, Iterable

from livekit.protocol import models, rtc

from api.livekit import outbox as module
from api.livekit.messages import participant_info, quality_info, room_info, speaker_info
from api.livekit.outbox import Outbox
from sfu.participant import Participant, ParticipantState
from sfu.room import Room
from tests.api.livekit.domain import participant, room

PING = rtc.SignalResponse(pong_resp=rtc.Pong(timestamp=1))
ANSWER = rtc.SignalResponse(answer=rtc.SessionDescription(type="answer", sdp="v=0"))
MUTE = rtc.SignalResponse(mute=rtc.MuteTrackRequest(sid="TR_1", muted=True))
BACK = rtc.SignalResponse(reconnect=rtc.ReconnectResponse())


def an_outbox(place: Room | None = None, wake: Callable[[], None] = lambda: None) -> Outbox:
    shown = place or room()
    return Outbox(participant_info, lambda: room_info(shown), wake)


def taken(box: Outbox, now: float) -> list[rtc.SignalResponse]:
    return [rtc.SignalResponse.FromString(data) for data in box.take(now)]


def kinds(messages: Iterable[rtc.SignalResponse]) -> list[str | None]:
    return [message.WhichOneof("message") for message in messages]


def identities(message: rtc.SignalResponse) -> list[str]:
    return [info.identity for info in message.update.participants]


def gone(who: Participant, why: str = "left") -> Participant:
    who.state, who.departure = ParticipantState.DISCONNECTED, why
    return who


def test_messages_come_in_order() -> None:
    box = an_outbox()
    for message in (ANSWER, PING, MUTE):
        box.put(message)
    assert not box.is_empty
    assert kinds(taken(box, 0.0)) == ["answer", "pong_resp", "mute"]
    assert taken(box, 0.0) == []


def test_the_first_change_is_told_at_once_and_the_next_ones_together() -> None:
    box = an_outbox()
    box.note(participant("alice"), 10.0)
    assert box.next_deadline() == 10.0
    assert [identities(message) for message in taken(box, 10.0)] == [["alice"]]
    crowd = [participant(f"p{number}") for number in range(100)]
    for index, who in enumerate(crowd):
        box.note(who, 10.0 + index * 0.0001)
        box.note(who, 10.0 + index * 0.0001)
    assert taken(box, 10.049) == []
    assert box.next_deadline() == 10.0 + module.GATHERING
    (update,) = taken(box, 10.05)
    assert identities(update) == [who.identity for who in crowd]
    assert box.next_deadline() is None


def test_what_is_told_is_the_latest() -> None:
    box, alice = an_outbox(), participant("alice")
    box.note(alice, 0.0)
    alice.name = "Alice"
    (update,) = taken(box, 0.0)
    assert update.update.participants[0].name == "Alice"


def test_changes_come_before_what_may_be_about_them() -> None:
    box = an_outbox()
    box.note(participant("alice"), 0.0)
    box.take(0.0)
    box.note(participant("bob"), 0.01)
    box.put(PING)
    assert kinds(taken(box, 0.01)) == ["pong_resp"]
    box.put(ANSWER)
    assert kinds(taken(box, 0.01)) == ["update", "answer"]


def test_who_left_is_as_they_were_then() -> None:
    box, alice = an_outbox(), participant("alice")
    box.note(alice, 0.0)
    box.note_left(gone(alice, "removed"), 0.0)
    alice.state = ParticipantState.ACTIVE  # in another room, meanwhile
    (update,) = taken(box, 0.0)
    (info,) = update.update.participants
    assert info.state == models.ParticipantInfo.DISCONNECTED
    assert info.disconnect_reason == models.DisconnectReason.PARTICIPANT_REMOVED


def test_strangers_who_leave_are_not_mentioned() -> None:
    box = an_outbox()
    box.note_left(gone(participant("alice")), 0.0)
    assert box.next_deadline() is None


def test_others_in_the_join_message_are_known() -> None:
    box, alice = an_outbox(), participant("alice")
    box.put_join(rtc.SignalResponse(join=rtc.JoinResponse()), [alice])
    box.note_left(gone(alice), 0.0)
    assert kinds(taken(box, 0.0)) == ["join", "update"]


def test_speakers_and_qualities_are_told_with_the_changes() -> None:
    box, alice = an_outbox(), participant("alice")
    box.note_speakers([speaker_info(alice, 0.5, True)], 0.0)
    box.note_qualities([quality_info(alice, "good", 3.0)], 0.0)
    box.note_speakers([speaker_info(alice, 0.0, False)], 0.0)
    box.note(alice, 0.0)
    update, speakers, qualities = taken(box, 0.0)
    assert identities(update) == ["alice"]
    (speaker,) = speakers.speakers_changed.speakers
    assert (speaker.sid, speaker.active) == ("PA_alice", False)
    assert len(qualities.connection_quality.updates) == 1


def test_the_room_is_told_at_once_or_now_and_then() -> None:
    place = room(metadata="one")
    box = an_outbox(place)
    box.note_room(0.0, at_once=False)
    assert kinds(taken(box, 0.0)) == ["room_update"]
    box.note_room(1.0, at_once=False)
    box.note_room(2.0, at_once=False)
    assert box.next_deadline() == module.ROOM_GATHERING
    place.metadata = "two"
    box.note_room(2.5, at_once=True)
    (update,) = taken(box, 2.5)
    assert update.room_update.room.metadata == "two"
    assert box.next_deadline() is None


def test_one_who_is_back_is_told_how_things_stand() -> None:
    box, alice, bob, carol = an_outbox(), participant("alice"), participant("bob"), participant("carol")
    for who in (alice, bob):
        box.note(who, 0.0)
    box.put(ANSWER)
    box.suspend()
    box.put(MUTE)
    box.put(PING)
    box.note(carol, 1.0)
    box.note_left(gone(bob), 1.0)
    box.note_speakers([speaker_info(alice, 1.0, True)], 1.0)
    box.note_room(1.0, at_once=True)
    assert box.next_deadline() is None
    box.resume(BACK, [alice, carol])
    messages = taken(box, 2.0)
    assert kinds(messages) == ["reconnect", "update", "room_update", "mute"]
    told = {info.identity: info.state for info in messages[1].update.participants}
    assert told["bob"] == models.ParticipantInfo.DISCONNECTED
    assert set(told) == {"alice", "bob", "carol"}


def test_one_who_came_again_is_not_said_to_have_left() -> None:
    box, before, now = an_outbox(), participant("bob", id="PA_1"), participant("bob", id="PA_2")
    box.note(before, 0.0)
    box.suspend()
    box.note_left(gone(before), 0.0)
    box.resume(BACK, [now])
    assert [info.sid for info in taken(box, 0.0)[1].update.participants] == ["PA_2"]


def test_how_many_departed_are_remembered_is_bounded() -> None:
    box = an_outbox()
    for number in range(module.MAX_DEPARTED + 10):
        who = participant(f"p{number}")
        box.note(who, 0.0)
        box.note_left(gone(who), 0.0)
    box.suspend()
    box.resume(BACK, [])
    assert len(taken(box, 0.0)[1].update.participants) == module.MAX_DEPARTED


def test_in_another_room_nobody_of_the_old_one_matters() -> None:
    box, alice, bob = an_outbox(), participant("alice"), participant("bob")
    box.note(alice, 0.0)
    box.move(rtc.SignalResponse(room_moved=rtc.RoomMovedResponse()), [bob])
    box.note_left(gone(alice), 0.0)
    assert kinds(taken(box, 0.0)) == ["room_moved"]


def test_a_client_that_never_reads_costs_so_much_and_no_more() -> None:
    box = an_outbox()
    large = rtc.SignalResponse(refresh_token="x" * (1 << 20))
    for _ in range(module.MAX_WAITING_BYTES >> 20):
        assert not box.overflowed
        box.put(large)
    assert box.overflowed
    assert box.is_empty
    box.put(PING)
    assert taken(box, 0.0) == []


def test_a_large_room_can_be_joined() -> None:
    box = an_outbox()
    everybody = [participant(f"p{number}", metadata="m" * 60_000) for number in range(200)]
    join = rtc.JoinResponse(other_participants=map(participant_info, everybody))
    box.put_join(rtc.SignalResponse(join=join), everybody)
    assert not box.overflowed
    box.take(0.0)
    box.suspend()
    box.resume(BACK, everybody)
    assert kinds(taken(box, 1.0)) == ["reconnect", "update", "room_update"]


def test_it_wakes_whoever_sends() -> None:
    woken: list[int] = []
    box = an_outbox(wake=lambda: woken.append(1))
    box.put(PING)
    box.note(participant(), 0.0)
    box.note(participant("bob"), 0.0)
    box.note_room(0.0, at_once=True)
    assert len(woken) == 3


def test_after_the_last_message_there_is_nothing() -> None:
    box = an_outbox()
    box.note_room(0.0, at_once=False)
    box.finish(rtc.SignalResponse(leave=rtc.LeaveRequest()))
    box.put(PING)
    box.note(participant(), 0.0)
    box.note_room(0.0, at_once=True)
    assert kinds(taken(box, 100.0)) == ["leave"]
    assert box.next_deadline() is None

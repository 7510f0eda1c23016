"""Calls of many rooms: who joins and leaves them, moves between them, and is given up after a while."""

import pytest

from sfu.calls.joining import SubscriptionPermissions
from sfu.calls.member import ANSWER_SECONDS, JOIN_SECONDS
from sfu.errors import Malformed, Overloaded, Rejected, SfuError
from sfu.participant import Participant, ParticipantState
from sfu.speakers import SpeakerChange
from tests.sfu.calls.hall import Hall, described, sound

__all__ = ["sound"]
pytestmark = pytest.mark.usefixtures("sound")


CANDIDATE = "a=candidate:1 1 udp 2122260223 192.0.2.9 50000 typ host\r\n"


def test_who_never_connects_is_gone_after_a_minute() -> None:
    hall = Hall()
    ended: list[tuple[str, str]] = []
    hall.calls.ended.connect(lambda member, reason: ended.append((member.participant.identity, reason)))
    alice, bob = hall.join("alice", connect=False), hall.join("bob")
    alice.answer_all()
    bob.answer_all()
    hall.pass_time(JOIN_SECONDS - 0.1)
    assert ended == []
    hall.pass_time(0.1)
    assert ended == [("alice", "never-connected")]
    assert alice.member.participant.state is ParticipantState.DISCONNECTED
    assert hall.calls.member(alice.member.participant) is None
    assert hall.calls.members(hall.room()) == (bob.member,)


def test_who_does_not_answer_an_offer_is_gone_too_but_not_who_was_offered_anew() -> None:
    hall = Hall()
    alice, bob = hall.join("alice"), hall.join("bob")
    bob.answer_all()
    hall.pass_time(ANSWER_SECONDS - 1.0)
    alice.member.resume()
    hall.pass_time(ANSWER_SECONDS - 1.0)
    assert alice.member.ended is None
    hall.pass_time(1.0)
    assert alice.said("closed") == [("state-mismatch",)]
    assert bob.member.ended is None


def test_a_full_room_takes_nobody() -> None:
    hall = Hall(max_participants=1)
    hall.join("alice")
    with pytest.raises(Overloaded, match="full"):
        hall.join("bob")
    assert len(hall.calls.members(hall.room())) == 1


def test_a_call_ends_with_its_last_member_and_nobody_speaks_there_any_more() -> None:
    hall = Hall()
    alice = hall.join("alice")
    microphone = alice.publish("audio")
    assert microphone.handle is not None
    for _ in range(5):
        hall.now += 0.2
        hall.calls.handle_levels([(microphone.handle, 15, 200), (999, 15, 200)])
    room = hall.room()
    assert [(change.key, change.active) for change in room.active_speakers] == [(alice.member.participant, True)]
    alice.member.close()
    assert room.active_speakers == ()
    assert hall.calls.next_deadline() is None
    assert hall.calls.members(room) == ()


def test_who_is_muted_is_not_heard() -> None:
    hall = Hall()
    alice, _ = hall.join("alice"), hall.join("bob")
    microphone = alice.publish("audio")
    changes: list[SpeakerChange[Participant]] = []
    hall.room().speakers_changed.connect(changes.extend)
    alice.member.set_muted(microphone.id, True)
    for _ in range(5):
        hall.now += 0.2
        hall.calls.handle_levels([(microphone.handle or 0, 15, 200)])
    assert changes == []


def test_a_move_takes_everything_along_but_what_was_received() -> None:
    hall = Hall()
    alice, bob, carol = hall.join("alice"), hall.join("bob"), hall.join("carol", "garden")
    hers, his, theirs = alice.publish(), bob.publish(), carol.publish()
    garden = hall.room("garden")
    heard: list[object] = []
    alice.member.moved.connect(lambda room: heard.append((room, list(alice.member.subscribed))))
    hall.calls.move(alice.member, garden)
    assert heard == [(garden, [])]
    assert list(alice.member.subscribed) == [theirs]
    assert list(carol.member.subscribed) == [hers]
    assert list(bob.member.subscribed) == []
    assert his not in alice.member.subscribed
    assert alice.member.participant.state is ParticipantState.ACTIVE
    assert alice.said("track_wanted") == [(hers,), (hers,)]


def test_whom_a_publisher_bars_gets_nothing_for_a_moment_of_its_move_either() -> None:
    hall = Hall()
    alice, carol = hall.join("alice"), hall.join("carol", "garden")
    carol.answer_all()
    alice.publish()
    alice.member.set_subscription_permissions(SubscriptionPermissions(everybody=False))
    offers = len(carol.offers)
    hall.calls.move(alice.member, hall.room("garden"))
    assert list(carol.member.subscribed) == []
    assert len(carol.offers) == offers


def test_a_move_while_joining_or_with_an_offer_outstanding() -> None:
    hall = Hall()
    alice, carol = hall.join("alice", connect=False), hall.join("carol", "garden")
    hers, theirs = alice.publish(), carol.publish()
    assert alice.waits == 1
    hall.calls.move(alice.member, hall.room("garden"))
    assert alice.member.participant.state is ParticipantState.JOINING
    assert list(carol.member.subscribed) == []
    alice.answer_all()
    assert list(alice.member.sent_tracks.values()) == [theirs.id]
    alice.connect()
    assert list(carol.member.subscribed) == [hers]


def test_a_move_to_a_full_room_changes_nothing() -> None:
    hall = Hall(max_participants=1)
    alice, carol = hall.join("alice"), hall.join("carol", "garden")
    picture = alice.publish()
    with pytest.raises(Overloaded):
        hall.calls.move(alice.member, hall.room("garden"))
    assert alice.member.room is hall.room()
    assert hall.calls.members(hall.room()) == (alice.member,)
    assert list(hall.room().participants) == [alice.member.participant]
    assert list(carol.member.subscribed) == []
    assert picture.handle in hall.datapath.tracks


def test_who_is_closed_over_its_move_is_nowhere() -> None:
    hall = Hall()
    alice = hall.join("alice")
    alice.publish()
    alice.member.moved.connect(lambda _: alice.member.close("flooding"))
    hall.calls.move(alice.member, hall.room("garden"))
    assert hall.room("hall").participants == hall.room("garden").participants == ()
    assert hall.calls.next_deadline() is None
    assert hall.datapath.tracks == {}


@pytest.mark.parametrize(
    "bad",
    [
        "",
        described([]).replace("a=fingerprint:sha-256 00", "a=fingerprint:sha-256 01") + CANDIDATE,
        described([]).replace("them", "they").replace("a=setup:actpass", "a=setup:holdconn") + CANDIDATE,
    ],
)
def test_an_offer_that_is_refused_changes_nothing(bad: str) -> None:
    hall = Hall()
    alice = hall.join("alice")
    picture = alice.publish()
    (link, _) = alice.member.links
    before = (len(hall.datapath.calls), link.local, link.candidates.counts())
    with pytest.raises((Malformed, Rejected)):
        alice.member.offer(bad)
    assert (len(hall.datapath.calls), link.local, link.candidates.counts()) == before
    assert list(alice.member.published) == [picture]
    alice.offer()


def test_a_server_without_room_for_a_transport_says_so_and_the_member_may_try_again() -> None:
    hall = Hall(max_transports=0)
    alice = hall.join("alice")
    picture = alice.announce()
    with pytest.raises(SfuError) as refused:
        alice.send(picture)
    assert isinstance(refused.value, Overloaded)
    with pytest.raises(Overloaded):
        alice.answer()
    assert picture.handle is None
    assert hall.datapath.calls == []
    assert alice.member.transports == []
    hall.pass_time(ANSWER_SECONDS)
    assert alice.said("closed") == [("state-mismatch",)]

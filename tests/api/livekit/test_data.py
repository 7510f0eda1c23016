"""Data packets: whose they are, whom they reach, and what is sent again."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from livekit.protocol import metrics, models

from api.livekit import data
from api.livekit.data import DataRouter, stamped
from sfu.errors import Malformed, Rejected
from sfu.participant import Participant
from sfu.permissions import Permissions
from sfu.room import Room
from tests.api.livekit.domain import participant, room


@dataclass
class Receiver:
    participant: Participant
    room: Room
    got: list[tuple[bool, models.DataPacket]] = field(default_factory=list)

    def send_message(self, reliable: bool, payload: bytes) -> bool:
        self.got.append((reliable, models.DataPacket.FromString(payload)))
        return True


class Meeting:
    def __init__(self, **permissions: Permissions) -> None:
        self.room = room()
        self.members: dict[str, Receiver] = {}
        for name in ("alice", "bob", "carol"):
            who = participant(name, permissions=permissions.get(name, Permissions()))
            self.members[name] = Receiver(who, self.room)
        self.router = DataRouter(lambda name: list(self.members.values()) if name == "room" else [])

    def say(self, who: str, packet: models.DataPacket, reliable: bool = True) -> int:
        return self.router.route(self.members[who], reliable, packet.SerializeToString())

    def heard(self) -> dict[str, int]:
        return {name: len(member.got) for name, member in self.members.items()}


def user(text: str = "hi", **values: Any) -> models.DataPacket:
    return models.DataPacket(user=models.UserPacket(payload=text.encode(), topic="t"), **values)


def test_everybody_else_gets_it_with_the_senders_name_on_it() -> None:
    meeting = Meeting()
    forged = user(participant_identity="bob", participant_sid="PA_bob", kind=models.DataPacket.LOSSY)
    forged.user.participant_identity = "bob"
    assert meeting.say("alice", forged) == 2
    assert meeting.heard() == {"alice": 0, "bob": 1, "carol": 1}
    ((reliable, packet),) = meeting.members["bob"].got
    assert (reliable, packet.kind) == (True, models.DataPacket.RELIABLE)
    assert (packet.participant_identity, packet.participant_sid) == ("alice", "PA_alice")
    assert (packet.user.participant_identity, packet.user.participant_sid) == ("alice", "PA_alice")
    assert (packet.user.payload, packet.user.topic) == (b"hi", "t")


def test_to_chosen_ones_by_identity_old_and_new() -> None:
    meeting = Meeting()
    old = user()
    old.user.destination_identities.append("bob")
    for packet in (user(destination_identities=["bob", "nobody"]), old):
        assert meeting.say("alice", packet) == 1
    new, told = (packet for _, packet in meeting.members["bob"].got)
    assert list(new.user.destination_identities) == ["bob", "nobody"]
    assert list(told.destination_identities) == ["bob"]
    assert meeting.heard() == {"alice": 0, "bob": 2, "carol": 0}


def test_to_chosen_ones_by_id_and_never_to_oneself() -> None:
    meeting = Meeting()
    packet = user()
    packet.user.destination_sids.extend(["PA_carol", "PA_alice"])
    assert meeting.say("alice", packet) == 1
    assert meeting.say("alice", user(destination_identities=["alice"])) == 0
    assert meeting.heard() == {"alice": 0, "bob": 0, "carol": 1}


def test_lossy_packets_have_no_number() -> None:
    meeting = Meeting()
    meeting.say("alice", user(sequence=7), reliable=False)
    ((reliable, packet),) = meeting.members["bob"].got
    assert (reliable, packet.kind, packet.sequence) == (False, models.DataPacket.LOSSY, 0)
    assert meeting.router.last_sequence(meeting.members["alice"].participant) == 0


def test_who_may_not_send_does_not() -> None:
    meeting = Meeting(alice=Permissions(can_publish_data=False))
    with pytest.raises(Rejected, match="not-permitted"):
        meeting.say("alice", user())
    assert meeting.heard() == {"alice": 0, "bob": 0, "carol": 0}


@pytest.mark.parametrize(
    "packet",
    [
        models.DataPacket(),
        models.DataPacket(speaker=models.ActiveSpeakerUpdate()),
        models.DataPacket(transcription=models.Transcription()),
    ],
)
def test_packets_that_clients_do_not_send(packet: models.DataPacket) -> None:
    with pytest.raises(Rejected, match="unsupported-packet"):
        stamped(participant(), True, packet.SerializeToString())


def test_an_agent_may_speak_for_somebody() -> None:
    agent = participant("bot", permissions=Permissions(agent=True))
    said = models.DataPacket(transcription=models.Transcription(), participant_identity="bob")
    packet = models.DataPacket.FromString(stamped(agent, True, said.SerializeToString()).payload)
    assert (packet.participant_identity, packet.participant_sid) == ("bob", "PA_bot")
    packet = models.DataPacket.FromString(
        stamped(agent, True, user(participant_identity="bob").SerializeToString()).payload
    )
    assert packet.participant_identity == "bot"


def test_hidden_ones_are_nobody() -> None:
    spy = participant("spy", permissions=Permissions(hidden=True))
    packet = models.DataPacket.FromString(stamped(spy, True, user(sequence=4).SerializeToString()).payload)
    assert (packet.participant_identity, packet.participant_sid, packet.sequence) == ("", "", 0)
    assert packet.user.participant_identity == ""


def test_metrics_are_for_those_who_may_have_them() -> None:
    meeting = Meeting(carol=Permissions(can_subscribe_metrics=True))
    assert meeting.say("alice", models.DataPacket(metrics=metrics.MetricsBatch())) == 1
    assert meeting.heard() == {"alice": 0, "bob": 0, "carol": 1}


def test_what_is_sent_again_arrives_once() -> None:
    meeting = Meeting()
    for sequence in (1, 2, 2, 1, 3):
        meeting.say("alice", user(sequence=sequence))
    assert [packet.sequence for _, packet in meeting.members["bob"].got] == [1, 2, 3]
    assert meeting.router.last_sequence(meeting.members["alice"].participant) == 3
    meeting.router.forget(meeting.members["alice"].participant)
    assert meeting.say("alice", user(sequence=1)) == 2


def test_one_who_resumes_gets_what_it_missed() -> None:
    meeting = Meeting()
    for sequence in range(1, 6):
        meeting.say("alice", user(str(sequence), sequence=sequence))
    meeting.say("alice", user("for carol", sequence=6, destination_identities=["carol"]))
    bob = meeting.members["bob"]
    bob.got.clear()
    meeting.router.replay(bob, [("PA_alice", 3), ("PA_bob", 0), ("PA_gone", 0)])
    assert [packet.sequence for _, packet in bob.got] == [4, 5]


def test_what_is_kept_for_them_is_bounded() -> None:
    meeting = Meeting()
    for sequence in range(1, 2 * data.MAX_KEPT_PACKETS):
        meeting.say("alice", user(sequence=sequence))
    bob = meeting.members["bob"]
    bob.got.clear()
    meeting.router.replay(bob, [("PA_alice", 0)])
    assert len(bob.got) == data.MAX_KEPT_PACKETS
    meeting.say("alice", user("x" * (data.MAX_KEPT_BYTES - 500), sequence=10_000))
    bob.got.clear()
    meeting.router.replay(bob, [("PA_alice", 0)])
    assert 0 < len(bob.got) < 20


def test_the_server_says_something() -> None:
    meeting = Meeting()
    assert meeting.router.send("room", user(), reliable=False) == 3
    assert meeting.router.send("room", user(), identities=["bob"], ids=["PA_carol"]) == 2
    assert meeting.router.send("elsewhere", user()) == 0
    assert meeting.heard() == {"alice": 1, "bob": 2, "carol": 2}
    assert [reliable for reliable, _ in meeting.members["bob"].got] == [False, True]


@given(st.binary(max_size=200))
def test_any_bytes_are_passed_on_or_refused(payload: bytes) -> None:
    try:
        packet = stamped(participant(), True, payload)
    except (Malformed, Rejected):
        return
    assert models.DataPacket.FromString(packet.payload).participant_sid == "PA_alice"

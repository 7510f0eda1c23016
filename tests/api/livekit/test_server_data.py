"""What a backend sends to participants: whom it reaches, and that a repetition reaches nobody."""

import pytest
from livekit.protocol import models

from api.limits import MAX_PAYLOAD
from api.livekit import server_data
from api.livekit.data import DataRouter
from api.livekit.server_data import Message, ServerData
from sfu.errors import NotFound, Rejected
from tests.api.livekit.domain import participant
from tests.api.livekit.test_data import Receiver
from tests.api.recording import RecordedRoom, RecordingRooms, WallClock


class World:
    """The room `room`, with alice and bob in it."""

    def __init__(self) -> None:
        wall = WallClock()
        rooms = RecordingRooms(wall.now)
        rooms.rooms["room"] = room = RecordedRoom("room", wall.now())
        self.members = [Receiver(participant(name), room) for name in ("alice", "bob")]
        self.data = ServerData(rooms.get, DataRouter(lambda name: self.members if name == "room" else []))

    def heard(self) -> list[list[tuple[bool, bytes]]]:
        return [[(reliable, packet.user.payload) for reliable, packet in member.got] for member in self.members]


def test_everybody_or_those_who_are_named() -> None:
    world = World()
    assert world.data.send("room", Message(b"all")) == 2
    assert world.data.send("room", Message(b"bob", reliable=False, identities=["bob", "nobody"])) == 1
    assert world.data.send("room", Message(b"alice", ids=["PA_alice"])) == 1
    assert world.data.send("room", Message(b"none", identities=["nobody"])) == 0
    assert world.heard() == [[(True, b"all"), (True, b"alice")], [(True, b"all"), (False, b"bob")]]


def test_nobody_is_named_as_the_sender() -> None:
    world = World()
    world.data.send("room", Message(b"", topic="t"))
    ((_, packet),) = world.members[0].got
    user = models.UserPacket(payload=b"", topic="t")
    assert packet == models.DataPacket(user=user, kind=models.DataPacket.RELIABLE)


def test_a_repetition_is_not_sent() -> None:
    world = World()
    nonce = b"x" * 16
    assert [world.data.send("room", Message(b"m", nonce=nonce)) for _ in range(3)] == [2, 2, 2]
    assert world.heard() == [[(True, b"m")]] * 2
    for _ in range(2):
        world.data.send("room", Message(b"n"))
    assert len(world.members[0].got) == 3


def test_nonces_are_forgotten_at_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_data, "MAX_NONCES", 2)
    world = World()
    for nonce in (b"a", b"b", b"c", b"b", b"a"):
        world.data.send("room", Message(nonce, nonce=nonce * 16))
    assert [payload for _, payload in world.heard()[0]] == [b"a", b"b", b"c", b"a"]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (Message(b"x" * (MAX_PAYLOAD + 1)), "payload-too-large"),
        (Message(b"", topic="ä" * 129), "topic-too-long"),
        (Message(b"", identities=["x"] * 501, ids=["y"] * 500), "too-many-destinations"),
        (Message(b"", nonce=b"short"), "malformed-nonce"),
    ],
)
def test_what_is_too_much(message: Message, code: str) -> None:
    world = World()
    with pytest.raises(Rejected) as refusal:
        world.data.send("room", message)
    assert refusal.value.code == code
    assert world.heard() == [[], []]


def test_a_room_that_is_not_there() -> None:
    with pytest.raises(NotFound):
        World().data.send("none", Message(b""))

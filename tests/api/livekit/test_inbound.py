"""Requests one after the other, as a member's session does them, without sockets."""

import random
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from livekit.protocol import rtc

from api.livekit.inbound import COSTS, Inbound
from api.livekit.join_request import Hello
from api.livekit.session import Session
from api.tokens import AccessToken, VideoGrant
from sfu.errors import Rejected
from tests.api.livekit.calling import Server

KINDS = [field.name for field in rtc.SignalRequest.DESCRIPTOR.oneofs_by_name["message"].fields]
TEXTS = ["", "x", "TR_1", "PA_1", "offer", "answer", "v=0\r\n", "\0", "{}", '{"candidate": "candidate:1 1 udp 1 a 9"}']
NUMBERS = [0, 1, 2, 3, 7, 255]


def joined(server: Server, identity: str = "alice") -> Session:
    grants = VideoGrant(room_join=True, room="room", can_update_own_metadata=True)
    return server.signalling.join("room", AccessToken("key", identity, video=grants), Hello(single=False))


def fill(message: Message, dice: random.Random, depth: int = 3) -> None:
    """Anything ProtoBuf can hold, and now and then something that is nearly right."""
    for field in message.DESCRIPTOR.fields:
        if dice.random() < 0.3:
            continue
        if field.message_type is not None:
            if field.message_type.GetOptions().map_entry:
                if field.message_type.fields_by_name["value"].message_type is None:
                    getattr(message, field.name)[dice.choice(TEXTS)] = dice.choice(TEXTS)
            elif depth:
                target = getattr(message, field.name)
                fill(target.add() if field.is_repeated else target, dice, depth - 1)
            continue
        value = any_value(field, dice)
        if field.is_repeated:
            getattr(message, field.name).extend([value] * dice.randrange(3))
        else:
            setattr(message, field.name, value)


def any_value(field: Any, dice: random.Random) -> object:
    if field.type == FieldDescriptor.TYPE_STRING:
        return dice.choice(TEXTS)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return dice.randbytes(dice.randrange(20))
    if field.type == FieldDescriptor.TYPE_BOOL:
        return dice.random() < 0.5
    return dice.choice(NUMBERS)


@pytest.mark.parametrize("kind", KINDS)
async def test_any_content_is_done_or_refused(server: Server, kind: str) -> None:
    """Nothing but what is said to the client comes of it: no exception, and the others stay."""
    other = joined(server, "bob")
    dice = random.Random(kind)
    for _ in range(60):
        session = joined(server)
        assert isinstance(session.inbound, Inbound)
        for _ in range(5):
            request = rtc.SignalRequest()
            content = getattr(request, kind)
            if isinstance(content, Message):
                content.SetInParent()
                fill(content, dice)
            else:
                setattr(request, kind, dice.choice(NUMBERS))
            session.inbound.handle(request)
    assert other.member.ended is None


def test_costs_are_of_requests_that_there_are() -> None:
    assert set(COSTS) < set(KINDS)


async def test_a_request_of_tomorrow(server: Server) -> None:
    with pytest.raises(Rejected, match="unknown-request"):
        joined(server).inbound.handle(rtc.SignalRequest())

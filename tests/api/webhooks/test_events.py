"""Events, as LiveKit writes them."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.json_format import Parse
from livekit.protocol.models import ParticipantInfo, Room, RoomEndReason, TrackInfo, TrackSource, TrackType
from livekit.protocol.webhook import WebhookEvent

from api.webhooks import events

ROOM = Room(sid="RM_1", name="room", creation_time=1_700_000_000, turn_password="hunter2", num_participants=2)
PARTICIPANT = ParticipantInfo(
    sid="PA_1", identity="alice", name="Alice", state=ParticipantInfo.State.ACTIVE, attributes={"hand": "up"}
)
TRACK = TrackInfo(sid="TR_1", type=TrackType.VIDEO, source=TrackSource.SCREEN_SHARE, width=1280)


def wire(event: WebhookEvent) -> Any:
    return json.loads(events.encode(event, "EV_1", 1_700_000_001))


def test_the_room() -> None:
    room = {"sid": "RM_1", "name": "room", "creationTime": "1700000000", "numParticipants": 2}
    assert wire(events.room_started(ROOM)) == {
        "event": "room_started",
        "id": "EV_1",
        "createdAt": "1700000001",
        "room": room,
    }
    assert wire(events.room_finished(ROOM))["event"] == "room_finished"
    finished = wire(events.room_finished(ROOM, RoomEndReason.ROOM_END_API_DELETE))
    assert finished["roomEndReason"] == "ROOM_END_API_DELETE"
    assert ROOM.turn_password == "hunter2"


@pytest.mark.parametrize(
    "make", [events.participant_joined, events.participant_left, events.participant_connection_aborted]
)
def test_participants(make: Callable[[Room, ParticipantInfo], WebhookEvent]) -> None:
    event = wire(make(ROOM, PARTICIPANT))
    assert event["event"] == make.__name__
    assert event["participant"] == {
        "sid": "PA_1",
        "identity": "alice",
        "name": "Alice",
        "state": "ACTIVE",
        "attributes": {"hand": "up"},
    }
    assert (event["room"]["sid"], "track" in event) == ("RM_1", False)


@pytest.mark.parametrize("make", [events.track_published, events.track_unpublished])
def test_tracks(make: Callable[[Room, ParticipantInfo, TrackInfo], WebhookEvent]) -> None:
    event = wire(make(ROOM, PARTICIPANT, TRACK))
    assert event["event"] == make.__name__
    assert event["participant"] == {"sid": "PA_1", "identity": "alice"}
    assert event["track"] == {"sid": "TR_1", "type": "VIDEO", "source": "SCREEN_SHARE", "width": 1280}
    assert event["room"]["name"] == "room"


def test_what_is_written_can_be_read() -> None:
    event = events.participant_joined(ROOM, PARTICIPANT)
    read = Parse(events.encode(event, "EV_1", 7), WebhookEvent())
    assert (read.id, read.created_at, read.participant) == ("EV_1", 7, PARTICIPANT)
    assert event.id == ""

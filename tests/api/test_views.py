"""What of the SFU's objects is shown, and in which shape."""

from typing import cast

import pytest
from pydantic import ValidationError

from api.schemas import Figures, RoomCreate, TokenCreate
from api.views import (
    connection_view,
    participant_detail,
    participant_view,
    room_track_view,
    room_view,
    subscription_view,
)
from sfu.calls.subscription import Subscription
from sfu.connection import Connection
from sfu.stats import PathStats
from sfu.view_settings import ViewSettings
from tests.api.recording import PATH, RecordedParticipant, RecordedRoom, RecordedTrack, RecordingSfu, WallClock

WHEN = WallClock().now()


def test_a_room_counts_its_people() -> None:
    people = [RecordedParticipant(name, kind, WHEN) for name, kind in (("a", "publisher"), ("b", "viewer"))]
    room = room_view(RecordedRoom("room", WHEN, participants=people))
    assert (room.num_participants, room.num_publishers) == (2, 1)


def test_a_participant_without_transport_has_neither_figures_nor_a_connection() -> None:
    participant = RecordedParticipant("a", "publisher", WHEN, tracks=[RecordedTrack()])
    detail = participant_detail(participant, None, None)
    assert (detail.stats, detail.connection) == (None, None)
    assert detail.model_dump(exclude={"stats", "connection"}) == participant_view(participant).model_dump()


def test_figures_hold_no_address() -> None:
    (stats,) = RecordingSfu(WallClock().now).stats()
    assert stats["remote"] == ("192.0.2.1", 4242)
    figures = Figures.of(stats)
    assert (figures.rtt_ms, figures.bytes_sent) == (12.5, 2000)
    assert "192.0.2.1" not in figures.model_dump_json()


def test_a_connection_without_a_selected_path_has_none_in_use() -> None:
    tried = {**PATH, "selected": False, "protocol": "udp", "via": None, "client": None}
    view = connection_view(Connection([cast("PathStats", tried)], [], "connecting", "no answer"))
    assert (view.path, view.problem, view.tried[0].client) == (None, "no answer", None)


def test_bodies_refuse_what_they_do_not_know() -> None:
    with pytest.raises(ValidationError, match="extra"):
        RoomCreate.model_validate({"name": "a", "surprise": 1})


def test_lifetimes_are_read() -> None:
    assert TokenCreate.model_validate({"identity": "a", "video": {}}).lifetime_seconds == 6 * 3600


def test_a_subscription_shows_whose_track_it_is_and_whether_it_comes() -> None:
    alice = RecordedParticipant("alice", "member", WHEN)
    subscription = Subscription(alice, RecordedTrack())
    assert subscription_view(subscription).model_dump() == {
        "track": room_track_view(alice, RecordedTrack()).model_dump(),
        "paused": False,
    }
    subscription.view = ViewSettings(enabled=False)
    assert subscription_view(subscription).paused
    subscription.view, subscription.paused = ViewSettings(), True
    assert subscription_view(subscription).paused


def test_members_who_publish_are_counted() -> None:
    people = [
        RecordedParticipant("a", "member", WHEN),
        RecordedParticipant("b", "member", WHEN, tracks=[RecordedTrack()]),
    ]
    assert room_view(RecordedRoom("room", WHEN, participants=people)).num_publishers == 1

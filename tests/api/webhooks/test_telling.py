"""Which events a room's life makes, and in which order."""

from collections.abc import Callable
from datetime import datetime

from livekit.protocol.models import RoomEndReason
from livekit.protocol.webhook import WebhookEvent
from prometheus_client import CollectorRegistry

from api.webhooks.sending import Webhooks
from api.webhooks.telling import Telling
from sfu.ids import Ids
from sfu.rooms import Rooms
from tests.api.recording import settings_for_tests
from tests.sfu.rooms_of import NOW, OPUS, publisher, track, viewer


class Heard(Webhooks):
    """Keeps what would be sent."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__(settings_for_tests(), CollectorRegistry(), now)
        self.events: list[tuple[WebhookEvent, str]] = []

    @property
    def wanted(self) -> bool:
        return True

    def send(self, event: WebhookEvent, room: str) -> None:
        self.events.append((event, room))


def test_the_life_of_a_room_is_told_in_order() -> None:
    now = 0.0
    rooms = Rooms(Ids(bytes), clock=lambda: now, now=lambda: NOW, max_rooms=10, max_participants=10)
    heard = Heard(lambda: NOW)
    Telling(rooms, heard)
    hall = rooms.create("hall")
    alice, bob = publisher("alice", track("audio", OPUS)), viewer("bob")
    hall.join(alice)
    hall.join(bob)
    hall.activate(alice)
    hall.leave(bob, now)
    hall.leave(alice, now)
    now = 100.0
    rooms.handle_timeout(now)
    assert [(event.event, event.participant.identity) for event, _ in heard.events] == [
        ("room_started", ""),
        ("participant_joined", "alice"),
        ("track_published", "alice"),
        ("participant_connection_aborted", "bob"),
        ("track_unpublished", "alice"),
        ("participant_left", "alice"),
        ("room_finished", ""),
    ]
    assert {room for _, room in heard.events} == {"hall"}
    assert heard.events[-1][0].room_end_reason == RoomEndReason.ROOM_END_IDLE_TIMEOUT
    rooms.create("lobby")
    rooms.delete("lobby")
    assert heard.events[-1][0].room_end_reason == RoomEndReason.ROOM_END_API_DELETE

"""What happens in rooms, told to the webhooks as it happens."""

from livekit.protocol.models import RoomEndReason

from api.facade import RoomsFacade
from api.livekit.messages import participant_info, room_info, track_info
from api.webhooks import events
from api.webhooks.sending import Webhooks
from sfu.participant import Participant
from sfu.room import Room
from sfu.track import Track

_REASONS = {"deleted": RoomEndReason.ROOM_END_API_DELETE, "empty": RoomEndReason.ROOM_END_IDLE_TIMEOUT}


class Telling:
    """Listens to all rooms from its making on. Nothing is told where nobody is to be told."""

    def __init__(self, rooms: RoomsFacade, webhooks: Webhooks) -> None:
        self._webhooks = webhooks
        self._seen: set[str] = set()
        if webhooks.wanted:
            rooms.opened.connect(self._opened)
            rooms.ended.connect(self._ended)

    def _opened(self, room: Room) -> None:
        self._webhooks.send(events.room_started(room_info(room)), room.name)
        room.participant_activated.connect(lambda who: self._activated(room, who))
        room.participant_left.connect(lambda who: self._left(room, who))
        room.track_published.connect(lambda who, track: self._published(room, who, track))
        room.track_unpublished.connect(lambda who, track: self._unpublished(room, who, track))

    def _ended(self, room: Room) -> None:
        # Whoever empties the room was there before us: everybody in it has left by now.
        reason = _REASONS.get(room.ended or "", RoomEndReason.ROOM_END_UNKNOWN)
        self._webhooks.send(events.room_finished(room_info(room), reason), room.name)

    def _activated(self, room: Room, who: Participant) -> None:
        self._seen.add(who.id)
        self._webhooks.send(events.participant_joined(room_info(room), participant_info(who)), room.name)

    def _left(self, room: Room, who: Participant) -> None:
        make = events.participant_left if who.id in self._seen else events.participant_connection_aborted
        self._seen.discard(who.id)
        self._webhooks.send(make(room_info(room), participant_info(who)), room.name)

    def _published(self, room: Room, who: Participant, track: Track) -> None:
        self._webhooks.send(
            events.track_published(room_info(room), participant_info(who), track_info(track)), room.name
        )

    def _unpublished(self, room: Room, who: Participant, track: Track) -> None:
        self._webhooks.send(
            events.track_unpublished(room_info(room), participant_info(who), track_info(track)), room.name
        )

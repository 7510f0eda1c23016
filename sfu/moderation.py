"""What a backend does to the participants of rooms."""

from collections.abc import Callable, Collection, Mapping

from sfu.calls.calls import Calls
from sfu.calls.forwarding import Forwardings
from sfu.calls.member import Member
from sfu.errors import Conflict, NotFound, Rejected
from sfu.participant import Participant
from sfu.permissions import Permissions
from sfu.room import Room
from sfu.rooms import Rooms
from sfu.track import Track


class Moderation:
    """Everything here raises NotFound ("room-not-found", "participant-not-found") for what is not there. close: ends
    whatever sessions a participant has. may_unmute: whether the server may turn on somebody's microphone.
    """

    def __init__(
        self,
        rooms: Rooms,
        calls: Calls,
        forwardings: Forwardings,
        *,
        close: Callable[[Room, Participant, str], None],
        may_unmute: bool,
    ) -> None:
        self._rooms = rooms
        self._calls = calls
        self._forwardings = forwardings
        self._close = close
        self._may_unmute = may_unmute

    def remove(self, room: str, identity: str) -> None:
        """End every session of this identity in the room."""
        home = self._rooms.get(room)
        found = home.with_identity(identity)
        if not found:
            raise _no_participant()
        for participant in found:
            self._close(home, participant, "removed")

    def update(
        self,
        room: str,
        identity: str,
        *,
        name: str | None = None,
        metadata: str | None = None,
        attributes: Mapping[str, str] | None = None,
        permissions: Permissions | None = None,
    ) -> Participant:
        """None stays as it is, and so do attributes that are not named; "" removes one. Other permissions count at
        once: tracks that may no longer be published or received end.
        """
        home, participant = self._find(room, identity)
        if permissions is not None:
            participant.permissions = permissions
        home.describe(participant, name=name, metadata=metadata, attributes=attributes)
        return participant

    def mute(self, room: str, identity: str, track_id: str, muted: bool) -> Track:
        """The client is told to stop (or begin) sending. NotFound ("track-not-found"), Rejected ("unmute-not-allowed"),
        Conflict ("not-a-member"): a WHIP publisher cannot be told.
        """
        member = self._member(room, identity)
        track = next((track for track in member.published if track.id == track_id), None)
        if track is None:
            raise NotFound("track-not-found", "there is no such track of this participant")
        if track.muted and not muted and not self._may_unmute:
            raise Rejected("unmute-not-allowed", "this server does not turn on anybody's camera or microphone")
        if track.muted != muted:
            member.set_muted(track_id, muted)
            member.track_muted.emit(track)
        return track

    def subscribe(self, room: str, identity: str, track_ids: Collection[str], wanted: bool) -> None:
        """As if the participant had asked for it. Conflict ("not-a-member")."""
        self._member(room, identity).subscribe(track_ids, wanted)

    def set_room_metadata(self, room: str, metadata: str) -> Room:
        home = self._rooms.get(room)
        home.set_metadata(metadata)
        return home

    def move(self, room: str, identity: str, destination: str) -> Member:
        """To another room, which is created if need be, with everything it publishes.

        Conflict ("not-a-member", "same-room", "identity-taken"), Overloaded ("room-full").
        """
        member = self._member(room, identity)
        self._calls.move(member, self._other_room(room, identity, destination))
        return member

    def forward(self, room: str, identity: str, destination: str) -> Participant:
        """What the participant publishes is in the other room, too, from now on until it leaves its own; who it is
        there. Conflict ("same-room", "identity-taken"), Overloaded ("room-full").
        """
        home, participant = self._find(room, identity)
        return self._forwardings.forward(home, participant, self._other_room(room, identity, destination))

    def _other_room(self, room: str, identity: str, destination: str) -> Room:
        if destination == room:
            raise Conflict("same-room", "the participant is in this room")
        other = self._rooms.get_or_create(destination)
        if other.named(identity) is not None:
            raise Conflict("identity-taken", "there is a participant of this identity in that room")
        return other

    def _find(self, room: str, identity: str) -> tuple[Room, Participant]:
        home = self._rooms.get(room)
        participant = home.named(identity)
        if participant is None:
            raise _no_participant()
        return home, participant

    def _member(self, room: str, identity: str) -> Member:
        _, participant = self._find(room, identity)
        member = self._calls.member(participant)
        if member is None:
            raise Conflict("not-a-member", "the participant has not joined by a call's signalling")
        return member


def _no_participant() -> NotFound:
    return NotFound("participant-not-found", "there is no such participant in this room")

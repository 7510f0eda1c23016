"""Participants whose tracks are in another room, too (LiveKit's ForwardParticipant)."""

from collections.abc import Callable

from sfu.errors import Overloaded
from sfu.ids import Ids
from sfu.participant import Participant, ParticipantKind, ParticipantState
from sfu.room import Room
from sfu.track import Track

# Of all rooms together.
MAX_FORWARDED = 1_000
_TOO_MANY_RETRY = 30.0


class Forwardings:
    """The one there is a participant of its own, with tracks of its own that the same media feeds."""

    def __init__(self, ids: Ids, clock: Callable[[], float]) -> None:
        self._ids = ids
        self._clock = clock
        self._count = 0

    def forward(self, home: Room, participant: Participant, destination: Room) -> Participant:
        """Overloaded ("room-full", "too-many-forwarded")."""
        if self._count >= MAX_FORWARDED:
            raise Overloaded("too-many-forwarded", "too many are forwarded", retry_after=_TOO_MANY_RETRY)
        image = Participant(
            id=self._ids.object_id("PA"),
            identity=participant.identity,
            kind=ParticipantKind.FORWARDED,
            joined_at=participant.joined_at,
            name=participant.name,
            metadata=participant.metadata,
            attributes=participant.attributes,
            permissions=participant.permissions,
            client_protocol=participant.client_protocol,
            capabilities=participant.capabilities,
            role=participant.role,
        )
        destination.join(image)
        destination.activate(image)
        self._count += 1
        _Forwarding(self._ids, home, participant, destination, image, self._ended, self._clock)
        return image

    def _ended(self) -> None:
        self._count -= 1


class _Forwarding:
    """Keeps the image like the original, until either leaves its room."""

    def __init__(
        self,
        ids: Ids,
        home: Room,
        original: Participant,
        destination: Room,
        image: Participant,
        ended: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self._ids = ids
        self._original = original
        self._destination = destination
        self._image = image
        self._ended = ended
        self._clock = clock
        self._tracks: dict[str, Track] = {}
        self._disconnect = [
            home.track_published.connect(self._published),
            home.track_unpublished.connect(self._unpublished),
            home.track_changed.connect(self._track_changed),
            home.participant_changed.connect(self._changed),
            home.participant_left.connect(self._original_left),
            destination.participant_left.connect(self._image_left),
        ]
        # Until then nobody is told of its tracks, nor that they end.
        if original.state is ParticipantState.ACTIVE:
            for track in original.tracks:
                self._published(original, track)

    def _published(self, participant: Participant, track: Track) -> None:
        if participant is self._original and track.id not in self._tracks:
            name = self._ids.object_id("TR")
            image = Track(name, track.announcement, track.created_at, track.handle, track.codecs, track.layers)
            image.muted = track.muted
            self._tracks[track.id] = image
            self._destination.add_track(self._image, image)

    def _unpublished(self, participant: Participant, track: Track) -> None:
        image = self._tracks.pop(track.id, None) if participant is self._original else None
        if image is not None:
            self._destination.remove_track(self._image, image)
            image.handle = None

    def _track_changed(self, participant: Participant, track: Track) -> None:
        image = self._tracks.get(track.id) if participant is self._original else None
        if image is not None:
            image.announcement, image.muted = track.announcement, track.muted
            self._destination.change_track(self._image, image)

    def _changed(self, participant: Participant) -> None:
        if participant is self._original:
            self._image.permissions = participant.permissions
            self._image.attributes = {}
            self._destination.describe(
                self._image,
                name=participant.name,
                metadata=participant.metadata,
                attributes=participant.attributes,
            )

    def _original_left(self, participant: Participant) -> None:
        if participant is self._original:
            self._destination.leave(self._image, self._clock())

    def _image_left(self, participant: Participant) -> None:
        if participant is self._image:
            for disconnect in self._disconnect:
                disconnect()
            self._ended()

"""What happens in a call, told to one of its clients."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from livekit.protocol import models, rtc

from api.livekit import messages
from api.livekit.outbox import Outbox
from sfu.calls.joining import ServerOffer
from sfu.calls.member import Member
from sfu.participant import Participant, ParticipantState
from sfu.quality import Quality
from sfu.room import Room
from sfu.speakers import SpeakerChange
from sfu.track import Track
from sfu.view_settings import VideoQuality

_SUBSCRIPTION_ERRORS: Mapping[str, models.SubscriptionError] = {
    "unsupported-codec": models.SubscriptionError.SE_CODEC_UNSUPPORTED,
    "not-found": models.SubscriptionError.SE_TRACK_NOTFOUND,
}


class Outbound:
    """Listens to a member and to the room it is in, from `start` until `close`.

    Others are there once their media can flow; hidden ones never are. `fresh_token` makes a token for the next join.
    """

    def __init__(
        self,
        member: Member,
        outbox: Outbox,
        *,
        describe: Callable[[Participant], models.ParticipantInfo],
        fresh_token: Callable[[], str],
        clock: Callable[[], float],
    ) -> None:
        self._member = member
        self._outbox = outbox
        self._describe = describe
        self._fresh_token = fresh_token
        self._clock = clock
        self._permissions = member.participant.permissions
        self._listening: list[Callable[[], None]] = []
        self._listening_to_room: list[Callable[[], None]] = []
        self._answering = False
        self._asked_meanwhile: list[rtc.SignalResponse] = []

    def start(self) -> None:
        member = self._member
        self._listening = [
            member.offered.connect(self._offer),
            member.sections_wanted.connect(self._ask_for_sections),
            member.track_wanted.connect(self._track_wanted),
            member.subscription_allowed.connect(self._subscription_allowed),
            member.subscription_failed.connect(self._subscription_failed),
            member.quality_demanded.connect(self._quality_demanded),
            member.track_muted.connect(self._track_muted),
            member.track_removed.connect(self._track_removed),
            member.moved.connect(self._moved),
        ]
        self._listen_to(member.room)

    def close(self) -> None:
        for disconnect in (*self._listening, *self._listening_to_room):
            disconnect()
        self._listening, self._listening_to_room = [], []

    @property
    def others(self) -> Sequence[Participant]:
        """Whom the client is told of."""
        return [participant for participant in self._member.room.participants if self._is_visible(participant)]

    def restate(self) -> None:
        """The client has been away: tell it what is so all the time, and does not happen."""
        current = [change for change in self._member.room.active_speakers if self._concerns(change.key)]
        self._speakers_changed(current)
        self._qualities_changed(list(self._member.room.qualities.values()))

    def refresh_token(self) -> None:
        self._outbox.put(rtc.SignalResponse(refresh_token=self._fresh_token()))

    @contextmanager
    def answering(self) -> Iterator[None]:
        """While an offer is answered, no other offer is asked for: that comes behind the answer."""
        self._answering = True
        try:
            yield
        finally:
            self._answering = False
            asked, self._asked_meanwhile = self._asked_meanwhile, []
            for message in asked:
                self._outbox.put(message)

    def _listen_to(self, room: Room) -> None:
        for disconnect in self._listening_to_room:
            disconnect()
        self._listening_to_room = [
            room.participant_activated.connect(self._arrived),
            room.participant_changed.connect(self._participant_changed),
            room.participant_left.connect(self._left),
            room.track_published.connect(self._tracks_changed),
            room.track_unpublished.connect(self._tracks_changed),
            room.track_changed.connect(self._tracks_changed),
            room.changed.connect(lambda: self._outbox.note_room(self._clock(), at_once=True)),
            room.speakers_changed.connect(self._speakers_changed),
            room.qualities_changed.connect(self._qualities_changed),
        ]

    def _is_visible(self, participant: Participant) -> bool:
        is_other = participant is not self._member.participant
        return is_other and not participant.hidden and participant.state is ParticipantState.ACTIVE

    def _concerns(self, participant: Participant) -> bool:
        return participant is self._member.participant or self._is_visible(participant)

    def _arrived(self, participant: Participant) -> None:
        if self._is_visible(participant):
            self._outbox.note(participant, self._clock())
        self._outbox.note_room(self._clock(), at_once=False)

    def _left(self, participant: Participant) -> None:
        if participant is not self._member.participant:
            self._outbox.note_left(participant, self._clock())
            self._outbox.note_room(self._clock(), at_once=False)

    def _participant_changed(self, participant: Participant) -> None:
        if self._concerns(participant):
            self._outbox.note(participant, self._clock())
        else:
            self._outbox.note_left(participant, self._clock())
        if participant is self._member.participant and participant.permissions != self._permissions:
            self._permissions = participant.permissions
            self.refresh_token()

    def _tracks_changed(self, participant: Participant, _: Track) -> None:
        """Its own tracks a client hears of otherwise: told that they are unmuted, it would mute them again."""
        if self._is_visible(participant):
            self._outbox.note(participant, self._clock())

    def _speakers_changed(self, changes: Sequence[SpeakerChange[Participant]]) -> None:
        """Beside who changed all who speak: some clients take those they are told of for everybody."""
        current = {change.key: change for change in (*self._member.room.active_speakers, *changes)}
        infos = [
            messages.speaker_info(participant, change.level, change.active)
            for participant, change in current.items()
            if self._concerns(participant)
        ]
        if infos:
            self._outbox.note_speakers(infos, self._clock())

    def _qualities_changed(self, changes: Sequence[tuple[Participant, Quality, float]]) -> None:
        """That its own connection is lost no client is told: who hears it is there, and some would come anew."""
        infos = [
            messages.quality_info(participant, quality, score)
            for participant, quality, score in changes
            if self._is_visible(participant) or (participant is self._member.participant and quality != "lost")
        ]
        if infos:
            self._outbox.note_qualities(infos, self._clock())

    def _offer(self, offer: ServerOffer) -> None:
        description = rtc.SessionDescription(type="offer", sdp=offer.sdp, id=offer.id, mid_to_track_id=offer.tracks)
        self._outbox.put(rtc.SignalResponse(offer=description))

    def _ask_for_sections(self, audio: int, video: int) -> None:
        wanted = rtc.MediaSectionsRequirement(num_audios=audio, num_videos=video)
        message = rtc.SignalResponse(media_sections_requirement=wanted)
        if self._answering:
            self._asked_meanwhile.append(message)
        else:
            self._outbox.put(message)

    def _track_wanted(self, track: Track) -> None:
        self._outbox.put(rtc.SignalResponse(track_subscribed=rtc.TrackSubscribed(track_sid=track.id)))

    def _subscription_allowed(self, publisher: Participant, track: Track, allowed: bool) -> None:
        update = rtc.SubscriptionPermissionUpdate(participant_sid=publisher.id, track_sid=track.id, allowed=allowed)
        self._outbox.put(rtc.SignalResponse(subscription_permission_update=update))

    def _subscription_failed(self, track_id: str, code: str) -> None:
        error = _SUBSCRIPTION_ERRORS.get(code, models.SubscriptionError.SE_UNKNOWN)
        response = rtc.SubscriptionResponse(track_sid=track_id, err=error)
        self._outbox.put(rtc.SignalResponse(subscription_response=response))

    def _quality_demanded(self, track: Track, wanted: Mapping[VideoQuality, bool]) -> None:
        self._outbox.put(rtc.SignalResponse(subscribed_quality_update=messages.subscribed_quality(track, wanted)))

    def _track_muted(self, track: Track) -> None:
        self._outbox.put(rtc.SignalResponse(mute=rtc.MuteTrackRequest(sid=track.id, muted=track.muted)))

    def _track_removed(self, track: Track) -> None:
        unpublished = rtc.TrackUnpublishedResponse(track_sid=track.id)
        self._outbox.put(rtc.SignalResponse(track_unpublished=unpublished))

    def _moved(self, room: Room) -> None:
        self._listen_to(room)
        others = self.others
        me = self._describe(self._member.participant)
        if self._member.is_connected:  # and so active in the new room as soon as it is told of
            me.state = models.ParticipantInfo.ACTIVE
        moved = rtc.RoomMovedResponse(
            room=messages.room_info(room),
            token=self._fresh_token(),
            participant=me,
            other_participants=[self._describe(participant) for participant in others],
        )
        self._outbox.move(rtc.SignalResponse(room_moved=moved), others)
        self.restate()

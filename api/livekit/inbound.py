"""What a client asks for by signalling, done."""

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from typing import Any

from livekit.protocol import rtc

from api.livekit import messages, requests
from api.livekit.data import DataRouter
from sfu.calls.member import Member
from sfu.errors import Malformed, NotFound, Overloaded, Rejected, SfuError
from sfu.track import Track
from sfu.view_settings import ViewSettings

log = logging.getLogger(__name__)

# What a request costs beside reading it (see `api.livekit.pace`), where that is much more than for others: descriptions
# are long to work out, and what one says of itself everybody is told.
COSTS: Mapping[str, float] = {
    "offer": 15.0,
    "answer": 15.0,
    "sync_state": 15.0,
    "update_metadata": 15.0,
    "subscription": 3.0,
    "add_track": 3.0,
    "mute": 3.0,
    "update_audio_track": 3.0,
    "update_video_track": 3.0,
}
COST = 1.0
MAX_REPLAYED_SENDERS = 1_000
# Tracks we have taken away or muted; a client that was not there may not have heard.
MAX_NOTED = 256

Reason = rtc.RequestResponse
_REASONS_BY_CODE: Mapping[str, rtc.RequestResponse.Reason] = {
    "not-permitted": Reason.NOT_ALLOWED,
    "unsupported-type": Reason.UNSUPPORTED_TYPE,
    "name-too-long": Reason.LIMIT_EXCEEDED,
    "metadata-too-large": Reason.LIMIT_EXCEEDED,
    "attributes-too-large": Reason.LIMIT_EXCEEDED,
}
_REASONS_BY_KIND: Mapping[type[SfuError], rtc.RequestResponse.Reason] = {
    Malformed: Reason.INVALID_REQUEST,
    NotFound: Reason.NOT_FOUND,
    Overloaded: Reason.LIMIT_EXCEEDED,
}
# The requests an answer can quote.
_QUOTED = frozenset(
    {
        "trickle",
        "add_track",
        "mute",
        "update_metadata",
        "update_audio_track",
        "update_video_track",
        "publish_data_track",
        "unpublish_data_track",
    }
)


class Inbound:
    """`put` sends to the client; what the member asks for while `answering`, it asks for behind the answer."""

    def __init__(
        self,
        member: Member,
        data: DataRouter,
        *,
        put: Callable[[rtc.SignalResponse], None],
        answering: Callable[[], AbstractContextManager[None]],
        now: Callable[[], datetime],
    ) -> None:
        self._member = member
        self._data = data
        self._put = put
        self._answering = answering
        self._now = now
        self._removed: dict[str, None] = {}
        self._silenced: dict[str, None] = {}
        self._handlers: Mapping[str, Callable[[Any], None]] = {
            "offer": self.offer,
            "answer": self._answer,
            "trickle": self._trickle,
            "add_track": self.add_track,
            "mute": self._mute,
            "subscription": self._subscribe,
            "track_setting": self._set_view,
            "leave": self._leave,
            "update_layers": self._ignore,
            "subscription_permission": self._permit_subscriptions,
            "sync_state": self._sync_state,
            "simulate": self._ignore,
            "ping": self._pong_old,
            "update_metadata": self._update_metadata,
            "ping_req": self._pong,
            "update_audio_track": self._update_audio_track,
            "update_video_track": self._update_video_track,
            "publish_data_track_request": self._no_data_tracks,
            "unpublish_data_track_request": self._no_data_tracks,
            "update_data_subscription": self._no_data_tracks,
            "store_data_blob_request": self._no_data_tracks,
            "get_data_blob_request": self._no_data_tracks,
        }

    def handle(self, request: rtc.SignalRequest) -> None:
        """Do what is asked, or say why not. Rejected ("unknown-request"): it is younger than we are."""
        kind = request.WhichOneof("message")
        if kind is None:
            raise Rejected("unknown-request", "that request is not known")
        content = getattr(request, kind)
        try:
            self._handlers[kind](content)
        except SfuError as error:
            self._refuse(kind, content, error)

    def note_removed(self, track: Track) -> None:
        """It was taken from the client."""
        _note(self._removed, track)

    def note_muted(self, track: Track) -> None:
        """It was muted, or unmuted, and not by the client."""
        self._silenced.pop(track.id, None)
        if track.muted:
            _note(self._silenced, track)

    def offer(self, description: rtc.SessionDescription) -> None:
        """SfuError: it cannot be answered."""
        if description.type != "offer":
            raise Malformed("malformed-description", "that is no offer")
        with self._answering():
            answer = self._member.offer(description.sdp)
            # Clients of two kinds: those that take an answer for that offer only, and those that do not look.
            answered = rtc.SessionDescription(
                type="answer", sdp=answer.sdp, id=description.id, mid_to_track_id=answer.tracks
            )
            self._put(rtc.SignalResponse(answer=answered))

    def add_track(self, request: rtc.AddTrackRequest) -> None:
        announced = requests.announcement(request)
        track = self._member.add_track(announced)
        published = rtc.TrackPublishedResponse(cid=request.cid, track=messages.track_info(track))
        self._put(rtc.SignalResponse(track_published=published))

    def _answer(self, description: rtc.SessionDescription) -> None:
        if description.type != "answer":
            raise Malformed("malformed-description", "that is no answer")
        self._member.answer(description.sdp, description.id)

    def _trickle(self, request: rtc.TrickleRequest) -> None:
        line = requests.candidate(request.candidateInit)
        if line:
            publishing = self._member.single or request.target == rtc.SignalTarget.PUBLISHER
            self._member.trickle(line, publishing=publishing)

    def _mute(self, request: rtc.MuteTrackRequest) -> None:
        self._member.set_muted(request.sid, request.muted)
        if not request.muted:
            self._silenced.pop(request.sid, None)

    def _subscribe(self, request: rtc.UpdateSubscription) -> None:
        self._member.subscribe(requests.track_ids(request), request.subscribe)

    def _set_view(self, request: rtc.UpdateTrackSettings) -> None:
        ids = requests.checked_track_ids(request.track_sids)
        self._member.set_view(ids, requests.view_settings(request))

    def _leave(self, _: rtc.LeaveRequest) -> None:
        self._member.close("left")

    def _permit_subscriptions(self, request: rtc.SubscriptionPermission) -> None:
        self._member.set_subscription_permissions(requests.subscription_permissions(request))

    def _sync_state(self, state: rtc.SyncState) -> None:
        """After a resume: what the client believes. If it publishes what we know nothing of, it must come anew."""
        believed = {published.track.sid for published in state.publish_tracks}
        if not believed <= {track.id for track in self._member.published} | self._removed.keys():
            self._member.close("state-mismatch")
            return
        for track_id in believed & self._removed.keys():
            gone = rtc.TrackUnpublishedResponse(track_sid=track_id)
            self._put(rtc.SignalResponse(track_unpublished=gone))
        for track_id in believed & self._silenced.keys():
            self._put(rtc.SignalResponse(mute=rtc.MuteTrackRequest(sid=track_id, muted=True)))
        if state.HasField("subscription"):
            self._member.subscribe(requests.track_ids(state.subscription), state.subscription.subscribe)
        disabled = requests.checked_track_ids(state.track_sids_disabled)
        self._member.set_view(disabled, ViewSettings(enabled=False))
        received = state.datachannel_receive_states[:MAX_REPLAYED_SENDERS]
        self._data.replay(self._member, ((sender.publisher_sid, sender.last_seq) for sender in received))

    def _update_metadata(self, request: rtc.UpdateParticipantMetadata) -> None:
        """Clients write what they do not change as empty, as they would what they empty: it stays, as in LiveKit."""
        attributes = {**self._member.participant.attributes, **request.attributes}
        requests.check_description(request.name, request.metadata, attributes)
        self._member.update_self(
            name=request.name or None, metadata=request.metadata or None, attributes=dict(request.attributes) or None
        )
        self._respond(Reason(request_id=request.request_id, reason=Reason.OK))

    def _update_audio_track(self, request: rtc.UpdateLocalAudioTrack) -> None:
        track = self._own_track(request.track_sid)
        changed = replace(track.announcement, features=requests.features(request.features))
        self._member.update_track(track.id, changed)

    def _update_video_track(self, request: rtc.UpdateLocalVideoTrack) -> None:
        track = self._own_track(request.track_sid)
        changed = replace(track.announcement, width=request.width, height=request.height)
        self._member.update_track(track.id, changed)

    def _own_track(self, track_id: str) -> Track:
        track = next((track for track in self._member.published if track.id == track_id), None)
        if track is None:
            raise NotFound("track-not-found", "there is no such track of this participant")
        return track

    def _pong(self, ping: rtc.Ping) -> None:
        pong = rtc.Pong(last_ping_timestamp=ping.timestamp, timestamp=self._now_ms())
        self._put(rtc.SignalResponse(pong_resp=pong))

    def _pong_old(self, _: int) -> None:
        self._put(rtc.SignalResponse(pong=self._now_ms()))

    def _ignore(self, _: object) -> None:
        """What LiveKit's server does not look at either, or does for tests only."""

    def _no_data_tracks(self, _: object) -> None:
        raise Rejected("unsupported-type", "there are no data tracks here")

    def _now_ms(self) -> int:
        return int(self._now().timestamp() * 1000)

    def _refuse(self, kind: str, content: Any, error: SfuError) -> None:
        log.debug("%s is refused: %s", kind, error)
        if kind in ("offer", "answer"):
            # There is no message that says so, and clients would wait for what never comes.
            self._member.close("bad-description")
            return
        reason = _REASONS_BY_CODE.get(error.code) or _REASONS_BY_KIND.get(type(error), Reason.UNCLASSIFIED_ERROR)
        response = Reason(request_id=getattr(content, "request_id", 0), reason=reason, message=error.detail)
        quoted = kind.removesuffix("_request")
        if quoted in _QUOTED:
            getattr(response, quoted).CopyFrom(content)
        self._respond(response)

    def _respond(self, response: rtc.RequestResponse) -> None:
        self._put(rtc.SignalResponse(request_response=response))


def _note(noted: dict[str, None], track: Track) -> None:
    noted[track.id] = None
    if len(noted) > MAX_NOTED:
        del noted[next(iter(noted))]

"""What no server may ever say to LiveKit's clients: a wrong message ends the process of some of them.

The rules are those of the SDKs as they were observed; see each check.
"""

import re

from livekit.protocol import models, rtc

RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
FIRST = {"join", "reconnect", "leave"}


class Oracle:
    """Looks at everything one client is sent, in order. AssertionError: something it must not be sent.

    `offered` is the client's last offer.
    """

    def __init__(self) -> None:
        self.known: set[str] = set()
        self.offered = ""
        self._count = 0
        self._ended = False

    def check(self, message: rtc.SignalResponse) -> None:
        kind = message.WhichOneof("message")
        assert kind is not None, "an empty message"
        assert not self._ended, f"{kind} after leave"
        assert (kind in FIRST) or self._count, f"{kind} is the first message"
        assert self._count == 0 or kind not in {"join", "reconnect"}, f"{kind} is not the first message"
        # What is trickled must be complete to the last field, and there is nothing we would have to trickle.
        assert kind != "trickle"
        self._count += 1
        check = getattr(self, f"_check_{kind}", None)
        if check is not None:
            check(getattr(message, kind))

    def come_back(self) -> None:
        """The client has another WebSocket now."""
        self._count = 0

    def _check_join(self, join: rtc.JoinResponse) -> None:
        assert join.ping_interval > 0
        assert join.ping_timeout > join.ping_interval
        assert join.server_version
        assert join.server_info.version
        self._check_room(join.room)
        assert join.HasField("participant")
        assert join.participant.HasField("permission")
        self._check_participants([join.participant, *join.other_participants])

    def _check_update(self, update: rtc.ParticipantUpdate) -> None:
        assert update.participants
        self._check_participants(list(update.participants))

    def _check_room_moved(self, moved: rtc.RoomMovedResponse) -> None:
        self._check_room(moved.room)
        self.known.clear()
        self._check_participants([moved.participant, *moved.other_participants])

    def _check_room_update(self, update: rtc.RoomUpdate) -> None:
        assert update.HasField("room")
        self._check_room(update.room)

    def _check_answer(self, answer: rtc.SessionDescription) -> None:
        assert answer.type == "answer"
        self._check_description(answer)

    def _check_offer(self, offer: rtc.SessionDescription) -> None:
        assert offer.type == "offer"
        assert offer.id >= 1
        self._check_description(offer)

    def _check_track_published(self, published: rtc.TrackPublishedResponse) -> None:
        assert published.HasField("track")
        self._check_track(published.track)

    def _check_track_subscribed(self, subscribed: rtc.TrackSubscribed) -> None:
        assert subscribed.track_sid.startswith("TR_")

    def _check_speakers_changed(self, changed: rtc.SpeakersChanged) -> None:
        assert changed.speakers
        assert all(speaker.sid.startswith("PA_") for speaker in changed.speakers)

    def _check_connection_quality(self, quality: rtc.ConnectionQualityUpdate) -> None:
        assert all(update.participant_sid.startswith("PA_") for update in quality.updates)

    def _check_leave(self, leave: rtc.LeaveRequest) -> None:
        assert leave.can_reconnect == (leave.action != rtc.LeaveRequest.DISCONNECT)
        self._ended = True

    def _check_room(self, room: models.Room) -> None:
        assert room.sid.startswith("RM_")
        assert room.name

    def _check_participants(self, participants: list[models.ParticipantInfo]) -> None:
        for participant in participants:
            assert participant.sid.startswith("PA_")
            assert participant.identity
            self.known.add(participant.sid)
            for track in participant.tracks:
                self._check_track(track)

    def _check_track(self, track: models.TrackInfo) -> None:
        assert track.sid.startswith("TR_")
        assert track.type in (models.TrackType.AUDIO, models.TrackType.VIDEO)

    def _check_description(self, description: rtc.SessionDescription) -> None:
        """Two sections of one msid, or media of one nobody has heard of, are not survived or not seen."""
        sections = re.split(r"^(?=m=)", description.sdp, flags=re.MULTILINE)[1:]
        assert sections
        msids = re.findall(r"^a=msid:(\S+) (\S+)\r?$", description.sdp, re.MULTILINE)
        assert len(msids) == len(set(msids)), msids
        for stream, track in msids:
            publisher, _, second = stream.partition("|")
            assert publisher in self.known, f"{publisher} was not announced"
            assert second == track
            assert track.startswith("TR_")
        mids = set(re.findall(r"^a=mid:(\S+)\r?$", description.sdp, re.MULTILINE))
        assert len(mids) == len(sections)
        assert set(description.mid_to_track_id) <= mids
        assert set(description.mid_to_track_id.values()) == {track for _, track in msids}
        for section in sections:
            if section.startswith("m=video") and description.type == "answer" and RID in self.offered:
                assert RID in section

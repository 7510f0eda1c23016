"""LiveKit's requests as the domain's values, and what is wrong with some."""

import json

import pytest
from livekit.protocol import models, rtc

from api.livekit import requests
from sfu.errors import Malformed, Rejected
from sfu.track import TrackSource
from sfu.view_settings import VideoLayer, ViewSettings


def test_an_announced_camera() -> None:
    said = requests.announcement(
        rtc.AddTrackRequest(
            cid="c",
            name="cam",
            type=models.TrackType.VIDEO,
            source=models.TrackSource.CAMERA,
            width=1280,
            height=720,
            layers=[
                models.VideoLayer(quality=models.VideoQuality.HIGH, width=1280, height=720, bitrate=9),
                models.VideoLayer(quality=models.VideoQuality.LOW, width=320, height=180, bitrate=1),
            ],
            encryption=models.Encryption.GCM,
        )
    )
    assert (said.client_id, said.kind, said.source, said.encryption) == ("c", "video", TrackSource.CAMERA, "gcm")
    assert said.layers == (VideoLayer("low", 320, 180, 1), VideoLayer("high", 1280, 720, 9))
    assert (said.dtx, said.red, said.stereo) == (True, True, False)


def test_layers_named_with_the_codec_only() -> None:
    layer = models.VideoLayer(quality=models.VideoQuality.LOW, width=320, height=180)
    codec = rtc.SimulcastCodec(codec="vp8", cid="c", layers=[layer])
    said = requests.announcement(rtc.AddTrackRequest(cid="c", type=models.TrackType.VIDEO, simulcast_codecs=[codec]))
    assert said.layers == (VideoLayer("low", 320, 180),)


def test_an_announced_microphone() -> None:
    numbers = [models.AudioTrackFeature.TF_STEREO, models.AudioTrackFeature.TF_NO_DTX]
    request = rtc.AddTrackRequest(cid="c", type=models.TrackType.AUDIO, audio_features=numbers, disable_red=True)
    request.source = 99  # type: ignore[assignment]
    said = requests.announcement(request)
    assert (said.kind, said.source, said.layers) == ("audio", TrackSource.UNKNOWN, ())
    assert (said.stereo, said.dtx, said.red, said.features) == (True, False, False, (0, 1))


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (rtc.AddTrackRequest(), "malformed-track"),
        (rtc.AddTrackRequest(cid="c" * 300), "malformed-track"),
        (rtc.AddTrackRequest(cid="c", type=models.TrackType.DATA), "unsupported-type"),
        (rtc.AddTrackRequest(cid="c", sid="TR_1"), "unsupported-type"),
        (rtc.AddTrackRequest(cid="c", name="é" * 200), "name-too-long"),
    ],
)
def test_tracks_that_are_refused(request_: rtc.AddTrackRequest, code: str) -> None:
    with pytest.raises((Malformed, Rejected)) as refusal:
        requests.announcement(request_)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (rtc.UpdateTrackSettings(width=640, height=360), ViewSettings(True, None, 640, 360)),
        (rtc.UpdateTrackSettings(quality=models.VideoQuality.MEDIUM, fps=7), ViewSettings(True, "medium", fps=7)),
        (rtc.UpdateTrackSettings(disabled=True), ViewSettings(False, "low")),
        (rtc.UpdateTrackSettings(quality=models.VideoQuality.OFF), ViewSettings(False, None)),
    ],
)
def test_track_settings(request_: rtc.UpdateTrackSettings, expected: ViewSettings) -> None:
    assert requests.view_settings(request_) == expected


def test_tracks_of_a_subscription_count_once() -> None:
    both = rtc.UpdateSubscription(
        track_sids=["TR_1", "TR_2"], participant_tracks=[models.ParticipantTracks(track_sids=["TR_2", "TR_3"])]
    )
    assert requests.track_ids(both) == ["TR_1", "TR_2", "TR_3"]
    with pytest.raises(Rejected):
        requests.checked_track_ids(map(str, range(requests.MAX_TRACK_IDS + 1)))


def test_subscription_permissions() -> None:
    allowed = requests.subscription_permissions(
        rtc.SubscriptionPermission(
            track_permissions=[
                rtc.TrackPermission(participant_sid="PA_1", all_tracks=True),
                rtc.TrackPermission(participant_identity="bob", track_sids=["TR_1"]),
            ]
        )
    )
    assert allowed.allow("x", "PA_1", "TR_9")
    assert allowed.allow("bob", "PA_2", "TR_1")
    assert not allowed.allow("bob", "PA_2", "TR_2")
    assert not allowed.allow("carol", "PA_3", "TR_1")
    with pytest.raises(Rejected):
        requests.subscription_permissions(
            rtc.SubscriptionPermission(track_permissions=[rtc.TrackPermission()] * (requests.MAX_TRACK_PERMISSIONS + 1))
        )


def test_permissions() -> None:
    given = models.ParticipantPermission(can_publish=True, can_publish_sources=[models.TrackSource.CAMERA], agent=True)
    permissions = requests.permissions(given)
    assert permissions.may_publish(TrackSource.CAMERA)
    assert not permissions.may_publish(TrackSource.MICROPHONE)
    assert (permissions.can_subscribe, permissions.agent) == (False, True)
    given.can_publish_sources[0] = 99  # type: ignore[call-overload]
    assert not requests.permissions(given).can_publish


@pytest.mark.parametrize(
    ("name", "metadata", "attributes", "code"),
    [
        ("n" * 257, "", {}, "name-too-long"),
        ("", "m" * (requests.MAX_METADATA + 1), {}, "metadata-too-large"),
        ("", "", {"k": "v" * requests.MAX_ATTRIBUTES}, "attributes-too-large"),
    ],
)
def test_too_much_of_a_description(name: str, metadata: str, attributes: dict[str, str], code: str) -> None:
    with pytest.raises(Rejected) as refusal:
        requests.check_description(name, metadata, attributes)
    assert refusal.value.code == code


def test_candidates() -> None:
    assert requests.candidate(json.dumps({"candidate": "candidate:1 …", "sdpMid": "0"})) == "candidate:1 …"
    assert requests.candidate('{"candidate": ""}') == ""


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"candidate": 3}', "[" * 4000, '{"candidate": "' + "a" * requests.MAX_CANDIDATE + '"}']
)
def test_what_is_no_candidate(text: str) -> None:
    with pytest.raises(Malformed):
        requests.candidate(text)

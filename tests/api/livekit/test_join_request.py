"""What clients say when they come, in both versions of the protocol."""

import base64
import contextlib
import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from livekit.protocol import models, rtc

from api.livekit import join_request
from api.livekit.join_request import Hello, granted, joining, read_query
from api.tokens import AccessToken, VideoGrant
from sfu.errors import Malformed, Rejected, SfuError
from sfu.track import TrackSource


def encoded(request: rtc.JoinRequest, *, compress: bool = False) -> str:
    inner = request.SerializeToString()
    wrapped = rtc.WrappedJoinRequest(
        compression=rtc.WrappedJoinRequest.GZIP if compress else rtc.WrappedJoinRequest.NONE,
        join_request=gzip.compress(inner) if compress else inner,
    )
    return base64.urlsafe_b64encode(wrapped.SerializeToString()).decode()


def token(**grants: Any) -> AccessToken:
    return AccessToken("key", "alice", "Alice", "m", VideoGrant(room_join=True, room="room", **grants), {"a": "1"})


def test_version_0() -> None:
    attributes = base64.urlsafe_b64encode(json.dumps({"k": "v"}).encode()).decode().rstrip("=")
    query = {
        "client_protocol": "2",
        "capabilities": "CAP_PACKET_TRAILER,CAP_OF_TOMORROW",
        "auto_subscribe": "0",
        "attributes": attributes,
    }
    assert read_query(query, single=False) == Hello(
        single=False, auto_subscribe=False, client_protocol=2, capabilities=(1,), attributes={"k": "v"}
    )


def test_version_0_by_default() -> None:
    assert read_query({}, single=False) == Hello(single=False)
    assert read_query({"client_protocol": "-1"}, single=False).client_protocol == 0
    assert read_query({"sid": "PA_1"}, single=False).resumes is None
    assert read_query({"sid": "PA_1", "reconnect": "1"}, single=False).resumes == "PA_1"


@pytest.mark.parametrize("compress", [False, True])
def test_version_1(compress: bool) -> None:
    request = rtc.JoinRequest(
        client_info=models.ClientInfo(client_protocol=2, capabilities=[models.ClientInfo.CAP_PACKET_TRAILER]),
        connection_settings=rtc.ConnectionSettings(auto_subscribe=True),
        metadata="m",
        participant_attributes={"k": "v"},
        publisher_offer=rtc.SessionDescription(type="offer", sdp="v=0", id=1),
        add_track_requests=[rtc.AddTrackRequest(cid="c")],
    )
    hello = read_query({"join_request": encoded(request, compress=compress)}, single=True)
    assert (hello.single, hello.resumes, hello.auto_subscribe) == (True, None, True)
    assert (hello.client_protocol, hello.capabilities, hello.attributes) == (2, (1,), {"k": "v"})
    assert hello.offer is not None
    assert (hello.offer.sdp, hello.offer.id) == ("v=0", 1)
    assert [track.cid for track in hello.tracks] == ["c"]


def test_version_1_resumes() -> None:
    request = rtc.JoinRequest(reconnect=True, participant_sid="PA_1")
    hello = read_query({"join_request": encoded(request).rstrip("=")}, single=True)
    assert (hello.resumes, hello.auto_subscribe, hello.offer) == ("PA_1", True, None)


def test_a_join_request_on_the_old_path_means_one_peer_connection() -> None:
    assert read_query({"join_request": encoded(rtc.JoinRequest())}, single=False).single


@pytest.mark.parametrize(
    "text",
    [
        "\N{SNOWMAN}",
        "!",
        "A",
        "AAAA",
        "A" * (join_request.MAX_ENCODED + 1),
        base64.urlsafe_b64encode(b"\xff" * 40).decode(),
        encoded(rtc.JoinRequest(metadata="m" * join_request.MAX_INFLATED), compress=True),
        base64.urlsafe_b64encode(
            rtc.WrappedJoinRequest(
                compression=rtc.WrappedJoinRequest.GZIP, join_request=gzip.compress(b"\x1a\x01m" * 30)[:-9]
            ).SerializeToString()
        ).decode(),
    ],
)
def test_join_requests_that_cannot_be_read(text: str) -> None:
    with pytest.raises(Malformed):
        read_query({"join_request": text}, single=True)


def test_version_1_without_a_join_request() -> None:
    with pytest.raises(Malformed, match="no-join-request"):
        read_query({}, single=True)


@pytest.mark.parametrize("text", ["!", "W10", base64.urlsafe_b64encode(b'{"a": "\\ud800"}').decode()])
def test_attributes_that_cannot_be_read(text: str) -> None:
    with pytest.raises(Malformed):
        read_query({"attributes": text}, single=False)


def test_too_many_tracks_at_once() -> None:
    request = rtc.JoinRequest(add_track_requests=[rtc.AddTrackRequest()] * (join_request.MAX_TRACKS + 1))
    with pytest.raises(Rejected):
        read_query({"join_request": encoded(request)}, single=True)


@given(
    st.dictionaries(st.sampled_from(["join_request", "attributes", "client_protocol", "sid"]), st.text()), st.booleans()
)
def test_any_query_is_read_or_refused(query: dict[str, str], single: bool) -> None:
    with contextlib.suppress(SfuError):
        read_query(query, single=single)


def test_what_it_joins_as() -> None:
    hello = Hello(single=True, auto_subscribe=False, client_protocol=2, capabilities=(1,), metadata="x")
    joined = joining(hello, token())
    assert (joined.identity, joined.name, joined.metadata, joined.attributes) == ("alice", "Alice", "m", {"a": "1"})
    assert (joined.single, joined.auto_subscribe, joined.client_protocol) == (True, False, 2)
    assert not joined.permissions.can_update_metadata


def test_who_may_says_something_of_itself() -> None:
    hello = Hello(single=True, metadata="x", attributes={"b": "2", "c": ""})
    joined = joining(hello, token(can_update_own_metadata=True))
    assert (joined.metadata, joined.attributes) == ("x", {"a": "1", "b": "2"})
    with pytest.raises(Rejected):
        joining(Hello(single=True, metadata="x" * 100_000), token(can_update_own_metadata=True))


def test_permissions_are_those_of_the_token() -> None:
    permissions = granted(token(can_publish_sources=("microphone",), can_subscribe=False, hidden=True))
    assert permissions.may_publish(TrackSource.MICROPHONE)
    assert not permissions.may_publish(TrackSource.CAMERA)
    assert (permissions.can_subscribe, permissions.can_publish_data, permissions.hidden) == (False, True, True)
    assert not granted(token(can_publish_sources=("hologram",))).can_publish
    assert granted(AccessToken("key", "a", kind="agent")).agent


def test_a_token_for_later_grants_what_is_permitted_now() -> None:
    permissions = granted(token(can_publish_sources=("microphone",), can_publish=False, can_update_own_metadata=True))
    grant = join_request.grant_of(permissions, VideoGrant(room_admin=True), "elsewhere")
    again = AccessToken("key", "alice", video=grant)
    assert granted(again) == permissions
    assert (grant.room, grant.room_admin, again.may_subscribe("elsewhere")) == ("elsewhere", True, True)

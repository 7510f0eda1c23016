"""Tokens that must pass, and the ways to forge one. `livekit-api` is the oracle of their shape."""

import base64
import json
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from livekit import api as livekit
from livekit.protocol.room import RoomConfiguration

from api.room_config import RoomConfig
from api.tokens import MAX_TOKEN_LENGTH, AccessToken, TokenError, VideoGrant, mint, verify
from tests.api.recording import KEY, SECRET, WallClock, token

NOW = WallClock().now()
SECRETS = {KEY: SECRET, "other": "f" * 32}
CLAIMS: dict[str, Any] = {
    "iss": KEY,
    "sub": "alice",
    "exp": int(NOW.timestamp()) + 60,
    "video": {"roomJoin": True, "room": "room"},
}


def sign(claims: dict[str, Any], secret: str = SECRET, headers: dict[str, Any] | None = None) -> str:
    return jwt.encode(claims, secret, algorithm="HS256", headers=headers)


def segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def test_a_minted_token_verifies() -> None:
    grant = VideoGrant(room_join=True, room="room", can_publish=False)
    text = mint(KEY, SECRET, grant, identity="alice", name="Alice", metadata="m", now=NOW)
    assert verify(text, SECRETS, NOW) == AccessToken(KEY, "alice", "Alice", "m", grant)


def test_claims_have_livekits_names() -> None:
    text = mint(KEY, SECRET, VideoGrant(room_join=True, room="room", can_publish=False), identity="alice", now=NOW)
    claims = jwt.decode(text, options={"verify_signature": False})
    assert claims["video"] == {"roomJoin": True, "room": "room", "canPublish": False}
    assert (claims["iss"], claims["sub"]) == (KEY, "alice")
    assert claims["exp"] - claims["nbf"] == 6 * 3600


def test_unknown_claims_and_grants_are_ignored() -> None:
    claims = CLAIMS | {"sip": {}, "video": {"roomJoin": True, "room": "room", "canFly": ["high"]}}
    assert verify(sign(claims), SECRETS, NOW).may_publish("room")


def test_livekits_tokens_are_read() -> None:
    grants = livekit.VideoGrants(
        room_create=True,
        room_list=True,
        room_record=True,
        room_admin=True,
        room_join=True,
        room="room",
        destination_room="other",
        can_publish=True,
        can_subscribe=False,
        can_publish_data=False,
        can_publish_sources=["camera", "screen_share"],
        can_update_own_metadata=True,
        ingress_admin=True,
        hidden=True,
        recorder=True,
        agent=True,
        can_manage_agent_session=True,
        can_subscribe_metrics=True,
    )
    config = RoomConfiguration(
        name="n", empty_timeout=5, departure_timeout=6, max_participants=7, metadata="r", min_playout_delay=3
    )
    text = (
        livekit.AccessToken(KEY, SECRET)
        .with_identity("alice")
        .with_name("Alice")
        .with_metadata("m")
        .with_attributes({"hand": "up"})
        .with_kind("agent")
        .with_sha256("c3Vt")
        .with_room_preset("small")
        .with_room_config(config)
        .with_grants(grants)
        .to_jwt()
    )
    assert verify(text, SECRETS, datetime.now(UTC)) == AccessToken(
        key=KEY,
        identity="alice",
        name="Alice",
        metadata="m",
        video=VideoGrant(
            room_create=True,
            room_list=True,
            room_record=True,
            room_admin=True,
            room_join=True,
            room="room",
            destination_room="other",
            can_publish=True,
            can_subscribe=False,
            can_publish_data=False,
            can_publish_sources=("camera", "screen_share"),
            can_update_own_metadata=True,
            ingress_admin=True,
            hidden=True,
            recorder=True,
            agent=True,
            can_manage_agent_session=True,
            can_subscribe_metrics=True,
        ),
        attributes={"hand": "up"},
        kind="agent",
        sha256="c3Vt",
        room_config=RoomConfig(empty_timeout=5, departure_timeout=6, max_participants=7, metadata="r"),
        room_preset="small",
    )


def test_every_grant_of_livekits_is_known() -> None:
    assert set(VideoGrant.model_fields) == set(livekit.VideoGrants.__dataclass_fields__)


def test_livekit_reads_our_tokens() -> None:
    grant = VideoGrant(
        room_join=True, room="room", can_publish_sources=("camera",), can_subscribe=False, can_update_own_metadata=True
    )
    text = mint(
        KEY,
        SECRET,
        grant,
        now=datetime.now(UTC),
        identity="alice",
        name="Alice é",
        metadata="m",
        attributes={"hand": "up"},
        kind="agent",
        sha256="c3Vt",
        room_config=RoomConfig(max_participants=7),
    )
    read = livekit.TokenVerifier(KEY, SECRET).verify(text)
    assert (read.identity, read.name, read.metadata, read.kind) == ("alice", "Alice é", "m", "agent")
    assert (read.attributes, read.sha256) == ({"hand": "up"}, "c3Vt")
    assert read.room_config == RoomConfiguration(max_participants=7)
    assert read.video == livekit.VideoGrants(
        room_join=True, room="room", can_publish_sources=["camera"], can_subscribe=False, can_update_own_metadata=True
    )


def test_without_a_subject_the_identity_is_the_tokens_id() -> None:
    claims = {name: value for name, value in CLAIMS.items() if name != "sub"}
    assert verify(sign(claims | {"jti": "alice"}), SECRETS, NOW).identity == "alice"
    assert verify(sign(CLAIMS | {"jti": "bob"}), SECRETS, NOW).identity == "alice"


def test_what_is_null_is_not_said() -> None:
    claims = CLAIMS | {"name": None, "attributes": None, "roomConfig": {"metadata": None, "maxParticipants": "3"}}
    claims["video"] = {"roomJoin": True, "room": "room", "hidden": None, "canPublishSources": None}
    read = verify(sign(claims), SECRETS, NOW)
    assert (read.name, read.attributes, read.video.can_publish_sources) == ("", {}, ())
    assert read.room_config == RoomConfig(max_participants=3)


def test_a_kind_nobody_knows_is_a_standard_participant() -> None:
    assert verify(sign(CLAIMS | {"kind": "poltergeist"}), SECRETS, NOW).kind == "standard"
    assert verify(sign(CLAIMS | {"kind": "SIP"}), SECRETS, NOW).kind == "sip"


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("name", 5),
        ("name", "\ud800"),
        ("metadata", ["m"]),
        ("metadata", "\udfff"),
        ("kind", 1),
        ("sha256", {}),
        ("roomPreset", 1),
        ("jti", 1),
        ("attributes", ["a"]),
        ("attributes", {"a": 1}),
        ("attributes", {"a": None}),
        ("attributes", {"\ud800": "a"}),
        ("roomConfig", "preset"),
        ("roomConfig", {"maxParticipants": -1}),
        ("roomConfig", {"maxParticipants": True}),
        ("roomConfig", {"emptyTimeout": 1 << 31}),
        ("roomConfig", {"emptyTimeout": "9" * 5000}),
        ("roomConfig", {"metadata": "\ud800"}),
        ("video", {"canPublishSources": "camera"}),
        ("video", {"canPublishSources": [1]}),
        ("video", {"destinationRoom": "a/b"}),
        ("video", {"canUpdateOwnMetadata": "yes"}),
    ],
)
def test_a_claim_of_the_wrong_shape_is_refused(claim: str, value: object) -> None:
    claims = CLAIMS | {claim: value}
    if claim == "jti":
        del claims["sub"]
    with pytest.raises(TokenError):
        verify(sign(claims), SECRETS, NOW)


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "hs256", "RS256", "HS512", None, 5])
def test_another_algorithm_is_refused(algorithm: object) -> None:
    _, payload, signature = sign(CLAIMS).split(".")
    for tail in ("", signature):
        with pytest.raises(TokenError):
            verify(f"{segment({'alg': algorithm, 'typ': 'JWT'})}.{payload}.{tail}", SECRETS, NOW)


def test_a_stronger_hmac_with_the_right_secret_is_still_refused() -> None:
    with pytest.raises(TokenError, match="HS256"):
        verify(jwt.encode(CLAIMS, SECRET * 2, algorithm="HS512"), {KEY: SECRET * 2}, NOW)


def test_keys_named_in_the_header_are_not_looked_at() -> None:
    forged = sign(CLAIMS, "attacker" * 8, {"kid": "other", "jku": "https://attacker.example", "jwk": {"k": "x"}})
    with pytest.raises(TokenError, match="signature"):
        verify(forged, SECRETS, NOW)


def test_the_issuers_own_secret_must_have_signed() -> None:
    with pytest.raises(TokenError, match="signature"):
        verify(sign(CLAIMS, SECRETS["other"]), SECRETS, NOW)


@pytest.mark.parametrize("issuer", ["nobody", "", None, 5, ["key"]])
def test_an_unknown_issuer_is_refused(issuer: object) -> None:
    payload = segment(CLAIMS | {"iss": issuer})
    head, _, signature = sign(CLAIMS).split(".")
    with pytest.raises(TokenError):
        verify(f"{head}.{payload}.{signature}", SECRETS, NOW)


@pytest.mark.parametrize("claim", ["exp", "iss"])
def test_a_required_claim_is_required(claim: str) -> None:
    with pytest.raises(TokenError):
        verify(sign({name: value for name, value in CLAIMS.items() if name != claim}), SECRETS, NOW)


@pytest.mark.parametrize("expiry", ["soon", True, None, [], 1e400, -1e400, float("nan"), 10**30])
def test_an_expiry_that_is_no_time_is_refused(expiry: object) -> None:
    with pytest.raises(TokenError):
        verify(sign(CLAIMS | {"exp": expiry}), SECRETS, NOW)


def test_a_permanent_token_is_refused() -> None:
    with pytest.raises(TokenError, match="366 days"):
        verify(sign(CLAIMS | {"exp": NOW.timestamp() + 400 * 86400}), SECRETS, NOW)


@pytest.mark.parametrize(("seconds", "good"), [(0, True), (119, True), (120, False), (3600, False)])
def test_expiry_has_a_minute_of_leeway(seconds: float, good: bool) -> None:
    text, then = sign(CLAIMS), NOW + timedelta(seconds=seconds)
    if good:
        assert verify(text, SECRETS, then).identity == "alice"
    else:
        with pytest.raises(TokenError, match="expired"):
            verify(text, SECRETS, then)


@pytest.mark.parametrize(("ahead", "good"), [(60, True), (61, False)])
def test_not_before_has_a_minute_of_leeway(ahead: float, good: bool) -> None:
    text = sign(CLAIMS | {"nbf": NOW.timestamp() + ahead})
    if good:
        assert verify(text, SECRETS, NOW).identity == "alice"
    else:
        with pytest.raises(TokenError, match="not valid yet"):
            verify(text, SECRETS, NOW)


@pytest.mark.parametrize(
    "identity", ["a\nb", "a\u202eb", " a", "e\u0301", "x" * 257, "\ud800", "a\0b", 5, ["a"], "zero\u200bwidth"]
)
def test_misleading_identities_are_refused(identity: object) -> None:
    with pytest.raises(TokenError):
        verify(sign(CLAIMS | {"sub": identity}), SECRETS, NOW)


@pytest.mark.parametrize("video", [[], "admin", {"roomJoin": "true"}, {"roomJoin": 1}, {"room": 5}, {"room": "a/b"}])
def test_a_grant_of_the_wrong_shape_is_refused(video: object) -> None:
    with pytest.raises(TokenError):
        verify(sign(CLAIMS | {"video": video}), SECRETS, NOW)


def test_an_oversize_token_is_refused_unread() -> None:
    with pytest.raises(TokenError, match="too long"):
        verify(sign(CLAIMS | {"metadata": "x" * 13_000}), SECRETS, NOW)


def test_a_deeply_nested_token_is_refused() -> None:
    payload = base64.urlsafe_b64encode(b"[" * 5000).decode().rstrip("=")
    with pytest.raises(TokenError):
        verify(f"{segment({'alg': 'HS256'})}.{payload}.AAAA", SECRETS, NOW)


@given(st.one_of(st.text(), st.from_regex(r"[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,40}")))
def test_whatever_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(TokenError):
        verify(text, SECRETS, NOW)


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=63))
def test_every_changed_character_is_noticed(position: int, change: int) -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    text = token(now=NOW)
    body = text.rpartition(".")[0]
    at = position % len(body)
    if text[at] == ".":
        at += 1
    changed = text[:at] + alphabet[(alphabet.index(text[at]) + change) % 64] + text[at + 1 :]
    with pytest.raises(TokenError):
        verify(changed, {KEY: SECRET}, NOW)


def test_permissions() -> None:
    def may(**grants: Any) -> AccessToken:
        return AccessToken(KEY, "alice", video=VideoGrant(**grants))

    joins = may(room_join=True, room="room")
    assert joins.may_publish("room")
    assert joins.may_subscribe("room")
    assert not joins.may_publish("other")
    assert not joins.may_administer("room")
    assert may(room_join=True).may_publish("any")
    assert not may(room_join=True, can_publish=False).may_publish("room")
    assert not may(room_join=True, can_subscribe=False).may_subscribe("room")
    assert not may(room="room").may_subscribe("room")
    assert not may(room_admin=True).may_publish("room")
    assert may(room_admin=True).may_administer("any")
    assert not may(room_admin=True, room="room").may_administer("other")
    assert not AccessToken(KEY, "", video=VideoGrant(room_join=True)).may_publish("room")


def test_permission_to_send_data_follows_that_to_publish() -> None:
    def may(**grants: Any) -> bool:
        return AccessToken(KEY, "a", video=VideoGrant(room="room", **grants)).may_publish_data("room")

    assert may(room_join=True)
    assert not may(room_join=True, can_publish=False)
    assert may(room_join=True, can_publish=False, can_publish_data=True)
    assert not may(room_join=True, can_publish_data=False)
    assert not may(can_publish_data=True)


def test_sources() -> None:
    def may(source: str, **grants: Any) -> bool:
        return AccessToken(KEY, "a", video=VideoGrant(room_join=True, **grants)).may_publish_source(source)

    assert may("camera")
    assert may("camera", can_publish_sources=["CAMERA"])
    assert not may("microphone", can_publish_sources=["camera"])
    assert not may("camera", can_publish=False)
    assert not may("camera", can_publish=False, can_publish_sources=["camera"])


def test_moving_takes_a_right_in_both_rooms() -> None:
    def may(**grants: Any) -> bool:
        return AccessToken(KEY, "a", video=VideoGrant(**grants)).may_move("room", "other")

    assert may(room_admin=True, room="room", destination_room="other")
    assert may(room_admin=True)
    assert not may(room_admin=True, room="room")
    assert not may(room_admin=True, room="room", destination_room="third")
    assert not may(room="room", destination_room="other")
    assert not may(room_admin=True, room="other", destination_room="room")


HERE: dict[str, Any] = {"room_admin": True, "room": "room"}
BEYOND = ["room_create", "room_list", "room_record", "ingress_admin", "agent", "can_manage_agent_session"]
NOTHING: dict[str, Any] = {"can_publish": False, "can_subscribe": False, "can_publish_data": False}


@pytest.mark.parametrize(
    ("mine", "given", "good"),
    [
        (HERE, {"room": "room", "room_join": True, "hidden": True, "can_update_own_metadata": True}, True),
        (HERE, {"room": "room", "can_publish_sources": ["camera"]}, True),
        (HERE, {"room": "other"}, False),
        (HERE, {"room": ""}, False),
        ({"room": "room", "room_join": True}, {"room": "room", "room_join": True}, False),
        *((HERE, {"room": "room", right: True}, False) for right in BEYOND),
        *((HERE | {right: True}, {"room": "room", right: True}, True) for right in BEYOND),
        (HERE, {"room": "room", "destination_room": "other"}, False),
        (HERE, {"room": "room", "destination_room": "room"}, True),
        (HERE | {"destination_room": "other"}, {"room": "room", "destination_room": "other"}, True),
        ({"room_admin": True}, {"room": "room", "destination_room": "other"}, True),
        (HERE | {"can_publish": False}, {"room": "room"}, False),
        (HERE | {"can_publish": False}, {"room": "room", "can_publish": False}, True),
        (HERE | {"can_publish": False}, {"room": "room", "can_publish": False, "can_publish_data": True}, False),
        (HERE | {"can_publish_data": False}, {"room": "room"}, False),
        (HERE | {"can_subscribe": False}, {"room": "room"}, False),
        (HERE | NOTHING, {"room": "room"} | NOTHING, True),
        (HERE | {"can_publish_sources": ["camera"]}, {"room": "room"}, False),
        (HERE | {"can_publish_sources": ["camera"]}, {"room": "room", "can_publish_sources": ["microphone"]}, False),
        (HERE | {"can_publish_sources": ["camera"]}, {"room": "room", "can_publish_sources": ["Camera"]}, True),
        (HERE | {"can_publish_sources": ["camera"]}, {"room": "room"} | NOTHING, True),
    ],
)
def test_nobody_hands_out_what_they_lack(mine: dict[str, Any], given: dict[str, Any], good: bool) -> None:
    assert AccessToken(KEY, "a", video=VideoGrant(**mine)).may_grant(VideoGrant(**given)) is good


def test_who_was_granted_a_right_can_grant_no_more_than_who_granted_it() -> None:
    choices: dict[str, list[Any]] = {
        "room_admin": [True, False],
        "room": ["", "room"],
        "destination_room": ["", "room", "other"],
        "room_list": [True, False],
        "can_publish": [None, False],
        "can_publish_data": [None, True, False],
        "can_publish_sources": [[], ["camera"], ["camera", "microphone"]],
    }
    grants = [VideoGrant(**dict(zip(choices, values, strict=True))) for values in product(*choices.values())]
    by = {mine: {given for given in grants if AccessToken(KEY, "a", video=mine).may_grant(given)} for mine in grants}
    assert any(by.values())
    assert all(by[second] <= by[first] for first in grants for second in by[first])


def test_what_no_door_would_take_is_not_minted() -> None:
    with pytest.raises(ValueError, match="at most 16384 characters"):
        mint(KEY, SECRET, VideoGrant(), now=NOW, metadata="x" * 13_000)
    text = mint(KEY, SECRET, VideoGrant(), now=NOW, attributes={"a": "x" * 12_000})
    assert len(text) <= MAX_TOKEN_LENGTH
    assert len(verify(text, SECRETS, NOW).attributes["a"]) == 12_000


@pytest.mark.parametrize("ttl", [timedelta(0), timedelta(seconds=-1), timedelta(days=367)])
def test_lifetimes_have_bounds(ttl: timedelta) -> None:
    with pytest.raises(ValueError, match="lifetime"):
        mint(KEY, SECRET, VideoGrant(), now=NOW, ttl=ttl)

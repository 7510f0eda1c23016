"""Tokens that must pass, and the ways to forge one."""

import base64
import json
from datetime import timedelta
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.tokens import AccessToken, TokenError, VideoGrant, mint, verify
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
    claims = CLAIMS | {"sip": {}, "video": {"roomJoin": True, "room": "room", "canPublishSources": ["camera"]}}
    assert verify(sign(claims), SECRETS, NOW).may_publish("room")


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
        verify(sign(CLAIMS | {"metadata": "x" * 9000}), SECRETS, NOW)


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


@pytest.mark.parametrize("ttl", [timedelta(0), timedelta(seconds=-1), timedelta(days=367)])
def test_lifetimes_have_bounds(ttl: timedelta) -> None:
    with pytest.raises(ValueError, match="lifetime"):
        mint(KEY, SECRET, VideoGrant(), now=NOW, ttl=ttl)

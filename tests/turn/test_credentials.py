"""Time-limited credentials: what is minted is known, for as long as it should be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turn.credentials import MAX_SECRETS, MAX_USERNAME_BYTES, Credentials, Identity, Revocations, identity, password
from turn.integrity import PasswordAlgorithm, long_term_key, userhash

NOW = 1_764_000_000.0
SECRET = "a secret of sixteen bytes"
REALM = "sluice.example"


def admits(credentials: Credentials, username: str, now: float) -> bool:
    who = identity(username)
    assert who is not None
    return credentials.admits(who, now)


def test_the_password_is_that_of_the_draft() -> None:
    """The value of `printf 1433895918:foo | openssl dgst -sha1 -hmac north -binary | base64`."""
    assert password("north", "1433895918:foo") == "0OlFg2/bHqbjlkzHi9Xi1YLEVmE="


def test_what_is_minted() -> None:
    username, secret_word = Credentials([SECRET], REALM).mint("PA_1", NOW)
    assert username == "1764000300:1764000000000:PA_1"
    assert identity(username) == Identity(username, "PA_1", 1_764_000_300, 1_764_000_000_000)
    assert secret_word == password(SECRET, username)


@pytest.mark.parametrize(
    ("username", "user", "expiry", "minted"),
    [
        ("1764000300:somebody", "somebody", 1764000300, 0),
        ("0:x", "x", 0, 0),
        ("1764000300:7:x", "7:x", 1764000300, 0),
        ("1764000300:1764000000000:7:x", "7:x", 1764000300, 1764000000000),
        ("1764000300:1764000000000:1764000000000:x", "1764000000000:x", 1764000300, 1764000000000),
        ("1764000300:1764000000000:", "1764000000000:", 1764000300, 0),
        ("1:マトリックス\n", "マトリックス\n", 1, 0),
    ],
)
def test_names_of_the_form(username: str, user: str, expiry: int, minted: int) -> None:
    assert identity(username) == Identity(username, user, expiry, minted)


@pytest.mark.parametrize(
    "username", ["", "somebody", ":x", "1:", "-1:x", "1.5:x", " 1:x", "\u0661:x", "1764000300", "9" * 13 + ":x"]
)
def test_names_of_another_form(username: str) -> None:
    assert identity(username) is None


users = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=30) | st.from_regex(r"\A[0-9:]{1,30}\Z")


@given(users, st.floats(0, 4e9))
def test_every_user_comes_back_out_of_the_name(user: str, now: float) -> None:
    credentials = Credentials([SECRET], REALM)
    try:
        username, _ = credentials.mint(user, now)
    except ValueError:
        return
    who = identity(username)
    assert who is not None
    assert (who.user, who.expiry) == (user, int(now) + 300)
    assert credentials.admits(who, now)


@given(st.text())
def test_any_name_is_of_the_form_or_not(username: str) -> None:
    who = identity(username)
    assert who is None or who.username == username


def test_a_key_for_each_secret_of_which_the_first_mints() -> None:
    """So that a new secret is rolled out at the end of the list, moved to its front, and the old one dropped."""
    old, both, new = Credentials(["old"], REALM), Credentials(["new", "old"], REALM), Credentials(["new"], REALM)
    username, word = old.mint("PA_1", NOW)
    for algorithm in PasswordAlgorithm:
        key = long_term_key(username, REALM, word, algorithm)
        assert list(old.keys(username, algorithm)) == [key]
        assert list(both.keys(username, algorithm))[1:] == [key]
        assert key not in list(new.keys(username, algorithm))
    assert both.mint("PA_1", NOW) == new.mint("PA_1", NOW)


def test_it_expires() -> None:
    credentials = Credentials([SECRET], REALM, ttl=300)
    username, _ = credentials.mint("PA_1", NOW)
    assert admits(credentials, username, NOW + 299.999)
    assert not admits(credentials, username, NOW + 300)


def test_a_revocation_ends_what_was_minted_before_and_not_what_comes_after() -> None:
    """Also within one millisecond, and whatever the clock does."""
    credentials = Credentials([SECRET], REALM)
    before, _ = credentials.mint("PA_1", NOW)
    neighbour, _ = credentials.mint("PA_2", NOW)
    elsewhere = f"{int(NOW) + 300}:PA_1"
    assert admits(credentials, elsewhere, NOW)
    credentials.revoke("PA_1", NOW)
    assert not admits(credentials, before, NOW)
    assert not admits(credentials, elsewhere, NOW)
    assert admits(credentials, neighbour, NOW)
    after, _ = credentials.mint("PA_1", NOW)
    assert admits(credentials, after, NOW)
    credentials.revoke("PA_1", NOW - 100)
    assert not admits(credentials, after, NOW)
    assert admits(credentials, credentials.mint("PA_1", NOW - 100)[0], NOW)


@given(
    st.lists(st.tuples(st.sampled_from(["mint", "revoke"]), st.sampled_from("ab"), st.integers(-2, 400)), max_size=30)
)
def test_revocations_against_a_plain_list(steps: list[tuple[str, str, int]]) -> None:
    """Against a model that remembers everything; the clock may step back a little."""
    credentials = Credentials([SECRET], REALM, ttl=300)
    minted: list[tuple[str, str]] = []
    revoked: set[str] = set()
    now = NOW
    for step, user, later in steps:
        now += later
        if step == "mint":
            username, _ = credentials.mint(user, now)
            minted.append((user, username))
            revoked.discard(username)
        else:
            credentials.revoke(user, now)
            revoked |= {username for owner, username in minted if owner == user}
    for _, username in minted:
        who = identity(username)
        assert who is not None
        assert credentials.admits(who, now) == (now < who.expiry and username not in revoked)


def test_revocations_are_kept_as_long_as_credentials_live() -> None:
    revocations = Revocations(ttl=300, capacity=100)
    for number in range(10):
        revocations.add(f"PA_{number}", NOW)
    revocations.add("PA_10", NOW + 300)
    assert len(revocations) == 11
    revocations.add("PA_11", NOW + 300.5)
    assert len(revocations) == 2


def test_the_table_of_revocations_is_bounded() -> None:
    revocations = Revocations(ttl=300, capacity=10)
    for number in range(1000):
        revocations.add(f"PA_{number}", NOW)
    assert len(revocations) == 10


def test_at_the_bound_a_revocation_is_not_lost() -> None:
    credentials = Credentials([SECRET], REALM, capacity=10)
    taken_back, _ = credentials.mint("PA_0", NOW)
    bystander, _ = credentials.mint("PA_99", NOW)
    for number in range(11):
        credentials.revoke(f"PA_{number}", NOW + 1)
    assert not admits(credentials, taken_back, NOW + 2)
    assert not admits(credentials, bystander, NOW + 2)
    assert admits(credentials, credentials.mint("PA_99", NOW + 2)[0], NOW + 2)


def test_a_userhash_is_resolved_for_what_was_minted_here() -> None:
    credentials = Credentials([SECRET], REALM)
    username, _ = credentials.mint("PA_1", NOW)
    assert credentials.username(userhash(username, REALM)) == username
    assert credentials.username(userhash(username, "elsewhere")) is None
    assert Credentials([SECRET], REALM).username(userhash(username, REALM)) is None


def test_the_userhash_unused_for_longest_is_forgotten() -> None:
    credentials = Credentials([SECRET], REALM, capacity=2)
    hashes = []
    for number in range(3):
        username, _ = credentials.mint(f"PA_{number}", NOW)
        hashes.append(userhash(username, REALM))
        credentials.username(hashes[0])
    assert [credentials.username(hashed) is None for hashed in hashes] == [False, True, False]


@pytest.mark.parametrize("secrets", [[], [""], [SECRET, ""], [SECRET] * (MAX_SECRETS + 1)])
def test_secrets_that_are_none(secrets: list[str]) -> None:
    with pytest.raises(ValueError, match="secrets"):
        Credentials(secrets, REALM)


@pytest.mark.parametrize("user", ["", "a\tb", "e\u0301", "x" * MAX_USERNAME_BYTES, "\u00a0"])
def test_users_who_get_no_credentials(user: str) -> None:
    with pytest.raises(ValueError, match="name"):
        Credentials([SECRET], REALM).mint(user, NOW)


def test_the_realm_is_computed_with_as_clients_do() -> None:
    assert Credentials([SECRET], "e\u0301").realm == "\u00e9"
    Credentials([SECRET], "x" * 127)
    for realm in ("", "x" * 128, "a\nb"):
        with pytest.raises(ValueError, match="realm"):
            Credentials([SECRET], realm)

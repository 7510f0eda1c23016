"""The long-term mechanism (RFC 8489, 9.2.4), met with a client's requests: honest, mistaken and hostile ones."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turn.attribute_forms import Address, Written
from turn.attributes import (
    ERROR_CODE,
    LIFETIME,
    NONCE,
    PASSWORD_ALGORITHM,
    PASSWORD_ALGORITHMS,
    REALM,
    REQUESTED_TRANSPORT,
    USERHASH,
    USERNAME,
    Transport,
)
from turn.authentication import Authenticated, Authentication
from turn.credentials import Credentials, password
from turn.errors import Malformed, Refused
from turn.integrity import Integrity, PasswordAlgorithm, code, long_term_key, userhash
from turn.limiter import Limiter
from turn.nonces import KEY_BYTES, Nonces, Verdict
from turn.nonces import LIFETIME as NONCE_LIFETIME
from turn.stun import Class, Message, Method, encode, parse

NOW = 1_764_000_000.0
REALM_HERE = "sluice"
SECRET = "a secret of sixteen bytes"
CLIENT = ("192.0.2.1", 50_000)
STRANGER = ("192.0.2.1", 50_001)
TID = bytes(range(12))
BOTH = (PasswordAlgorithm.SHA256, PasswordAlgorithm.MD5)

CREDENTIALS = Credentials([SECRET], REALM_HERE)
NONCES = Nonces(bytes(KEY_BYTES), anonymity=True)
AUTHENTICATION = Authentication(CREDENTIALS, NONCES)
USER, WORD = CREDENTIALS.mint("PA_1", NOW)


def nonce(client: Address = CLIENT, now: float = NOW) -> Written:
    return NONCE.of(NONCES.mint(client, now))


OLD_STYLE = (USERNAME.of(USER), REALM.of(REALM_HERE), nonce())
NEW_STYLE = (*OLD_STYLE, PASSWORD_ALGORITHMS.of(BOTH), PASSWORD_ALGORITHM.of(PasswordAlgorithm.SHA256))


def request(
    attributes: Sequence[Written],
    *,
    method: Method = Method.ALLOCATE,
    algorithm: PasswordAlgorithm = PasswordAlgorithm.MD5,
    integrity: Integrity = Integrity.SHA1,
    username: str = USER,
    word: str = WORD,
) -> Message:
    key = long_term_key(username, REALM_HERE, word, algorithm)
    message = Message(method, Class.REQUEST, TID, (REQUESTED_TRANSPORT.of(Transport.UDP), *attributes))
    return parse(encode(message, key=key, algorithm=integrity))


def sha256_request(attributes: Sequence[Written] = NEW_STYLE, *, username: str = USER, word: str = WORD) -> Message:
    return request(
        attributes,
        algorithm=PasswordAlgorithm.SHA256,
        integrity=Integrity.SHA256,
        username=username,
        word=word,
    )


def authenticate(message: Message, *, client: Address = CLIENT, now: float = NOW) -> Authenticated:
    return AUTHENTICATION.authenticate(message, client, now)


def refusal(message: Message, *, client: Address = CLIENT, now: float = NOW) -> Refused:
    with pytest.raises(Refused) as caught:
        authenticate(message, client=client, now=now)
    return caught.value


def reply(message: Message, refused: Refused) -> Message:
    attributes = (ERROR_CODE.of((refused.code, "")), *refused.attributes)
    return parse(encode(message.reply(Class.ERROR, attributes)))


def assert_challenge(refused: Refused, code: int, *, client: Address = CLIENT, now: float = NOW) -> str:
    """With all a client needs for its next try; gives the nonce."""
    challenge = reply(request(()), refused)
    assert ERROR_CODE.read(challenge) == (code, "")
    assert REALM.read(challenge) == REALM_HERE
    assert PASSWORD_ALGORITHMS.read(challenge) == BOTH
    assert [kind for kind in (USERNAME.type, USERHASH.type) if challenge.get(kind)] == []
    given_nonce = NONCE.read(challenge)
    assert given_nonce is not None
    assert NONCES.verdict(given_nonce, client, now) is Verdict.VALID
    return given_nonce


def test_the_first_request_is_told_what_the_next_needs() -> None:
    first = parse(encode(Message(Method.ALLOCATE, Class.REQUEST, TID, (REQUESTED_TRANSPORT.of(Transport.UDP),))))
    assert_challenge(refusal(first), 401)


def test_a_client_of_the_old_kind() -> None:
    """RFC 5389: MD5 and SHA-1, and the answer likewise."""
    who = authenticate(request(OLD_STYLE))
    assert (who.username, who.user, who.expiry) == (USER, "PA_1", int(NOW) + 300)
    assert who.key == long_term_key(USER, REALM_HERE, WORD, PasswordAlgorithm.MD5)
    assert who.algorithm is Integrity.SHA1


def test_a_client_of_the_new_kind() -> None:
    who = authenticate(sha256_request())
    assert who.key == long_term_key(USER, REALM_HERE, WORD, PasswordAlgorithm.SHA256)
    assert who.algorithm is Integrity.SHA256


def test_a_new_client_that_knows_only_md5_for_passwords() -> None:
    """The password's algorithm is one thing, the message's another."""
    md5 = (*OLD_STYLE, PASSWORD_ALGORITHMS.of(BOTH), PASSWORD_ALGORITHM.of(PasswordAlgorithm.MD5))
    who = authenticate(request(md5, integrity=Integrity.SHA256))
    assert who.key == long_term_key(USER, REALM_HERE, WORD, PasswordAlgorithm.MD5)
    assert who.algorithm is Integrity.SHA256


@pytest.mark.parametrize("message", [request(OLD_STYLE), sha256_request()])
def test_the_client_can_tell_that_the_answer_is_ours(message: Message) -> None:
    who = authenticate(message)
    answer = encode(message.reply(Class.SUCCESS, [LIFETIME.of(600)]), key=who.key, algorithm=who.algorithm)
    parsed = parse(answer)
    assert [kind for kind, _ in parsed.signed] == [who.algorithm]
    assert parsed.verify(who.key)


def test_a_name_by_its_hash() -> None:
    hashed = (USERHASH.of(userhash(USER, REALM_HERE)), *NEW_STYLE[1:])
    assert authenticate(sha256_request(hashed)).username == USER
    assert_challenge(refusal(sha256_request((USERHASH.of(bytes(32)), *NEW_STYLE[1:]))), 401)


def test_a_credential_that_was_minted_elsewhere() -> None:
    """With the secret, in coturn's form; its hash could be anybody's."""
    username = f"{int(NOW) + 86_400}:somebody"
    word = password(SECRET, username)
    who = authenticate(sha256_request((USERNAME.of(username), *NEW_STYLE[1:]), username=username, word=word))
    assert (who.user, who.expiry) == ("somebody", int(NOW) + 86_400)
    hashed = (USERHASH.of(userhash(username, REALM_HERE)), *NEW_STYLE[1:])
    assert_challenge(refusal(sha256_request(hashed, username=username, word=word)), 401)


@pytest.mark.parametrize("missing", [USERNAME, REALM, NONCE])
def test_integrity_without_what_it_is_computed_from(missing: object) -> None:
    attributes = [written for written in OLD_STYLE if written[0] != getattr(missing, "type", None)]
    assert len(attributes) == 2
    refused = refusal(request(attributes))
    assert (refused.code, refused.attributes) == (400, ())


@pytest.mark.parametrize(
    "changed",
    [
        (USERNAME.type, b"\xff"),
        (USERNAME.type, b"1:" + b"x" * 508),
        (REALM.type, b"\xff"),
        (NONCE.type, b"\xff"),
        (USERHASH.type, bytes(31)),
        (PASSWORD_ALGORITHM.type, bytes(3)),
    ],
)
def test_values_that_cannot_be_read(changed: Written) -> None:
    refused = refusal(request([changed, *(written for written in NEW_STYLE if written[0] != changed[0])]))
    assert (refused.code, refused.attributes) == (400, ())


@pytest.mark.parametrize(
    "algorithms",
    [
        [PASSWORD_ALGORITHMS.of(BOTH)],
        [PASSWORD_ALGORITHM.of(PasswordAlgorithm.MD5)],
        [PASSWORD_ALGORITHM.of(PasswordAlgorithm.SHA256)],
        [PASSWORD_ALGORITHMS.of([PasswordAlgorithm.MD5]), PASSWORD_ALGORITHM.of(PasswordAlgorithm.MD5)],
        [PASSWORD_ALGORITHMS.of([PasswordAlgorithm.SHA256]), PASSWORD_ALGORITHM.of(PasswordAlgorithm.SHA256)],
        [PASSWORD_ALGORITHMS.of(BOTH[::-1]), PASSWORD_ALGORITHM.of(PasswordAlgorithm.MD5)],
        [PASSWORD_ALGORITHMS.of((*BOTH, 3)), PASSWORD_ALGORITHM.of(PasswordAlgorithm.MD5)],
        [PASSWORD_ALGORITHMS.of(BOTH), PASSWORD_ALGORITHM.of(3)],
        [PASSWORD_ALGORITHMS.of(()), PASSWORD_ALGORITHM.of(PasswordAlgorithm.MD5)],
    ],
)
@pytest.mark.parametrize("integrity", Integrity)
def test_an_offer_that_somebody_shortened(algorithms: list[Written], integrity: Integrity) -> None:
    """RFC 8489, 9.2.1: however well the request is signed."""
    refused = refusal(request((*OLD_STYLE, *algorithms), integrity=integrity))
    assert (refused.code, refused.attributes) == (400, ())


@pytest.mark.parametrize("promises", ["", "obMatJos2AAAA", "obMatJos2gAAA"])
def test_a_nonce_that_somebody_took_the_promises_out_of(promises: str) -> None:
    """So that the client would not miss the algorithms: it is told the truth, and tries again."""
    bare = NONCE.of(promises + NONCES.mint(CLIENT, NOW)[13:])
    fresh = assert_challenge(refusal(request((*OLD_STYLE[:2], bare))), 438)
    assert fresh.startswith("obMatJos2wAAA")


@pytest.mark.parametrize(
    "message",
    [
        request(OLD_STYLE, word="guessed"),
        request(OLD_STYLE, word=password("another secret", USER)),
        request(OLD_STYLE, word=""),
        request((USERNAME.of("somebody"), *OLD_STYLE[1:]), username="somebody", word=password(SECRET, "somebody")),
        request((OLD_STYLE[0], REALM.of("elsewhere"), OLD_STYLE[2])),
        request(OLD_STYLE, algorithm=PasswordAlgorithm.SHA256),
        request(NEW_STYLE, integrity=Integrity.SHA256),
        sha256_request(OLD_STYLE),
        sha256_request(word="guessed"),
    ],
)
def test_nobody_we_know(message: Message) -> None:
    assert_challenge(refusal(message), 401)


def test_a_nonce_ends_and_the_next_one_goes_on() -> None:
    later = NOW + NONCE_LIFETIME + 1
    refresh = request(OLD_STYLE, method=Method.REFRESH)
    fresh = assert_challenge(refusal(refresh, now=later), 438, now=later)
    again = request((*OLD_STYLE[:2], NONCE.of(fresh)), method=Method.REFRESH)
    assert authenticate(again, now=later).user == "PA_1"


def test_a_nonce_is_for_one_address() -> None:
    stolen = request(OLD_STYLE)
    assert_challenge(refusal(stolen, client=STRANGER), 438, client=STRANGER)


def test_a_password_is_checked_before_a_nonce() -> None:
    """9.2.4's order: a stale nonce is confirmed to those who know a password, and to nobody else."""
    assert refusal(request(OLD_STYLE, word="guessed"), now=NOW + NONCE_LIFETIME + 1).code == 401


def test_an_expired_credential_begins_nothing_and_goes_on_with_what_it_has() -> None:
    later = NOW + 301
    current = (*OLD_STYLE[:2], nonce(now=later))
    assert_challenge(refusal(request(current), now=later), 401, now=later)
    for method in (Method.REFRESH, Method.CREATE_PERMISSION, Method.CHANNEL_BIND):
        assert authenticate(request(current, method=method), now=later).expiry < later


def test_a_revoked_credential_begins_nothing() -> None:
    credentials = Credentials([SECRET], REALM_HERE)
    authentication = Authentication(credentials, NONCES)
    username, word = credentials.mint("PA_2", NOW)
    message = request((USERNAME.of(username), *OLD_STYLE[1:]), username=username, word=word)
    assert authentication.authenticate(message, CLIENT, NOW).user == "PA_2"
    credentials.revoke("PA_2", NOW)
    with pytest.raises(Refused) as caught:
        authentication.authenticate(message, CLIENT, NOW)
    assert_challenge(caught.value, 401)


def test_what_follows_integrity_authenticates_nobody() -> None:
    """The name after the signature is not a name."""
    signed = request(OLD_STYLE[1:]).data
    body = signed[20:] + encode(Message(Method.ALLOCATE, Class.REQUEST, TID, (OLD_STYLE[0],)))[20:]
    smuggled = parse(signed[:2] + len(body).to_bytes(2, "big") + signed[4:20] + body)
    assert refusal(smuggled).code == 400


def test_of_two_integrities_the_stronger_counts() -> None:
    signed = request(OLD_STYLE).data
    key = long_term_key(USER, REALM_HERE, WORD, PasswordAlgorithm.MD5)
    for value, codes in ((code(signed, key, Integrity.SHA256), []), (bytes(32), [401])):
        body = signed[20:] + Integrity.SHA256.to_bytes(2, "big") + (32).to_bytes(2, "big") + value
        both = parse(signed[:2] + len(body).to_bytes(2, "big") + signed[4:20] + body)
        assert [kind for kind, _ in both.signed] == [Integrity.SHA1, Integrity.SHA256]
        assert _codes(both) == codes


def _codes(message: Message) -> list[int]:
    try:
        authenticate(message)
    except Refused as refused:
        return [refused.code]
    return []


SIGNED = sha256_request().data


@given(st.integers(0, len(SIGNED) - 1), st.integers(1, 255))
def test_a_changed_byte_is_noticed(position: int, change: int) -> None:
    changed = bytearray(SIGNED)
    changed[position] ^= change
    try:
        message = parse(bytes(changed))
    except Malformed:
        return
    assert refusal(message).code in (400, 401)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([kind for kind, _ in NEW_STYLE]) | st.integers(0, 0xFFFF),
            st.binary(max_size=40) | st.sampled_from([value for _, value in NEW_STYLE]),
        ),
        max_size=8,
    ),
    st.sampled_from(Integrity),
)
def test_whatever_is_asked_the_answer_is_one_of_the_protocol(attributes: list[Written], integrity: Integrity) -> None:
    assert set(_codes(request(attributes, integrity=integrity))) <= {400, 401, 438}


@pytest.mark.parametrize(
    ("attributes", "bytes_in", "bytes_out"),
    [((), 20, 92), ((REQUESTED_TRANSPORT.of(Transport.UDP),), 28, 92)],
)
def test_how_much_a_stranger_gets_for_a_packet(attributes: Sequence[Written], bytes_in: int, bytes_out: int) -> None:
    """A reflector's yield: with IP and UDP headers 2.5 and 2.1, within the limiter's burst; past it below one."""
    asked = parse(encode(Message(Method.ALLOCATE, Class.REQUEST, TID, tuple(attributes))))
    answered = reply(asked, refusal(asked))
    assert (len(asked.data), len(answered.data)) == (bytes_in, bytes_out)
    limiter, seconds, per_second = Limiter(), 10, 100
    answers = sum(limiter.admits(CLIENT[0], count / per_second) for count in range(seconds * per_second))
    assert answers * bytes_out <= seconds * per_second * bytes_in


def test_a_key_is_not_shown() -> None:
    who = authenticate(request(OLD_STYLE))
    assert repr(who.key) not in repr(who)
    assert WORD not in repr(who)

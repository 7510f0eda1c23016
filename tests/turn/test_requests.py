"""Requests with credentials: how they are signed, what may be in them, and that nothing behind the signature counts."""

from collections.abc import Sequence

import pytest

from tests.turn.client import REALM_NAME
from tests.turn.world import MEDIA, Client, World, code
from turn import known
from turn.attribute_forms import Written
from turn.attributes import (
    LIFETIME,
    NONCE,
    PASSWORD_ALGORITHM,
    PASSWORD_ALGORITHMS,
    REALM,
    REQUESTED_TRANSPORT,
    UNKNOWN_ATTRIBUTES,
    USERHASH,
    USERNAME,
    XOR_PEER_ADDRESS,
)
from turn.errors import Refused
from turn.integrity import Integrity, PasswordAlgorithm, long_term_key, userhash
from turn.stun import Class, Message, Method, encode, parse

UDP = REQUESTED_TRANSPORT.of(17)


def challenged(world: World) -> Client:
    """A client that has been given its nonce."""
    client = world.client()
    client.refresh()
    return client


def by_sha256(client: Client, method: int, *attributes: Written, hashed: bool) -> tuple[bytes, bytes]:
    """As RFC 8489, 9.2.3 has it where the server offers it: the request, and the key of its answer."""
    who = USERHASH.of(userhash(client.username, REALM_NAME)) if hashed else USERNAME.of(client.username)
    key = long_term_key(client.username, REALM_NAME, client.password, PasswordAlgorithm.SHA256)
    offer = PASSWORD_ALGORITHMS.of((PasswordAlgorithm.SHA256, PasswordAlgorithm.MD5))
    chosen = PASSWORD_ALGORITHM.of(PasswordAlgorithm.SHA256)
    credentials = (who, REALM.of(REALM_NAME), NONCE.of(client.nonce), offer, chosen)
    message = Message(method, Class.REQUEST, client.transaction_id(), (*attributes, *credentials))
    return encode(message, key=key, algorithm=Integrity.SHA256), key


@pytest.mark.parametrize("hashed", [False, True])
def test_sha256_by_name_and_by_hash(hashed: bool) -> None:
    world = World()
    client = challenged(world)
    for method, attributes in ((Method.ALLOCATE, [UDP]), (Method.REFRESH, [])):
        data, key = by_sha256(client, method, *attributes, hashed=hashed)
        [(_, answer)] = world.receive(client.path, data)
        reply = parse(answer)
        assert code(reply) == 0
        assert reply.verify(key)
        assert [kind for kind, _ in reply.signed] == [Integrity.SHA256]


def test_one_owner_by_name_and_by_hash() -> None:
    world = World()
    client = challenged(world)
    client.allocate()
    data, _ = by_sha256(client, Method.REFRESH, hashed=True)
    assert code(parse(world.receive(client.path, data)[0][1])) == 0


def smuggled(client: Client, method: int, before: Sequence[Written], behind: Written) -> Message:
    """What stands behind MESSAGE-INTEGRITY was added by somebody on the way."""
    transaction_id = client.transaction_id()
    data = client.signed(method, before, transaction_id)
    kind, value = behind
    data += kind.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value
    return client.exchange(data[:2] + (len(data) - 20).to_bytes(2, "big") + data[4:])


def test_what_stands_behind_the_signature_is_ignored() -> None:
    world = World()
    client = challenged(world)
    assert code(smuggled(client, Method.ALLOCATE, [], UDP)) == 400
    client.allocate()
    assert LIFETIME.read(smuggled(client, Method.REFRESH, [], LIFETIME.of(0))) == 600
    peer = XOR_PEER_ADDRESS.of(MEDIA, b"\0" * 12)
    assert code(smuggled(client, Method.CREATE_PERMISSION, [], peer)) == 400
    assert code(smuggled(client, Method.REFRESH, [], (0x7FF0, b"abcd"))) == 0


def test_of_two_alike_the_first_counts() -> None:
    client = challenged(World())
    client.allocate()
    assert LIFETIME.read(client.refresh(LIFETIME.of(1000), LIFETIME.of(0))) == 1000


def test_values_of_another_form() -> None:
    client = challenged(World())
    client.allocate()
    assert code(client.refresh((LIFETIME.type, b"\0"))) == 400


def test_attributes_that_are_not_comprehended_are_named() -> None:
    client = challenged(World())
    reply = client.request(Method.REFRESH, (0x7FF0, b""), (0x7FF1, b""), (0xC000, b""))
    assert (code(reply), UNKNOWN_ATTRIBUTES.read(reply)) == (420, (0x7FF0, 0x7FF1))


def test_a_fingerprint_for_a_fingerprint() -> None:
    world = World()
    client = challenged(world)
    who = (USERNAME.of(client.username), REALM.of(REALM_NAME), NONCE.of(client.nonce))
    message = Message(Method.ALLOCATE, Class.REQUEST, client.transaction_id(), (UDP, *who), fingerprint=True)
    assert client.exchange(encode(message, key=client.key)).fingerprint


def test_a_challenge_is_unsigned_and_says_how_to_go_on() -> None:
    world = World()
    reply = world.client().exchange(encode(Message(Method.ALLOCATE, Class.REQUEST, b"who is it?!?", (UDP,))))
    assert code(reply) == 401
    assert not reply.signed
    assert REALM.read(reply) == REALM_NAME
    assert NONCE.read(reply)
    assert PASSWORD_ALGORITHMS.read(reply) == (PasswordAlgorithm.SHA256, PasswordAlgorithm.MD5)


def test_foreign_and_stale_nonces() -> None:
    world = World()
    client, other = challenged(world), challenged(world)
    other.nonce = client.nonce
    assert code(other.exchange(other.signed(Method.REFRESH, [], other.transaction_id()))) == 438
    world.pass_time(601)
    assert code(client.exchange(client.signed(Method.REFRESH, [], client.transaction_id()))) == 438


def test_a_wrong_password_is_told_like_an_unknown_user() -> None:
    world = World()
    client = challenged(world)
    answers = []
    for username, password in ((client.username, "wrong"), ("1790000999:nobody", "wrong"), ("nobody", "wrong")):
        client.username, client.password = username, password
        reply = client.exchange(client.signed(Method.ALLOCATE, [UDP], b"who is it?!?"))
        assert not reply.signed
        answers.append((code(reply), [kind for kind, _ in reply.attributes]))
    assert answers == [answers[0]] * 3
    assert answers[0][0] == 401
    assert world.datapath.relays == {}


@pytest.mark.parametrize("attributes", [known.STUN, known.TURN, known.NAT_DISCOVERY])
def test_what_is_known_must_be_comprehended(attributes: frozenset[int]) -> None:
    assert all(kind < 0x8000 for kind in attributes)
    message = Message(Method.BINDING, Class.REQUEST, b"transaction!", tuple((kind, b"") for kind in attributes))
    known.check(message, attributes)
    with pytest.raises(Refused, match="420"):
        known.check(message, attributes - {0x0006})

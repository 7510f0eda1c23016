"""Who may ask for what: credentials, what is signed, and what belongs to whom."""

from collections.abc import Iterator

import pytest

from bench.relays import HOST
from tests.interop.turn.client import Client
from tests.interop.turn.peers import Peer
from tests.interop.turn.servers import PERMITTED, SluiceTurn
from tests.turn.client import code, relayed
from turn.attribute_forms import Written
from turn.attributes import LIFETIME, NONCE, REQUESTED_TRANSPORT, XOR_PEER_ADDRESS, Transport
from turn.stun import Method

pytestmark = pytest.mark.interop


@pytest.fixture
def client(relay: SluiceTurn) -> Iterator[Client]:
    """With an allocation."""
    with relay.client("owner") as client:
        assert code(client.allocate()) == 0
        yield client
        client.end()


@pytest.mark.parametrize("protocol", ["udp", "tcp", "tls"])
def test_expired_credentials_begin_nothing(relay: SluiceTurn, protocol: str) -> None:
    with Client(relay.link(protocol), *relay.credentials("expired", seconds=-1)) as client:
        reply = client.allocate()
        assert (code(reply), reply.signed) == (401, ())
        assert code(client.refresh()) == 437


@pytest.mark.parametrize("protocol", ["udp", "tcp", "tls"])
def test_credentials_of_another_server(relay: SluiceTurn, protocol: str) -> None:
    foreign = relay.credentials("foreign", secret="the secret of another server, as long as ours")
    with Client(relay.link(protocol), *foreign) as client:
        for reply in (client.allocate(), client.refresh()):
            assert (code(reply), reply.signed) == (401, ())
        assert [client.permit(HOST), client.bind(0x4000, (HOST, 9))] == [401, 401]


def test_a_name_that_was_changed(relay: SluiceTurn) -> None:
    """An hour more, or another's name, with the password as it was."""
    username, password = relay.credentials("mallory")
    expiry, _, user = username.partition(":")
    for changed in (f"{int(expiry) + 3600}:{user}", f"{expiry}:alice", f"{username}:", f"0{username}", "", ":", "a:b"):
        with Client(relay.link("tcp"), changed, password) as client:
            assert code(client.allocate()) == 401, changed


def test_an_allocation_is_its_owners(relay: SluiceTurn, client: Client) -> None:
    """RFC 8656, 5: somebody else on the same 5-tuple, with credentials that are as good."""
    owner = client.username, client.password
    client.username, client.password = relay.credentials("somebody else")
    assert code(client.refresh(LIFETIME.of(0))) == 441
    assert client.permit(HOST) == 441
    assert client.bind(0x4000, (HOST, 9)) == 441
    assert code(client.allocate()) == 437
    client.username, client.password = owner
    assert code(client.refresh()) == 0


def test_a_nonce_is_for_one_address(relay: SluiceTurn, client: Client) -> None:
    with Client(relay.link(), client.username, client.password) as other:
        other.nonce = client.nonce
        reply = other.exchange(other.signed(Method.ALLOCATE, [REQUESTED_TRANSPORT.of(17)], other.transaction_id()))
        assert (code(reply), reply.signed) == (438, ())
        assert NONCE.read(reply) != client.nonce


def test_what_stands_behind_the_integrity_counts_for_nothing(client: Client) -> None:
    """RFC 8489, 14.5: anybody on the way can put it there."""
    transaction_id = client.transaction_id()
    ended = appended(client.signed(Method.REFRESH, [], transaction_id), LIFETIME.of(0))
    reply = client.exchange(ended)
    assert (code(reply), LIFETIME.read(reply)) == (0, 600)

    transaction_id = client.transaction_id()
    peer = XOR_PEER_ADDRESS.of((HOST, 9), transaction_id)
    assert code(client.exchange(appended(client.signed(Method.CREATE_PERMISSION, [], transaction_id), peer))) == 400


def test_a_request_for_udp_is_not_made_one_for_tcp(relay: SluiceTurn) -> None:
    with relay.client("appended") as client:
        assert code(client.refresh()) == 437
        bare = client.signed(Method.ALLOCATE, [], client.transaction_id())
        assert code(client.exchange(appended(bare, REQUESTED_TRANSPORT.of(Transport.TCP)))) == 400


def test_the_first_of_two_counts(client: Client) -> None:
    reply = client.refresh(LIFETIME.of(900), LIFETIME.of(0))
    assert (code(reply), LIFETIME.read(reply)) == (0, 900)


def test_channels_stay_what_they_are(client: Client) -> None:
    """RFC 8656, 12: number and peer are bound to each other, and not every number is a channel's."""
    assert client.bind(0x4000, (HOST, 9)) == 0
    assert client.bind(0x4000, (HOST, 10)) == 400
    assert client.bind(0x4001, (HOST, 9)) == 400
    assert client.bind(0x4000, (HOST, 9)) == 0
    for number in (0x3FFF, 0x7FFF, 0xFFFF):
        assert client.bind(number, (HOST, 10)) == 400
    with Peer(HOST) as peer, Peer(HOST) as other:
        assert client.bind(0x4FFF, peer.address) == 0
        assert client.bind(0x4FFF, other.address) == 400
        client.send(0x4FFF, b"still the first one's")
        assert peer.receive()[0] == b"still the first one's"
        assert other.has() == []


def test_channels_of_before_rfc_8656_are_for_who_asks_for_them(guarded: SluiceTurn) -> None:
    with guarded.client("old") as client:
        assert code(client.allocate()) == 0
        assert [client.bind(number, (PERMITTED, 9)) for number in (0x5000, 0x7FFE, 0x4FFF)] == [400, 400, 0]
        client.end()


def test_two_requests_on_one_path_are_one_allocation(relay: SluiceTurn) -> None:
    """The same request again has the same answer (RFC 8656, 5); another one has none."""
    with relay.client("twice") as client:
        first = client.allocate()
        [address] = relayed(first)
        again = client.signed(Method.ALLOCATE, [REQUESTED_TRANSPORT.of(17)], first.transaction_id)
        assert relayed(client.exchange(again)) == [address]
        assert code(client.allocate()) == 437
        client.end()


def appended(data: bytes, attribute: Written) -> bytes:
    """The message with one more attribute at its end, and a length that counts it."""
    kind, value = attribute
    longer = data + kind.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value + bytes(-len(value) % 4)
    return longer[:2] + (len(longer) - 20).to_bytes(2, "big") + longer[4:]

"""Our DTLS client: against OpenSSL as server, and against a server that makes mistakes."""

import random

import pytest

from sfu.attributes import Fingerprint
from sfu.dtls import MAX_HANDSHAKE_DATAGRAMS, MTU, DtlsState
from sfu.dtls_client import FIRST_RETRANSMISSION_SECONDS, MAX_RETRANSMISSION_SECONDS, DtlsClient
from tests.sfu.handshakes import Disorder, Pair, certificate, records_of
from tests.sfu.tiny_server import TinyServer

STRANGER = Fingerprint("sha-256", bytes(32))


def client_of(server: TinyServer) -> DtlsClient:
    client = DtlsClient(certificate(), [STRANGER, server.fingerprint], random.Random(1).randbytes)
    client.start()
    return client


def test_openssl_agrees_on_the_keys() -> None:
    pair = Pair(own_client=True)
    pair.run()
    ours, theirs = pair.client.keys, pair.server.keys
    assert ours is not None
    assert theirs is not None
    assert (ours.profile, ours.receive, ours.send) == (theirs.profile, theirs.send, theirs.receive)
    assert max(map(len, pair.sent)) <= MTU


@pytest.mark.parametrize("seed", range(4))
def test_disorder_does_no_harm(seed: int) -> None:
    pair = Pair(own_client=True, fate=Disorder(seed))
    pair.run()
    assert (pair.client.state, pair.server.state) == (DtlsState.CONNECTED, DtlsState.CONNECTED)


@pytest.mark.parametrize("lost", [0, 2])
def test_our_lost_flights_are_sent_again(lost: int) -> None:
    sent = 0

    def lose_one(datagram: bytes) -> list[bytes]:
        nonlocal sent
        sent += 1
        return [] if sent == lost + 1 else [datagram]

    pair = Pair(own_client=True, fate=lose_one)
    pair.run()
    assert (pair.client.state, pair.server.state) == (DtlsState.CONNECTED, DtlsState.CONNECTED)
    numbers = [record[3:11] for datagram in pair.sent for record in records_of(datagram) if record[4] == 1]
    assert len(numbers) >= 2


def test_silence_is_answered_ever_more_slowly_and_no_record_number_is_used_twice() -> None:
    client = client_of(TinyServer())
    waits, numbers = [], []
    for _ in range(8):
        waits.append(client.timeout())
        client.handle_timeout()
        numbers += [record[3:11] for datagram in client.datagrams() for record in records_of(datagram)]
    assert waits[0] == FIRST_RETRANSMISSION_SECONDS
    assert waits[-1] == MAX_RETRANSMISSION_SECONDS
    assert len(set(numbers)) == len(numbers)


def test_the_wrong_server_gets_no_keys() -> None:
    pair = Pair(own_client=True, client_expects=[STRANGER])
    pair.run()
    assert pair.client.state is DtlsState.FAILED
    assert pair.client.keys is None
    assert pair.client.failure == "certificate does not match the offered fingerprint"
    assert pair.server.state is DtlsState.FAILED


def test_the_wrong_client_gets_no_media() -> None:
    pair = Pair(own_client=True, server_expects=[STRANGER])
    pair.run()
    assert pair.server.keys is None
    assert pair.client.state is DtlsState.CLOSED


@pytest.mark.parametrize("closing", ["client", "server"])
def test_goodbyes_are_said_and_heard(closing: str) -> None:
    pair = Pair(own_client=True)
    pair.run()
    pair.client.release()
    (pair.client if closing == "client" else pair.server).close()
    pair.exchange()
    assert (pair.client.state, pair.server.state) == (DtlsState.CLOSED, DtlsState.CLOSED)


def test_a_certificate_on_p224_and_no_certificate_request_as_ffmpeg_with_gnutls_does() -> None:
    server = TinyServer()
    client = client_of(server)
    (hello,) = client.datagrams()
    client.handle_datagram(server.flight(hello))
    client.handle_datagram(server.finish(client.datagrams()))
    assert client.state is DtlsState.CONNECTED
    assert client.keys is not None


def test_a_cookie_is_returned() -> None:
    server = TinyServer()
    client = client_of(server)
    client.handle_datagram(server.hello_verify_request(client.datagrams()[0], b"biscuit"))
    (hello,) = client.datagrams()
    assert b"biscuit" in hello
    client.handle_datagram(server.flight(hello))
    client.handle_datagram(server.finish(client.datagrams()))
    assert client.state is DtlsState.CONNECTED


@pytest.mark.parametrize(
    ("mistake", "reason"),
    [
        ("no extended master secret", "no extended master secret"),
        ("no srtp", "no SRTP protection profile in common"),
        ("other suite", "version, cipher suite or compression was not offered"),
        ("bad certificate", "certificate cannot be read"),
        ("no certificate", "unexpected message"),
        ("bad signature", "key exchange is not signed by the certificate"),
        ("bad share", "key share is not on its curve"),
        ("bad finished", "finished does not match the handshake"),
        ("plain finished", "unexpected message"),
    ],
)
def test_a_mistake_of_the_server_ends_it_with_a_reason_and_no_keys(mistake: str, reason: str) -> None:
    server = TinyServer(mistake)
    client = client_of(server)
    client.handle_datagram(server.flight(client.datagrams()[0]))
    if client.state is DtlsState.CONNECTING:
        client.handle_datagram(server.finish(client.datagrams()))
    assert (client.state, client.failure, client.keys) == (DtlsState.FAILED, reason, None)
    assert client.datagrams()[-1][0] == 21
    assert client.timeout() is None


def test_a_server_that_repeats_itself_gets_our_answer_again() -> None:
    server = TinyServer()
    client = client_of(server)
    flight = server.flight(client.datagrams()[0])
    client.handle_datagram(flight)
    first = client.datagrams()
    client.handle_datagram(flight)
    assert len(client.datagrams()) >= len(first)
    client.handle_datagram(server.finish(first))
    assert client.state is DtlsState.CONNECTED


@pytest.mark.parametrize("seed", range(40))
def test_damage_ends_in_a_state_never_in_an_exception(seed: int) -> None:
    chance = random.Random(seed)

    def damage(datagram: bytes) -> list[bytes]:
        spoilt = bytearray(datagram)
        for _ in range(chance.randrange(4)):
            spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
        return [bytes(spoilt)]

    pair = Pair(own_client=True, fate=damage)
    pair.client.start()
    pair.exchange()
    assert (pair.client.keys is not None) == (pair.client.state is DtlsState.CONNECTED)
    assert (pair.client.failure is not None) == (pair.client.state is DtlsState.FAILED)


@pytest.mark.parametrize("seed", range(40))
def test_garbage_in_records_ends_in_a_state_never_in_an_exception(seed: int) -> None:
    chance = random.Random(seed)
    client = client_of(TinyServer())
    for _ in range(20):
        body = chance.randbytes(chance.randrange(1, 60))
        head = bytes([chance.randrange(20, 24)]) + b"\xfe\xfd\x00" + bytes([chance.randrange(2)]) + bytes(6)
        client.handle_datagram(head + len(body).to_bytes(2, "big") + body)
    assert client.state in (DtlsState.CONNECTING, DtlsState.FAILED)
    assert client.keys is None


def test_a_handshake_that_never_ends_is_ended() -> None:
    client = client_of(TinyServer())
    record = b"\x17\xfe\xfd" + bytes(8) + b"\x00\x01x"
    for _ in range(MAX_HANDSHAKE_DATAGRAMS + 1):
        client.handle_datagram(record)
    assert client.state is DtlsState.FAILED

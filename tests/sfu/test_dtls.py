"""The DTLS endpoint: keys for the right peer, nothing for any other, and no datagram that can hurt it."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.attributes import Fingerprint
from sfu.certificate import SRTP_PROFILES
from sfu.dtls import MAX_DATA, MAX_HANDSHAKE_DATAGRAMS, MAX_HELD_RECORDS, MTU, DtlsEndpoint, DtlsState
from tests.sfu.handshakes import Disorder, Pair, certificate, records_of

STRANGER = Fingerprint("sha-256", bytes(32))


def test_both_sides_get_the_same_keys_crosswise() -> None:
    pair = Pair()
    pair.run()
    client, server = pair.client.keys, pair.server.keys
    assert client is not None
    assert server is not None
    assert client.profile == server.profile == SRTP_PROFILES[0]
    assert (client.receive, client.send) == (server.send, server.receive)
    assert client.receive != client.send
    assert len(client.send) == 16 + 12
    assert client.send.hex() not in repr(client)


def test_every_datagram_is_whole_records_within_the_mtu() -> None:
    pair = Pair()
    pair.run()
    assert max(map(len, pair.sent)) <= MTU
    for record in (record for datagram in pair.sent for record in records_of(datagram)):
        assert len(record) == 13 + int.from_bytes(record[11:13], "big")


@pytest.mark.parametrize("side", ["client", "server"])
def test_no_keys_for_a_certificate_that_was_not_announced(side: str) -> None:
    pair = Pair(
        client_expects=[STRANGER] if side == "client" else None,
        server_expects=[STRANGER] if side == "server" else None,
    )
    pair.run()
    deceived = pair.client if side == "client" else pair.server
    assert deceived.state is DtlsState.FAILED
    assert deceived.keys is None
    assert deceived.failure == "certificate does not match the offered fingerprint"


def test_one_matching_fingerprint_of_several_is_enough() -> None:
    ours, theirs = certificate(), certificate()
    expected = [Fingerprint("sha-1", bytes(20)), STRANGER, theirs.fingerprint]
    client = DtlsEndpoint(ours.context, "client", expected)
    server = DtlsEndpoint(theirs.context, "server", [ours.fingerprint])
    client.start()
    for _ in range(10):
        for source, target in ((client, server), (server, client)):
            for datagram in source.datagrams():
                target.handle_datagram(datagram)
    assert client.state is server.state is DtlsState.CONNECTED


@pytest.mark.parametrize("seed", range(6))
def test_reordered_and_duplicated_datagrams_do_no_harm(seed: int) -> None:
    pair = Pair(fate=Disorder(seed))
    pair.run()
    assert (pair.client.state, pair.server.state) == (DtlsState.CONNECTED, DtlsState.CONNECTED)


@pytest.mark.parametrize("lost", [0, 3])
def test_a_lost_flight_is_sent_again(lost: int) -> None:
    sent = 0

    def lose_one(datagram: bytes) -> list[bytes]:
        nonlocal sent
        sent += 1
        return [] if sent == lost + 1 else [datagram]

    pair = Pair(fate=lose_one)
    pair.run()
    assert (pair.client.state, pair.server.state) == (DtlsState.CONNECTED, DtlsState.CONNECTED)


def test_a_client_hello_in_two_datagrams_is_put_together() -> None:
    """Chromium's, with its post-quantum key share, does not fit into one."""
    ours, theirs = certificate(), certificate()
    client = DtlsEndpoint(ours.context, "client", [theirs.fingerprint])
    server = DtlsEndpoint(theirs.context, "server", [ours.fingerprint])
    client.start()
    (hello,) = client.datagrams()
    first, second = _fragmented(hello)
    server.handle_datagram(first)
    assert server.datagrams() == []
    server.handle_datagram(second)
    assert server.datagrams() != []


def _fragmented(record: bytes) -> tuple[bytes, bytes]:
    """One handshake message in two records (RFC 6347, 4.2.3)."""
    body = record[13 + 12 :]
    half = len(body) // 2
    message = record[13 : 13 + 6]  # type, length, message sequence number

    def fragment(number: int, at: int, part: bytes) -> bytes:
        fragment = message + at.to_bytes(3, "big") + len(part).to_bytes(3, "big") + part
        return record[:10] + bytes([number]) + len(fragment).to_bytes(2, "big") + fragment

    return fragment(0, 0, body[:half]), fragment(1, half, body[half:])


def test_close_notify_ends_the_other_side() -> None:
    pair = Pair()
    pair.run()
    pair.client.close()
    assert pair.client.state is DtlsState.CLOSED
    pair.exchange()
    assert pair.server.state is DtlsState.CLOSED


def test_a_released_endpoint_can_still_say_goodbye() -> None:
    pair = Pair()
    pair.run()
    pair.client.release()
    assert pair.client.datagrams() == []
    pair.client.handle_datagram(pair.sent[0])
    assert pair.client.timeout() is None
    pair.client.close()
    pair.exchange()
    assert pair.server.state is DtlsState.CLOSED


def test_the_last_flight_is_repeated_for_a_client_that_missed_it() -> None:
    pair = Pair()
    pair.client.start()
    for _ in range(10):
        for datagram in pair.client.datagrams():
            pair.server.handle_datagram(datagram)
        if pair.server.state is DtlsState.CONNECTED:
            break
        for datagram in pair.server.datagrams():
            pair.client.handle_datagram(datagram)
    assert pair.server.datagrams() != []  # lost
    pair.run()
    assert pair.client.state is DtlsState.CONNECTED


@settings(max_examples=50)
@given(st.lists(st.binary(max_size=80), max_size=5))
def test_garbage_changes_nothing(garbage: list[bytes]) -> None:
    pair = Pair()
    for datagram in garbage:
        pair.server.handle_datagram(datagram)
    pair.run()
    assert pair.server.state is DtlsState.CONNECTED


@pytest.mark.parametrize("seed", range(20))
def test_damaged_datagrams_end_in_a_state_never_in_an_exception(seed: int) -> None:
    chance = random.Random(seed)

    def damage(datagram: bytes) -> list[bytes]:
        if chance.random() < 0.5:
            return [datagram]
        at = chance.randrange(len(datagram))
        return [datagram[:at] + bytes([chance.randrange(256)]) + datagram[at + 1 :]]

    pair = Pair(fate=damage)
    pair.client.start()
    pair.exchange()
    for end in (pair.client, pair.server):
        assert (end.keys is not None) == (end.state is DtlsState.CONNECTED)
        assert (end.failure is not None) == (end.state is DtlsState.FAILED)


def test_a_handshake_that_never_ends_is_ended() -> None:
    server = DtlsEndpoint(certificate().context, "server", [STRANGER])
    record = bytes([22]) + b"\xfe\xfd" + bytes(8) + (13).to_bytes(2, "big") + b"\x01" + bytes(12)
    for _ in range(MAX_HANDSHAKE_DATAGRAMS + 1):
        server.handle_datagram(record)
    assert server.state is DtlsState.FAILED
    assert server.timeout() is None


def test_closing_before_the_end_is_quiet() -> None:
    server = DtlsEndpoint(certificate().context, "server", [STRANGER])
    server.close()
    assert server.state is DtlsState.CLOSED
    assert server.datagrams() == []
    server.handle_timeout()
    server.start()
    server.release()
    assert server.state is DtlsState.CLOSED


def test_application_data_goes_both_ways_record_by_record() -> None:
    pair = Pair()
    pair.run()
    assert isinstance(pair.client, DtlsEndpoint)
    pair.client.send(b"one")
    pair.client.send(b"two")
    pair.server.send(b"three")
    pair.exchange()
    assert pair.server.received() == [b"one", b"two"]
    assert pair.client.received() == [b"three"]
    assert pair.server.received() == []


def test_every_record_of_a_datagram_is_taken() -> None:
    pair = Pair()
    pair.run()
    assert isinstance(pair.client, DtlsEndpoint)
    pair.client.send(b"one")
    pair.client.send(b"two")
    pair.client.close()
    pair.server.handle_datagram(b"".join(pair.client.datagrams()))
    assert pair.server.received() == [b"one", b"two"]
    assert pair.server.state is DtlsState.CLOSED


def test_the_largest_record_fits_the_smallest_path_of_ipv6() -> None:
    pair = Pair()
    pair.run()
    pair.server.send(bytes(MAX_DATA))
    (datagram,) = pair.server.datagrams()
    channel_data, udp, ipv6 = 4, 8, 40
    assert len(datagram) + channel_data + udp + ipv6 <= 1280
    for size in (0, MAX_DATA + 1):
        with pytest.raises(ValueError, match="record"):
            pair.server.send(bytes(size))


def test_application_data_before_and_after_the_connection_is_nothing() -> None:
    pair = Pair()
    pair.server.send(b"early")
    assert pair.server.datagrams() == []
    pair.run()
    assert isinstance(pair.client, DtlsEndpoint)
    pair.client.send(b"unheard")
    pair.server.release()
    pair.exchange()
    pair.server.send(b"late")
    assert (pair.server.datagrams(), pair.server.received()) == ([], [])
    assert pair.server.state is DtlsState.CONNECTED


def test_application_data_that_nobody_takes_is_bounded() -> None:
    pair = Pair()
    pair.run()
    assert isinstance(pair.client, DtlsEndpoint)
    for number in range(MAX_HELD_RECORDS + 1):
        pair.client.send(bytes([number]))
    pair.exchange()
    assert pair.server.received() == [bytes([number]) for number in range(MAX_HELD_RECORDS)]


def test_a_repeated_or_damaged_record_is_not_received_and_what_follows_it_is() -> None:
    pair = Pair()
    pair.run()
    assert isinstance(pair.client, DtlsEndpoint)
    pair.client.send(b"one")
    (first,) = pair.client.datagrams()
    pair.client.send(b"two")
    (second,) = pair.client.datagrams()
    damaged = second[:-1] + bytes([second[-1] ^ 1])
    for datagram in (first, first, damaged, first + second):
        pair.server.handle_datagram(datagram)
    assert pair.server.received() == [b"one", b"two"]
    assert pair.server.state is DtlsState.CONNECTED

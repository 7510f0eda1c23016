"""A DTLS-SRTP endpoint without sockets (RFC 5764): datagrams in, datagrams and at last keys out; then application data.

Its one impurity is OpenSSL's own clock, which times retransmissions. Feed it only what comes from a 5-tuple that ICE
has validated: there is no cookie exchange, since a stranger's ClientHello never gets here. The SFU runs it as server;
where the peer waits for a ClientHello, `sfu.dtls_client` says why OpenSSL will not do.
"""

import enum
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import constant_time, hashes
from OpenSSL import SSL

from sfu.attributes import Fingerprint

# Room for IPv6, UDP and TURN headers within the 1280 bytes every IPv6 path carries.
MTU = 1200
# Application data in one record: with 37 bytes of DTLS (AES-GCM) and 4 of ChannelData it fills, behind IPv6 and UDP,
# those 1280 bytes to the last. SCTP implementations cut their packets to this size.
MAX_DATA = 1191
# Application data that nobody has taken with `received`: more is dropped, as the network may do (RFC 8261, 5).
MAX_HELD_RECORDS = 64
# A handshake takes some ten datagrams each way; a peer that needs hundreds is not shaking hands.
MAX_HANDSHAKE_DATAGRAMS = 256

_HASHES: Mapping[str, type[hashes.HashAlgorithm]] = {
    "sha-256": hashes.SHA256,
    "sha-384": hashes.SHA384,
    "sha-512": hashes.SHA512,
}
_KEY_AND_SALT: Mapping[str, tuple[int, int]] = {
    "SRTP_AEAD_AES_128_GCM": (16, 12),  # RFC 7714, 14.2
    "SRTP_AEAD_AES_256_GCM": (32, 12),
    "SRTP_AES128_CM_SHA1_80": (16, 14),  # RFC 5764, 4.1.2
}
_RECORD_HEADER = 13
_CONTENT_TYPES = range(20, 24)
_APPLICATION_DATA = 23
_READ_SIZE = 65_536


class DtlsState(enum.Enum):
    """CONNECTING → CONNECTED → CLOSED; any but CLOSED → FAILED."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    CLOSED = "closed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SrtpKeys:
    """Master key and salt, concatenated, of each direction. They never show in a log."""

    profile: str
    receive: bytes = field(repr=False)
    send: bytes = field(repr=False)


class DtlsEndpoint:
    """One side of one association.

    After every call drain `datagrams()` and `received()`, and ask `timeout()` again. `keys` are there once the
    handshake is over and the peer's certificate has one of the fingerprints; `failure` says why it never will be.
    """

    def __init__(
        self, context: SSL.Context, role: Literal["client", "server"], fingerprints: Sequence[Fingerprint]
    ) -> None:
        self.state = DtlsState.CONNECTING
        self.keys: SrtpKeys | None = None
        self.failure: str | None = None
        self._server = role == "server"
        self._fingerprints = tuple(fingerprints)
        self._outgoing: list[bytes] = []
        self._farewell: list[bytes] = []
        self._application_data: list[bytes] = []
        self._received = 0
        self._ssl: SSL.Connection | None = SSL.Connection(context)
        self._ssl.set_ciphertext_mtu(MTU)
        if self._server:
            self._ssl.set_accept_state()
        else:
            self._ssl.set_connect_state()

    def start(self) -> None:
        """As client, send the ClientHello; as server, nothing."""
        if self._ssl is not None and not self._server and self.state is DtlsState.CONNECTING:
            self._handshake(self._ssl)

    def handle_datagram(self, datagram: bytes) -> None:
        """What is not whole DTLS records is dropped."""
        if self._ssl is None or not is_records(datagram):
            return
        if self.state is DtlsState.CONNECTING:
            self._received += 1
            if self._received > MAX_HANDSHAKE_DATAGRAMS:
                self._fail("too many datagrams")
                return
            self._ssl.bio_write(datagram)
            self._handshake(self._ssl)
        elif self.state is DtlsState.CONNECTED:
            self._ssl.bio_write(datagram)
        if self.state is DtlsState.CONNECTED:
            self._read(self._ssl, datagram)

    def timeout(self) -> float | None:
        """Seconds until `handle_timeout` is due, None without a pending retransmission."""
        if self._ssl is None or self.state is not DtlsState.CONNECTING:
            return None
        return self._ssl.DTLSv1_get_timeout()

    def handle_timeout(self) -> None:
        """Send the last flight again if it is due (RFC 6347, 4.2.4)."""
        if self._ssl is None or self.state is not DtlsState.CONNECTING:
            return
        try:
            self._ssl.DTLSv1_handle_timeout()
        except SSL.Error:
            self._fail("no answer")
            return
        self._flush(self._ssl)

    def datagrams(self) -> list[bytes]:
        """What is to be sent now, in order; each within `MTU` unless a single record is larger."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def received(self) -> list[bytes]:
        """The application data of each record that came since the last call, in order."""
        data, self._application_data = self._application_data, []
        return data

    def send(self, data: bytes) -> None:
        """Application data, 1 to `MAX_DATA` bytes, as one record in a datagram of its own; nothing unless connected.

        ValueError: of any other size.
        """
        if not 0 < len(data) <= MAX_DATA:
            raise ValueError(f"a record of {len(data)} bytes")
        if self._ssl is None or self.state is not DtlsState.CONNECTED:
            return
        try:
            self._ssl.send(data)
            self._outgoing.append(self._ssl.bio_read(_READ_SIZE))
        except SSL.Error as error:
            self._fail(_reason(error))

    def release(self) -> None:
        """Forget OpenSSL's state (some 70 KiB) once the peer cannot need a retransmission any more.

        The close_notify is made now and kept, for `close`. The peer's own can no longer be understood after this, and
        there is no more application data in either direction.
        """
        if self._ssl is None or self.state is not DtlsState.CONNECTED:
            return
        waiting = self.datagrams()
        self._shut_down(self._ssl)
        self._farewell, self._outgoing, self._ssl = self.datagrams(), waiting, None

    def close(self) -> None:
        """Say close_notify (RFC 5246, 7.2.1) where there is someone to say it to."""
        if self.state is DtlsState.CONNECTED:
            if self._ssl is not None:
                self._shut_down(self._ssl)
            self._outgoing += self._farewell
        if self.state is not DtlsState.FAILED:
            self.state = DtlsState.CLOSED
        self._ssl = None

    def _handshake(self, ssl: SSL.Connection) -> None:
        try:
            ssl.do_handshake()
        except SSL.WantReadError:
            self._flush(ssl)
        except SSL.Error as error:
            self._flush(ssl)
            self._fail(_reason(error))
        else:
            self._finish(ssl)

    def _finish(self, ssl: SSL.Connection) -> None:
        """The fingerprint is checked in both roles and before anything else: without it the peer could be anyone."""
        if not self._is_expected(ssl):
            self._shut_down(ssl)
            self._fail("certificate does not match the offered fingerprint")
            return
        profile = ssl.get_selected_srtp_profile().decode()
        if profile not in _KEY_AND_SALT:
            self._shut_down(ssl)
            self._fail("no SRTP protection profile in common")
            return
        self.keys = srtp_keys(
            profile, lambda size: ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", size), server=self._server
        )
        self.state = DtlsState.CONNECTED
        self._flush(ssl)

    def _is_expected(self, ssl: SSL.Connection) -> bool:
        certificate = ssl.get_peer_certificate(as_cryptography=True)
        return certificate is not None and has_fingerprint(certificate, self._fingerprints)

    def _read(self, ssl: SSL.Connection, datagram: bytes) -> None:
        """Take every record of the datagram, or the next would wait for another datagram."""
        try:
            # To be told that there is no more costs as much as a record: where all is application data, none is asked.
            for _ in records(datagram) if _is_application_data(datagram) else repeat(None):
                self._take(ssl.recv(_READ_SIZE))
        except SSL.WantReadError:
            self._flush(ssl)
        except SSL.ZeroReturnError:
            self.close()
        except SSL.Error as error:
            self._flush(ssl)
            self._fail(_reason(error))

    def _take(self, data: bytes) -> None:
        if data and len(self._application_data) < MAX_HELD_RECORDS:
            self._application_data.append(data)

    def _shut_down(self, ssl: SSL.Connection) -> None:
        try:
            ssl.shutdown()
        except SSL.Error:
            return
        self._flush(ssl)

    def _fail(self, reason: str) -> None:
        self.state, self.failure, self.keys, self._ssl = DtlsState.FAILED, reason, None, None

    def _flush(self, ssl: SSL.Connection) -> None:
        """OpenSSL's flight, cut at record boundaries: a record must not span datagrams (RFC 6347, 4.1.1)."""
        flight = b""
        try:
            while True:
                flight += ssl.bio_read(_READ_SIZE)
        except SSL.Error:
            pass
        datagram = b""
        for record in records(flight):
            if datagram and len(datagram) + len(record) > MTU:
                self._outgoing.append(datagram)
                datagram = b""
            datagram += record
        if datagram:
            self._outgoing.append(datagram)


def srtp_keys(profile: str, export: Callable[[int], bytes], *, server: bool) -> SrtpKeys:
    """What to do with the exported bytes (RFC 5764, 4.2): client key, server key, client salt, server salt."""
    key, salt = _KEY_AND_SALT[profile]
    material = export(2 * (key + salt))
    client = material[:key] + material[2 * key : 2 * key + salt]
    theirs = material[key : 2 * key] + material[2 * key + salt :]
    receive, send = (client, theirs) if server else (theirs, client)
    return SrtpKeys(profile, receive, send)


def has_fingerprint(certificate: x509.Certificate, expected: Iterable[Fingerprint]) -> bool:
    """Whether the offer announced this certificate (RFC 8122, 5.1: by any of its fingerprints we know the hash of)."""
    return any(
        constant_time.bytes_eq(certificate.fingerprint(_HASHES[fingerprint.algorithm]()), fingerprint.digest)
        for fingerprint in expected
        if fingerprint.algorithm in _HASHES
    )


def records(flight: bytes) -> Iterator[bytes]:
    at = 0
    while at + _RECORD_HEADER <= len(flight):
        end = at + _RECORD_HEADER + int.from_bytes(flight[at + 11 : at + 13], "big")
        yield flight[at:end]
        at = end


def is_records(datagram: bytes) -> bool:
    """Whether it is one or more whole DTLS records (RFC 6347, 4.1)."""
    at = 0
    while at < len(datagram):
        header = datagram[at : at + _RECORD_HEADER]
        if len(header) < _RECORD_HEADER or header[0] not in _CONTENT_TYPES or header[1] != 0xFE:
            return False
        at += _RECORD_HEADER + int.from_bytes(header[11:13], "big")
    return at == len(datagram) > 0


def _is_application_data(datagram: bytes) -> bool:
    return all(record[0] == _APPLICATION_DATA for record in records(datagram))


def _reason(error: SSL.Error) -> str:
    """OpenSSL's own words for its last complaint, without addresses or keys: it knows none."""
    queue = error.args[0] if error.args else []
    return str(queue[-1][-1]) if queue and isinstance(queue, list) else "handshake failed"

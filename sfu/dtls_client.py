"""DTLS 1.2 as client, for peers that offer `a=setup:passive` (RFC 5764), without OpenSSL.

OpenSSL 4 ends a handshake with any certificate on P-224, in either role, and programs that let GnuTLS choose bring just
that one: FFmpeg's WHIP muxer does, and it is who waits for a ClientHello. So this is the least that serves them:
TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, X25519 or P-256, extended master secret, no resumption, no renegotiation, and
nothing after the handshake but close_notify: application data is neither taken nor sent. All cryptography is the
`cryptography` package's.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import constant_time, hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sfu.attributes import Fingerprint
from sfu.certificate import DtlsCertificate
from sfu.dtls import MAX_HANDSHAKE_DATAGRAMS, MTU, DtlsState, SrtpKeys, has_fingerprint, is_records, records, srtp_keys
from sfu.dtls_messages import Message, Reassembly
from sfu.tls12 import MASTER_SECRET_BYTES, VERIFY_DATA_BYTES, Reader, RecordKeys, Unacceptable, prf, vector

# Lower than the 1 s of RFC 6347, 4.2.4.1, as it allows where a round trip is known to be short: media waits for this.
FIRST_RETRANSMISSION_SECONDS = 0.25
MAX_RETRANSMISSION_SECONDS = 4.0

_VERSION = b"\xfe\xfd"
_CIPHER_SUITE = 0xC02B
_CHANGE_CIPHER_SPEC, _ALERT, _HANDSHAKE = 20, 21, 22
_CLIENT_HELLO, _SERVER_HELLO, _HELLO_VERIFY_REQUEST = 1, 2, 3
_CERTIFICATE, _SERVER_KEY_EXCHANGE, _CERTIFICATE_REQUEST, _SERVER_HELLO_DONE = 11, 12, 13, 14
_CERTIFICATE_VERIFY, _CLIENT_KEY_EXCHANGE, _FINISHED = 15, 16, 20
_GROUPS, _POINT_FORMATS, _SIGNATURES, _USE_SRTP, _EXTENDED_MASTER_SECRET, _RENEGOTIATION = 10, 11, 13, 14, 23, 0xFF01
_X25519, _P256 = 29, 23
_ECDSA_SHA256 = 0x0403
_SIGNATURE_HASHES: Mapping[int, Callable[[], hashes.HashAlgorithm]] = {
    _ECDSA_SHA256: hashes.SHA256,
    0x0503: hashes.SHA384,
    0x0603: hashes.SHA512,
}
_SRTP_PROFILES = {7: "SRTP_AEAD_AES_128_GCM", 8: "SRTP_AEAD_AES_256_GCM", 1: "SRTP_AES128_CM_SHA1_80"}
# What the server may say, in this order; a message it may leave out is followed by what may follow that.
_SERVER_ORDER = {
    _CLIENT_HELLO: (_HELLO_VERIFY_REQUEST, _SERVER_HELLO),
    _HELLO_VERIFY_REQUEST: (_SERVER_HELLO,),
    _SERVER_HELLO: (_CERTIFICATE,),
    _CERTIFICATE: (_SERVER_KEY_EXCHANGE,),
    _SERVER_KEY_EXCHANGE: (_CERTIFICATE_REQUEST, _SERVER_HELLO_DONE),
    _CERTIFICATE_REQUEST: (_SERVER_HELLO_DONE,),
    _SERVER_HELLO_DONE: (_FINISHED,),
    _FINISHED: (),
}


class DtlsClient:
    """The same face as `DtlsEndpoint`: drain `datagrams()` after every call, and ask `timeout()` again."""

    def __init__(
        self, certificate: DtlsCertificate, fingerprints: Sequence[Fingerprint], random_bytes: Callable[[int], bytes]
    ) -> None:
        self.state = DtlsState.CONNECTING
        self.keys: SrtpKeys | None = None
        self.failure: str | None = None
        self._certificate = certificate
        self._fingerprints = tuple(fingerprints)
        self._client_random = random_bytes(32)
        self._server_random = b""
        self._certificate_wanted = False
        self._profile = 0
        self._peer: ec.EllipticCurvePublicKey | None = None
        self._server_share: tuple[int, bytes] = (0, b"")
        self._master_secret = b""
        self._protection: RecordKeys | None = None
        self._transcript = b""
        self._reassembly = Reassembly()
        self._last_heard = _CLIENT_HELLO
        self._sent_messages = 0
        self._record_numbers = [0, 0]
        self._flight: list[tuple[int, int, bytes]] = []
        self._early: list[bytes] = []
        self._retransmission = FIRST_RETRANSMISSION_SECONDS
        self._received = 0
        self._outgoing: list[bytes] = []

    def start(self) -> None:
        """Send the ClientHello."""
        if self.state is DtlsState.CONNECTING and not self._flight:
            self._send_hello(b"")

    def handle_datagram(self, datagram: bytes) -> None:
        """What is not whole DTLS records is dropped."""
        if self.state not in (DtlsState.CONNECTING, DtlsState.CONNECTED) or not is_records(datagram):
            return
        self._received += self.state is DtlsState.CONNECTING
        try:
            if self._received > MAX_HANDSHAKE_DATAGRAMS:
                raise Unacceptable("too many datagrams")
            for record in records(datagram):
                self._handle_record(record)
        except Unacceptable as refusal:
            self._fail(refusal)

    def timeout(self) -> float | None:
        """Seconds of silence after which `handle_timeout` is due."""
        return self._retransmission if self.state is DtlsState.CONNECTING and self._flight else None

    def handle_timeout(self) -> None:
        """Send the last flight again (RFC 6347, 4.2.4)."""
        if self.timeout() is not None:
            self._retransmission = min(2 * self._retransmission, MAX_RETRANSMISSION_SECONDS)
            self._send_flight()

    def datagrams(self) -> list[bytes]:
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def release(self) -> None:
        """Nothing here is large enough to be let go before the end."""

    def close(self) -> None:
        if self.state is DtlsState.CONNECTED:
            self._pack([self._record(1, _ALERT, b"\x01\x00")])
        if self.state is not DtlsState.FAILED:
            self.state = DtlsState.CLOSED

    def _handle_record(self, record: bytes) -> None:
        content_type, number, payload = record[0], record[3:11], record[13:]
        epoch = int.from_bytes(number[:2], "big")
        if epoch == 0 and self.state is DtlsState.CONNECTING:
            self._handle_plain(content_type, payload)
        elif epoch == 1 and self._protection is not None:
            opened = self._protection.unprotect(number, content_type, payload)
            if opened is not None:
                self._handle_protected(content_type, opened)
        elif epoch == 1 and len(self._early) < len(_SERVER_ORDER):
            self._early.append(record)  # it overtook the flight before it

    def _handle_plain(self, content_type: int, payload: bytes) -> None:
        if content_type == _HANDSHAKE:
            self._handle_handshake(payload, protected=False)
        elif content_type == _ALERT and payload[:1] == b"\x02":
            raise Unacceptable(f"the peer sent alert {payload[1] if len(payload) > 1 else 0}")

    def _handle_protected(self, content_type: int, payload: bytes) -> None:
        if content_type == _HANDSHAKE and self.state is DtlsState.CONNECTING:
            self._handle_handshake(payload, protected=True)
        elif content_type == _ALERT and payload[1:] == b"\x00":
            self.close()
        elif content_type == _ALERT and payload[:1] == b"\x02":
            raise Unacceptable("the peer sent a fatal alert")

    def _handle_handshake(self, payload: bytes, *, protected: bool) -> None:
        repeated = self._reassembly.add(payload)
        heard = False
        while self.state is DtlsState.CONNECTING and (message := self._reassembly.pop()) is not None:
            self._handle_message(message, protected=protected)
            heard = True
        if repeated and not heard and self.state is DtlsState.CONNECTING:
            self._send_flight()  # our answer got lost (RFC 6347, 4.2.4, "WAITING")

    def _handle_message(self, message: Message, *, protected: bool) -> None:
        if message.type not in _SERVER_ORDER[self._last_heard] or protected != (message.type == _FINISHED):
            raise Unacceptable("unexpected message", alert=10)
        self._last_heard = message.type
        handlers: Mapping[int, Callable[[Reader], None]] = {
            _HELLO_VERIFY_REQUEST: self._handle_hello_verify_request,
            _SERVER_HELLO: self._handle_server_hello,
            _CERTIFICATE: self._handle_certificate,
            _SERVER_KEY_EXCHANGE: self._handle_key_exchange,
            _CERTIFICATE_REQUEST: self._handle_certificate_request,
            _SERVER_HELLO_DONE: self._answer,
            _FINISHED: self._handle_finished,
        }
        if message.type != _FINISHED:
            self._transcript += bytes(message)
        handlers[message.type](Reader(message.body))

    def _handle_hello_verify_request(self, reader: Reader) -> None:
        """Neither it nor the hello before it counts for the transcript (RFC 6347, 4.2.6)."""
        reader.take(2)
        self._transcript = b""
        self._send_hello(reader.vector(1))

    def _handle_server_hello(self, reader: Reader) -> None:
        version, self._server_random = reader.take(2), reader.take(32)
        reader.vector(1)
        if version != _VERSION or reader.number(2) != _CIPHER_SUITE or reader.number(1) != 0:
            raise Unacceptable("version, cipher suite or compression was not offered", alert=47)
        extensions = reader.extensions()
        if _EXTENDED_MASTER_SECRET not in extensions:
            raise Unacceptable("no extended master secret")
        profiles = Reader(Reader(extensions.get(_USE_SRTP, bytes(2))).vector(2))
        self._profile = profiles.number(2) if profiles.rest else 0
        if self._profile not in _SRTP_PROFILES:
            raise Unacceptable("no SRTP protection profile in common")

    def _handle_certificate(self, reader: Reader) -> None:
        """Before anything else the fingerprint: without it the peer could be anyone."""
        try:
            certificate = x509.load_der_x509_certificate(Reader(reader.vector(3)).vector(3))
            key = certificate.public_key()
        except (ValueError, UnsupportedAlgorithm):
            raise Unacceptable("certificate cannot be read", alert=42) from None
        if not has_fingerprint(certificate, self._fingerprints):
            raise Unacceptable("certificate does not match the offered fingerprint", alert=42)
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise Unacceptable("certificate is not for ECDSA", alert=43)
        self._peer = key

    def _handle_key_exchange(self, reader: Reader) -> None:
        """RFC 8422, 5.4."""
        curve_type, group, share = reader.number(1), reader.number(2), reader.vector(1)
        algorithm, signature = reader.number(2), reader.vector(2)
        if curve_type != 3 or group not in (_X25519, _P256) or algorithm not in _SIGNATURE_HASHES or not self._peer:
            raise Unacceptable("key exchange was not offered", alert=47)
        parameters = bytes([curve_type]) + group.to_bytes(2, "big") + vector(share, 1)
        signed = self._client_random + self._server_random + parameters
        try:
            self._peer.verify(signature, signed, ec.ECDSA(_SIGNATURE_HASHES[algorithm]()))
        except (InvalidSignature, UnsupportedAlgorithm):
            raise Unacceptable("key exchange is not signed by the certificate", alert=51) from None
        self._server_share = (group, share)

    def _handle_certificate_request(self, reader: Reader) -> None:
        """RFC 5763, 5 wants every server to ask who we are. FFmpeg with GnuTLS does not; the risk is its own."""
        reader.vector(1)
        algorithms = Reader(reader.vector(2))
        offered = {algorithms.number(2) for _ in range(len(algorithms.rest) // 2)}
        if _ECDSA_SHA256 not in offered:
            raise Unacceptable("no signature algorithm in common")
        self._certificate_wanted = True

    def _answer(self, _: Reader) -> None:
        """Our half of the keys and, where it is asked for, our certificate with the proof that it is ours."""
        ours, secret = _agree(*self._server_share)
        flight = []
        if self._certificate_wanted:
            flight.append(self._say(_CERTIFICATE, vector(vector(self._certificate.der, 3), 3)))
        flight.append(self._say(_CLIENT_KEY_EXCHANGE, vector(ours, 1)))
        session_hash = hashlib.sha256(self._transcript).digest()  # RFC 7627, 3
        self._master_secret = prf(secret, b"extended master secret", session_hash, MASTER_SECRET_BYTES)
        self._protection = RecordKeys(self._master_secret, self._client_random, self._server_random)
        if self._certificate_wanted:
            signature = self._certificate.key.sign(self._transcript, ec.ECDSA(hashes.SHA256()))
            flight.append(self._say(_CERTIFICATE_VERIFY, _ECDSA_SHA256.to_bytes(2, "big") + vector(signature, 2)))
        finished = self._say(_FINISHED, self._verify_data(b"client finished"))
        self._flight = [(0, _HANDSHAKE, message) for message in flight]
        self._flight += [(0, _CHANGE_CIPHER_SPEC, b"\x01"), (1, _HANDSHAKE, finished)]
        self._begin_flight()
        early, self._early = self._early, []
        for record in early:
            self._handle_record(record)

    def _handle_finished(self, reader: Reader) -> None:
        if not constant_time.bytes_eq(reader.rest, self._verify_data(b"server finished")):
            raise Unacceptable("finished does not match the handshake", alert=51)
        exported = _SRTP_PROFILES[self._profile]
        self.keys = srtp_keys(
            exported,
            lambda size: prf(
                self._master_secret, b"EXTRACTOR-dtls_srtp", self._client_random + self._server_random, size
            ),
            server=False,
        )
        self.state = DtlsState.CONNECTED

    def _verify_data(self, label: bytes) -> bytes:
        return prf(self._master_secret, label, hashlib.sha256(self._transcript).digest(), VERIFY_DATA_BYTES)

    def _send_hello(self, cookie: bytes) -> None:
        """RFC 6347, 4.2.1: with the cookie once the server has asked for one."""
        extensions = {
            _RENEGOTIATION: b"\x00",
            _GROUPS: vector(_X25519.to_bytes(2, "big") + _P256.to_bytes(2, "big"), 2),
            _POINT_FORMATS: b"\x01\x00",
            _SIGNATURES: vector(b"".join(algorithm.to_bytes(2, "big") for algorithm in _SIGNATURE_HASHES), 2),
            _USE_SRTP: vector(b"".join(profile.to_bytes(2, "big") for profile in _SRTP_PROFILES), 2) + b"\x00",
            _EXTENDED_MASTER_SECRET: b"",
        }
        block = b"".join(kind.to_bytes(2, "big") + vector(body, 2) for kind, body in extensions.items())
        suites = vector(_CIPHER_SUITE.to_bytes(2, "big"), 2)
        hello = _VERSION + self._client_random + b"\x00" + vector(cookie, 1) + suites + b"\x01\x00" + vector(block, 2)
        self._flight = [(0, _HANDSHAKE, self._say(_CLIENT_HELLO, hello))]
        self._begin_flight()

    def _say(self, kind: int, body: bytes) -> bytes:
        message = bytes(Message(kind, self._sent_messages, body))
        self._sent_messages += 1
        self._transcript += message
        return message

    def _begin_flight(self) -> None:
        self._retransmission = FIRST_RETRANSMISSION_SECONDS
        self._send_flight()

    def _send_flight(self) -> None:
        """Each time under new record numbers (RFC 6347, 4.2.4)."""
        self._pack([self._record(*part) for part in self._flight])

    def _record(self, epoch: int, content_type: int, payload: bytes) -> bytes:
        number = epoch.to_bytes(2, "big") + self._record_numbers[epoch].to_bytes(6, "big")
        self._record_numbers[epoch] += 1
        if epoch == 1 and self._protection is not None:
            payload = self._protection.protect(number, content_type, payload)
        return bytes([content_type]) + _VERSION + number + vector(payload, 2)

    def _pack(self, parts: Sequence[bytes]) -> None:
        datagram = b""
        for part in parts:
            if datagram and len(datagram) + len(part) > MTU:
                self._outgoing.append(datagram)
                datagram = b""
            datagram += part
        self._outgoing.append(datagram)

    def _fail(self, refusal: Unacceptable) -> None:
        self._pack([self._record(0, _ALERT, bytes([2, refusal.alert]))])
        self.state, self.failure, self.keys = DtlsState.FAILED, refusal.reason, None


def _agree(group: int, share: bytes) -> tuple[bytes, bytes]:
    """Our public share, and the secret (RFC 8422, 5.10 and 5.11)."""
    try:
        if group == _X25519:
            x25519 = X25519PrivateKey.generate()
            public = x25519.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
            return public, x25519.exchange(X25519PublicKey.from_public_bytes(share))
        p256 = ec.generate_private_key(ec.SECP256R1())
        point = p256.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return point, p256.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), share))
    except ValueError:
        raise Unacceptable("key share is not on its curve", alert=47) from None

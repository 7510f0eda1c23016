"""A DTLS 1.2 server of one flight, for what OpenSSL as a server never does: a P-224 certificate, no certificate
request, and every kind of mistake a test asks for.
"""

import hashlib
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sfu.attributes import Fingerprint
from sfu.dtls_messages import Message, Reassembly
from sfu.tls12 import Reader, prf, vector
from tests.sfu.handshakes import NOW, records_of

RANDOM = bytes(range(32))


class TinyServer:
    """`flight` answers a ClientHello, `finish` the client's flight; both are datagrams. Mistakes are by name."""

    def __init__(self, *mistakes: str) -> None:
        self._mistakes = set(mistakes)
        self._key = ec.generate_private_key(ec.SECP224R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tiny")])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(7)
            .not_valid_before(NOW)
            .not_valid_after(NOW + timedelta(days=1))
            .sign(self._key, hashes.SHA256())
        )
        self.fingerprint = Fingerprint("sha-256", certificate.fingerprint(hashes.SHA256()))
        self._der = certificate.public_bytes(Encoding.DER)
        self._share = X25519PrivateKey.generate()
        self._heard = Reassembly()
        self._transcript = b""
        self._client_random = b""
        self._said = 0
        self._records = 0

    def hello_verify_request(self, hello: bytes, cookie: bytes) -> bytes:
        self._listen(hello)
        self._transcript = b""
        return self._datagram(self._say(3, b"\xfe\xff" + vector(cookie, 1), counts=False))

    def flight(self, hello: bytes) -> bytes:
        (message,) = self._listen(hello)
        self._client_random = message.body[2:34]
        extensions = {23: b"", 14: b"\x00\x02\x00\x07\x00"}
        if "no extended master secret" in self._mistakes:
            del extensions[23]
        if "no srtp" in self._mistakes:
            del extensions[14]
        block = b"".join(kind.to_bytes(2, "big") + vector(body, 2) for kind, body in extensions.items())
        suite = b"\xc0\x2c" if "other suite" in self._mistakes else b"\xc0\x2b"
        public = self._share.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        if "bad share" in self._mistakes:
            public = bytes(32)
        parameters = b"\x03\x00\x1d" + vector(public, 1)
        signed = self._client_random + RANDOM + parameters
        if "bad signature" in self._mistakes:
            signed += b"!"
        signature = self._key.sign(signed, ec.ECDSA(hashes.SHA256()))
        certificate = vector(vector(b"nonsense" if "bad certificate" in self._mistakes else self._der, 3), 3)
        said = [self._say(2, b"\xfe\xfd" + RANDOM + b"\x00" + suite + b"\x00" + vector(block, 2))]
        if "no certificate" not in self._mistakes:
            said.append(self._say(11, certificate))
        said.append(self._say(12, parameters + b"\x04\x03" + vector(signature, 2)))
        said.append(self._say(14, b""))
        return self._datagram(*said)

    def finish(self, datagrams: list[bytes]) -> bytes:
        """Checks the client's Finished, and says ours."""
        records = [record for datagram in datagrams for record in records_of(datagram)]
        (exchange,) = self._listen(records[0])
        assert exchange.type == 16
        theirs = X25519PublicKey.from_public_bytes(Reader(exchange.body).vector(1))
        session_hash = hashlib.sha256(self._transcript).digest()
        master = prf(self._share.exchange(theirs), b"extended master secret", session_hash, 48)
        block = prf(master, b"key expansion", RANDOM + self._client_random, 40)
        assert records[1][0] == 20
        sealed = records[2]
        number = sealed[3:11]
        opened = AESGCM(block[:16]).decrypt(
            block[32:36] + sealed[13:21], sealed[21:], number + b"\x16\xfe\xfd" + (len(sealed) - 37).to_bytes(2, "big")
        )
        expected = prf(master, b"client finished", hashlib.sha256(self._transcript).digest(), 12)
        assert opened[12:] == expected
        self._transcript += opened
        verify_data = prf(master, b"server finished", hashlib.sha256(self._transcript).digest(), 12)
        if "bad finished" in self._mistakes:
            verify_data = bytes(12)
        message = self._say(20, verify_data)
        number = b"\x00\x01" + bytes(6)
        if "plain finished" in self._mistakes:
            return self._datagram(message)
        protected = AESGCM(block[16:32]).encrypt(
            block[36:40] + number, message, number + b"\x16\xfe\xfd" + len(message).to_bytes(2, "big")
        )
        return b"\x16\xfe\xfd" + number + vector(number + protected, 2)

    def _listen(self, datagram: bytes) -> list[Message]:
        messages = []
        for record in records_of(datagram):
            self._heard.add(record[13:])
            while (message := self._heard.pop()) is not None:
                self._transcript += bytes(message)
                messages.append(message)
        return messages

    def _say(self, kind: int, body: bytes, *, counts: bool = True) -> bytes:
        message = bytes(Message(kind, self._said, body))
        self._said += 1
        self._transcript += message if counts else b""
        return message

    def _datagram(self, *messages: bytes) -> bytes:
        datagram = b""
        for message in messages:
            datagram += b"\x16\xfe\xfd\x00\x00" + self._records.to_bytes(6, "big") + vector(message, 2)
            self._records += 1
        return datagram

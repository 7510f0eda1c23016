"""The one certificate of this process, and the DTLS context every transport shares."""

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from sfu.attributes import Fingerprint

# In order of preference; as server our order wins (RFC 5764, 4.1.2; RFC 7714, 14.2). GCM costs half of what SHA-1 does.
SRTP_PROFILES = ("SRTP_AEAD_AES_128_GCM", "SRTP_AEAD_AES_256_GCM", "SRTP_AES128_CM_SHA1_80")
# Forward secrecy and AEAD only; RSA for peers that bring such a certificate when we are the client.
_CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES128-GCM-SHA256",
)
_DTLS_1_2 = 0xFEFD
_NO_RENEGOTIATION = 1 << 30  # SSL_OP_NO_RENEGOTIATION, which pyOpenSSL does not name
_LIFETIME = timedelta(days=365)
_CLOCK_SKEW = timedelta(days=1)


class DtlsCertificate:
    """A fresh self-signed P-256 certificate: peers know it by the fingerprint in the answer (RFC 8827, 6.5)."""

    def __init__(self, now: datetime) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sluice")])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _CLOCK_SKEW)
            .not_valid_after(now + _LIFETIME)
            .sign(key, hashes.SHA256())
        )
        self.fingerprint = Fingerprint("sha-256", certificate.fingerprint(hashes.SHA256()))
        self.key = key
        self.der = certificate.public_bytes(Encoding.DER)
        self.context = _context(key, certificate)


def _context(key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> SSL.Context:
    """Shared by all endpoints: a context of its own would more than double the cost of a handshake."""
    context = SSL.Context(SSL.DTLS_METHOD)
    context.set_min_proto_version(_DTLS_1_2)
    # The MTU is set per endpoint (OP_NO_QUERY_MTU); a memory BIO could not be asked.
    context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_QUERY_MTU | _NO_RENEGOTIATION)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    # Any certificate passes here, none does not; its fingerprint decides, in `DtlsEndpoint`.
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
    context.use_certificate(certificate)
    context.use_privatekey(key)
    context.set_cipher_list(":".join(_CIPHERS).encode())
    context.set_tlsext_use_srtp(":".join(SRTP_PROFILES).encode())
    return context

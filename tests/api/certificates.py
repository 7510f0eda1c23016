"""Certificates for tests, made when asked for."""

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


def self_signed(*hosts: str) -> tuple[bytes, bytes]:
    """A certificate for these names and IP addresses, by default localhost and 127.0.0.1, and its key, both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sluice test")])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
    )
    names = x509.SubjectAlternativeName([_general_name(host) for host in hosts or ("localhost", "127.0.0.1")])
    certificate = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    return (
        certificate.public_bytes(Encoding.PEM),
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )


def write_certificate(directory: Path, *hosts: str) -> tuple[Path, Path]:
    """As `self_signed`, in two files."""
    certificate, key = directory / "certificate.pem", directory / "key.pem"
    for path, content in zip((certificate, key), self_signed(*hosts), strict=True):
        path.write_bytes(content)
    return certificate, key


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)

"""TURN servers in processes of their own, each with UDP and TLS on the loopback: Sluice's and coturn's."""

import base64
import hashlib
import hmac
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from aioice import stun
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from bench.server import MEDIA, START_TIMEOUT, STOP_TIMEOUT, ServerError, free_port

HOST = "127.0.0.1"
REALM = "bench.invalid"
COTURN = "turnserver"
CREDENTIALS_LAST = timedelta(hours=1)
_SLUICE = "from api.cli import main; main()"
_PROBE_TIMEOUT = 0.2


@dataclass(frozen=True, slots=True)
class Account:
    """A user of a TURN server that shares a secret with us: `expiry:user` and the HMAC-SHA1 of that."""

    user: str
    secret: str


@dataclass(frozen=True, slots=True)
class Site:
    """What all TURN servers of a run have in common: a shared secret, a certificate, a place for logs."""

    directory: Path
    secret: str
    certificate: Path
    key: Path

    @classmethod
    def create(cls, directory: Path) -> Self:
        certificate, key = directory / "certificate.pem", directory / "key.pem"
        _write_certificate(certificate, key)
        return cls(directory, secrets.token_hex(16), certificate, key)

    def accounts(self, count: int) -> list[Account]:
        """Users who all differ, so that no quota of one counts for another."""
        expiry = int((datetime.now(UTC) + CREDENTIALS_LAST).timestamp())
        users = [f"{expiry}:bench-{index}" for index in range(count)]
        return [Account(user, _password(self.secret, user)) for user in users]


class TurnProcess:
    """One TURN server. Use as a context manager.

    command: with `{udp}` and `{tls}` for its ports. tls: whether it listens to TLS. cores: the processors it may run
    on; None for all.
    """

    def __init__(
        self, name: str, site: Site, command: Sequence[str], *, tls: bool = True, cores: set[int] | None = None
    ) -> None:
        self.name = name
        self.udp_port, self.tls_port = free_port(*MEDIA), free_port(socket.SOCK_STREAM)
        self._command = [part.format(udp=self.udp_port, tls=self.tls_port) for part in command]
        self.log = site.directory / f"{name}-{self.udp_port}.log"
        self._tls = tls
        self._cores = cores
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start it and wait until it answers. ServerError: with the end of its log."""
        with self.log.open("wb") as log, on_cores(self._cores):
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + START_TIMEOUT
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._end(signal.SIGKILL)
                raise ServerError(f"{self.name} did not start: {self.log.read_text(errors='replace')[-2000:]}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(signal.SIGTERM)

    @property
    def pid(self) -> int:
        if self._process is None:
            raise ServerError(f"{self.name} is not running")
        return self._process.pid

    def _answers(self) -> bool:
        """Whether a Binding request is answered, and the TLS port is open if there is one."""
        request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.settimeout(_PROBE_TIMEOUT)
            probe.connect((HOST, self.udp_port))
            try:
                probe.send(bytes(request))
                probe.recv(2048)
                if self._tls:
                    socket.create_connection((HOST, self.tls_port), _PROBE_TIMEOUT).close()
            except ConnectionRefusedError:
                time.sleep(_PROBE_TIMEOUT)
                return False
            except TimeoutError:
                return False
        return True

    def _end(self, first: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(first)
        try:
            self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


def sluice(site: Site, cores: set[int] | None = None) -> TurnProcess:
    """`sluice turn` with real relay sockets, to peers on the loopback."""
    command = [sys.executable, "-c", _SLUICE, "turn", "--listen", HOST + ":{udp}", "--tls-listen", HOST + ":{tls}"]
    command += ["--cert", str(site.certificate), "--key", str(site.key), "--secret", site.secret, "--realm", REALM]
    command += ["--peers", "open", "--allow-peer", "127.0.0.0/8", "--relay-ip", HOST]
    return TurnProcess("sluice", site, command, cores=cores)


def coturn(site: Site, cores: set[int] | None = None) -> TurnProcess:
    """coturn with as many threads as it thinks right, and only the transports that are measured."""
    command = [COTURN, "-n", "--listening-ip", HOST, "--listening-port", "{udp}", "--tls-listening-port", "{tls}"]
    command += ["--relay-ip", HOST, "--allow-loopback-peers", "--use-auth-secret", "--realm", REALM]
    command += ["--static-auth-secret", site.secret, "--cert", str(site.certificate), "--pkey", str(site.key)]
    command += ["--no-cli", "--no-dtls", "--no-tcp-relay", "--log-file", "stdout", "--pidfile", "/dev/null"]
    return TurnProcess("coturn", site, command, cores=cores)


def bare(site: Site, loadgen: Path) -> TurnProcess:
    """A relay without rules, which sets the floor."""
    return TurnProcess("bare", site, [str(loadgen), "bare-relay", HOST + ":{udp}"], tls=False)


def coturn_is_installed() -> bool:
    return shutil.which(COTURN) is not None


@contextmanager
def on_cores(cores: set[int] | None) -> Iterator[None]:
    """Keep this thread, and the processes it starts meanwhile, on these processors."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores or before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _password(secret: str, user: str) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), user.encode(), hashlib.sha1)).decode()


def _write_certificate(certificate: Path, key: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, REALM)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(private, hashes.SHA256())
    )
    certificate.write_bytes(signed.public_bytes(Encoding.PEM))
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

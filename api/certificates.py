"""The TLS certificate in its files, which somebody renews while we run."""

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path

# A renewed certificate overlaps the old one by days.
CHECK_INTERVAL = 5.0
MAX_PEM_BYTES = 1 << 20

log = logging.getLogger(__name__)


class CertificateError(Exception):
    """The certificate cannot be used; the text names the file and says why."""


class CertificateFiles:
    """Hands chain and key, both PEM, to `install` at once and whenever a file has changed, until `close`.

    `install` raises ValueError for what it cannot use. At the start that is a CertificateError; later the certificate
    there is stays, and the log says so.
    """

    def __init__(self, certificate: Path, key: Path, install: Callable[[bytes, bytes], None]) -> None:
        self._certificate = certificate
        self._key = key
        self._install = install
        self._seen: tuple[object, ...] = ()
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """CertificateError: a file cannot be read or used."""
        self._seen = self._state()
        self._load()
        self._arm()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def check(self) -> None:
        """Load the files if they are not what they were."""
        state = self._state()
        if state == self._seen:
            return
        self._seen = state
        try:
            self._load()
        except CertificateError as error:
            log.error("the certificate stays the old one: %s", error)
        else:
            log.info("a new certificate is in use")

    def _arm(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(CHECK_INTERVAL, self._check_again)

    def _check_again(self) -> None:
        self.check()
        self._arm()

    def _load(self) -> None:
        try:
            self._install(_read(self._certificate), _read(self._key))
        except ValueError as error:
            raise CertificateError(f"tls_cert {self._certificate} and tls_key {self._key}: {error}") from None

    def _state(self) -> tuple[object, ...]:
        """Renewal replaces files, often behind a symbolic link."""
        return tuple(_stat(path) for path in (self._certificate, self._key))


def _stat(path: Path) -> object:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_PEM_BYTES:
            raise CertificateError(f"{path} is larger than {MAX_PEM_BYTES} bytes")
        return path.read_bytes()
    except OSError as error:
        raise CertificateError(f"cannot read {path} as user {os.geteuid()}: {error.strerror}") from None

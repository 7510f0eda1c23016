"""The real server in a process of its own, on free ports: for benchmarks and for tests with real clients."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from api.settings import DEV_KEY, DEV_SECRET
from api.tokens import VideoGrant, mint

START_TIMEOUT = 60.0
STOP_TIMEOUT = 10.0
# A media port is one by UDP and by TCP.
# Below the usual net.ipv4.ip_local_port_range, above what services are registered at.
UNGIVEN = range(20_000, 32_000)
MEDIA = (socket.SOCK_DGRAM, socket.SOCK_STREAM)
_MAIN = "from api.cli import main; main()"


class ServerError(Exception):
    """The server ended, or did not become ready in time."""


class ServerProcess:
    """`sluice serve --dev` with its own HTTP and media port. Use as a context manager, or `start` and `stop`.

    settings: further settings by their names, e.g. `{"address_rate": "1000"}`.
    """

    def __init__(
        self,
        log: Path,
        *,
        arguments: Sequence[str] = (),
        settings: Mapping[str, str] | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self.log = log
        self.http_port, self.media_port = free_port(socket.SOCK_STREAM), free_port(*MEDIA)
        self.url = f"http://{host}:{self.http_port}"
        self._arguments = tuple(arguments)
        self._settings = {f"SLUICE_{name.upper()}": value for name, value in (settings or {}).items()}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        if self._process is None:
            raise ServerError("the server is not running")
        return self._process.pid

    def start(self) -> None:
        """Start and wait until it is ready. ServerError: with the end of its log."""
        command = [sys.executable, "-c", _MAIN, "serve", "--dev"]
        command += ["--http", f"127.0.0.1:{self.http_port}", "--rtc", f":{self.media_port}", *self._arguments]
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SLUICE_")}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=inherited | self._settings, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_TIMEOUT
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise ServerError(f"the server did not start: {self.log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it politely, and by force if it does not go."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """End it without a word, as a crash would. It can be started again, on the same ports."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def token(self, identity: str, room: str = "", *, publish: bool = False, watch: bool = False) -> str:
        """A token for one participant of a room."""
        grant = VideoGrant(room=room, room_join=True, can_publish=publish, can_subscribe=watch)
        return mint(DEV_KEY, DEV_SECRET, grant, identity=identity, now=datetime.now(UTC))

    def metrics(self) -> dict[str, float]:
        """/metrics as numbers by series, labels included."""
        text = httpx.get(f"{self.url}/metrics", trust_env=False).raise_for_status().text
        lines = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, _, value in lines}

    def resident_kib(self) -> int:
        """Resident memory (VmRSS of proc_pid_status(5))."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=2.0, trust_env=False).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False


def free_port(*kinds: int) -> int:
    """A port that is free now on every address, for sockets of all these kinds; none that the system gives to clients,
    or one of those could have it before it is used.
    """
    while True:
        port = random.choice(UNGIVEN)
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for kind in kinds:
                stack.enter_context(socket.socket(socket.AF_INET6, kind)).bind(("::", port))
            return port

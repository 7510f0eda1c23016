"""Network namespaces that vanish with whoever made them.

A world is a PID, a mount and several network namespaces, in a user namespace as well where we are not root. Its first
process is a `cat` on a pipe whose other end we hold: should we die, by whatever signal, `cat` ends, the kernel kills
every process of the world (pid_namespaces(7)), and with the last of them go its networks. Names are seen inside only,
so worlds do not meet, and there is nothing that could be left behind and would have to be swept up.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parents[3]
"""Where every program in a world begins."""

TIMEOUT = 20.0
"""Seconds that any one step of making a world may take."""

_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
"""Where only root looks by default, others find ip(8) and nft(8), too."""
_TOOLS = ("ip", "nft", "nsenter", "setpriv", "unshare")
_FIRST_PROCESS = "mount -t tmpfs none /run && mkdir /run/netns && echo ready && exec cat"


class LabError(Exception):
    """A step of making a network failed; the text is the tool's own."""


class World:
    """Namespaces made by `add`, programs in them by `command` or `run`. Use as a context manager."""

    def __init__(self, *, user_namespace: bool | None = None) -> None:
        """user_namespace: become root in a user namespace; by default only where we are not root anyway."""
        self._user = os.geteuid() != 0 if user_namespace is None else user_namespace
        self._first: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        user = ["--user", "--map-root-user"] if self._user else []
        self._first = subprocess.Popen(
            ["unshare", *user, "--fork", "--kill-child", "--pid", "--mount-proc", "--net", "sh", "-c", _FIRST_PROCESS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._first.stdout is not None
        if self._first.stdout.readline() != "ready\n":
            _, complaint = self._first.communicate(timeout=TIMEOUT)
            raise LabError(complaint.strip() or "no namespaces")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        first, self._first = self._first, None
        assert first is not None
        first.kill()  # and with it, by --kill-child, the first process; the kernel does the rest in its own time
        first.wait(TIMEOUT)
        for pipe in (first.stdin, first.stdout, first.stderr):
            assert pipe is not None
            pipe.close()

    def add(self, *names: str) -> None:
        """Make network namespaces, with nothing in them but the loopback."""
        for name in names:
            self._check([*self._inside(), "ip", "netns", "add", name])
            self.ip(name, "link set lo up")

    def command(self, name: str, *arguments: str) -> list[str]:
        """What to execute in order to run a program in a namespace. It dies with the process that was executed."""
        assert self._first is not None, "the world has ended"
        network = f"--net=/proc/{self._first.pid}/root/run/netns/{name}"
        return [*self._inside(network), "setpriv", "--pdeathsig", "KILL", "--", *arguments]

    def run(self, name: str, *arguments: str, stdin: str = "", timeout: float = TIMEOUT) -> str:
        """Run a program in a namespace to its end; its standard output. LabError: it failed."""
        return self._check(self.command(name, *arguments), stdin, timeout)

    def ip(self, name: str, *lines: str) -> None:
        """ip(8) commands, without the word `ip`."""
        self.run(name, "ip", "-batch", "-", stdin="\n".join(lines) + "\n")

    def _inside(self, network: str | None = None) -> list[str]:
        assert self._first is not None, "the world has ended"
        ns = f"/proc/{self._first.pid}/ns"
        user = [f"--user={ns}/user"] if self._user else []
        network = network or f"--net={ns}/net"
        here = f"--wdns={ROOT}"  # else it would begin at the root of the mount namespace
        return ["nsenter", *user, f"--mount={ns}/mnt", f"--pid={ns}/pid_for_children", network, here]

    def _check(self, command: Sequence[str], stdin: str = "", timeout: float = TIMEOUT) -> str:
        environment = {**os.environ, "PATH": _PATH}
        done = subprocess.run(
            command, input=stdin, env=environment, capture_output=True, text=True, timeout=timeout, check=False
        )
        if done.returncode != 0:
            raise LabError(f"{' '.join(command)}: {done.stderr.strip() or f'status {done.returncode}'}")
        return done.stdout


@cache
def why_not() -> str | None:
    """Why there can be no worlds here, for a test that is skipped; None where there can."""
    missing = [tool for tool in _TOOLS if shutil.which(tool, path=_PATH) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    try:
        with World() as world:
            world.add("a", "b")
            world.ip("a", "link add x type veth peer name y netns b", "link add z type bridge")
            world.run("a", "sysctl", "-qw", "net.ipv4.ip_forward=1")
            world.run("a", "nft", "-f", "-", stdin="table ip t { chain c { type nat hook postrouting priority 0; }; }")
    except (LabError, OSError, subprocess.TimeoutExpired) as error:
        return f"no network namespaces here: {error}"
    return None

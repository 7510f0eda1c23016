"""Runs a program, shows its output as it comes, and keeps it."""

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Outcome:
    exit_code: int
    output: str


def stream(
    command: Sequence[str], *, timeout: float, cwd: Path | None = None, environment: Mapping[str, str] | None = None
) -> Outcome:
    """
    Runs `command` without a terminal or standard input; output and errors are printed and returned as one text. After
    `timeout` seconds it is killed together with everything it started. A program that cannot be started exits with 127.
    """
    try:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", flush=True)
        return Outcome(127, "")
    timer = threading.Timer(timeout, _kill, (process, timeout))
    timer.start()
    lines: list[str] = []
    with process:
        try:
            for line in process.stdout or ():
                print(line, end="", flush=True)
                lines.append(line)
            exit_code = process.wait()
        finally:
            timer.cancel()
    return Outcome(exit_code, "".join(lines))


def _kill(process: subprocess.Popen[str], timeout: float) -> None:
    print(f"killed: still running after {timeout:.0f} s", flush=True)
    os.killpg(process.pid, signal.SIGKILL)

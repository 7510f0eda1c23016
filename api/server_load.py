"""What this process uses of the machine, as Linux says it; elsewhere less is known."""

import os
import time
from pathlib import Path

# Names of threads are cut after 15 bytes (proc_pid_comm(5)): the number may be missing.
WORKER = b"(sluice-worker-"
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_UTIME, _STIME = 11, 12
"""Of the fields behind the name (proc_pid_stat(5)), in clock ticks."""


def cores() -> int:
    """How many processors this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def process_seconds() -> float:
    """Processor time of all threads."""
    return time.process_time()


def resident_bytes(proc: Path = Path("/proc/self")) -> int | None:
    """proc_pid_statm(5); None: not known here."""
    try:
        return int((proc / "statm").read_bytes().split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        return None


def thread_seconds(proc: Path = Path("/proc/self")) -> tuple[float | None, list[float]]:
    """Processor time of the main thread, where the event loop runs, and of each worker, by thread id. None, []: not
    known here.
    """
    main: float | None = None
    workers: list[float] = []
    try:
        main_thread = (proc / "stat").read_bytes().split()[0].decode()
        threads = sorted((proc / "task").iterdir(), key=lambda thread: int(thread.name))
    except (OSError, ValueError, IndexError):
        return None, []
    for thread in threads:
        try:
            # The name is in brackets, and may hold brackets and blanks itself.
            name, _, rest = (thread / "stat").read_bytes().rpartition(b")")
            fields = rest.split()
            seconds = (int(fields[_UTIME]) + int(fields[_STIME])) / _TICKS
        except (OSError, ValueError, IndexError):
            continue  # it has just ended
        if thread.name == main_thread:
            main = seconds
        elif WORKER in name:
            workers.append(seconds)
    return main, workers

"""Calls by LiveKit's protocol on one machine: what it costs to forward a packet, and what a storm of joins does to it.

The server runs in a process of its own and is asked through its real doors: the WebSocket `/rtc/v1`, one connection
for each participant, ICE, DTLS. This process keeps up the signalling. The native load generator takes the participants'
sockets over: each publishes a microphone and a camera and opens all that it gets of the others. Into the first of the
rooms then come joiners, which only watch, and read no further than their first packet. Server, generator and signalling
share the machine's cores; nothing is pinned.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.fanout import UNLIMITED, drain, raise_file_limit
from bench.room_client import AUDIO_PAYLOAD_TYPE, FAILURES, VIDEO_PAYLOAD_TYPE, Caller
from bench.room_result import Storm, is_good, result
from bench.server import ServerProcess
from clients.signalling import SignallingError
from sfu.certificate import DtlsCertificate

JOINING_AT_ONCE = 4
WINDOWS = 5
WARMUP = 3.0
STORM_WINDOW = 20.0
"""Seconds of the window that begins with a storm: enough for those who come in last to get media."""


@dataclass(frozen=True, slots=True)
class Arguments:
    participants: int
    rooms: int
    joiners: int
    storm: float
    pps: int
    size: int
    audio_pps: int
    audio_size: int
    duration: float
    workers: int
    loadgen: Path


@dataclass(frozen=True, slots=True)
class _Joins:
    """How to come in."""

    server: ServerProcess
    certificate: DtlsCertificate
    others: int

    async def join(self, identity: str, room: int, *, publishes: bool) -> Caller:
        """A participant with keys. One of FAILURES."""
        caller = Caller(self.certificate, publishes=publishes, others=self.others)
        token = self.server.token(identity, f"room-{room}", publish=publishes, watch=True)
        try:
            await caller.join(self.server.url, token, ("127.0.0.1", self.server.media_port))
        except BaseException:
            await caller.close()
            raise
        return caller


def main() -> int:
    arguments = _arguments()
    raise_file_limit(2 * (arguments.participants * arguments.rooms + arguments.joiners) + 500)
    if not arguments.loadgen.exists():
        print(f"{arguments.loadgen} is missing: cargo build --release --package sluice-loadgen", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "server.log"
        workers = ("--workers", str(arguments.workers))
        with ServerProcess(log, arguments=workers, settings=UNLIMITED) as server:
            outcome = asyncio.run(measure(server, arguments))
    _print(outcome)
    return 0 if is_good(outcome) else 1


async def measure(server: ServerProcess, arguments: Arguments) -> dict[str, Any]:
    """Everybody joins, the load generator runs, the storm comes, and the findings are put together."""
    rooms, participants = arguments.rooms, arguments.participants
    joins = _Joins(server, DtlsCertificate(datetime.now(UTC)), participants - 1)
    callers: list[tuple[int, Caller]] = []
    watchers: list[Caller] = []
    try:
        places = asyncio.Semaphore(JOINING_AT_ONCE)

        async def come(index: int, room: int) -> None:
            async with places:
                callers.append((room, await joins.join(f"participant-{index}", room, publishes=True)))

        async with asyncio.TaskGroup() as group:
            for room in range(rooms):
                for index in range(participants):
                    group.create_task(come(index, room))
        for _, caller in callers:
            await caller.receives(2 * (participants - 1))
        start = time.monotonic_ns() + round(WARMUP * 1e9)
        generator = asyncio.create_task(asyncio.to_thread(_run_loadgen, server.pid, callers, start, arguments))
        storm = Storm(arguments.joiners)
        if arguments.joiners:
            await asyncio.sleep(WARMUP + arguments.duration)
            watching = _Joins(server, joins.certificate, participants)
            storm = await _storm(watching, arguments, watchers)
        findings = await generator
    finally:
        everybody = [*watchers, *(caller for _, caller in callers)]
        await asyncio.gather(*(caller.close() for caller in everybody), return_exceptions=True)
    load = {
        name: getattr(arguments, name)
        for name in (
            "rooms",
            "participants",
            "joiners",
            "pps",
            "size",
            "audio_pps",
            "audio_size",
            "duration",
            "workers",
        )
    }
    return result(load, findings, storm)


async def _storm(joins: _Joins, arguments: Arguments, watchers: list[Caller]) -> Storm:
    """Joiners come evenly, whatever became of those before them."""
    ready: list[float] = []
    first: list[float] = []
    begin, own, loop = time.monotonic(), time.process_time(), _loop_cpu(joins.server.pid)

    async def come(index: int) -> None:
        await asyncio.sleep(max(0.0, begin + index * arguments.storm / arguments.joiners - time.monotonic()))
        start, stage = time.monotonic(), "joining"
        try:
            caller = await joins.join(f"joiner-{index}", 0, publishes=False)
            watchers.append(caller)
            stage = "waiting for media"
            ready.append(time.monotonic() - start)
            await caller.first_packet()
            first.append(time.monotonic() - start)
        except FAILURES as error:
            print(f"joiner {index}, {stage}: {type(error).__name__}: {error}", file=sys.stderr)

    await asyncio.gather(*(come(index) for index in range(arguments.joiners)))
    elapsed, own, loop = time.monotonic() - begin, time.process_time() - own, _loop_cpu(joins.server.pid) - loop
    return Storm(arguments.joiners, ready, first, elapsed, own, loop)


def _loop_cpu(process: int) -> float:
    """CPU seconds of the thread a process began with, which in the server runs the event loop (proc_pid_stat(5))."""
    fields = Path(f"/proc/{process}/task/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _run_loadgen(server: int, callers: Sequence[tuple[int, Caller]], start: int, arguments: Arguments) -> Any:
    lengths = [arguments.duration / WINDOWS] * WINDOWS + [STORM_WINDOW] * bool(arguments.joiners)
    plan = [
        f"run server={server} start={start} windows={','.join(map(str, lengths))} "
        f"audio_rate={arguments.audio_pps} audio_size={arguments.audio_size} audio_type={AUDIO_PAYLOAD_TYPE} "
        f"video_rate={arguments.pps} video_size={arguments.size} video_type={VIDEO_PAYLOAD_TYPE}",
        *(_member_line(room, caller) for room, caller in callers),
        "go",
    ]
    sockets = [caller.link.socket for _, caller in callers if caller.link is not None]
    for each in sockets:
        drain(each)
    finished = subprocess.run(
        [arguments.loadgen, "room"],
        input="\n".join(plan).encode() + b"\n",
        stdout=subprocess.PIPE,
        pass_fds=[each.fileno() for each in sockets],
        check=True,
    )
    return json.loads(finished.stdout)


def _member_line(room: int, caller: Caller) -> str:
    link = caller.link
    if link is None:
        raise SignallingError("not joined")
    return (
        f"member room={room} fd={link.socket.fileno()} profile={link.keys.profile} send={link.keys.send.hex()} "
        f"receive={link.keys.receive.hex()} ssrc={caller.ssrcs['video']} audio_ssrc={caller.ssrcs['audio']} "
        f"username={link.username} password={link.password}"
    )


def _print(outcome: dict[str, Any]) -> None:
    pace = f"{outcome['audio_pps']} + {outcome['pps']} packets/s each"
    table = Table(
        title=f"{outcome['rooms']} rooms of {outcome['participants']} participants, {pace}, one peer connection"
    )
    table.add_column("figure")
    table.add_column("value", justify="right")
    low, high = outcome["cpu_us_spread"]
    rows = [
        ("packets in / out", f"{outcome['packets_in_per_second']} / {outcome['packets_out_per_second']} per second"),
        (
            "server CPU per forwarded packet, all of it",
            f"{outcome['cpu_us_per_packet']:.2f} µs ({low:.2f} to {high:.2f})",
        ),
        ("delivered", f"{outcome['delivered']:.4%}"),
        ("latency p50 / p99", f"{outcome['p50_ms']:.2f} / {outcome['p99_ms']:.2f} ms"),
        ("corrupt / twice / lacking a track", f"{outcome['corrupt']} / {outcome['replayed']} / {outcome['starved']}"),
    ]
    if storm := outcome["storm"]:
        rows += [
            ("joined", f"{storm['joined']} of {outcome['joiners']}, {storm['joins_per_second']} per second"),
            ("join to keys p50 / p95", f"{storm['ready_p50_s']:.2f} / {storm['ready_p95_s']:.2f} s"),
            (
                "join to first packet p50 / p95",
                f"{storm['first_packet_p50_s']:.2f} / {storm['first_packet_p95_s']:.2f} s",
            ),
            ("server's event loop per join", f"{storm['loop_cpu_ms_per_join']:.1f} ms of CPU"),
            ("delivered to the others meanwhile", f"{storm['delivered']:.4%}"),
            ("latency meanwhile p50 / p99", f"{storm['p50_ms']:.2f} / {storm['p99_ms']:.2f} ms"),
        ]
    for row in rows:
        table.add_row(*row)
    Console().print(table)
    print(json.dumps(outcome, separators=(",", ":")))


def _arguments() -> Arguments:
    target = Path(os.environ.get("CARGO_TARGET_DIR", Path(__file__).parent.parent / "target"))
    parser = argparse.ArgumentParser(prog="python -m bench.room", description=__doc__)
    parser.add_argument("--participants", type=int, default=10, help="of each room; each publishes")
    parser.add_argument("--rooms", type=int, default=1)
    parser.add_argument("--joiners", type=int, default=200, help="that come into the first room; 0: no storm")
    parser.add_argument("--storm", type=float, default=5.0, help="seconds over which they come")
    parser.add_argument("--pps", type=int, default=60, help="packets per second of a camera")
    parser.add_argument("--size", type=int, default=1100, help="bytes of a camera's datagram")
    parser.add_argument("--audio-pps", type=int, default=50, help="packets per second of a microphone")
    parser.add_argument("--audio-size", type=int, default=120, help="bytes of a microphone's datagram")
    parser.add_argument("--duration", type=float, default=10.0, help="seconds measured before the storm")
    parser.add_argument("--workers", type=int, default=1, help="media threads of the server")
    parser.add_argument("--loadgen", type=Path, default=target / "release" / "sluice-loadgen")
    return Arguments(**vars(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())

"""One publisher, many viewers, one machine: what does it cost the server to forward a packet?

The server runs in a process of its own and is asked through its real doors: WHIP and WHEP by HTTP, ICE, DTLS. Then
the native load generator takes the sockets over: it publishes, receives and opens every packet, sends the viewers'
reports, and reads the server's CPU time. The floor is measured by it too, in the same run.
"""

import argparse
import asyncio
import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from bench.server import ServerProcess
from bench.session import PAYLOAD_TYPE, MediaSession, connect
from clients.signalling import Endpoint, endpoint_url
from sfu.certificate import DtlsCertificate

ROOM = "fanout"
JOINING_AT_ONCE = 16
KEEP_ALIVE = 5.0
"""Seconds between two rounds of connectivity checks while others still join."""
WINDOWS = 5
WARMUP = 2.0
_COUNTS = ("expected", "received", "missing", "replayed", "corrupt", "starved", "resent")
UNLIMITED = {
    "address_rate": "100000",
    "address_burst": "100000",
    "identity_rate": "100000",
    "identity_burst": "100000",
    "max_sessions": "100000",
    "max_participants_per_room": "100000",
}


@dataclass(frozen=True, slots=True)
class Arguments:
    viewers: int
    pps: int
    burst: int
    duration: float
    workers: int
    size: int
    floor: float
    loadgen: Path


def main() -> int:
    arguments = _arguments()
    raise_file_limit(2 * arguments.viewers + 500)
    if not arguments.loadgen.exists():
        print(f"{arguments.loadgen} is missing: cargo build --release --package sluice-loadgen", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "server.log"
        workers = ("--workers", str(arguments.workers))
        with ServerProcess(log, arguments=workers, settings=UNLIMITED) as server:
            result = asyncio.run(measure(server, arguments))
    _print(result)
    return 0 if result["delivered"] >= 0.999 else 1


async def measure(server: ServerProcess, arguments: Arguments) -> dict[str, Any]:
    """Set everybody up, let the load generator run, and put its findings together."""
    certificate = DtlsCertificate(datetime.now(UTC))
    media = ("127.0.0.1", server.media_port)
    async with AsyncExitStack() as stack:

        async def join(identity: str, *, publish: bool) -> MediaSession:
            token = server.token(identity, ROOM, publish=publish, watch=not publish)
            url = endpoint_url(server.url, "whip" if publish else "whep", ROOM)
            # The server speaks plain HTTP: loading certificates for every viewer would be most of the work.
            async with Endpoint(url, token, transport=httpx.AsyncHTTPTransport(verify=False)) as endpoint:
                session = await connect(endpoint, media, certificate, publish=publish)
            stack.callback(session.socket.close)
            return session

        publisher = await join("publisher", publish=True)
        before_kib = server.resident_kib()
        viewers: list[MediaSession] = []
        keeper = asyncio.create_task(_keep_alive(publisher, viewers))
        await _join_all(arguments.viewers, lambda index: join(f"viewer-{index}", publish=False), viewers)
        keeper.cancel()
        for session in (publisher, *viewers):
            session.socket.send(session.check())
        findings = await asyncio.to_thread(_run_loadgen, server.pid, publisher, viewers, arguments)
        after_kib = server.resident_kib()
    return _result(arguments, findings, (after_kib - before_kib) / arguments.viewers)


async def _join_all(count: int, join: Callable[[int], Awaitable[MediaSession]], viewers: list[MediaSession]) -> None:
    """Join viewers, a few at a time, until there are `count`."""
    places = asyncio.Semaphore(JOINING_AT_ONCE)

    async def one(index: int) -> None:
        async with places:
            viewers.append(await join(index))

    async with asyncio.TaskGroup() as group:
        for index in range(count):
            group.create_task(one(index))


async def _keep_alive(publisher: MediaSession, viewers: list[MediaSession]) -> None:
    """Consent ends after 30 seconds without a check (RFC 7675), and joining may take longer."""
    while True:
        await asyncio.sleep(KEEP_ALIVE)
        for session in (publisher, *viewers):
            session.socket.send(session.check())


def _run_loadgen(
    server: int, publisher: MediaSession, viewers: Sequence[MediaSession], arguments: Arguments
) -> dict[str, Any]:
    window = arguments.duration / WINDOWS
    plan = [
        f"run server={server} rate={arguments.pps} burst={arguments.burst} size={arguments.size} "
        f"payload_type={PAYLOAD_TYPE} warmup={WARMUP} window={window} windows={WINDOWS} floor={arguments.floor}",
        peer_line("publisher", publisher),
        *(peer_line("viewer", viewer) for viewer in viewers),
        "go",
    ]
    sockets = [session.socket for session in (publisher, *viewers)]
    for each in sockets:
        drain(each)
    finished = subprocess.run(
        [arguments.loadgen],
        input="\n".join(plan).encode() + b"\n",
        stdout=subprocess.PIPE,
        pass_fds=[each.fileno() for each in sockets],
        check=True,
    )
    findings: dict[str, Any] = json.loads(finished.stdout)
    return findings


def peer_line(kind: str, session: MediaSession) -> str:
    """A session as a line of the load generator's plan."""
    keys = session.keys
    return (
        f"{kind} fd={session.socket.fileno()} profile={keys.profile} send={keys.send.hex()} "
        f"receive={keys.receive.hex()} ssrc={session.ssrc} username={session.username} password={session.password}"
    )


def drain(link: socket.socket) -> None:
    """Forget the answers to checks."""
    try:
        while link.recv(2048):
            pass
    except BlockingIOError:
        pass


def _result(arguments: Arguments, findings: dict[str, Any], rss_kib: float) -> dict[str, Any]:
    costs = [window["cpu_us"] / max(1, window["received"]) for window in findings["windows"]]
    cost = statistics.median(costs)
    floor = statistics.median(findings["floor_us"]) if findings["floor_us"] else 0.0
    return {
        "bench": "fanout",
        "viewers": arguments.viewers,
        "pps": arguments.pps,
        "burst": arguments.burst,
        "duration": arguments.duration,
        "workers": arguments.workers,
        "cpu_us_per_packet": round(cost, 3),
        "cpu_us_spread": [round(min(costs), 3), round(max(costs), 3)],
        "floor_us": round(floor, 3),
        "ratio": round(cost / floor, 2) if floor else None,
        "delivered": round(findings["received"] / max(1, findings["expected"]), 6),
        "p50_ms": findings["p50_ms"],
        "p99_ms": findings["p99_ms"],
        "p999_ms": findings["p999_ms"],
        "rss_kib_per_viewer": round(rss_kib, 1),
        **{
            key: findings[key]
            for key in ("expected", "received", "missing", "replayed", "corrupt", "starved", "resent")
        },
    }


def _print(result: dict[str, Any]) -> None:
    pace = f"{result['pps']} packets/s" + (f" in bursts of {result['burst']}" if result["burst"] > 1 else "")
    table = Table(title=f"Fan-out to {result['viewers']} viewers at {pace}, AEAD_AES_128_GCM")
    table.add_column("figure")
    table.add_column("value", justify="right")
    low, high = result["cpu_us_spread"]
    for name, value in (
        ("server CPU per forwarded packet", f"{result['cpu_us_per_packet']:.2f} µs ({low:.2f} to {high:.2f})"),
        ("floor: bare seal and send", f"{result['floor_us']:.2f} µs"),
        ("ratio", f"{result['ratio']}"),
        ("delivered", f"{result['delivered']:.4%} of {result['expected']}"),
        ("latency p50 / p99 / p99.9", f"{result['p50_ms']:.2f} / {result['p99_ms']:.2f} / {result['p999_ms']:.2f} ms"),
        ("memory per viewer", f"{result['rss_kib_per_viewer']:.0f} KiB"),
        ("corrupt / twice / viewers with nothing", f"{result['corrupt']} / {result['replayed']} / {result['starved']}"),
    ):
        table.add_row(name, value)
    Console().print(table)
    print(json.dumps(result, separators=(",", ":")))


def raise_file_limit(wanted: int) -> None:
    """Allow this process, and those it starts, that many open files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def _arguments() -> Arguments:
    target = Path(os.environ.get("CARGO_TARGET_DIR", Path(__file__).parent.parent / "target"))
    parser = argparse.ArgumentParser(prog="python -m bench.fanout", description=__doc__)
    parser.add_argument("--viewers", type=int, default=1000)
    parser.add_argument("--pps", type=int, default=150, help="packets per second of the publisher")
    parser.add_argument(
        "--burst", type=int, default=1, help="packets it sends back to back, as an encoder does a frame's"
    )
    parser.add_argument("--duration", type=float, default=10.0, help="seconds measured")
    parser.add_argument("--workers", type=int, default=1, help="media threads of the server")
    parser.add_argument("--size", type=int, default=1100, help="bytes of a published datagram")
    parser.add_argument("--floor", type=float, default=5.0, help="seconds of measuring the floor; 0: not at all")
    parser.add_argument("--loadgen", type=Path, default=target / "release" / "sluice-loadgen")
    return Arguments(**vars(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())

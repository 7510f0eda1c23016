"""What does relaying cost? Sluice and coturn take turns in one run, with the same clients and the same peer.

Clients send 1,200-byte packets in ChannelData to a peer that sends them back; every packet is checked when it comes
home, and the server's CPU time is divided by what reached the peer and what came back. Over UDP this is done twice,
beside a relay without rules that sets the floor. First each burst travels as one, as network cards with segmentation
and receive offload have it: the loopback by itself would bill the server for what a receiver does per packet. Then
every packet travels alone. After that the clients are on TLS. Then publishers and viewers of Sluice's SFU reach it
directly and through its own relay by turns. Last, how many allocations a second one processor gives, each with its
challenge.
"""

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from bench.fanout import UNLIMITED, drain, peer_line, raise_file_limit
from bench.relays import COTURN, HOST, Account, Site, TurnProcess, bare, coturn, coturn_is_installed, on_cores, sluice
from bench.server import ServerProcess
from bench.session import PAYLOAD_TYPE, MediaSession, connect
from bench.turn_result import result
from clients.signalling import Endpoint, endpoint_url
from sfu.certificate import DtlsCertificate

ROUNDS = 10
HOP_ROUNDS = 20
"""More, for it is a small difference of large figures."""
ALLOCATION_ROUNDS = 3
ALLOCATIONS_AT_ONCE = 64
MAX_TURN = 20.0
WIDTH = 120
SERVER_CORE = 0
"""Where a server runs while it hands out allocations; the load generator then keeps to the others."""


@dataclass(frozen=True, slots=True)
class Arguments:
    clients: int
    rate: int
    burst: int
    size: int
    duration: float
    allocations: int
    loadgen: Path

    def load(self, rounds: int, *, offload: bool) -> str:
        """The load of a plan."""
        packets = f"rate={self.rate} burst={self.burst} size={self.size} offload={str(offload).lower()}"
        return f"{packets} turn={min(MAX_TURN, self.duration / rounds)} rounds={rounds}"


def main() -> int:
    arguments = _arguments()
    raise_file_limit(2 * max(arguments.allocations, arguments.clients) + 500)
    for missing, remedy in (
        (not coturn_is_installed(), f"{COTURN} is missing, to measure against: apt-get install coturn"),
        (not arguments.loadgen.exists(), f"{arguments.loadgen} is missing: cargo build --release -p sluice-loadgen"),
    ):
        if missing:
            print(remedy, file=sys.stderr)
            return 2
    with tempfile.TemporaryDirectory() as directory:
        site = Site.create(Path(directory))
        with sluice(site) as ours, coturn(site) as theirs, bare(site, arguments.loadgen) as floor:
            relayed = {
                "": _relay("udp", [ours, theirs, floor], site, arguments),
                "plain_": _relay("udp", [ours, theirs, floor], site, arguments, offload=False),
                "tls_": _relay("tls", [ours, theirs], site, arguments),
            }
        with ServerProcess(site.directory / "server.log", settings=UNLIMITED) as server:
            hop = asyncio.run(_hop(server, arguments))
        with sluice(site, {SERVER_CORE}) as ours, coturn(site, {SERVER_CORE}) as theirs:
            allocations = _allocate([ours, theirs], site, arguments)
    load = {key: getattr(arguments, key) for key in ("clients", "rate", "burst", "size", "duration")}
    found = result(load, relayed, hop, allocations, _coturn_version())
    _print(found)
    return 0 if min(found["delivered"], found["hop_delivered"]) >= 0.999 else 1


def _relay(
    carrier: str, servers: Sequence[TurnProcess], site: Site, arguments: Arguments, *, offload: bool = True
) -> dict[str, Any]:
    plan = [
        f"relay {arguments.load(ROUNDS, offload=offload)}",
        *(_server_line(server, carrier) for server in servers),
        *(_user_line(account) for account in site.accounts(arguments.clients)),
    ]
    return _run_loadgen(plan, arguments)


def _allocate(servers: Sequence[TurnProcess], site: Site, arguments: Arguments) -> dict[str, Any]:
    plan = [
        f"allocations at_once={ALLOCATIONS_AT_ONCE} rounds={ALLOCATION_ROUNDS}",
        *(_server_line(server, "udp") for server in servers),
        *(_user_line(account) for account in site.accounts(arguments.allocations)),
    ]
    with on_cores(os.sched_getaffinity(0) - {SERVER_CORE}):
        return _run_loadgen(plan, arguments)


async def _hop(server: ServerProcess, arguments: Arguments) -> dict[str, Any]:
    """Rooms with one publisher and one viewer each, and what the relay in the server costs them."""
    certificate = DtlsCertificate(datetime.now(UTC))
    async with AsyncExitStack() as stack:
        lines: list[str] = []
        sockets: list[socket.socket] = []
        for index in range(arguments.clients):
            for kind in ("publisher", "viewer"):
                session, account = await _join(server, f"hop-{index}", kind, certificate)
                stack.callback(session.socket.close)
                sockets.append(session.socket)
                lines.append(f"{peer_line(kind, session)} user={account.user} secret={account.secret}")
        plan = [
            f"hop {arguments.load(HOP_ROUNDS, offload=False)} payload_type={PAYLOAD_TYPE}",
            f"server name=sluice pid={server.pid} address={HOST}:{server.media_port} carrier=udp",
            *lines,
        ]
        for each in sockets:
            drain(each)
        return await asyncio.to_thread(_run_loadgen, plan, arguments, sockets)


async def _join(
    server: ServerProcess, room: str, kind: str, certificate: DtlsCertificate
) -> tuple[MediaSession, Account]:
    """A session that is connected without a relay, and the credential of its participant."""
    publish = kind == "publisher"
    token = server.token(kind, room, publish=publish, watch=not publish)
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
        answer = await http.get("/v1/ice-servers", headers={"Authorization": f"Bearer {token}"})
    entries = answer.raise_for_status().json()["iceServers"]
    account = next(Account(entry["username"], entry["credential"]) for entry in entries if "username" in entry)
    url = endpoint_url(server.url, "whip" if publish else "whep", room)
    async with Endpoint(url, token) as endpoint:
        session = await connect(endpoint, (HOST, server.media_port), certificate, publish=publish)
    return session, account


def _server_line(server: TurnProcess, carrier: str) -> str:
    port = server.udp_port if carrier == "udp" else server.tls_port
    return f"server name={server.name} pid={server.pid} address={HOST}:{port} carrier={carrier}"


def _user_line(account: Account) -> str:
    return f"user user={account.user} secret={account.secret}"


def _run_loadgen(plan: Sequence[str], arguments: Arguments, sockets: Sequence[socket.socket] = ()) -> dict[str, Any]:
    finished = subprocess.run(
        [arguments.loadgen, "turn"],
        input="\n".join(plan).encode() + b"\n",
        stdout=subprocess.PIPE,
        pass_fds=[each.fileno() for each in sockets],
        check=True,
    )
    findings: dict[str, Any] = json.loads(finished.stdout)
    return findings


def _coturn_version() -> str:
    return subprocess.run([COTURN, "--version"], capture_output=True, text=True).stdout.strip()


def _print(found: dict[str, Any]) -> None:
    pace = f"in bursts of {found['burst']}" if found["burst"] > 1 else "evenly"
    table = Table(
        title=f"{found['clients']} clients relay {found['size']}-byte packets, {found['rate']} a second each, {pace}"
    )
    table.add_column("server CPU, µs (least to most)")
    for column in ("Sluice", f"coturn {found['coturn_version']}", "ratio", "no rules"):
        table.add_column(column, justify="right")
    for name, ours, kind in (
        ("per packet, UDP", "cpu_us_per_packet", ""),
        ("per packet, UDP, each alone", "plain_us", "plain_"),
        ("per packet, clients on TLS", "tls_us", "tls_"),
    ):
        floor = "" if kind == "tls_" else _span(found, f"{kind}floor_us")
        table.add_row(name, _span(found, ours), _span(found, f"coturn_{kind}us"), f"{found[f'{kind}ratio']}", floor)
    table.add_row("per packet, hop into the SFU", _span(found, "hop_us"))
    table.add_row("per allocation", f"{found['allocation_cpu_us']:.0f}", f"{found['coturn_allocation_cpu_us']:.0f}")
    table.add_section()
    ours, theirs = found["allocations_per_second"], found["coturn_allocations_per_second"]
    table.add_row("allocations per second, one core", f"{ours}", f"{theirs}")
    table.add_row("round trip, p99", f"{found['p99_ms']:.2f} ms", f"{found['coturn_p99_ms']:.2f} ms")
    table.add_row("came back", f"{found['delivered']:.4%}", f"{found['coturn_delivered']:.4%}")
    Console(width=WIDTH).print(table)
    print(f"through the SFU: {found['hop_delivered']:.4%} at {found['forward_us']:.2f} µs; corrupt: {found['corrupt']}")
    print(json.dumps(found, separators=(",", ":")))


def _span(found: dict[str, Any], key: str) -> str:
    low, high = found[f"{key}_spread"]
    return f"{found[key]:.2f} ({low:.1f} to {high:.1f})"


def _arguments() -> Arguments:
    target = Path(os.environ.get("CARGO_TARGET_DIR", Path(__file__).parent.parent / "target"))
    parser = argparse.ArgumentParser(prog="python -m bench.turn", description=__doc__)
    parser.add_argument("--clients", type=int, default=24)
    parser.add_argument("--rate", type=int, default=240, help="packets per second of one client")
    parser.add_argument("--burst", type=int, default=8, help="packets sent back to back, as an encoder does a frame's")
    parser.add_argument("--size", type=int, default=1200, help="bytes of data in one ChannelData message")
    parser.add_argument("--duration", type=float, default=10.0, help="seconds measured of each server, or way")
    parser.add_argument("--allocations", type=int, default=2000, help="allocations in one turn")
    parser.add_argument("--loadgen", type=Path, default=target / "release" / "sluice-loadgen")
    return Arguments(**vars(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())

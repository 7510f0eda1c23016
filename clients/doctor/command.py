"""`sluice doctor`: examine the ways to a server from here."""

import asyncio
import re
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import httpx
from rich.console import Console

from clients.doctor import legs
from clients.doctor.advice import advised
from clients.doctor.findings import Fault, Finding, Leg, Report, Status, fault_of, host_port
from clients.doctor.report import summary, table
from clients.doctor.scratch import Scratch, open_scratch
from clients.signalling import Endpoint, SignallingError, endpoint_url
from clients.turn import TurnServer, turn_servers

_STUN_URI = re.compile(r"stun:(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.-]{1,253})(?::([0-9]{1,5}))?")


async def run(
    url: str,
    room: str,
    token: str,
    *,
    as_json: bool = False,
    authority: Path | None = None,
    console: Console | None = None,
) -> int:
    """Try every way to the server and print how they fared.

    room: one that nobody uses: a session without media is opened in it for as long as this takes. authority:
    certificates to trust besides the system's. Returns the exit status: 0 if media gets through in some way, 1 if in
    none, 2 if the certificates cannot be read.
    """
    console = console or Console()
    try:
        endpoint = Endpoint(endpoint_url(url, "whip", room), token, authority=authority)
    except OSError as error:
        console.print(f"[red]cannot read {authority}: {error}")
        return 2
    with Console(stderr=True).status(f"Trying the ways to {url} …"):
        report = await examine(endpoint, url)
    if as_json:
        console.print(summary(report), soft_wrap=True, markup=False, highlight=False)
    else:
        console.print(table(report))
    return 0 if report.usable else 1


async def examine(endpoint: Endpoint, url: str) -> Report:
    """Everything about the ways to one server, with advice. The endpoint is closed."""
    async with endpoint:
        http, offered = await _ask_for_servers(endpoint, url)
        if http.status is not Status.OK:
            return Report(url, advised([http]))
        scratch: Scratch | None = None
        try:
            session, scratch = await _open(endpoint)
            ways, public = await _try_all(offered, scratch, endpoint.turn_tls)
        finally:
            if scratch is not None:
                with suppress(SignallingError):
                    await endpoint.delete(scratch.session)
    return Report(url, advised([http, *session, *ways]), public)


async def _ask_for_servers(endpoint: Endpoint, url: str) -> tuple[Finding, object]:
    where = host_port(_address_of(url))
    began = time.perf_counter()
    try:
        offered = await endpoint.ice_servers()
    except SignallingError as error:
        return Finding("http", Status.FAILED, str(error), where, _http_fault(error)), None
    elapsed_ms = (time.perf_counter() - began) * 1e3
    return Finding("http", Status.OK, "ICE servers given", where, round_trip_ms=elapsed_ms), offered


def _http_fault(error: SignallingError) -> Fault:
    """The most telling of what lies behind it: each layer of the HTTP client wraps the one below."""
    if error.status is not None:
        return Fault.REFUSED
    faults = [fault_of(cause)[0] for cause in _causes(error) if isinstance(cause, OSError)]
    timed_out = any(isinstance(cause, httpx.TimeoutException) for cause in _causes(error))
    return next(
        (fault for fault in faults if fault is not Fault.NO_ROUTE), Fault.SILENCE if timed_out else Fault.NO_ROUTE
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause = error.__cause__ or error.__context__
    if cause is not None:
        yield cause
        yield from _causes(cause)
    if isinstance(error, BaseExceptionGroup):
        yield from error.exceptions


async def _open(endpoint: Endpoint) -> tuple[Sequence[Finding], Scratch | None]:
    try:
        return [], await open_scratch(endpoint)
    except SignallingError as error:
        return [Finding("session", Status.FAILED, str(error), fault=Fault.REFUSED)], None


async def _try_all(
    offered: object, scratch: Scratch | None, tls: ssl.SSLContext
) -> tuple[Sequence[Finding], str | None]:
    """All at once: what is silent takes seconds. The second value is our address as STUN sees it."""
    relays = _best_of_each(turn_servers(offered))
    server = await _stun_server(offered)
    direct = [legs.direct_udp(scratch), legs.direct_tcp(scratch)] if scratch else []
    tasks = [*direct, *(legs.relayed(relay, scratch, tls) for relay in relays)]
    ways = asyncio.gather(*tasks)
    if server is None:
        about_stun, mapped = Finding("stun udp", Status.SKIPPED, "no server named", fault=Fault.NOT_OFFERED), None
        behaviour: Sequence[Finding] = []
    else:
        (about_stun, mapped), behaviour = await asyncio.gather(legs.reflexive(server), legs.nat_behaviour(server))
        if mapped is None:
            behaviour = []
    found = [about_stun, *behaviour, *await ways]
    if scratch is None:
        skipped: Sequence[Leg] = ("direct udp", "direct tcp")
        found += [Finding(leg, Status.SKIPPED, "no session", fault=Fault.NOT_TRIED) for leg in skipped]
    missing = [
        leg for transport, leg in legs.RELAY_LEGS.items() if transport not in {relay.transport for relay in relays}
    ]
    found += [Finding(leg, Status.SKIPPED, "no such server named", fault=Fault.NOT_OFFERED) for leg in missing]
    return found, host_port(mapped) if mapped else None


def _best_of_each(relays: Sequence[TurnServer]) -> Sequence[TurnServer]:
    """The first for each transport, as a client would take them."""
    best: dict[str, TurnServer] = {}
    for relay in relays:
        best.setdefault(relay.transport, relay)
    return list(best.values())


async def _stun_server(offered: object) -> tuple[str, int] | None:
    """The IP address and port of the first `stun:` URI (RFC 7064) that can be resolved."""
    entries = offered.get("iceServers") if isinstance(offered, dict) else None
    for entry in entries if isinstance(entries, list) else ():
        urls = entry.get("urls") if isinstance(entry, dict) else None
        for url in urls if isinstance(urls, list) else [urls]:
            match = _STUN_URI.fullmatch(url) if isinstance(url, str) else None
            if match is None:
                continue
            host, port = match[1].strip("[]"), int(match[2] or 3478)
            with suppress(OSError, OverflowError):
                found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
                return str(found[0][4][0]), port
    return None


def _address_of(url: str) -> tuple[str, int]:
    parsed = httpx.URL(url)
    return parsed.host, parsed.port or (443 if parsed.scheme == "https" else 80)

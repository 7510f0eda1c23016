"""Each way to a server, tried from here."""

import asyncio
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from aioice import stun, turn

from clients.doctor import nat
from clients.doctor.asking import Address, Answer, Asker, ask_by_stream, udp
from clients.doctor.findings import Fault, Finding, Leg, Status, fault_of, host_port
from clients.doctor.scratch import Scratch
from clients.turn import TurnServer

ALLOCATE_SECONDS = 5.0
RELAY_LEGS: Mapping[str, Leg] = {"udp": "relay udp", "tcp": "relay tcp", "tls": "relay tls"}

_REFUSALS = (OSError, ValueError, stun.TransactionError)


async def direct_udp(scratch: Scratch) -> Finding:
    """ICE checks to each of the server's UDP candidates."""
    return await _direct("direct udp", scratch, scratch.udp)


async def direct_tcp(scratch: Scratch) -> Finding:
    """A connection to each of its TCP candidates, and checks within (RFC 6544)."""
    return await _direct("direct tcp", scratch, scratch.tcp)


async def relayed(server: TurnServer, scratch: Scratch | None, tls: ssl.SSLContext) -> Finding:
    """An allocation, and through it checks to the server's media."""
    leg = RELAY_LEGS[server.transport]
    where = host_port((server.host, server.port))
    began = time.perf_counter()
    try:
        async with asyncio.timeout(ALLOCATE_SECONDS):
            endpoint, asker = await turn.create_turn_endpoint(
                Asker,
                (server.host, server.port),
                username=server.username,
                password=server.credential,
                ssl=tls if server.transport == "tls" else None,
                transport="udp" if server.transport == "udp" else "tcp",
            )
    except _REFUSALS as error:
        return _failed(leg, error, where)
    allocated_ms = (time.perf_counter() - began) * 1e3
    try:
        return await _through(leg, asker, scratch, where, allocated_ms)
    finally:
        endpoint.close()


async def reflexive(server: Address) -> tuple[Finding, Address | None]:
    """Our address as a STUN server sees it, by UDP."""
    where = host_port(server)
    try:
        async with udp(remote=server) as asker:
            answer = await asker.ask_again(_binding)
    except _REFUSALS as error:
        return _failed("stun udp", error, where), None
    mapped = answer.message.attributes.get("XOR-MAPPED-ADDRESS")
    if mapped is None:
        return Finding("stun udp", Status.FAILED, "an answer without an address", where, Fault.REFUSED), None
    detail = f"seen as {host_port(mapped)}"
    return Finding("stun udp", Status.OK, detail, where, round_trip_ms=answer.round_trip_ms), mapped


async def nat_behaviour(server: Address) -> Sequence[Finding]:
    """RFC 5780, as far as the server's addresses allow. server: an IP address and port."""
    where = host_port(server)
    try:
        async with udp(remote=server) as connected:
            own_ip = connected.transport.get_extra_info("sockname")[0] if connected.transport else ""
        async with udp(local=(own_ip, 0)) as one, udp(local=(own_ip, 0)) as another:
            local = one.transport.get_extra_info("sockname")[:2] if one.transport else ("", 0)
            mapped, filtered = await asyncio.gather(
                nat.mapping(_asking(one), server, local), nat.filtering(_asking(another), server)
            )
    except OSError as error:
        return [_failed("nat mapping", error, where), _failed("nat filtering", error, where)]
    return [_behaviour("nat mapping", mapped, where), _behaviour("nat filtering", filtered, where)]


def _behaviour(leg: Leg, found: nat.Mapping | nat.Filtering, where: str) -> Finding:
    if found in (nat.Mapping.UNKNOWN, nat.Filtering.UNKNOWN):
        return Finding(leg, Status.SKIPPED, "takes a server with two addresses", where, Fault.NOT_OFFERED)
    return Finding(leg, Status.OK, found.value, where)


async def _direct(leg: Leg, scratch: Scratch, candidates: Sequence[Address]) -> Finding:
    """The best of the candidates that answer, or what is wrong with the first."""
    if not candidates:
        return Finding(leg, Status.SKIPPED, "the server has no such candidate", fault=Fault.NOT_OFFERED)
    tried = await asyncio.gather(*(_candidate(leg, scratch, candidate) for candidate in candidates))
    answered = [finding for finding in tried if finding.status is Status.OK]
    if not answered:
        return tried[0]
    best = min(answered, key=lambda finding: finding.round_trip_ms or 0)
    silent = ", ".join(finding.where for finding in tried if finding not in answered)
    return replace(best, detail=f"{best.detail}; none at {silent}") if silent else best


async def _candidate(leg: Leg, scratch: Scratch, candidate: Address) -> Finding:
    where = host_port(candidate)
    setup_ms: float | None = None
    try:
        if leg == "direct tcp":
            answer, setup_ms = await ask_by_stream(candidate, scratch.check, framed=True)
        else:
            async with udp(remote=candidate) as asker:
                answer = await asker.ask_again(scratch.check)
    except _REFUSALS as error:
        return _failed(leg, error, where)
    return _checked(leg, scratch, answer, where, setup_ms)


async def _through(leg: Leg, asker: Asker, scratch: Scratch | None, where: str, allocated_ms: float) -> Finding:
    """Checks to the media candidates of the relayed address's family: the relay has no way to others."""
    if scratch is None or not scratch.udp:
        return Finding(leg, Status.OK, "allocated; nothing to reach through it was known", where, None, allocated_ms)
    faults = []
    for candidate in scratch.udp:
        try:
            answer = await asker.ask_again(scratch.check, candidate)
        except _REFUSALS as error:
            faults.append(f"{host_port(candidate)}: {fault_of(error)[1]}")
            continue
        return _checked(leg, scratch, answer, where, allocated_ms)
    detail = f"allocated, but no way to {'; '.join(faults)}"
    return Finding(leg, Status.FAILED, detail, where, Fault.NOT_THROUGH, allocated_ms)


def _checked(leg: Leg, scratch: Scratch, answer: Answer, where: str, setup_ms: float | None) -> Finding:
    if not scratch.is_answered_by(answer.message):
        return Finding(leg, Status.FAILED, "something else answers there", where, Fault.REFUSED, setup_ms)
    return Finding(leg, Status.OK, "checks answered", where, None, setup_ms, answer.round_trip_ms)


def _failed(leg: Leg, error: BaseException, where: str) -> Finding:
    fault, words = fault_of(error)
    return Finding(leg, Status.FAILED, words, where, fault)


def _binding() -> stun.Message:
    return stun.Message(stun.Method.BINDING, stun.Class.REQUEST)


def _asking(asker: Asker) -> nat.Ask:
    async def ask(server: Address, change: int) -> nat.Binding | None:
        def request() -> stun.Message:
            binding = _binding()
            if change:
                binding.attributes["CHANGE-REQUEST"] = change
            return binding

        try:
            answer = await asker.ask(request, server, tries=3)
        except (TimeoutError, *_REFUSALS):
            return None
        attributes = answer.message.attributes
        mapped = attributes.get("XOR-MAPPED-ADDRESS") or attributes.get("MAPPED-ADDRESS")
        return nat.Binding(mapped, attributes.get("OTHER-ADDRESS")) if mapped else None

    return ask

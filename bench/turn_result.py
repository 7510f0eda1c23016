"""What the findings of the load generator say about relaying: medians over the turns, as one object."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Findings = Mapping[str, Any]
"""JSON of the load generator."""


def result(
    load: Findings, relayed: Mapping[str, Findings], hop: Findings, allocations: Findings, coturn_version: str
) -> dict[str, Any]:
    """load: what was asked for. relayed: findings of `relay`, by the prefix of their keys. The others: as named."""
    servers = [(prefix, server) for prefix, findings in relayed.items() for server in findings["servers"]]
    costs: dict[str, Any] = {}
    for prefix, server in servers:
        name = _key(server["name"], prefix)
        costs[name], costs[f"{name}_spread"] = _median(_costs(server)), _spread(_costs(server))
    for prefix, findings in relayed.items():
        costs[f"{prefix}ratio"] = _ratio(_costs(_server(findings, "sluice")), _costs(_server(findings, "coturn")))
    hops, forwarded = hop_costs(hop), [*hop["direct"], *hop["relayed"]]
    ours, theirs = _server(allocations, "sluice"), _server(allocations, "coturn")
    return {
        "bench": "turn",
        **load,
        "coturn_version": coturn_version,
        **costs,
        "hop_us": _median(hops),
        "hop_us_spread": _spread(hops),
        "forward_us": _median([_per(turn["cpu_ns"], turn["delivered"]) for turn in hop["direct"]]),
        "allocations_per_second": _rate(ours),
        "coturn_allocations_per_second": _rate(theirs),
        "allocation_cpu_us": _allocation_cost(ours),
        "coturn_allocation_cpu_us": _allocation_cost(theirs),
        "delivered": _delivered(server for _, server in servers if server["name"] == "sluice"),
        "coturn_delivered": _delivered(server for _, server in servers if server["name"] == "coturn"),
        "hop_delivered": _share([(turn["sent"], turn["delivered"]) for turn in forwarded]),
        "corrupt": sum(part["corrupt"] for part in (*(server for _, server in servers), *forwarded)),
        "p99_ms": _server(relayed[""], "sluice")["p99_ms"],
        "coturn_p99_ms": _server(relayed[""], "coturn")["p99_ms"],
    }


def _key(server: str, prefix: str) -> str:
    match server, prefix:
        case "sluice", "":
            return "cpu_us_per_packet"
        case "sluice", _:
            return f"{prefix}us"
        case "bare", _:
            return f"{prefix}floor_us"
        case _:
            return f"{server}_{prefix}us"


def hop_costs(hop: Findings) -> list[float]:
    """
    CPU microseconds of one passage between relay and SFU, for each pair of turns. A packet makes two: from its
    publisher in, and out to its viewer.
    """
    return [
        (_per(relayed["cpu_ns"], relayed["delivered"]) - _per(direct["cpu_ns"], direct["delivered"])) / 2
        for direct, relayed in zip(hop["direct"], hop["relayed"], strict=True)
    ]


def _server(findings: Findings, name: str) -> Findings:
    server: Findings = next(server for server in findings["servers"] if server["name"] == name)
    return server


def _costs(server: Findings) -> list[float]:
    """CPU microseconds per relayed packet, of each turn: those that reached the peer and those that came back."""
    return [_per(turn["cpu_ns"], turn["at_peer"] + turn["at_client"]) for turn in server["turns"]]


def _rate(server: Findings) -> int:
    rates: list[float] = [turn["allocations"] / turn["elapsed_ns"] * 1e9 for turn in server["turns"]]
    return round(statistics.median(rates))


def _delivered(servers: Iterable[Findings]) -> float:
    return _share([(turn["sent"], turn["at_client"]) for server in servers for turn in server["turns"]])


def _allocation_cost(server: Findings) -> float:
    return _median([_per(turn["cpu_ns"], turn["allocations"]) for turn in server["turns"]])


def _per(nanoseconds: int, count: int) -> float:
    return nanoseconds / 1000 / max(1, count)


def _median(values: Sequence[float]) -> float:
    return round(statistics.median(values), 3)


def _spread(values: Sequence[float]) -> list[float]:
    return [round(min(values), 3), round(max(values), 3)]


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    return round(statistics.median(ours) / statistics.median(theirs), 2)


def _share(counts: Sequence[tuple[int, int]]) -> float:
    return round(sum(arrived for _, arrived in counts) / max(1, sum(sent for sent, _ in counts)), 6)

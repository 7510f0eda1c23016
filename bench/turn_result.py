"""What the findings of the load generator say about relaying: medians over the turns, as one object."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

Findings = Mapping[str, Any]
"""JSON of the load generator."""


def result(
    load: Findings, udp: Findings, tls: Findings, hop: Findings, allocations: Findings, coturn_version: str
) -> dict[str, Any]:
    """load: what was asked for. udp, tls: findings of `relay`, one per carrier. hop and allocations: of those."""
    ours, theirs, bare = (_server(udp, name) for name in ("sluice", "coturn", "bare"))
    ours_tls, theirs_tls = _server(tls, "sluice"), _server(tls, "coturn")
    floor = _costs(bare["turns"])
    cost, coturn, secure, coturn_secure = (_costs(server["turns"]) for server in (ours, theirs, ours_tls, theirs_tls))
    hops = hop_costs(hop)
    rates, coturn_rates = (_rates(_server(allocations, name)) for name in ("sluice", "coturn"))
    relayed = [turn for server in (ours, theirs, bare, ours_tls, theirs_tls) for turn in server["turns"]]
    forwarded = [*hop["direct"], *hop["relayed"]]
    return {
        "bench": "turn",
        **load,
        "coturn_version": coturn_version,
        "cpu_us_per_packet": _median(cost),
        "cpu_us_spread": _spread(cost),
        "coturn_us": _median(coturn),
        "coturn_us_spread": _spread(coturn),
        "ratio": _ratio(cost, coturn),
        "floor_us": _median(floor),
        "floor_us_spread": _spread(floor),
        "hop_us": _median(hops),
        "hop_us_spread": _spread(hops),
        "forward_us": _median([_per(turn["cpu_ns"], turn["delivered"]) for turn in hop["direct"]]),
        "tls_us": _median(secure),
        "tls_us_spread": _spread(secure),
        "coturn_tls_us": _median(coturn_secure),
        "coturn_tls_us_spread": _spread(coturn_secure),
        "tls_ratio": _ratio(secure, coturn_secure),
        "allocations_per_second": round(statistics.median(rates)),
        "coturn_allocations_per_second": round(statistics.median(coturn_rates)),
        "allocation_cpu_us": _allocation_cost(_server(allocations, "sluice")),
        "coturn_allocation_cpu_us": _allocation_cost(_server(allocations, "coturn")),
        "delivered": _share([(turn["sent"], turn["at_client"]) for turn in relayed]),
        "hop_delivered": _share([(turn["sent"], turn["delivered"]) for turn in forwarded]),
        "corrupt": sum(part["corrupt"] for part in (ours, theirs, bare, ours_tls, theirs_tls, *forwarded)),
        "p99_ms": ours["p99_ms"],
        "coturn_p99_ms": theirs["p99_ms"],
    }


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


def _costs(turns: Sequence[Findings]) -> list[float]:
    """CPU microseconds per relayed packet, of each turn: those that reached the peer and those that came back."""
    return [_per(turn["cpu_ns"], turn["at_peer"] + turn["at_client"]) for turn in turns]


def _rates(server: Findings) -> list[float]:
    return [turn["allocations"] / turn["elapsed_ns"] * 1e9 for turn in server["turns"]]


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

"""What the findings of the load generator and the joins of a storm say about calls, as one object."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Findings = Mapping[str, Any]
"""JSON of the load generator. The last of its windows is that of the storm, if there was one."""


@dataclass(frozen=True, slots=True)
class Storm:
    """Joins into a room that is live. `ready` and `first`: seconds from opening the WebSocket of each that succeeded
    until the keys were there, and until the first media packet opened.
    """

    joiners: int
    ready: Sequence[float] = ()
    first: Sequence[float] = ()
    elapsed: float = 0.0
    """Seconds from the first joiner's start to the last one's first packet."""
    client_cpu: float = 0.0
    """CPU seconds of the joiners' own process meanwhile."""
    loop_cpu: float = 0.0
    """CPU seconds of the server's event loop meanwhile, with all else it did."""


def result(load: Mapping[str, Any], findings: Findings, storm: Storm) -> dict[str, Any]:
    """load: what was asked for."""
    windows = findings["windows"]
    calm = windows[:-1] if storm.joiners else windows
    costs = [window["cpu_us"] / max(1, window["received"]) for window in calm]
    return {
        "bench": "room",
        **load,
        "packets_in_per_second": _rate(calm, "published", load["duration"]),
        "packets_out_per_second": _rate(calm, "received", load["duration"]),
        "cpu_us_per_packet": round(statistics.median(costs), 3),
        "cpu_us_spread": [round(min(costs), 3), round(max(costs), 3)],
        "delivered": _delivered(calm),
        "p50_ms": statistics.median(window["p50_ms"] for window in calm),
        "p99_ms": statistics.median(window["p99_ms"] for window in calm),
        **{key: findings[key] for key in ("corrupt", "replayed", "starved", "resent", "keyframe_requests")},
        "storm": _storm(storm, windows[-1]) if storm.joiners else None,
    }


def is_good(outcome: Mapping[str, Any]) -> bool:
    """Whether nobody missed anything worth mentioning, and all came in."""
    storm = outcome["storm"]
    calm = outcome["delivered"] >= 0.999 and not outcome["corrupt"] and not outcome["starved"]
    return calm and (storm is None or (storm["delivered"] >= 0.999 and storm["joined"] == outcome["joiners"]))


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest of the values that so many percent do not exceed; 0 of none."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)] if ordered else 0.0


def _storm(storm: Storm, window: Findings) -> dict[str, Any]:
    return {
        "joined": len(storm.first),
        "joins_per_second": round(len(storm.first) / storm.elapsed, 1) if storm.elapsed else 0.0,
        "ready_p50_s": round(percentile(storm.ready, 50), 3),
        "ready_p95_s": round(percentile(storm.ready, 95), 3),
        "first_packet_p50_s": round(percentile(storm.first, 50), 3),
        "first_packet_p95_s": round(percentile(storm.first, 95), 3),
        "delivered": _delivered([window]),
        "p50_ms": window["p50_ms"],
        "p99_ms": window["p99_ms"],
        "loop_cpu_ms_per_join": round(1000 * storm.loop_cpu / storm.joiners, 2),
        "client_cpu_s": round(storm.client_cpu, 2),
        "elapsed_s": round(storm.elapsed, 2),
        "server_cpu_s": round(window["cpu_us"] / 1e6, 2),
    }


def _rate(windows: Sequence[Findings], key: str, seconds: float) -> int:
    total: int = sum(window[key] for window in windows)
    return round(total / seconds)


def _delivered(windows: Sequence[Findings]) -> float:
    expected: int = sum(window["expected"] for window in windows)
    received: int = sum(window["received"] for window in windows)
    return round(received / max(1, expected), 6)

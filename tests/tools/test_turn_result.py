"""What the relay bench makes of its findings."""

from typing import Any

import pytest

from bench.turn_result import hop_costs, result

LOAD = {"clients": 2, "rate": 240, "burst": 8, "size": 1200, "duration": 1.0}


def server(name: str, *cpu_us: int, lost: int = 0, corrupt: int = 0) -> dict[str, Any]:
    """A server that relayed 50 packets there and, but for those lost, back, in turns that cost this much."""
    turns = [{"cpu_ns": cost * 1000, "sent": 50, "at_peer": 50, "at_client": 50 - lost} for cost in cpu_us]
    return {"name": name, "corrupt": corrupt, "p50_ms": 1.0, "p99_ms": 2.0, "turns": turns}


def allocator(name: str, milliseconds: int) -> dict[str, Any]:
    return {"name": name, "turns": [{"allocations": 1000, "elapsed_ns": milliseconds * 10**6, "cpu_ns": 10**9}]}


def way(*cpu_us: int) -> list[dict[str, int]]:
    return [{"cpu_ns": cost * 1000, "sent": 100, "delivered": 100, "corrupt": 0} for cost in cpu_us]


def summary(**udp: list[dict[str, Any]]) -> dict[str, Any]:
    relayed = {
        "": udp.get(
            "servers", [server("sluice", 300, 900, 400), server("coturn", 1000, 1200, 900), server("bare", 200)]
        ),
        "plain_": [server("sluice", 500), server("coturn", 1000), server("bare", 400)],
        "tls_": [server("sluice", 800), server("coturn", 1600)],
    }
    return result(
        LOAD,
        {prefix: {"servers": servers} for prefix, servers in relayed.items()},
        hop={"direct": way(500, 600, 700), "relayed": way(600, 900, 790)},
        allocations={"servers": [allocator("sluice", 500), allocator("coturn", 1000)]},
        coturn_version="4.6.1",
    )


def test_costs_are_medians_over_the_turns_of_every_packet_that_arrived_either_way() -> None:
    found = summary()
    assert (found["cpu_us_per_packet"], found["cpu_us_per_packet_spread"]) == (4.0, [3.0, 9.0])
    assert (found["coturn_us"], found["ratio"], found["floor_us"]) == (10.0, 0.4, 2.0)
    assert (found["plain_us"], found["coturn_plain_us"], found["plain_floor_us"]) == (5.0, 10.0, 4.0)
    assert (found["plain_ratio"], found["plain_us_spread"]) == (0.5, [5.0, 5.0])
    assert (found["tls_us"], found["coturn_tls_us"], found["tls_ratio"]) == (8.0, 16.0, 0.5)
    assert (found["allocations_per_second"], found["coturn_allocations_per_second"]) == (2000, 1000)
    assert found["allocation_cpu_us"] == 1000.0


def test_a_hop_is_half_of_what_a_packet_costs_more_on_the_way_through_the_relay_turn_by_turn() -> None:
    found = summary()
    assert hop_costs({"direct": way(500, 600), "relayed": way(600, 900)}) == [0.5, 1.5]
    assert (found["hop_us"], found["forward_us"]) == (0.5, 6.0)


def test_a_lost_or_damaged_packet_shows() -> None:
    servers = [server("sluice", 300, lost=1), server("coturn", 1000, corrupt=3), server("bare", 100, lost=5)]
    found = summary(servers=servers)
    assert found["delivered"] == pytest.approx(1 - 1 / 150, abs=1e-6)
    assert (found["coturn_delivered"], found["corrupt"]) == (1.0, 3)
    assert summary()["delivered"] == 1.0


def test_what_the_load_was_stands_beside_what_was_found() -> None:
    found = summary()
    assert {key: found[key] for key in LOAD} == LOAD
    assert found["bench"] == "turn"

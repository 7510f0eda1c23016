"""What the bench of calls makes of its findings."""

from typing import Any

import pytest

from bench.room_result import Storm, is_good, percentile, result

LOAD = {"participants": 3, "joiners": 0, "duration": 2.0}


def window(cpu_us: int, received: int, expected: int = 100, p99_ms: float = 2.0) -> dict[str, Any]:
    return {
        "cpu_us": cpu_us,
        "published": 50,
        "expected": expected,
        "received": received,
        "p50_ms": 1.0,
        "p99_ms": p99_ms,
    }


def findings(*windows: dict[str, Any], corrupt: int = 0, starved: int = 0) -> dict[str, Any]:
    counts = {"corrupt": corrupt, "replayed": 0, "starved": starved, "resent": 4, "keyframe_requests": 5}
    return {"windows": list(windows), **counts}


def test_a_calm_room() -> None:
    outcome = result(LOAD, findings(window(200, 100), window(900, 100), window(300, 100, p99_ms=9.0)), Storm(0))
    assert outcome["bench"] == "room"
    assert (outcome["participants"], outcome["storm"]) == (3, None)
    assert (outcome["packets_in_per_second"], outcome["packets_out_per_second"]) == (75, 150)
    assert (outcome["cpu_us_per_packet"], outcome["cpu_us_spread"]) == (3.0, [2.0, 9.0])
    assert (outcome["delivered"], outcome["p99_ms"]) == (1.0, 2.0)
    assert (outcome["resent"], outcome["keyframe_requests"]) == (4, 5)
    assert is_good(outcome)


def test_a_storm_has_the_last_window_for_itself() -> None:
    storm = Storm(4, ready=[0.1, 0.2, 0.3, 0.4], first=[0.2, 0.3, 0.4, 0.5], elapsed=2.0, client_cpu=0.25, loop_cpu=0.1)
    outcome = result(LOAD | {"joiners": 4}, findings(window(200, 100), window(5_000_000, 99, p99_ms=7.0)), storm)
    assert (outcome["delivered"], outcome["cpu_us_per_packet"]) == (1.0, 2.0)
    assert outcome["storm"] == {
        "joined": 4,
        "joins_per_second": 2.0,
        "ready_p50_s": 0.2,
        "ready_p95_s": 0.4,
        "first_packet_p50_s": 0.3,
        "first_packet_p95_s": 0.5,
        "delivered": 0.99,
        "p50_ms": 1.0,
        "p99_ms": 7.0,
        "elapsed_s": 2.0,
        "loop_cpu_ms_per_join": 25.0,
        "client_cpu_s": 0.25,
        "server_cpu_s": 5.0,
    }
    assert not is_good(outcome)


@pytest.mark.parametrize(
    "worse",
    [
        {"delivered": 0.9989},
        {"corrupt": 1},
        {"starved": 1},
        {"storm": {"joined": 3, "delivered": 1.0}},
        {"storm": {"joined": 4, "delivered": 0.9989}},
    ],
)
def test_what_is_not_good_enough(worse: dict[str, Any]) -> None:
    good = {"joiners": 4, "delivered": 0.999, "corrupt": 0, "starved": 0, "storm": {"joined": 4, "delivered": 0.999}}
    assert is_good(good)
    assert not is_good(good | worse)


def test_nobody_came() -> None:
    outcome = result(LOAD | {"joiners": 4}, findings(window(200, 100), window(200, 100)), Storm(4))
    assert (outcome["storm"]["joined"], outcome["storm"]["joins_per_second"]) == (0, 0.0)
    assert not is_good(outcome)


def test_percentiles_are_values_that_occurred() -> None:
    hundred = [float(value) for value in range(100, 0, -1)]
    assert [percentile(hundred, percent) for percent in (50, 95, 100)] == [50.0, 95.0, 100.0]
    assert (percentile([3.0], 50), percentile([], 95)) == (3.0, 0.0)

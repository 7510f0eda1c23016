"""Two transports shown as one."""

from sfu.combined_stats import combined
from sfu.stats import TransportStats


def snapshot(transport: int, **changes: object) -> TransportStats:
    values: dict[str, object] = {
        "transport": transport,
        "connected": True,
        "encrypted": True,
        "remote": None,
        "idle_ms": 100 * transport,
        "rtt_ms": None,
        "packets_received": 10,
        "bytes_received": 1_000,
        "packets_sent": 20,
        "bytes_sent": 2_000,
        "remb_bps": None,
        "paths": [],
        "tracks": [],
        "egresses": [],
    }
    return TransportStats(**(values | changes))  # type: ignore[typeddict-item, no-any-return]


def test_of_none_there_is_none_and_one_is_itself() -> None:
    only = snapshot(1)
    assert combined([]) is None
    assert combined([only]) is only


def test_amounts_are_added_and_the_worse_counts() -> None:
    both = combined([snapshot(1, rtt_ms=30.0), snapshot(2, rtt_ms=10.0, encrypted=False, remb_bps=500_000)])
    assert both is not None
    assert (both["packets_received"], both["bytes_received"]) == (20, 2_000)
    assert (both["packets_sent"], both["bytes_sent"]) == (40, 4_000)
    assert (both["rtt_ms"], both["remb_bps"], both["idle_ms"]) == (30.0, 500_000, 100)
    assert (both["connected"], both["encrypted"]) == (True, False)

"""The statistics of several transports of one participant, as if they were one."""

from collections.abc import Sequence

from sfu.stats import TransportStats


def combined(snapshots: Sequence[TransportStats]) -> TransportStats | None:
    """Sums, and the worse of what cannot be added; None of none."""
    if len(snapshots) < 2:
        return snapshots[0] if snapshots else None
    first = snapshots[0]
    rtts = [one["rtt_ms"] for one in snapshots if one["rtt_ms"] is not None]
    rates = [one["remb_bps"] for one in snapshots if one["remb_bps"] is not None]
    return {
        **first,
        "connected": all(one["connected"] for one in snapshots),
        "encrypted": all(one["encrypted"] for one in snapshots),
        "idle_ms": min(one["idle_ms"] for one in snapshots),
        "rtt_ms": max(rtts, default=None),
        "packets_received": sum(one["packets_received"] for one in snapshots),
        "bytes_received": sum(one["bytes_received"] for one in snapshots),
        "packets_sent": sum(one["packets_sent"] for one in snapshots),
        "bytes_sent": sum(one["bytes_sent"] for one in snapshots),
        "remb_bps": min(rates, default=None),
        "paths": [path for one in snapshots for path in one["paths"]],
        "tracks": [track for one in snapshots for track in one["tracks"]],
        "egresses": [egress for one in snapshots for egress in one["egresses"]],
    }

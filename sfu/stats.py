"""What the data path counts, as plain values: snapshots a worker refreshes once a second."""

from typing import TypedDict


class LayerStats(TypedDict):
    """One received RTP stream of a track (with what its RTX stream repaired)."""

    layer: int
    rid: str | None
    ssrc: int
    payload_type: int
    active: bool
    packets: int
    bytes: int
    bitrate_bps: int
    frames: int
    frame_rate: float
    keyframes: int
    lost: int
    repaired: int
    duplicates: int
    jitter_ms: float
    nacks_sent: int
    plis_sent: int


class TrackStats(TypedDict):
    """One published track."""

    track: int
    kind: str
    forwarded_layer: int
    layers: list[LayerStats]


class EgressStats(TypedDict):
    """One stream forwarded to one viewer; `loss_fraction` and `jitter_ms` are from its receiver reports. `layer`: what
    it shows of its source, None before its first keyframe.
    """

    egress: int
    source: int | None
    layer: int | None
    packets: int
    bytes: int
    bitrate_bps: int
    retransmitted: int
    nacks_received: int
    plis_received: int
    unmapped: int
    loss_fraction: float
    lost: int
    jitter_ms: float


class PathStats(TypedDict):
    """One 5-tuple on which a client tried to reach its transport; at most 64 are kept, those that tell least go first.

    `protocol` and `id`: as in `sfu._datapath.Path`; within a relay of our own, `via` is the protocol by which its
    client reaches that, and `client` whence, else None. `checks`: ICE checks for the transport's user that came (RFC
    8445, 7.3); `refused`: those of them that were not accepted, by reason: "wrong-username", "bad-fingerprint",
    "bad-integrity", "unknown-attribute", "role-conflict"; `nominations`: those that nominated the path. DTLS datagrams
    and SRTP packets (`media`) count once the path is valid; `media_dropped`: those that could not be opened, because
    there were no keys yet, or they were forged, replayed or malformed. `validated` and `selected` hold at the moment of
    the snapshot. `age_ms`: since something came first, `idle_ms`: since something came last.
    """

    local: tuple[str, int]
    remote: tuple[str, int]
    protocol: str
    id: int
    via: str | None
    client: tuple[str, int] | None
    checks: int
    refused: dict[str, int]
    nominations: int
    validated: bool
    selected: bool
    dtls: int
    media: int
    media_dropped: int
    age_ms: int
    idle_ms: int


class RelayStats(TypedDict):
    """One TURN allocation: payloads received from its client and sent to it, and packets of either way that were
    dropped. `bytes_*` count what peers send and get, without what wraps it.
    """

    relay: int
    packets_received: int
    bytes_received: int
    packets_sent: int
    bytes_sent: int
    dropped: int


class TransportStats(TypedDict):
    """One transport. `rtt_ms` is None until a report has measured it; `idle_ms` counts since the last valid check."""

    transport: int
    connected: bool
    encrypted: bool
    remote: tuple[str, int] | None
    idle_ms: int
    rtt_ms: float | None
    packets_received: int
    bytes_received: int
    packets_sent: int
    bytes_sent: int
    remb_bps: int | None
    paths: list[PathStats]
    tracks: list[TrackStats]
    egresses: list[EgressStats]

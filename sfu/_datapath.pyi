# ruff: noqa: PYI021 - there is no Python source that could hold these docstrings
"""The typed face of the Rust data path (`datapath/`).

Python decides, Rust moves packets: everything here is called per change or per batch, never per packet. Commands are
queued to the worker that owns the id and take effect in order; a command naming something already gone is ignored and
counted (such races are normal), an argument that can never be right raises ValueError. RuntimeError: the engine is
closed, or so many commands wait that its workers cannot be working.

`Engine` runs worker threads over real sockets. `Core` is one such worker's core without threads, sockets or clock, for
tests in virtual time. Both take the same commands.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias, final

from typing_extensions import disjoint_base

from sfu.stats import PathStats, RelayStats, TransportStats

__all__ = [
    "AudioLevels",
    "Core",
    "DtlsReceived",
    "EgressSpec",
    "Engine",
    "Event",
    "HttpAccepted",
    "IceConnected",
    "LayerChanged",
    "Path",
    "PeerArrived",
    "PeerConnected",
    "PeerFailed",
    "RelayListener",
    "RelaySocket",
    "SrtpSession",
    "StreamClosed",
    "StunReceived",
    "TrackSpec",
    "TransportClosed",
    "_Commands",
]

@final
class TrackSpec:
    """What a publisher's m-section says about one track.

    kind: "audio" or "video". mid: its `a=mid`, or None if the offer has none. codecs: one entry per negotiated payload
    type, `(payload_type, codec, clock_rate, rtx_payload_type | None)` with codec one of "opus", "red", "vp8", "vp9",
    "h264", "h265", "av1", "pcmu", "pcma", "g722", "other". ssrcs: `(ssrc, rtx_ssrc | None)` per layer, lowest first,
    where the offer names them. rids: per layer, lowest first, where it names those. With neither, the stream is known
    by mid or by payload type. nack, pli, fir, twcc, remb: the feedback that was negotiated.
    """

    def __new__(
        cls,
        *,
        kind: str,
        mid: str | None,
        codecs: Sequence[tuple[int, str, int, int | None]],
        ssrcs: Sequence[tuple[int, int | None]] = ...,
        rids: Sequence[str] = ...,
        nack: bool = ...,
        pli: bool = ...,
        fir: bool = ...,
        twcc: bool = ...,
        remb: bool = ...,
    ) -> TrackSpec: ...

@final
class EgressSpec:
    """One stream towards a viewer: kind "audio" or "video", the viewer's mid, our SSRC (and RTX SSRC), and our CNAME.

    nack says whether the viewer negotiated generic NACK (then what was sent is kept for a second or two).
    """

    def __new__(
        cls,
        *,
        kind: str,
        mid: str | None,
        ssrc: int,
        rtx_ssrc: int | None = ...,
        cname: str,
        nack: bool = ...,
    ) -> EgressSpec: ...

@final
class Path:
    """Where a datagram comes from or goes to: our address, the other side's, and what carries it between them.

    protocol: "udp"; "tcp" or "tls" (id: the connection's); "relay", within an allocation of our own (id: the
    allocation's; remote: its relayed transport address; local: what its client calls us); "relay-socket", between a
    relayed transport address and a peer. Equal if all of that is, and hashable.
    """

    def __new__(
        cls,
        local: tuple[str, int],
        remote: tuple[str, int],
        protocol: str = ...,
        id: int = ...,  # noqa: A002 - what it is called everywhere else
    ) -> Path: ...
    @property
    def local(self) -> tuple[str, int]: ...
    @property
    def remote(self) -> tuple[str, int]: ...
    @property
    def protocol(self) -> str: ...
    @property
    def id(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class RelaySocket:
    """A UDP socket for a relayed transport address, which nobody shares. It is closed with this object, unless
    `add_relay` has taken it: then when the allocation ends.
    """

    def __new__(cls, host: str, port: int) -> RelaySocket:
        """Bind it; port 0 is the system's choice. OSError: it cannot be bound."""

    @property
    def address(self) -> tuple[str, int]:
        """What it is bound to, with the real port."""

@final
class RelayListener:
    """The same for the TCP connections of one allocation with its peers (RFC 6062): those that come in, and, from the
    same address, those that go out.
    """

    def __new__(cls, host: str, port: int) -> RelayListener:
        """Bind it; port 0 is the system's choice. OSError: it cannot be bound."""

    @property
    def address(self) -> tuple[str, int]:
        """What it is bound to, with the real port."""

@final
class DtlsReceived:
    """A DTLS datagram from a validated 5-tuple."""

    @property
    def transport(self) -> int: ...
    @property
    def data(self) -> bytes: ...

@final
class IceConnected:
    """The first authenticated check that selected a 5-tuple arrived (or a later one moved it)."""

    @property
    def transport(self) -> int: ...
    @property
    def path(self) -> Path: ...

@final
class TransportClosed:
    """The data path dropped a transport on its own. reason: "consent-expired" or "internal-error".

    paths: where its client had tried to reach it.
    """

    @property
    def transport(self) -> int: ...
    @property
    def reason(self) -> str: ...
    @property
    def paths(self) -> list[PathStats]: ...

@final
class LayerChanged:
    """A layer of a track began (active) or stopped (not active for about a second) arriving."""

    @property
    def track(self) -> int: ...
    @property
    def layer(self) -> int: ...
    @property
    def rid(self) -> str | None: ...
    @property
    def active(self) -> bool: ...

@final
class AudioLevels:
    """Who was heard lately, by what publishers say of their packets (RFC 6464); of each worker at most every 200 ms,
    and only while anybody is louder than silence.

    levels: (track, its loudest level in -dBov: 0 is the loudest, how long it was above silence in ms of the 200 ms) of
    each audio track that had a packet below 60, which is where silence begins.
    """

    @property
    def levels(self) -> list[tuple[int, int, int]]: ...

@final
class StunReceived:
    """A STUN message (RFC 8489) with a sound header that is neither an ICE check nor a Send indication."""

    @property
    def path(self) -> Path: ...
    @property
    def data(self) -> bytes: ...

@final
class StreamClosed:
    """A TCP or TLS connection that carried STUN messages has ended. stream: the `Path.id` it had."""

    @property
    def stream(self) -> int: ...

@final
class PeerConnected:
    """A connection that `connect_peer` asked for is there."""

    @property
    def relay(self) -> int: ...
    @property
    def connection(self) -> int: ...
    @property
    def peer(self) -> tuple[str, int]: ...

@final
class PeerFailed:
    """It could not be made, or a peer's connection ended before anybody joined it."""

    @property
    def relay(self) -> int: ...
    @property
    def connection(self) -> int: ...

@final
class PeerArrived:
    """A peer that is permitted has connected to an allocation (RFC 6062, 5.3)."""

    @property
    def relay(self) -> int: ...
    @property
    def connection(self) -> int: ...
    @property
    def peer(self) -> tuple[str, int]: ...

@final
class HttpAccepted:
    """What came over TLS is HTTP."""

    @property
    def local(self) -> tuple[str, int]: ...
    @property
    def remote(self) -> tuple[str, int]: ...
    def detach(self) -> int:
        """A descriptor of a stream socket with the decrypted bytes, which is the caller's to close; once only.

        RuntimeError: it was taken. If nobody takes it, the connection ends with this object.
        """

Event: TypeAlias = (
    DtlsReceived
    | IceConnected
    | TransportClosed
    | LayerChanged
    | AudioLevels
    | StunReceived
    | StreamClosed
    | HttpAccepted
    | PeerConnected
    | PeerFailed
    | PeerArrived
)

@disjoint_base
class _Commands:
    def add_transport(self, *, ufrag: str, pwd: str, remote_ufrag: str, extensions: Mapping[str, int]) -> int:
        """A new transport that waits for checks to `ufrag`; its id.

        ufrag: ours, at least 4 characters, pwd: ours, at least 22 (RFC 8445, 5.3). extensions: RTP header extension URI
        to id (1..255), as negotiated for the BUNDLE group; URIs the data path does not know are ignored.
        """

    def set_extensions(self, transport: int, extensions: Mapping[str, int]) -> None:
        """A later offer of the same connection agreed on these, as in `add_transport`. What was agreed on before stays:
        a URI keeps its id, and an id its URI, for the whole session (RFC 8285, 5); what contradicts that is ignored.
        Before the tracks that need them are published.
        """

    def set_dtls_rate(self, transport: int, datagrams_per_second: int) -> None:
        """Let so many DTLS datagrams (1..100,000) pass as DtlsReceived per second, and as many at once; 50 at first.

        More, and datagrams beyond 4,096 bytes, are dropped and counted. Of all events that wait, DtlsReceived are at
        most half, and at most 256 of one transport: what is beyond is dropped, too, since DTLS or SCTP repeats it.
        """

    def restart_ice(self, transport: int, *, ufrag: str, pwd: str, remote_ufrag: str) -> None:
        """New credentials; the old ones serve until the first valid check with the new."""

    def remove_transport(self, transport: int) -> None: ...
    def send_dtls(self, transport: int, data: bytes) -> None:
        """One DTLS datagram to the selected (else latest validated) 5-tuple; dropped and counted if there is none."""

    def install_keys(self, transport: int, profile: str, receive: bytes, send: bytes) -> None:
        """Start SRTP. profile: RFC 5764/7714 name, e.g. "SRTP_AEAD_AES_128_GCM"; receive, send: master key + salt.
        Once per transport; a second time is ignored, or packet indices would begin again under one key.

        ValueError: unknown profile or wrong length.
        """

    def publish(self, transport: int, track: TrackSpec) -> int:
        """The transport publishes this track; the track's id."""

    def unpublish(self, track: int) -> None: ...
    def forward_layer(self, track: int, layer: int) -> None:
        """Viewers of the track without a choice of their own move to this layer at its next keyframe, which is asked
        for. At first: the lowest. A layer the track does not have is ignored and counted.
        """

    def choose_layer(self, egress: int, layer: int | None) -> None:
        """This viewer moves to this layer (0..7) of its track at that layer's next keyframe, which is asked for; None:
        to what `forward_layer` says. Until then it stays where it is, and it stays on a layer that stops: LayerChanged
        tells. A layer the track does not have is ignored and counted.
        """

    def subscribe(self, transport: int, egress: EgressSpec) -> int:
        """The transport can be sent this stream; the egress's id. Silent until `set_source`, and for good if the
        transport ever had an egress of one of its SSRCs: packet indices would begin again under one key.
        """

    def set_source(
        self,
        egress: int,
        track: int | None,
        payload_types: Mapping[int, tuple[int, int | None]] = ...,
        layer: int | None = ...,
    ) -> None:
        """Feed the egress from a track (None: from nothing), with this choice of a layer; see `choose_layer`.

        payload_types: the publisher's payload type to the viewer's `(payload_type, rtx_payload_type | None)`; packets
        of other payload types are dropped and counted. Sequence numbers, timestamps and picture ids continue across
        sources.
        """

    def unsubscribe(self, egress: int) -> None: ...
    def request_keyframe(self, track: int) -> None:
        """Of every layer that somebody sees. Coalesced and throttled like a viewer's own PLI."""

    def send(self, path: Path, data: bytes) -> None:
        """One STUN message to a client, on a path by udp, tcp or tls."""

    def close_stream(self, stream: int) -> None:
        """End a TCP or TLS connection; nothing happens if it has ended."""

    def add_relay(
        self,
        client: Path,
        relayed: Sequence[
            tuple[str, int] | RelaySocket | RelayListener | tuple[RelaySocket | RelayListener, tuple[str, int]]
        ],
        *,
        max_bps: int = ...,
    ) -> int:
        """A TURN allocation for the client on this path; its id. It relays nothing until something is permitted.

        relayed: its relayed transport addresses, at most one per family. One that is no more than an address has
        nothing listen there: our own media address and other allocations are its peers. A socket or listener is taken
        over; with an address beside it, that is what clients are told (behind a NAT), and what `Path.local` is.
        max_bps: bits per second in each direction, 0 for no limit. ValueError: two of a family, or a socket that was
        taken before. OSError: the system watches no more sockets.
        """

    def connect_peer(self, relay: int, peer: tuple[str, int]) -> int:
        """Connect an allocation that has a RelayListener to a peer (RFC 6062, 5.2); the connection's id.

        PeerConnected or PeerFailed follows, within 30 s.
        """

    def join_peer(self, connection: int, client: Path) -> None:
        """The peer's connection and the client's, on a path by tcp or tls, become one: what comes from either goes to
        the other (RFC 6062, 5.4). StreamClosed tells the end of both. One that nobody joins within 30 s has failed.

        ValueError: the path is not a connection's.
        """

    def close_peer(self, connection: int) -> None:
        """End it, and the client's it is joined to; nothing happens if it has ended."""

    def move_relay(self, relay: int, client: Path) -> None:
        """The client is on another path from now on (RFC 8016)."""

    def remove_relay(self, relay: int) -> None: ...
    def permit(self, relay: int, ip: str, *, inside: bool = ...) -> None:
        """Packets to and from this address pass, whatever the port (RFC 8656, 9).

        inside: only to and from our own media port and other allocations, not through a relay socket.
        """

    def forbid(self, relay: int, ip: str) -> None:
        """They no longer do."""

    def bind_channel(self, relay: int, channel: int, peer: tuple[str, int]) -> None:
        """The channel, 0x4000 to 0x7fff, stands for the peer (RFC 8656, 12). It permits nothing by itself."""

    def unbind_channel(self, relay: int, channel: int) -> None: ...
    def set_own_addresses(self, addresses: Sequence[tuple[str, int]]) -> None:
        """What peers call our media port: what relays have for one of these takes the hop inside."""

    def drain_events(self, limit: int = ...) -> list[Event]: ...
    def stats(self) -> list[TransportStats]:
        """The latest snapshot, at most about a second old."""

    def transport_stats(self, transport: int) -> TransportStats | None:
        """The same of one transport; None before it is first in a snapshot, and when it is gone."""

    def relay_stats(self) -> list[RelayStats]:
        """The latest snapshot of every allocation, in any order, at most about a second old."""

    def counters(self) -> dict[str, int]:
        """Totals since start, by stable snake_case name: what came, what left, every reason a packet was dropped.

        At most about a second old.
        """

@final
class Engine(_Commands):
    """Worker threads that own the media sockets. They never take the GIL."""

    def __new__(
        cls,
        listen: Sequence[tuple[str, int]],
        *,
        tcp: bool = ...,
        tls: Sequence[tuple[str, int]] = ...,
        proxies: Sequence[str] = ...,
        workers: int = ...,
        event_capacity: int = ...,
        receive_buffer: int = ...,
        send_buffer: int = ...,
        stun_rate: int = ...,
        max_streams: int = ...,
        max_streams_per_source: int = ...,
    ) -> Engine:
        """Bind every (host, port) by UDP (port 0: the system's choice, the same for all) and start the workers.

        tcp: listen by TCP as well, at the same addresses and ports, for ICE (RFC 6544) and TURN. tls: where to listen
        by TLS, for TURN and HTTP, chosen by ALPN or else by the first byte; nobody is let in before `set_certificate`.
        proxies: addresses and networks, e.g. "10.0.0.0/8"; who connects from there has to begin with a header of the
        PROXY protocol, version 2, and nobody else may. workers: 0 means one per core. stun_rate: how many StunReceived
        per second each of them lets an IPv4 address or a /56 of IPv6 cause, 200 by default, twice as many at once; the
        rest is dropped and counted. max_streams: connections at most, 4,096 by default; max_streams_per_source: those
        of an IPv4 address or a /56 of IPv6, 512. OSError: an address cannot be bound.
        """

    @property
    def local_addresses(self) -> list[tuple[str, int]]: ...
    @property
    def tls_addresses(self) -> list[tuple[str, int]]: ...
    def set_certificate(self, certificate: bytes, key: bytes) -> None:
        """New TLS connections show this certificate; those there are go on. Both PEM; the certificate is followed by
        those that lead to its root.

        ValueError: which of them is wrong, and how; the certificate so far stays.
        """

    @property
    def workers(self) -> int: ...
    @property
    def event_fd(self) -> int:
        """Readable while events wait."""

    def close(self) -> None:
        """Stop the threads and close the sockets; idempotent."""

@final
class Core(_Commands):
    """One worker's core in virtual time. `now_us` is microseconds on any monotonic clock, the same for all calls."""

    def __new__(cls) -> Core: ...
    def handle_datagram(self, now_us: int, local: tuple[str, int], remote: tuple[str, int], data: bytes) -> None: ...
    def handle_timeout(self, now_us: int) -> None: ...
    def next_deadline(self) -> int | None: ...
    def poll_transmits(self, now_us: int) -> list[tuple[tuple[str, int], tuple[str, int], bytes]]:
        """`(local, remote, datagram)` for everything to be sent now, in order. Call after every input and command."""

@final
class SrtpSession:
    """One direction-pair of SRTP in Python's hands, for test clients and tools; the same code the core runs."""

    def __new__(cls, profile: str, receive: bytes, send: bytes) -> SrtpSession: ...
    def protect_rtp(self, packet: bytes) -> bytes: ...
    def protect_rtcp(self, packet: bytes) -> bytes: ...
    def unprotect_rtp(self, packet: bytes) -> bytes:
        """ValueError: forged, replayed or malformed."""

    def unprotect_rtcp(self, packet: bytes) -> bytes:
        """ValueError: forged, replayed or malformed."""

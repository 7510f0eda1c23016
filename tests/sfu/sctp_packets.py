"""SCTP packets, chunk by chunk, and those of a real conversation."""

import asyncio
from collections.abc import Callable, Sequence
from struct import pack, unpack_from

from google_crc32c import value as crc32c

from sfu.sctp_association import SCTP_PORT, Association

DATA, INIT, INIT_ACK, SACK, HEARTBEAT, HEARTBEAT_ACK, ABORT, SHUTDOWN, SHUTDOWN_ACK, ERROR = range(10)
COOKIE_ECHO, COOKIE_ACK, SHUTDOWN_COMPLETE, RE_CONFIG, FORWARD_TSN = 10, 11, 14, 130, 192
BEGIN, END, WHOLE, UNORDERED = 2, 1, 3, 4
DCEP, BINARY = 50, 53
PEER_TAG, PEER_TSN = 0x1234, 1000
EXTENSIONS = pack("!HH", 0xC000, 4) + pack("!HHBB", 0x8008, 6, 130, 192) + bytes(2)


def chunk(kind: int, value: bytes = b"", *, flags: int = 0, length: int | None = None) -> bytes:
    """`length` is what it says of itself, if not the truth."""
    head = pack("!BBH", kind, flags, 4 + len(value) if length is None else length)
    return head + value + bytes(-len(value) % 4)


def parameter(kind: int, value: bytes = b"", *, length: int | None = None) -> bytes:
    return pack("!HH", kind, 4 + len(value) if length is None else length) + value + bytes(-len(value) % 4)


def packet(*chunks: bytes, tag: int = 0) -> bytes:
    return signed(pack("!HHLL", SCTP_PORT, SCTP_PORT, tag, 0) + b"".join(chunks))


def signed(data: bytes) -> bytes:
    """With the right checksum (RFC 9260, 6.8)."""
    bare = data[:8] + bytes(4) + data[12:]
    return data[:8] + pack("<L", crc32c(bare)) + data[12:]


def init(*parameters: bytes, tag: int = PEER_TAG, streams: int = 1024, tsn: int = PEER_TSN) -> bytes:
    return chunk(INIT, pack("!LLHHL", tag, 131_072, streams, streams, tsn) + b"".join(parameters))


def data(
    tsn: int, payload: bytes, *, stream: int = 0, sequence: int = 0, ppid: int = BINARY, flags: int = WHOLE
) -> bytes:
    return chunk(DATA, pack("!LHHL", tsn, stream, sequence, ppid) + payload, flags=flags)


def dcep_open(label: bytes = b"label", protocol: bytes = b"", *, kind: int = 0) -> bytes:
    return pack("!BBHLHH", 3, kind, 0, 0, len(label), len(protocol)) + label + protocol


def sack(cumulative: int, gaps: Sequence[tuple[int, int]] = (), duplicates: Sequence[int] = ()) -> bytes:
    blocks = b"".join(pack("!HH", *gap) for gap in gaps) + b"".join(pack("!L", tsn) for tsn in duplicates)
    return chunk(SACK, pack("!LLHH", cumulative, 131_072, len(gaps), len(duplicates)) + blocks)


class Peer:
    """A hand-made peer of one `Association`. Its own TSNs begin at `PEER_TSN`; `sent` is what the association said."""

    def __init__(self, *, max_message_size: int = 65_536, max_channels: int = 16) -> None:
        self.sent: list[bytes] = []
        self.timers: list[Callable[[], None]] = []
        self.association = Association(
            "server",
            send=self.sent.append,
            run=self.timers.append,
            max_message_size=max_message_size,
            max_channels=max_channels,
        )
        self.association.connect(SCTP_PORT, 65_536)
        (said,) = self.sent
        self.tag, self.tsn = unpack_from("!L", said, 16)[0], unpack_from("!L", said, 28)[0]

    def establish(self) -> None:
        self.say(init(EXTENSIONS), tag=0)
        at = self.sent[-1].index(pack("!HH", 7, 28))
        self.say(chunk(COOKIE_ECHO, self.sent[-1][at + 4 : at + 28]))
        assert self.association.was_established

    def say(self, *chunks: bytes, tag: int | None = None) -> None:
        self.association.handle_packet(packet(*chunks, tag=self.tag if tag is None else tag))

    def close(self) -> None:
        self.association.abort()


def in_a_loop(step: Callable[[], None]) -> None:
    """aiortc's SCTP wants a running event loop, for its timers."""

    async def run() -> None:
        step()

    asyncio.run(run())

"""The values of the SDP attributes we read and write, one frozen class each.

`parse` takes what follows the attribute's colon and raises only `Malformed`; `str()` gives it back in
canonical form.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sfu.errors import Malformed

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
DIRECTIONS: Mapping[str, Direction] = {
    "sendrecv": "sendrecv",
    "sendonly": "sendonly",
    "recvonly": "recvonly",
    "inactive": "inactive",
}

MAX_SSRC = 0xFFFF_FFFF
# Of one m-section, or of ours in an answer.
MAX_CANDIDATES = 64
_ICE_CHARS = re.compile(r"[A-Za-z0-9+/]+")
_RID = re.compile(r"[A-Za-z0-9_-]{1,255}")


def malformed(detail: str) -> Malformed:
    """The one error of everything here."""
    return Malformed("malformed-sdp", detail)


def number(text: str, what: str, maximum: int, minimum: int = 0) -> int:
    """A plain decimal number. `int()` alone would also take signs, underscores and other scripts' digits."""
    if not (text.isascii() and text.isdigit() and len(text) <= 20 and minimum <= int(text) <= maximum):
        raise malformed(f"{what} is not a number from {minimum} to {maximum}")
    return int(text)


def _fields(value: str, what: str, at_least: int) -> list[str]:
    fields = value.split()
    if len(fields) < at_least:
        raise malformed(f"{what} is too short")
    return fields


@dataclass(frozen=True, slots=True)
class RtpMap:
    """`a=rtpmap` (RFC 8866, 6.6)."""

    payload_type: int
    name: str
    clock_rate: int
    channels: int = 1

    @classmethod
    def parse(cls, value: str) -> "RtpMap":
        payload_type, encoding, *_ = _fields(value, "rtpmap", 2)
        name, _, rest = encoding.partition("/")
        clock_rate, _, channels = rest.partition("/")
        return cls(
            number(payload_type, "payload type", 127),
            name,
            number(clock_rate, "clock rate", 10_000_000, 1),
            number(channels, "channels", 255, 1) if channels else 1,
        )

    def __str__(self) -> str:
        channels = f"/{self.channels}" if self.channels > 1 else ""
        return f"{self.payload_type} {self.name}/{self.clock_rate}{channels}"


@dataclass(frozen=True, slots=True)
class Codec:
    """One payload type with everything an m-section says about it. `format` is the raw `a=fmtp` text."""

    payload_type: int
    name: str
    clock_rate: int
    channels: int = 1
    format: str = ""
    feedback: tuple[str, ...] = ()

    def parameters(self) -> dict[str, str]:
        """`format` as `key=value;…`, keys in lower case; what is not of that shape is left out."""
        pairs = (part.partition("=") for part in self.format.split(";"))
        return {key.strip().lower(): value.strip() for key, equals, value in pairs if equals}


@dataclass(frozen=True, slots=True)
class Extmap:
    """`a=extmap` (RFC 8285, 5)."""

    id: int
    uri: str
    direction: Direction | None = None
    attributes: str = ""

    @classmethod
    def parse(cls, value: str) -> "Extmap":
        id_, uri, *attributes = _fields(value, "extmap", 2)
        id_, slash, direction = id_.partition("/")
        if slash and direction not in DIRECTIONS:
            raise malformed("extmap has an unknown direction")
        # 4096..4351 are placeholders for ids that are still to be agreed on (RFC 8285, 7).
        return cls(number(id_, "extmap id", 4351, 1), uri, DIRECTIONS.get(direction), " ".join(attributes))

    def __str__(self) -> str:
        direction = f"/{self.direction}" if self.direction else ""
        attributes = f" {self.attributes}" if self.attributes else ""
        return f"{self.id}{direction} {self.uri}{attributes}"


@dataclass(frozen=True, slots=True)
class Rid:
    """`a=rid` (RFC 8851, 4). `restrictions` is the raw text after the direction."""

    id: str
    direction: Literal["send", "recv"]
    restrictions: str = ""

    @classmethod
    def parse(cls, value: str) -> "Rid":
        id_, direction, *restrictions = _fields(value, "rid", 2)
        if not _RID.fullmatch(id_):
            raise malformed("rid has an illegal identifier")
        if direction == "send":
            return cls(id_, "send", " ".join(restrictions))
        if direction == "recv":
            return cls(id_, "recv", " ".join(restrictions))
        raise malformed("rid is neither send nor recv")

    def __str__(self) -> str:
        return f"{self.id} {self.direction} {self.restrictions}".rstrip()


@dataclass(frozen=True, slots=True)
class SimulcastId:
    """One rid in `a=simulcast`; paused is the `~` before it."""

    rid: str
    paused: bool = False

    def __str__(self) -> str:
        return f"~{self.rid}" if self.paused else self.rid


# Streams, each with its alternatives in order of preference.
SimulcastStreams = tuple[tuple[SimulcastId, ...], ...]


@dataclass(frozen=True, slots=True)
class Simulcast:
    """`a=simulcast` (RFC 8853, 5.1)."""

    send: SimulcastStreams = ()
    recv: SimulcastStreams = ()

    @classmethod
    def parse(cls, value: str) -> "Simulcast":
        words = value.split()
        if len(words) not in (2, 4) or len(set(words[::2])) != len(words[::2]):
            raise malformed("simulcast is not one or two direction and stream pairs")
        found = {words[at]: _simulcast_streams(words[at + 1]) for at in range(0, len(words), 2)}
        if not found.keys() <= {"send", "recv"}:
            raise malformed("simulcast is neither send nor recv")
        return cls(found.get("send", ()), found.get("recv", ()))

    def __str__(self) -> str:
        sides = (("send", self.send), ("recv", self.recv))
        return " ".join(
            f"{side} " + ";".join(",".join(map(str, alternatives)) for alternatives in streams)
            for side, streams in sides
            if streams
        )


def _simulcast_streams(text: str) -> SimulcastStreams:
    def identifier(word: str) -> SimulcastId:
        rid = word.removeprefix("~")
        if not _RID.fullmatch(rid):
            raise malformed("simulcast has an illegal rid")
        return SimulcastId(rid, word.startswith("~"))

    return tuple(tuple(map(identifier, stream.split(","))) for stream in text.split(";"))


@dataclass(frozen=True, slots=True)
class SsrcGroup:
    """`a=ssrc-group` (RFC 5576, 4.2)."""

    semantics: str
    ssrcs: tuple[int, ...]

    @classmethod
    def parse(cls, value: str) -> "SsrcGroup":
        semantics, *ssrcs = _fields(value, "ssrc-group", 1)
        return cls(semantics, tuple(number(ssrc, "SSRC", MAX_SSRC) for ssrc in ssrcs))

    def __str__(self) -> str:
        return " ".join((self.semantics, *map(str, self.ssrcs)))


@dataclass(frozen=True, slots=True)
class Msid:
    """`a=msid` (RFC 8830, 2)."""

    stream: str
    track: str = ""

    @classmethod
    def parse(cls, value: str) -> "Msid":
        stream, *track = _fields(value, "msid", 1)
        return cls(stream, track[0] if track else "")

    def __str__(self) -> str:
        return f"{self.stream} {self.track}".rstrip()


@dataclass(frozen=True, slots=True)
class IceCredentials:
    """`a=ice-ufrag` and `a=ice-pwd` (RFC 8839, 5.4). The password never shows in a log."""

    ufrag: str
    pwd: str = field(repr=False)

    def __post_init__(self) -> None:
        for text, minimum, what in ((self.ufrag, 4, "ice-ufrag"), (self.pwd, 22, "ice-pwd")):
            if not (minimum <= len(text) <= 256 and _ICE_CHARS.fullmatch(text)):
                raise malformed(f"{what} is not {minimum} to 256 of A-Z, a-z, 0-9, + and /")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """`a=fingerprint` (RFC 8122, 5). `algorithm` is in lower case."""

    algorithm: str
    digest: bytes

    @classmethod
    def parse(cls, value: str) -> "Fingerprint":
        algorithm, digest, *_ = _fields(value, "fingerprint", 2)
        try:
            return cls(algorithm.lower(), bytes.fromhex(digest.replace(":", "")))
        except ValueError:
            raise malformed("fingerprint is not hexadecimal") from None

    def __str__(self) -> str:
        return f"{self.algorithm} {self.digest.hex(':').upper()}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """`a=candidate` (RFC 8839, 5.1). `rest` is everything after the type, kept as it came."""

    foundation: str
    component: int
    transport: str
    priority: int
    address: str = field(repr=False)
    port: int
    type: str
    rest: str = field(default="", repr=False)

    @classmethod
    def parse(cls, value: str) -> "Candidate":
        foundation, component, transport, priority, address, port, typ, type_, *rest = _fields(value, "candidate", 8)
        if typ != "typ" or len(foundation) > 32 or len(address) > 255:
            raise malformed("candidate is not of the known shape")
        return cls(
            foundation,
            number(component, "component", 256, 1),
            transport.lower(),
            number(priority, "priority", 0x7FFF_FFFF),
            address,
            number(port, "port", 0xFFFF),
            type_,
            " ".join(rest),
        )

    def __str__(self) -> str:
        head = f"{self.foundation} {self.component} {self.transport} {self.priority} {self.address} {self.port}"
        return f"{head} typ {self.type} {self.rest}".rstrip()


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """`b=` (RFC 8866, 5.8): AS and CT in kbit/s, TIAS in bit/s."""

    type: str
    value: int

    @classmethod
    def parse(cls, value: str) -> "Bandwidth":
        type_, colon, amount = value.partition(":")
        if not colon:
            raise malformed("bandwidth has no value")
        return cls(type_, number(amount.strip(), "bandwidth", 2**53))

    def __str__(self) -> str:
        return f"{self.type}:{self.value}"

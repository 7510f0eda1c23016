"""Session descriptions (RFC 8866), lossless: the lines are kept as they came, typed views are read off them on
demand.

A description is a session section and its m-sections. Unknown lines survive, order survives; only line ends become
CRLF. Everything is bounded, and nothing here raises anything but `Malformed`.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TypeVar

from sfu.attributes import (
    DIRECTIONS,
    MAX_CANDIDATES,
    MAX_SSRC,
    Bandwidth,
    Candidate,
    Codec,
    Direction,
    Extmap,
    Fingerprint,
    IceCredentials,
    Msid,
    Rid,
    RtpMap,
    Simulcast,
    SsrcGroup,
    malformed,
    number,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a description may be: in bytes of UTF-8, in lines and in m-sections. More is Malformed."""

    bytes: int
    lines: int
    sections: int


WHIP_LIMITS = Limits(bytes=64 * 1024, lines=2_000, sections=32)
"""For WHIP and WHEP, which carry one track of a kind."""

# Static payload types that need no rtpmap (RFC 3551, 6), as far as WebRTC uses them.
_STATIC_CODECS = {0: ("PCMU", 8000), 8: ("PCMA", 8000), 9: ("G722", 8000), 13: ("CN", 8000)}
# Values of `a=rtcp-fb` for one payload type, and for all: WebRTC knows five.
_MAX_FEEDBACK = 32
# One SDP line: no control characters but tab (RFC 8866, 9 "byte-string"), no lone surrogates.
_LINE_PATTERN = r"[a-z]=[^\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]*+"
_LINE = re.compile(_LINE_PATTERN)
_LINES = re.compile(rf"{_LINE_PATTERN}(?:\n{_LINE_PATTERN})*+")
_DIRECTION_LINES = {f"a={name}": direction for name, direction in DIRECTIONS.items()}

_Value = TypeVar("_Value")


class Section:
    """Some lines of a description, without their line ends. Equal when the lines are."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = tuple(lines)
        # By what stands before the first colon, `a=` included: an attribute or, never asked for, another line.
        self._values: defaultdict[str, list[str]] = defaultdict(list)
        for line in self.lines:
            start, _, value = line.partition(":")
            self._values[start].append(value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Section) and self.lines == other.lines

    def __hash__(self) -> int:
        return hash(self.lines)

    def __str__(self) -> str:
        return "".join(f"{line}\r\n" for line in self.lines)

    def values(self, name: str) -> Sequence[str]:
        """What follows `a=name:` in every such line, in order; "" for a bare `a=name`."""
        return self._values.get(f"a={name}", ())

    def value(self, name: str) -> str | None:
        """The first of `values`."""
        values = self.values(name)
        return values[0] if values else None

    def __contains__(self, name: str) -> bool:
        return f"a={name}" in self._values

    def parsed(self, name: str, parse: Callable[[str], _Value]) -> list[_Value]:
        return [parse(value) for value in self.values(name)]

    @cached_property
    def direction(self) -> Direction | None:
        return next((_DIRECTION_LINES[start] for start in self._values if start in _DIRECTION_LINES), None)

    @property
    def ice(self) -> IceCredentials | None:
        ufrag, pwd = self.value("ice-ufrag"), self.value("ice-pwd")
        if ufrag is None and pwd is None:
            return None
        return IceCredentials(ufrag or "", pwd or "")

    @property
    def ice_options(self) -> frozenset[str]:
        return frozenset(" ".join(self.values("ice-options")).split())

    @property
    def fingerprints(self) -> list[Fingerprint]:
        return self.parsed("fingerprint", Fingerprint.parse)

    @property
    def extmaps(self) -> list[Extmap]:
        return self.parsed("extmap", Extmap.parse)

    @property
    def candidates(self) -> list[Candidate]:
        if len(self.values("candidate")) > MAX_CANDIDATES:
            raise malformed(f"more than {MAX_CANDIDATES} candidates in one section")
        return self.parsed("candidate", Candidate.parse)

    @property
    def bandwidths(self) -> list[Bandwidth]:
        return [Bandwidth.parse(line[2:]) for line in self.lines if line.startswith("b=")]


class MediaSection(Section):
    """An m-section; its first line is `m=<kind> <port>[/<ports>] <profile> <format> …`."""

    def __init__(self, lines: Iterable[str]) -> None:
        super().__init__(lines)
        words = self.lines[0][2:].split() if self.lines and self.lines[0].startswith("m=") else []
        if len(words) < 4:
            raise malformed("an m-line needs kind, port, profile and formats")
        self.kind, port, self.profile, *self.formats = words
        self.port = number(port.partition("/")[0], "port", 0xFFFF)

    @property
    def mid(self) -> str | None:
        return self.value("mid")

    @cached_property
    def codecs(self) -> list[Codec]:
        """One per format of the m-line that is a payload type with a known mapping, in the m-line's order.

        `a=rtcp-fb:*` counts for all of them (RFC 4585, 4.2). Of feedback, so many values are looked at.
        """
        maps = {rtpmap.payload_type: rtpmap for rtpmap in self.parsed("rtpmap", RtpMap.parse)}
        for static, (name, clock_rate) in _STATIC_CODECS.items():
            maps.setdefault(static, RtpMap(static, name, clock_rate))
        formats = dict(self._by_payload_type("fmtp"))
        feedback: dict[str, list[str]] = {}
        for payload_type, value in self._by_payload_type("rtcp-fb"):
            values = feedback.setdefault(payload_type, [])
            if len(values) < _MAX_FEEDBACK:
                values.append(value)
        codecs = []
        for text in dict.fromkeys(self.formats):
            if not text.isdigit() or (found := maps.get(number(text, "payload type", 127))) is None:
                continue
            codecs.append(
                Codec(
                    found.payload_type,
                    found.name,
                    found.clock_rate,
                    found.channels,
                    formats.get(text, ""),
                    tuple(dict.fromkeys(feedback.get("*", []) + feedback.get(text, []))),
                )
            )
        return codecs

    def _by_payload_type(self, name: str) -> Iterator[tuple[str, str]]:
        for value in self.values(name):
            payload_type, _, rest = value.partition(" ")
            yield payload_type, " ".join(rest.split()) if name == "rtcp-fb" else rest.strip()

    @property
    def rids(self) -> list[Rid]:
        return self.parsed("rid", Rid.parse)

    @property
    def simulcast(self) -> Simulcast | None:
        value = self.value("simulcast")
        return None if value is None else Simulcast.parse(value)

    @property
    def ssrcs(self) -> dict[int, dict[str, str]]:
        """Every SSRC of `a=ssrc` (RFC 5576, 4.1) with its attributes, in order of appearance."""
        found: dict[int, dict[str, str]] = {}
        for value in self.values("ssrc"):
            ssrc, _, attribute = value.partition(" ")
            name, _, text = attribute.partition(":")
            found.setdefault(number(ssrc, "SSRC", MAX_SSRC), {})[name] = text
        return found

    @property
    def ssrc_groups(self) -> list[SsrcGroup]:
        return self.parsed("ssrc-group", SsrcGroup.parse)

    @property
    def msids(self) -> list[Msid]:
        return self.parsed("msid", Msid.parse)


class SessionDescription:
    """A whole description. What an m-section leaves out may stand at session level; `ice`, `fingerprints`, `setup` and
    `direction` look there too.
    """

    def __init__(self, session: Section, media: Iterable[MediaSection]) -> None:
        self.session = session
        self.media = tuple(media)

    @classmethod
    def parse(cls, text: str, limits: Limits = WHIP_LIMITS) -> "SessionDescription":
        """Read a description. Malformed: too large, not made of `x=` lines, or with a broken m-line."""
        lines = split_lines(text, limits)
        if not lines or lines[0] != "v=0":
            raise malformed("a session description starts with v=0")
        session, media = split_sections(lines, limits)
        return cls(session, media)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SessionDescription) and (self.session, self.media) == (other.session, other.media)

    def __hash__(self) -> int:
        return hash((self.session, self.media))

    def __str__(self) -> str:
        return str(self.session) + "".join(map(str, self.media))

    @property
    def bundles(self) -> list[tuple[str, ...]]:
        """The mids of every `a=group:BUNDLE` (RFC 9143, 5)."""
        groups = [value.split() for value in self.session.values("group")]
        return [tuple(group[1:]) for group in groups if group and group[0] == "BUNDLE"]

    @property
    def ice_lite(self) -> bool:
        return "ice-lite" in self.session

    def ice(self, media: Section) -> IceCredentials | None:
        return media.ice or self.session.ice

    def fingerprints(self, media: Section) -> list[Fingerprint]:
        return media.fingerprints or self.session.fingerprints

    def setup(self, media: Section) -> str | None:
        return media.value("setup") or self.session.value("setup")

    def direction(self, media: Section) -> Direction:
        return media.direction or self.session.direction or "sendrecv"


def split_lines(text: str, limits: Limits = WHIP_LIMITS) -> list[str]:
    """The lines of bounded text without their ends (CRLF or LF; blank lines at the end are forgiven)."""
    if len(text) > limits.bytes:
        raise malformed(f"larger than {limits.bytes} bytes")
    lines = text.replace("\r\n", "\n").removesuffix("\r").split("\n")
    while lines and not lines[-1]:
        lines.pop()
    if len(lines) > limits.lines:
        raise malformed(f"more than {limits.lines} lines")
    if lines and not _LINES.fullmatch("\n".join(lines)):
        at = next(at for at, line in enumerate(lines, 1) if not _LINE.fullmatch(line))
        raise malformed(f"line {at} is not <letter>=<text>")
    if not text.isascii() and len(text.encode()) > limits.bytes:
        raise malformed(f"larger than {limits.bytes} bytes")
    return lines


def split_sections(lines: Sequence[str], limits: Limits = WHIP_LIMITS) -> tuple[Section, list[MediaSection]]:
    """Cut before every m-line."""
    starts = [at for at, line in enumerate(lines) if line[:2] == "m="]
    if len(starts) > limits.sections:
        raise malformed(f"more than {limits.sections} m-sections")
    starts.append(len(lines))
    return Section(lines[: starts[0]]), [MediaSection(lines[start:end]) for start, end in pairwise(starts)]

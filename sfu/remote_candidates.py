"""What a client says of its own addresses. Nothing is ever sent to them: they tell how it could have come."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sfu.attributes import MAX_CANDIDATES, Candidate
from sfu.sdp import SessionDescription

_TYPES = ("host", "srflx", "prflx", "relay")
_PROTOCOLS = ("udp", "tcp")
_OTHER = "other"


@dataclass(frozen=True, slots=True)
class CandidateCount:
    """type: "host", "srflx", "prflx", "relay" (RFC 8839, 5.1) or "other"; protocol: "udp", "tcp" or "other".

    mdns: how many of them hide their address behind a name (draft-ietf-mmusic-mdns-ice-candidates).
    """

    type: str
    protocol: str
    count: int
    mdns: int


class RemoteCandidates:
    """Those of descriptions and those trickled, each once; beyond `MAX_CANDIDATES` they are not noted."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, str, str, int]] = set()

    def add_all(self, description: SessionDescription) -> None:
        for section in description.media:
            self.add(section.candidates)

    def add(self, candidates: Iterable[Candidate]) -> None:
        for candidate in candidates:
            if len(self._seen) >= MAX_CANDIDATES:
                return
            self._seen.add((candidate.type, candidate.transport, candidate.address, candidate.port))

    def counts(self) -> Sequence[CandidateCount]:
        """By type and protocol, in the order of the types above."""
        total, mdns = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
        for type_, transport, address, _ in self._seen:
            kind = (_known(type_, _TYPES), _known(transport, _PROTOCOLS))
            total[kind] += 1
            mdns[kind] += address.lower().endswith(".local")
        kinds = [(type_, protocol) for type_ in (*_TYPES, _OTHER) for protocol in (*_PROTOCOLS, _OTHER)]
        return [CandidateCount(*kind, total[kind], mdns[kind]) for kind in kinds if total[kind]]


def _known(word: str, words: Sequence[str]) -> str:
    return word if word in words else _OTHER

"""A stream of audio or video that a participant publishes."""

from dataclasses import dataclass
from datetime import datetime

from sfu.codecs import CodecPair
from sfu.negotiation import Kind


@dataclass(frozen=True, slots=True)
class Track:
    """`source` is what the data path calls it. `layers` are its rids, lowest first; empty without simulcast by rid."""

    id: str
    kind: Kind
    source: int
    codecs: tuple[CodecPair, ...]
    layers: tuple[str, ...]
    created_at: datetime

    @property
    def codec(self) -> str:
        """The preferred one, in lower case: what a publisher of several normally sends."""
        return self.codecs[0].name

"""One stream that a viewer of broadcasts is sent, whatever feeds it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from sfu.codecs import CodecPair, payload_type_map
from sfu.negotiation import Kind
from sfu.participant import Participant
from sfu.track import Track

PayloadTypes = Mapping[int, tuple[int, int | None]]


@dataclass(slots=True)
class Slot:
    """One m-section of a viewer. `egress` is what the data path calls it, `track` what feeds it now."""

    kind: Kind
    egress: int
    codecs: tuple[CodecPair, ...]
    track: Track | None = None

    def source(self, broadcast: Participant | None) -> tuple[Track | None, PayloadTypes]:
        """The broadcast's first track of this kind that the viewer can decode, and how to rewrite its payload types."""
        for track in broadcast.tracks if broadcast else ():
            if track.kind == self.kind and (payload_types := mapped(track.codecs, self.codecs)):
                return track, payload_types
        return None, {}


@lru_cache(maxsize=256)
def mapped(published: tuple[CodecPair, ...], wanted: tuple[CodecPair, ...]) -> PayloadTypes:
    """`payload_type_map`, remembered: viewers of one room mostly make one offer, and all of them move at once."""
    return payload_type_map(published, wanted)

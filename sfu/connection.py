"""How a participant's client reaches us, or tried to."""

from collections.abc import Sequence
from dataclasses import dataclass

from sfu.remote_candidates import CandidateCount
from sfu.stats import PathStats


@dataclass(frozen=True, slots=True)
class Connection:
    """paths: where it tried, at most about a second old. offered: what it says of its own addresses. dtls:
    "connecting", "connected", "closed" or "failed". problem: what is wrong, in one sentence without addresses.
    """

    paths: Sequence[PathStats]
    offered: Sequence[CandidateCount]
    dtls: str
    problem: str | None

"""How a participant's client reaches us, or tried to."""

from collections.abc import Sequence
from dataclasses import dataclass

from sfu.attributes import Candidate
from sfu.diagnosis import Evidence, diagnose, ways_in
from sfu.remote_candidates import CandidateCount
from sfu.stats import PathStats
from sfu.transport import Transport


@dataclass(frozen=True, slots=True)
class Connection:
    """paths: where it tried, at most about a second old. offered: what it says of its own addresses. dtls:
    "connecting", "connected", "closed" or "failed". problem: what is wrong, in one sentence without addresses.
    """

    paths: Sequence[PathStats]
    offered: Sequence[CandidateCount]
    dtls: str
    problem: str | None


def examine(
    transport: Transport, offered: Sequence[CandidateCount], candidates: Sequence[Candidate], now: float
) -> Connection:
    """offered: the client's candidates, candidates: ours. now: monotonic seconds."""
    evidence = Evidence(
        paths=transport.paths,
        offered=offered,
        ways=ways_in(candidates),
        waited=now - transport.opened_at,
        connected=transport.was_connected,
        ended=transport.ended,
        dtls_failure=transport.failure,
    )
    return Connection(evidence.paths, offered, transport.dtls.value, diagnose(evidence))

"""Why a client could not connect, in one sentence: which leg failed, and what to look at. It names no address."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sfu.attributes import Candidate
from sfu.remote_candidates import CandidateCount
from sfu.stats import PathStats

# A client needs a moment to gather and to check, before which its silence means nothing.
PATIENCE_SECONDS = 3.0

_WRONG_CREDENTIALS = {"wrong-username", "bad-integrity"}
_DAMAGED = {"bad-fingerprint"}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one transport.

    ways: where we listen, see `ways_in`. waited: seconds since it was made. connected: whether it ever was. ended: why
    it ended (`sfu.transport.Transport`), None while it lives. dtls_failure: what DTLS says.
    """

    paths: Sequence[PathStats]
    offered: Sequence[CandidateCount]
    ways: str
    waited: float
    connected: bool = False
    ended: str | None = None
    dtls_failure: str | None = None


def diagnose(evidence: Evidence) -> str | None:
    """None: nothing is wrong, or it is too early to tell."""
    return next(sentence(evidence) for applies, sentence in _CASES if applies(evidence))


def ways_in(candidates: Sequence[Candidate]) -> str:
    """Where these candidates, ours, are reached: `UDP or TCP port 3478`."""
    protocols = " or ".join(dict.fromkeys(candidate.transport.upper() for candidate in candidates))
    ports = " and ".join(dict.fromkeys(str(candidate.port) for candidate in candidates))
    return f"{protocols} port {ports}"


def _is_well(evidence: Evidence) -> bool:
    return evidence.connected and evidence.ended in (None, "closed", "peer-closed")


def _is_early(evidence: Evidence) -> bool:
    return evidence.ended in (None, "closed") and evidence.waited < PATIENCE_SECONDS


def _silence(evidence: Evidence) -> str:
    sentence = f"no check ever arrived on {evidence.ways}: a firewall between, or a wrong --public-ip"
    if not evidence.offered:
        return f"{sentence}; the client named no candidate of its own"
    if all(candidates.type == "relay" for candidates in evidence.offered):
        return f"{sentence}; the client offers relayed candidates only, so it is its TURN server that does not get here"
    return sentence


def _reasons(evidence: Evidence) -> set[str]:
    return {reason for path in evidence.paths for reason in path["refused"]}


def _is_refused(evidence: Evidence) -> bool:
    return all(path["checks"] <= sum(path["refused"].values()) for path in evidence.paths)


def _refusal(evidence: Evidence) -> str:
    reasons = _reasons(evidence)
    named = ", ".join(sorted(reasons))
    if reasons <= _DAMAGED:
        return f"checks arrived damaged ({named}): something between rewrites packets"
    if reasons & _WRONG_CREDENTIALS:
        return f"checks arrived with wrong credentials ({named}): the client acts on another answer than its own"
    return f"checks arrived and were refused ({named}): the client's ICE does not suit a lite server"


def _protocols(evidence: Evidence) -> str:
    """Of the paths on which checks were accepted."""
    accepted = (path for path in evidence.paths if path["checks"] > sum(path["refused"].values()))
    words = (f"{path['via']} through the relay" if path["via"] else path["protocol"] for path in accepted)
    return " and ".join(dict.fromkeys(words))


def _no_dtls(evidence: Evidence) -> str:
    sentence = f"checks arrived by {_protocols(evidence)} and were answered, but no DTLS followed"
    return f"{sentence}: our answers do not reach the client, for a firewall or a route on the way back"


def _unfinished(evidence: Evidence) -> str:
    sentence = f"DTLS began by {_protocols(evidence)} and was not done in time"
    return f"{sentence}: packets are lost on the way, the long ones first if a tunnel is there (MTU)"


# The first that applies is the diagnosis.
_CASES: Sequence[tuple[Callable[[Evidence], bool], Callable[[Evidence], str | None]]] = (
    (_is_well, lambda _: None),
    (lambda e: e.ended == "internal-error", lambda _: "an error of ours, counted among the panics"),
    (lambda e: e.dtls_failure is not None, lambda e: f"DTLS failed: {e.dtls_failure}"),
    (lambda e: e.connected, lambda _: "no check for 30 s: the client has gone, or its network"),
    (lambda e: e.ended == "peer-closed", lambda _: "the client ended DTLS before it was done"),
    (_is_early, lambda _: None),
    (lambda e: not e.paths, _silence),
    (_is_refused, _refusal),
    (lambda e: not any(path["dtls"] for path in e.paths), _no_dtls),
    (lambda _: True, _unfinished),
)

"""What an examination finds, as plain values."""

import enum
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from aioice import stun

Leg = Literal[
    "http",
    "session",
    "stun udp",
    "nat mapping",
    "nat filtering",
    "direct udp",
    "direct tcp",
    "relay udp",
    "relay tcp",
    "relay tls",
]
MEDIA_LEGS: Sequence[Leg] = ("direct udp", "direct tcp", "relay udp", "relay tcp", "relay tls")
"""The ways that media can take, the best first."""


class Status(enum.StrEnum):
    """SKIPPED: it could not be tried, or there is nothing to try."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


class Fault(enum.StrEnum):
    """How a leg fails."""

    SILENCE = "silence"
    """Nothing came back."""
    CLOSED_PORT = "closed-port"
    """The network said that nobody listens there."""
    NO_ROUTE = "no-route"
    """The system or the network could not deliver."""
    CERTIFICATE = "certificate"
    """TLS: the server's certificate is not to be trusted."""
    REFUSED = "refused"
    """It was reached, and said no."""
    NOT_THROUGH = "not-through"
    """The relay was reached, and the media behind it was not."""
    NOT_OFFERED = "not-offered"
    """The server names no such way."""
    NOT_TRIED = "not-tried"
    """Another leg failed that this one takes."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One leg. detail: what was seen. where: host and port it is about. Times are milliseconds: `setup_ms` until it
    could be used (connection, allocation), `round_trip_ms` the best of a few.
    """

    leg: Leg
    status: Status
    detail: str
    where: str = ""
    fault: Fault | None = None
    setup_ms: float | None = None
    round_trip_ms: float | None = None
    advice: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """server: the URL that was examined. public_address: ours as STUN sees it."""

    server: str
    findings: Sequence[Finding]
    public_address: str | None = None

    @property
    def usable(self) -> bool:
        """Media gets through one way or another."""
        return any(finding.leg in MEDIA_LEGS and finding.status is Status.OK for finding in self.findings)


def host_port(address: tuple[str, int]) -> str:
    """`192.0.2.1:3478`, `[2001:db8::1]:3478`."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def fault_of(error: BaseException) -> tuple[Fault, str]:
    """What an error means, and in which words."""
    match error:
        case ssl.SSLError():
            return Fault.CERTIFICATE, f"TLS failed: {getattr(error, 'verify_message', '') or error}"
        case stun.TransactionFailed():
            code, reason = error.response.attributes.get("ERROR-CODE", (0, ""))
            return Fault.REFUSED, f"refused with {code} {reason}".rstrip()
        case TimeoutError() | stun.TransactionTimeout():
            return Fault.SILENCE, "no answer"
        case ConnectionRefusedError():
            return Fault.CLOSED_PORT, "nobody listens there"
        case ConnectionError():
            return Fault.REFUSED, "the connection was ended"
        case OSError():
            return Fault.NO_ROUTE, error.strerror or str(error)
    return Fault.REFUSED, str(error) or type(error).__name__

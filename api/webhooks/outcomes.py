"""What may come of one attempt to deliver an event."""

from dataclasses import dataclass
from typing import Literal

# Of the client errors, those that say that the same request may be welcome later (RFC 9110, 15.5; RFC 8470; RFC 6585).
TRY_AGAIN = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Outcome:
    """`failed` may be tried again, `refused` would be again. reason: in words for the operator, without addresses."""

    result: Literal["delivered", "failed", "refused"]
    reason: str = ""


DELIVERED = Outcome("delivered")


def of_status(status: int) -> Outcome:
    """Redirects are not followed: they would lead past the rules on targets."""
    if 200 <= status < 300:
        return DELIVERED
    return Outcome("failed" if status >= 500 or status in TRY_AGAIN else "refused", f"it answers {status}")

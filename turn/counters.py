"""What TURN counts, as plain values."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class TurnCounters:
    """Since the start, but for the first two. answers: by method's name and code, 0 for success. denied: by rule.

    allocations, opened: by the client's protocol. ignored: what was not answered, by why: "malformed", "not-a-request",
    "unknown-method", "not-a-client", "limited" (answers to strangers, beyond what one address is worth).
    """

    allocations: Counter[str] = field(default_factory=Counter)
    users: int = 0
    opened: Counter[str] = field(default_factory=Counter)
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    denied: Counter[str] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)

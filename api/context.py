"""What every request handler may use, made once per app."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from api.facade import RelayFacade, SfuFacade
from api.ice_servers import IceServer
from api.idempotency import ReplyStore
from api.metrics import Metrics
from api.rate_limit import RateLimiter
from api.readiness import Readiness
from api.settings import Settings

MAX_BUCKETS = 50_000
MAX_REPLIES = 10_000
REPLY_TTL = 600.0


@dataclass(frozen=True, slots=True)
class Context:
    """`clock` is monotonic seconds, `now` is wall time in UTC; `started_at` is by `clock`."""

    settings: Settings
    sfu: SfuFacade
    clock: Callable[[], float]
    now: Callable[[], datetime]
    started_at: float
    relay: RelayFacade | None
    metrics: Metrics
    secrets: dict[str, str] = field(repr=False)
    address_limiter: RateLimiter
    identity_limiter: RateLimiter
    replies: ReplyStore
    readiness: Readiness

    def ice_servers(self, room: str, identity: str) -> Sequence[IceServer]:
        """The STUN and TURN servers for this participant, each time with a credential of its own."""
        return self.relay.ice_servers(room, identity) if self.relay is not None else ()


def make_context(
    settings: Settings,
    sfu: SfuFacade,
    *,
    clock: Callable[[], float],
    now: Callable[[], datetime],
    relay: RelayFacade | None,
) -> Context:
    return Context(
        settings=settings,
        sfu=sfu,
        clock=clock,
        now=now,
        started_at=clock(),
        relay=relay,
        metrics=Metrics(sfu),
        secrets=settings.secrets,
        address_limiter=RateLimiter(rate=settings.address_rate, burst=settings.address_burst, capacity=MAX_BUCKETS),
        identity_limiter=RateLimiter(rate=settings.identity_rate, burst=settings.identity_burst, capacity=MAX_BUCKETS),
        replies=ReplyStore(capacity=MAX_REPLIES, ttl=REPLY_TTL),
        readiness=Readiness(),
    )

"""What every request handler may use, made once per app."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from api.facade import SfuFacade
from api.ice_servers import IceServer
from api.idempotency import ReplyStore
from api.metrics import Metrics
from api.rate_limit import RateLimiter
from api.readiness import Readiness
from api.settings import Settings
from api.tokens import AccessToken

MAX_BUCKETS = 50_000
MAX_REPLIES = 10_000
REPLY_TTL = 600.0


@dataclass(frozen=True, slots=True)
class Context:
    """`clock` is monotonic seconds, `now` is wall time in UTC."""

    settings: Settings
    sfu: SfuFacade
    clock: Callable[[], float]
    now: Callable[[], datetime]
    ice_servers: Callable[[AccessToken], Sequence[IceServer]]
    metrics: Metrics
    secrets: dict[str, str] = field(repr=False)
    address_limiter: RateLimiter
    identity_limiter: RateLimiter
    replies: ReplyStore
    readiness: Readiness


def make_context(
    settings: Settings,
    sfu: SfuFacade,
    *,
    clock: Callable[[], float],
    now: Callable[[], datetime],
    ice_servers: Callable[[AccessToken], Sequence[IceServer]],
) -> Context:
    return Context(
        settings=settings,
        sfu=sfu,
        clock=clock,
        now=now,
        ice_servers=ice_servers,
        metrics=Metrics(sfu),
        secrets=settings.secrets,
        address_limiter=RateLimiter(rate=settings.address_rate, burst=settings.address_burst, capacity=MAX_BUCKETS),
        identity_limiter=RateLimiter(rate=settings.identity_rate, burst=settings.identity_burst, capacity=MAX_BUCKETS),
        replies=ReplyStore(capacity=MAX_REPLIES, ttl=REPLY_TTL),
        readiness=Readiness(),
    )

"""What handlers share: made from the settings, and shy about secrets."""

from api.context import make_context
from tests.api.recording import SECRET, RecordingSfu, WallClock, settings_for_tests


def test_limits_come_from_the_settings_and_secrets_stay_hidden(sfu: RecordingSfu, wall: WallClock) -> None:
    settings = settings_for_tests(address_rate=1.0, address_burst=1.0, identity_rate=2.0, identity_burst=1.0)
    context = make_context(settings, sfu, clock=wall.monotonic, now=wall.now, relay=None)
    assert [context.address_limiter.take("a", 0.0) for _ in range(2)] == [0.0, 1.0]
    assert [context.identity_limiter.take("a", 0.0) for _ in range(2)] == [0.0, 0.5]
    assert context.secrets == {"key": SECRET}
    assert SECRET not in repr(context)

"""Which plain values the SFU is given."""

from api.listeners import has_ipv6
from api.sfu_settings import sfu_settings
from tests.api.recording import settings_for_tests


def test_a_wildcard_is_every_family_the_machine_has() -> None:
    listen = sfu_settings(settings_for_tests(rtc=":5000")).listen
    assert listen == (("0.0.0.0", 5000), *((("::", 5000),) if has_ipv6() else ()))


def test_addresses_and_limits_are_passed_on() -> None:
    settings = settings_for_tests(
        rtc="127.0.0.1:1,[::1]:2", public_ip="192.0.2.1", workers=3, max_rooms=4, max_sessions=5
    )
    values = sfu_settings(settings)
    assert values.listen == (("127.0.0.1", 1), ("::1", 2))
    assert (values.public_ips, values.workers, values.max_rooms, values.max_sessions) == (("192.0.2.1",), 3, 4, 5)
    assert not values.include_loopback


def test_dev_announces_loopback_too() -> None:
    assert sfu_settings(settings_for_tests(dev=True)).include_loopback

"""Settings of the SFU."""

from sfu.settings import SfuSettings


def test_by_default_one_port_on_every_address() -> None:
    settings = SfuSettings()
    assert {port for _, port in settings.listen} == {3478}
    assert not settings.include_loopback

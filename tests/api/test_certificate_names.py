"""Which host a certificate is for."""

import pytest

from api.certificate_names import certificate_host
from tests.api.certificates import self_signed


@pytest.mark.parametrize(
    ("hosts", "named"),
    [
        (("live.example", "other.example"), "live.example"),
        (("*.example", "192.0.2.1"), "192.0.2.1"),
        (("192.0.2.1", "live.example"), "live.example"),
        (("2001:db8::1",), "2001:db8::1"),
        (("*.example",), None),
    ],
)
def test_the_first_name_or_else_the_first_address(hosts: tuple[str, ...], named: str | None) -> None:
    assert certificate_host(self_signed(*hosts)[0]) == named


def test_what_is_no_certificate() -> None:
    with pytest.raises(ValueError, match="PEM"):
        certificate_host(b"nothing")

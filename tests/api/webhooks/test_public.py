"""Where webhooks may go."""

import pytest

from api.webhooks.public import refusal


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "100.100.100.200",  # Alibaba's metadata service
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",  # Azure's
        "169.254.169.254",  # everybody else's
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",  # Oracle's
        "192.168.0.1",
        "198.18.0.1",
        "203.0.113.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:7f00:1",
        "::ffff:8.8.8.8",
        "::127.0.0.1",
        "::ffff:0:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2001::1",
        "2001:db8::1",
        "fc00::1",
        "fd00:ec2::254",  # AWS's by IPv6
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "0:0:0:0:0:0:0:1",
    ],
)
def test_what_is_not_public_is_refused(address: str) -> None:
    assert refusal(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "172.32.0.1", "168.63.129.17", "2606:4700::1111", "2a00:1450::8"])
def test_what_is_public_is_allowed(address: str) -> None:
    assert refusal(address) is None

"""Which addresses webhooks may go to: public ones, since a request from here may reach what is closed to the world."""

from ipaddress import ip_address

from turn.policy import OpenPolicy, SelfPolicy

# Clouds whose services for their machines have a public address: Azure's wire server.
METADATA = frozenset({ip_address("168.63.129.16")})

_POLICY = OpenPolicy(SelfPolicy((), (), lambda _: False), ())


def refusal(ip: str) -> str | None:
    """The rule that forbids it: private, loopback, link-local and special-purpose, in every spelling; or None."""
    if ip_address(ip) in METADATA:
        return "metadata service"
    return _POLICY.judge_ip(ip).rule

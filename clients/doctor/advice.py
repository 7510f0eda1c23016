"""What to change about a leg that does not work."""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import replace

from clients.doctor.findings import Fault, Finding, Leg, Status

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# RFC 1918, RFC 6598, RFC 4193, and what never leaves a machine or a link: addresses that others cannot mean.
_PRIVATE = tuple(
    ipaddress.ip_network(network)
    for network in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("fc00::/7", "fe80::/10", "::1/128"),
    )
)

_UNANSWERED = (Fault.SILENCE, Fault.CLOSED_PORT, Fault.NO_ROUTE)

# By leg and fault, for what one leg tells by itself.
_ADVICE: Mapping[tuple[Leg, Fault], str] = {
    ("http", Fault.SILENCE): "look at the address, at the server's --http, and at the firewall before it",
    ("http", Fault.CLOSED_PORT): "start the server, or look at its --http and the port given here",
    ("http", Fault.NO_ROUTE): "look at the name and the network: the machine cannot be reached from here",
    ("http", Fault.CERTIFICATE): "give the server a certificate of that name, or trust its authority with --ca",
    ("http", Fault.REFUSED): "give a token of this server that may join the room: --token and --room",
    ("session", Fault.REFUSED): "give a token that may publish into a room of its own: the direct ways need that",
    ("stun udp", Fault.NOT_OFFERED): "switch on the server's TURN (its setting turn)",
    ("stun udp", Fault.SILENCE): "let UDP to {where} through every firewall, there and here",
    ("stun udp", Fault.CLOSED_PORT): "look at the server's --rtc: nobody listens on UDP at {where}",
    ("stun udp", Fault.NO_ROUTE): "announce an address that can be reached from here: --public-ip",
    ("direct udp", Fault.SILENCE): "let UDP to {where} through every firewall, there and here; else TCP and TURN serve",
    ("direct udp", Fault.CLOSED_PORT): "look at --rtc and --public-ip: at {where} nobody listens on UDP",
    ("direct udp", Fault.NO_ROUTE): "announce an address that can be reached from here: --public-ip",
    ("direct udp", Fault.REFUSED): "announce this server's own address, not another's: --public-ip",
    ("direct tcp", Fault.NOT_OFFERED): "update the server: it offers no ICE over TCP",
    ("direct tcp", Fault.SILENCE): "let TCP to {where} through as well: it serves clients whose UDP is blocked",
    ("direct tcp", Fault.CLOSED_PORT): "let TCP to {where} through as well: something refuses it on the way",
    ("direct tcp", Fault.NO_ROUTE): "announce an address that can be reached from here: --public-ip",
    ("direct tcp", Fault.REFUSED): "look for a proxy or another service before TCP {where}",
    ("relay udp", Fault.SILENCE): "let UDP to {where} through every firewall, there and here",
    ("relay udp", Fault.CLOSED_PORT): "look at the server's --rtc: nobody listens on UDP at {where}",
    ("relay tcp", Fault.SILENCE): "let TCP to {where} through every firewall, there and here",
    ("relay tcp", Fault.CLOSED_PORT): "let TCP to {where} through: something refuses it on the way",
    ("relay tls", Fault.NOT_OFFERED): (
        "serve TLS, best on 443 (--tls :443 --cert FILE --key FILE): some firewalls let nothing else through"
    ),
    ("relay tls", Fault.SILENCE): "let TCP to {where} through every firewall, there and here",
    ("relay tls", Fault.CLOSED_PORT): "look at the server's --tls: nobody listens on TCP at {where}",
    (
        "relay tls",
        Fault.CERTIFICATE,
    ): "give --tls a certificate of the name in {where}, or trust it with --ca",
}
# By fault, for every way through a relay.
_RELAY_ADVICE: Mapping[Fault, str] = {
    Fault.NOT_OFFERED: "switch on the server's TURN (its setting turn)",
    Fault.NO_ROUTE: "give the server a domain or --public-ip that can be reached from here: {where} cannot",
    Fault.CERTIFICATE: "trust the server's authority with --ca",
    Fault.REFUSED: "look at the TURN secrets, the clocks and the quota: a credential just given is refused",
    Fault.NOT_THROUGH: "look at --public-ip: the relay does not take the announced address for the server's own",
}


def advised(findings: Sequence[Finding]) -> list[Finding]:
    """The same findings; those that are not ok, and that something can be done about, with advice."""
    private = _announces_private(findings)
    return [replace(finding, advice=_advice(finding, findings, private)) for finding in findings]


def _advice(finding: Finding, findings: Sequence[Finding], private: bool) -> str | None:
    if finding.status is Status.OK or finding.fault in (None, Fault.NOT_TRIED):
        return None
    if finding.leg.startswith("direct") and finding.fault in _UNANSWERED and private:
        return f"announce the server's public address with --public-ip: {finding.where} is private"
    if finding.leg == "direct udp" and finding.fault is Fault.SILENCE and _works(findings, "stun udp"):
        return f"announce the address that STUN is reached at, --public-ip: {finding.where} does not answer"
    general = _RELAY_ADVICE.get(finding.fault) if finding.leg.startswith("relay") else None
    text = _ADVICE.get((finding.leg, finding.fault), general)
    return text.format(where=finding.where) if text else None


def _works(findings: Sequence[Finding], leg: Leg) -> bool:
    return any(finding.leg == leg and finding.status is Status.OK for finding in findings)


def _announces_private(findings: Sequence[Finding]) -> bool:
    """Media is announced at a private address, while HTTP is reached at a public one."""
    at = {finding.leg: _ip(finding.where) for finding in findings}
    http, media = at.get("http"), at.get("direct udp") or at.get("direct tcp")
    return media is not None and _is_private(media) and not (http is not None and _is_private(http))


def _is_private(ip: IpAddress) -> bool:
    return any(ip in network for network in _PRIVATE if network.version == ip.version)


def _ip(where: str) -> IpAddress | None:
    try:
        return ipaddress.ip_address(where.rpartition(":")[0].strip("[]"))
    except ValueError:
        return None

"""Who may be a peer, by both policies, in every spelling."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turn.policy import DENIED, HOST_RULE, SELF_RULE, OpenPolicy, SelfPolicy, Verdict

OWN = ("9.9.9.9", 3478)
RELAYED = ("9.9.9.9", 50_000)
HOST = ("9.9.9.9", "8.8.8.8", "2a00::1")

# The whole of what notes, registries and those who were attacked say must not be reached; written out once more here,
# so that a line lost there is found.
MUST_BE_DENIED = """
0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.31.196.0/24
192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4
240.0.0.0/4 255.255.255.255/32 ::/128 ::1/128 64:ff9b::/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23
2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20 5f00::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8
::ffff:0:0/96 ::/96 2001::/32 ::ffff:0:0:0/96
""".split()  # noqa: SIM905 - or it were forty lines


def self_policy() -> SelfPolicy:
    return SelfPolicy([OWN], ["9.9.9.9"], lambda address: address == RELAYED)


def open_policy(*allow: str) -> OpenPolicy:
    return OpenPolicy(self_policy(), HOST, allow)


def denied(ip: str, policy: OpenPolicy) -> bool:
    verdicts = policy.judge_ip(ip), policy.judge((ip, 80))
    assert verdicts[0] == verdicts[1]
    return verdicts[0].rule is not None


def spellings(address: IPv4Address) -> list[str]:
    """Of one IPv4 address as IPv6."""
    number = int(address)
    return [
        f"::ffff:{address}",
        f"::{address}",
        f"::ffff:0:{address}",
        f"64:ff9b::{address}",
        f"64:ff9b:1::{address}",
        str(IPv6Address(0x2002 << 112 | number << 80 | 1)),
        str(IPv6Address(0x20010000 << 96 | number)),
        str(IPv6Address(0x20010000 << 96 | number ^ 0xFFFFFFFF)),
    ]


@pytest.mark.parametrize("prefix", MUST_BE_DENIED)
@settings(max_examples=25)
@given(st.data())
def test_the_deny_list_whole_and_in_every_spelling(prefix: str, data: st.DataObject) -> None:
    network = ip_network(prefix)
    edges = st.sampled_from([network[0], network[-1]])
    address = data.draw(edges | st.integers(0, network.num_addresses - 1).map(lambda at: network[at]))
    policy = open_policy()
    assert denied(str(address), policy)
    for spelling in spellings(address) if isinstance(address, IPv4Address) else ():
        assert denied(str(ip_address(spelling)), policy), spelling


@given(st.ip_addresses(v=4))
def test_no_ipv4_address_is_a_peer_in_an_ipv6_spelling(address: IPv4Address) -> None:
    policy = open_policy()
    assert all(denied(str(ip_address(spelling)), policy) for spelling in spellings(address))


@given(st.ip_addresses())
def test_what_no_rule_names_is_let_through(address: IPv4Address | IPv6Address) -> None:
    in_a_rule = any(address in ip_network(prefix) for prefix in MUST_BE_DENIED) or str(address) in HOST
    assert denied(str(address), open_policy()) == in_a_rule


def test_every_rule_can_be_named_to_the_operator() -> None:
    policy = open_policy()
    for network in DENIED:
        assert policy.judge_ip(str(network[-1])).rule == str(network)
    assert policy.judge_ip("8.8.8.8") == Verdict(HOST_RULE)


@pytest.mark.parametrize("ip", ["8.8.8.8", "2a00::1", "64:ff9b::808:808"])
def test_the_host_itself(ip: str) -> None:
    assert denied(ip, open_policy())
    assert denied(ip, open_policy("64:ff9b::/96")), "allowed by one meaning, denied by the other"
    assert not denied(ip, open_policy("64:ff9b::/96", "8.8.8.8/32", "2a00::/16"))


@pytest.mark.parametrize(
    ("allow", "ip", "refused"),
    [
        ("10.1.0.0/16", "10.1.2.3", False),
        ("10.1.0.0/16", "10.2.2.3", True),
        ("10.1.0.0/16", "::ffff:10.1.2.3", True),
        ("127.0.0.0/8", "127.0.0.1", False),
        ("::1/128", "::1", False),
        ("64:ff9b::/96", "64:ff9b::a01:203", True),
        ("64:ff9b::/96", "64:ff9b::101:101", False),
        ("0.0.0.0/0", "10.1.2.3", False),
        ("::/0", "::ffff:10.1.2.3", True),
        ("::/0", "64:ff9b:1::1", True),
        ("::/0", "2002:a01:203::", True),
        ("::/0", "2001::1", True),
        ("::/0", "::102:304", True),
        ("fc00::/7", "fd00::1", False),
    ],
)
def test_what_is_allowed_is_taken_out(allow: str, ip: str, refused: bool) -> None:
    assert denied(ip, open_policy(allow)) == refused


def test_ourselves_is_reached_inside_only() -> None:
    """Or a permission for our own address would open every port of this host."""
    policy = open_policy()
    assert policy.judge(OWN) == Verdict(inside=True)
    assert policy.judge(RELAYED) == Verdict(inside=True)
    assert policy.judge_ip("9.9.9.9") == Verdict(inside=True)
    assert policy.judge(("9.9.9.9", 22)) == Verdict(HOST_RULE)
    assert open_policy("9.9.9.9/32").judge(("9.9.9.9", 22)) == Verdict()


@given(st.ip_addresses().map(str), st.integers(1, 65535))
def test_self_is_ourselves_and_nobody_else(ip: str, port: int) -> None:
    policy = self_policy()
    assert policy.judge((ip, port)) == Verdict(None if (ip, port) in (OWN, RELAYED) else SELF_RULE)
    assert policy.judge_ip(ip) == Verdict(None if ip == "9.9.9.9" else SELF_RULE)


def test_self_by_port() -> None:
    policy = self_policy()
    assert [policy.judge(("9.9.9.9", port)).rule for port in (3478, 50_000, 22)] == [None, None, SELF_RULE]
    for spelling in spellings(IPv4Address("9.9.9.9")):
        assert policy.judge((spelling, 3478)).rule == SELF_RULE


def test_a_prefix_that_is_none() -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0"):
        open_policy("10.0.0/8")


def test_the_list_has_no_line_twice() -> None:
    assert len(set(DENIED)) == len(DENIED)
    assert all(isinstance(network, IPv4Network) == (network.version == 4) for network in DENIED)

"""What TURN is told of the settings."""

from api.settings import PortRange
from api.turn_options import load_turn_options
from api.turn_settings import alone, first_of_each_family, nat_discovery, served_with_media
from tests.api.recording import KEY, SECRET, settings_for_tests

MEDIA = [("198.51.100.1", 3478), ("2001:db8::1", 3478)]
BOUND = [("10.0.0.1", 3478), ("10.0.0.2", 3478), ("2001:db8::1", 3478)]


def test_beside_the_sfu_relayed_addresses_are_those_of_the_media() -> None:
    turn = served_with_media(settings_for_tests(), MEDIA, BOUND)
    assert (turn.policy, turn.relay_ips, turn.public_ips) == ("self", ("198.51.100.1", "2001:db8::1"), ())


def test_the_secret_follows_from_the_api_key_and_does_not_give_it_away() -> None:
    (secret,) = served_with_media(settings_for_tests(), MEDIA, BOUND).secrets
    assert (secret,) == served_with_media(settings_for_tests(), MEDIA, BOUND).secrets
    assert SECRET not in secret
    assert (secret,) != served_with_media(settings_for_tests(keys={KEY: "x" * 32}), MEDIA, BOUND).secrets
    own = settings_for_tests(turn_secrets=f"{'a' * 32},{'b' * 32}")
    assert served_with_media(own, MEDIA, BOUND).secrets == ("a" * 32, "b" * 32)


def test_open_relays_are_bound_here_and_announced_as_public() -> None:
    settings = settings_for_tests(turn_peers="open", public_ip="198.51.100.1", turn_relay_ports="50000-50010")
    turn = served_with_media(settings, MEDIA, BOUND)
    assert (turn.relay_ips, turn.public_ips) == (("10.0.0.1", "2001:db8::1"), ("198.51.100.1",))
    assert turn.relay_ports == PortRange(50000, 50010)


def test_alone_it_takes_its_options() -> None:
    secret = "0123456789abcdef0123456789abcdef"
    given = {"listen": [":3478"], "secret": [secret], "peers": "open", "tcp_allocations": True, "mobility": True}
    turn = alone(load_turn_options(given), BOUND)
    assert (turn.policy, turn.tcp_allocations, turn.mobility) == ("open", True, True)
    assert turn.relay_ips == ("10.0.0.1", "2001:db8::1")


def test_nat_discovery_takes_two_addresses_of_a_family() -> None:
    found = nat_discovery(BOUND, 3479)
    assert found is not None
    assert (found.primary, found.alternate) == (("10.0.0.1", 3478), ("10.0.0.2", 3479))
    assert nat_discovery(BOUND, None) is None
    assert nat_discovery(BOUND[1:], 3479) is None


def test_the_first_of_each_family() -> None:
    assert first_of_each_family(ip for ip, _ in BOUND) == ("10.0.0.1", "2001:db8::1")

"""Options of `sluice turn`."""

from typing import Any

import pytest

from api.addresses import SocketAddress
from api.settings import PortRange, SettingsError
from api.turn_options import load_turn_options

SECRET = "0123456789abcdef0123456789abcdef"
LEAST: dict[str, Any] = {"listen": [":3478"], "secret": [SECRET]}


def test_the_defaults_relay_to_nobody_else() -> None:
    options = load_turn_options(LEAST)
    assert options.listen == (SocketAddress("", 3478),)
    assert (options.peers, options.allow_peer, options.tcp_allocations, options.mobility) == ("self", (), False, False)


def test_what_people_write_is_parsed() -> None:
    options = load_turn_options(
        LEAST | {"peers": "open", "allow_peer": ["10.0.0.0/8"], "relay_ports": "50000-50999", "relay_ip": ["192.0.2.1"]}
    )
    assert options.relay_ports == PortRange(50000, 50999)
    assert SECRET not in repr(options)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"secret": []}, "secret"),
        ({"secret": ["short"]}, "shorter than 32 bytes"),
        ({"listen": ["nonsense"]}, "HOST:PORT"),
        ({"tls_listen": [":443"]}, "go together"),
        ({"cert": "a.pem", "key": "b.pem"}, "go together"),
        ({"allow_peer": ["10.0.0.0/8"]}, "peers=open"),
        ({"peers": "everybody"}, "peers"),
        ({"peers": "open", "allow_peer": ["10.0.0.1/8"]}, "allow_peer"),
        ({"peers": "open", "relay_ip": ["192.0.2.1", "192.0.2.2"]}, "one address of each family"),
        ({"relay_ports": "2000-1000"}, "lower one first"),
        ({"relay_ports": "1000"}, "dash"),
        ({"unheard": 1}, "unheard"),
    ],
)
def test_what_cannot_be_is_explained(given: dict[str, Any], complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint) as raised:
        load_turn_options(LEAST | given)
    assert SECRET not in str(raised.value)

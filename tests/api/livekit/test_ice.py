"""STUN and TURN servers as LiveKit's clients are told of them."""

from api.ice_servers import IceServer
from api.livekit.ice import ice_servers


def test_ice_servers_are_grouped_by_credential() -> None:
    servers = [IceServer("stun:a:1"), IceServer("turn:a:1", "u", "c"), IceServer("turns:a:2", "u", "c")]
    plain, relays = ice_servers(servers)
    assert (list(plain.urls), plain.username) == (["stun:a:1"], "")
    assert (list(relays.urls), relays.username, relays.credential) == (["turn:a:1", "turns:a:2"], "u", "c")

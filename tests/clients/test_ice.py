"""Every transport of a peer connection uses the TURN server; whether media goes through it is seen in `tests/nat`."""

import ssl

import pytest

from clients.connection import new_peer_connection
from clients.ice import path_of, use_turn
from clients.turn import Transport, TurnServer

TLS = ssl.create_default_context()


@pytest.mark.parametrize(
    ("transport", "carrier", "context"), [("udp", "udp", False), ("tcp", "tcp", False), ("tls", "tcp", TLS)]
)
async def test_every_transport_gathers_from_it(transport: Transport, carrier: str, context: object) -> None:
    peer = new_peer_connection()
    for kind in ("audio", "video"):
        peer.addTransceiver(kind)
    use_turn(peer, TurnServer("2001:db8::1", 3478, transport, "user", "password"), TLS)
    agents = [each.receiver.transport.transport.iceGatherer._connection for each in peer.getTransceivers()]
    assert len({id(agent) for agent in agents}) == 2
    for agent in agents:
        assert agent.turn_server == ("2001:db8::1", 3478)
        assert (agent.turn_username, agent.turn_password) == ("user", "password")
        assert agent.turn_transport == carrier
        assert agent.turn_ssl is context
    assert path_of(peer) == ""
    await peer.close()

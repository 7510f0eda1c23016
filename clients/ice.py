"""What a peer connection of aiortc does not say or take in public about its ICE agent."""

import ssl
from collections.abc import Iterator
from typing import Any

from aiortc import RTCPeerConnection

from clients.turn import TurnServer


def use_turn(peer: RTCPeerConnection, server: TurnServer, tls: ssl.SSLContext) -> None:
    """Gather a relayed candidate from this server as well; to be called once there are transceivers.

    RTCConfiguration would take the server too, but neither an IPv6 address nor whose certificates are trusted.
    """
    for agent in _agents(peer):
        agent.turn_server = (server.host, server.port)
        agent.turn_username, agent.turn_password = server.username, server.credential
        agent.turn_transport = "udp" if server.transport == "udp" else "tcp"
        agent.turn_ssl = tls if server.transport == "tls" else False


def path_of(peer: RTCPeerConnection) -> str:
    """The way that media takes: "direct udp", "relay udp", "relay tcp", "relay tls"; "" while there is none."""
    for agent in _agents(peer):
        for pair in agent._nominated.values():
            if pair.local_candidate.type != "relay":
                return "direct udp"
            return f"relay {'tls' if agent.turn_ssl else agent.turn_transport}"
    return ""


def _agents(peer: RTCPeerConnection) -> Iterator[Any]:
    """The `aioice.Connection` of each transport."""
    seen: list[Any] = []
    for transceiver in peer.getTransceivers():
        transport = transceiver.receiver.transport
        agent = transport.transport.iceGatherer._connection if transport else None
        if agent is not None and agent not in seen:
            seen.append(agent)
            yield agent

"""A WHEP client (draft-ietf-wish-whep-04): receive a broadcast's audio and video."""

from collections.abc import Callable

from aiortc.mediastreams import MediaStreamTrack

from clients.connection import Connection, new_peer_connection
from clients.signalling import Endpoint


async def watch(
    endpoint: Endpoint, on_track: Callable[[MediaStreamTrack], None], *, relay_only: bool = False
) -> Connection:
    """Ask for audio and video; `on_track` gets each track before its first frame. Raises SignallingError."""
    peer = new_peer_connection(relay_only=relay_only)
    for kind in ("audio", "video"):
        peer.addTransceiver(kind, direction="recvonly")
    peer.on("track", on_track)
    return await Connection.open(endpoint, peer, relay_only=relay_only)

"""One end of a call between two, as a program: it sends the numbered test picture and receives the other's.

    python -m tests.nat.caller offer|answer URL TOKEN AUTHORITY

Descriptions go out and come in as lines of JSON, `{"sdp": ...}`; after those goes out what is seen, twice a second. The
relay is one that the server at URL offers to the token's holder; nothing else of the server is used.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamTrack

from clients.connection import new_peer_connection
from clients.ice import path_of, use_turn
from clients.media import AudioSink, VideoSink, drain
from clients.reach import first_answering
from clients.signalling import Endpoint, endpoint_url
from clients.testsrc import TestVideo

INTERVAL = 0.5


async def main(role: str, url: str, token: str, authority: str) -> None:
    peer, video, began = new_peer_connection(), VideoSink(), time.monotonic()
    drains: list[asyncio.Task[None]] = []

    def take(track: MediaStreamTrack) -> None:
        drains.append(asyncio.ensure_future(drain(track, video, AudioSink())))

    peer.on("track", take)
    if role == "offer":
        peer.addTrack(TestVideo())
        await _gather(peer, url, token, authority)
        await peer.setLocalDescription(await peer.createOffer())
        _say({"sdp": peer.localDescription.sdp})
        await peer.setRemoteDescription(RTCSessionDescription(await _heard(), "answer"))
    else:
        offer = await _heard()
        began = time.monotonic()
        peer.addTrack(TestVideo())
        await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await _gather(peer, url, token, authority)
        await peer.setLocalDescription(await peer.createAnswer())
        _say({"sdp": peer.localDescription.sdp})
    while True:
        first = None if video.first_at is None else (video.first_at - began) * 1e3
        _say({"path": path_of(peer), "frames": video.frames, "number": video.number(), "first_frame_ms": first})
        await asyncio.sleep(INTERVAL)


async def _gather(peer: RTCPeerConnection, url: str, token: str, authority: str) -> None:
    """Have the peer connection use a relay. Two that are behind symmetric NATs have no use for STUN."""
    async with Endpoint(endpoint_url(url, "whip", "call"), token, authority=Path(authority)) as endpoint:
        offered = await endpoint.turn_servers()
        relay = await first_answering(offered, endpoint.turn_tls)
        assert relay is not None, f"none of these relays answers: {offered}"
        use_turn(peer, relay, endpoint.turn_tls)


async def _heard() -> str:
    line = await asyncio.to_thread(sys.stdin.readline)
    sdp: str = json.loads(line)["sdp"]
    return sdp


def _say(what: dict[str, Any]) -> None:
    sys.stdout.write(f"{json.dumps(what)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

"""A WHIP client (RFC 9725): publish tracks to an endpoint."""

from aiortc import RTCRtpSender
from aiortc.mediastreams import MediaStreamTrack

from clients.connection import Connection, new_peer_connection
from clients.signalling import Endpoint

VIDEO_CODECS = {"vp8": "video/VP8", "h264": "video/H264"}


async def publish(
    endpoint: Endpoint, tracks: list[MediaStreamTrack], codec: str = "vp8", *, relay_only: bool = False
) -> Connection:
    """Send the tracks, the video as `codec` ("vp8" or "h264"). The tracks end with the session.

    Raises SignallingError if no session comes about, ValueError for an unknown codec.
    """
    if codec not in VIDEO_CODECS:
        raise ValueError(f"codec must be one of {', '.join(VIDEO_CODECS)}")
    peer = new_peer_connection(relay_only=relay_only)
    for track in tracks:
        transceiver = peer.addTransceiver(track, direction="sendonly")
        if track.kind == "video":
            wanted = (VIDEO_CODECS[codec], "video/rtx")
            capabilities = RTCRtpSender.getCapabilities("video").codecs
            transceiver.setCodecPreferences([each for each in capabilities if each.mimeType in wanted])
    return await Connection.open(endpoint, peer, relay_only=relay_only)

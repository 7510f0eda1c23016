"""One media session: a peer connection and the HTTP session behind it, ended together."""

import asyncio
import contextlib

from aiortc import RTCConfiguration, RTCIceTransportPolicy, RTCPeerConnection, RTCSessionDescription
from aiortc.stats import RTCTransportStats

from clients.ice import path_of, use_turn
from clients.reach import first_answering
from clients.signalling import Endpoint, Session, SignallingError

CONNECT_TIMEOUT = 15.0
"""Seconds from the answer to an encrypted connection."""

CHECK_INTERVAL = 5.0
"""Seconds of silence after which the server is asked whether the session lives (ICE itself notices after 30 s)."""


def new_peer_connection(*, relay_only: bool = False) -> RTCPeerConnection:
    """A peer connection that contacts nobody but the peer: no public STUN server.

    relay_only: go through a TURN server even where there is a direct way.
    """
    policy = RTCIceTransportPolicy.RELAY if relay_only else RTCIceTransportPolicy.ALL
    return RTCPeerConnection(RTCConfiguration(iceServers=[], iceTransportPolicy=policy))


class Connection:
    """A connected session. `open` makes one; leave it with `close`."""

    def __init__(self, endpoint: Endpoint, session: Session, peer: RTCPeerConnection) -> None:
        self.endpoint, self.session, self.peer = endpoint, session, peer
        self._ended = asyncio.Event()
        peer.on("connectionstatechange", self._note_state)
        self._note_state()

    @classmethod
    async def open(cls, endpoint: Endpoint, peer: RTCPeerConnection, *, relay_only: bool = False) -> "Connection":
        """Offer what the peer connection carries and connect, directly or through a relay that the server offers.

        Raises SignallingError; then everything is closed.
        """
        session: Session | None = None
        try:
            relay = await first_answering(await endpoint.turn_servers(), endpoint.turn_tls)
            if relay is None and relay_only:
                raise SignallingError("the server offers no relay that can be reached from here")
            if relay is not None:
                use_turn(peer, relay, endpoint.turn_tls)
            await peer.setLocalDescription(await peer.createOffer())
            session = await endpoint.post(peer.localDescription.sdp)
            try:
                await peer.setRemoteDescription(RTCSessionDescription(session.answer, "answer"))
            except (ValueError, KeyError, AssertionError, StopIteration) as error:  # what aiortc's parser raises
                raise SignallingError(f"the server's answer cannot be used: {error}", 201) from error
            await _connected(peer)
        except BaseException:
            await _close(endpoint, session, peer)
            raise
        return cls(endpoint, session, peer)

    @property
    def path(self) -> str:
        """The way that media takes, e.g. "direct udp" or "relay tls"."""
        return path_of(self.peer)

    async def bytes_received(self) -> int:
        """Bytes of media and feedback that came in."""
        return sum(stats.bytesReceived for stats in await self._transports())

    async def bytes_sent(self) -> int:
        """Bytes of media and feedback that went out."""
        return sum(stats.bytesSent for stats in await self._transports())

    async def ended(self) -> None:
        """Return when the session is over: the connection failed, or it is silent and the server has forgotten it."""
        received = -1
        while not self._ended.is_set():
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._ended.wait(), CHECK_INTERVAL)
            before, received = received, await self.bytes_received()
            if received == before and not await self.endpoint.exists(self.session):
                return

    async def close(self) -> None:
        """DELETE the session and close the connection; what fails on the way out is of no interest any more."""
        await _close(self.endpoint, self.session, self.peer)

    async def _transports(self) -> list[RTCTransportStats]:
        report = await self.peer.getStats()
        return [stats for stats in report.values() if isinstance(stats, RTCTransportStats)]

    def _note_state(self) -> None:
        if self.peer.connectionState in ("failed", "closed"):
            self._ended.set()


async def _connected(peer: RTCPeerConnection) -> None:
    """Wait until DTLS is up (SignallingError if it does not come up in time)."""
    settled = asyncio.Event()

    def note() -> None:
        if peer.connectionState in ("connected", "failed", "closed"):
            settled.set()

    peer.on("connectionstatechange", note)
    note()
    try:
        await asyncio.wait_for(settled.wait(), CONNECT_TIMEOUT)
    except TimeoutError:
        raise SignallingError(f"no media connection in {CONNECT_TIMEOUT:.0f} s (is the UDP port reachable?)") from None
    finally:
        peer.remove_listener("connectionstatechange", note)
    if peer.connectionState != "connected":
        raise SignallingError("the media connection failed (is the UDP port reachable?)")


async def _close(endpoint: Endpoint, session: Session | None, peer: RTCPeerConnection) -> None:
    if session is not None:
        with contextlib.suppress(SignallingError):
            await endpoint.delete(session)
    await peer.close()

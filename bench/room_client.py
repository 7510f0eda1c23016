"""A call's participant with the least possible client: LiveKit's WebSocket, offers written by hand, ICE, DTLS, keys."""

import asyncio
import base64
import contextlib
import re
import secrets
import zlib

from livekit.protocol import models, rtc
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from bench.session import SecureLink, secure
from clients.signalling import SignallingError
from sfu._datapath import SrtpSession
from sfu.certificate import DtlsCertificate

AUDIO_PAYLOAD_TYPE, VIDEO_PAYLOAD_TYPE = 111, 96
AUDIO_LEVEL_ID = 2
JOIN_TIMEOUT = 20.0
PING_INTERVAL = 5.0
FAILURES = (SignallingError, TimeoutError, OSError, WebSocketException, ValueError)
"""What joining may end with."""
_GZIP = 16 + zlib.MAX_WBITS

_SESSION = """\
v=0
o=- {session} {version} IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE {mids}
a=extmap-allow-mixed
a=msid-semantic: WMS bench
"""
_TRANSPORT = """\
c=IN IP4 0.0.0.0
a=ice-ufrag:{ufrag}
a=ice-pwd:{pwd}
a=ice-options:trickle
a=fingerprint:{fingerprint}
a=setup:actpass
a=mid:{mid}
"""
_AUDIO = """\
a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid
a=extmap:2 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a={direction}
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
"""
_VIDEO = """\
a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid
a={direction}
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 ccm fir
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
"""
_HEADS = {
    "audio": "m=audio 9 UDP/TLS/RTP/SAVPF 111\n",
    "video": "m=video 9 UDP/TLS/RTP/SAVPF 96\n",
    "application": "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\n",
}
_BODIES = {"audio": _AUDIO, "video": _VIDEO, "application": "a=sctp-port:5000\na=max-message-size:262144\n"}


class Caller:
    """One participant, by one peer connection (`/rtc/v1`). The first offer has a section for each track it sends, a
    data section, and `others` sections of either kind for what it receives; the server may ask for more.
    """

    def __init__(self, certificate: DtlsCertificate, *, publishes: bool, others: int) -> None:
        self.ssrcs = {kind: secrets.randbelow(2**32 - 1) + 1 for kind in ("audio", "video")}
        self.link: SecureLink | None = None
        self.receiving = 0
        """Sections in which the server sends, by its last answer."""
        self.changed = asyncio.Event()
        """Set with every answer, and when the call has ended."""
        self.ended = ""
        self._certificate = certificate
        self._ufrag, self._pwd, self._session = secrets.token_hex(4), secrets.token_hex(12), secrets.randbelow(2**62)
        kinds = [("audio", True), ("video", True)] if publishes else []
        self._publishes = publishes
        self._sections = [*kinds, ("application", False), *[("audio", False), ("video", False)] * others]
        self._offers = 0
        self._answered = True
        self._wanted = False
        self._first: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._tasks: list[asyncio.Task[None]] = []
        self._socket: ClientConnection | None = None

    async def join(self, url: str, token: str, media: tuple[str, int]) -> None:
        """Until SRTP has its keys. One of FAILURES: it did not work."""
        async with asyncio.timeout(JOIN_TIMEOUT):
            self._socket = await connect(
                f"{url.replace('http', 'ws', 1)}/rtc/v1?join_request={self._request()}",
                additional_headers={"Authorization": f"Bearer {token}"},
                compression=None,
                max_size=None,
                ping_interval=None,
                proxy=None,
            )
            self._tasks = [
                asyncio.create_task(self._listen(self._socket)),
                asyncio.create_task(self._ping(self._socket)),
            ]
            answer = await self._first
            self.link = await secure(answer, self._ufrag, media, self._certificate)

    async def first_packet(self) -> None:
        """Wait for the first media packet that opens."""
        if self.link is None:
            raise SignallingError("not joined")
        loop, keys, link = asyncio.get_running_loop(), self.link.keys, self.link.socket
        session = SrtpSession(keys.profile, keys.receive, keys.send)
        async with asyncio.timeout(JOIN_TIMEOUT):
            while True:
                packet = await loop.sock_recv(link, 2048)
                if 128 <= packet[0] < 192 and not 192 <= packet[1] < 224:
                    session.unprotect_rtp(packet)
                    return

    async def receives(self, tracks: int) -> None:
        """Wait until the server sends this many tracks. SignallingError, TimeoutError."""
        async with asyncio.timeout(JOIN_TIMEOUT):
            while self.receiving < tracks:
                if self.ended:
                    raise SignallingError(self.ended)
                self.changed.clear()
                await self.changed.wait()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._socket is not None:
            with contextlib.suppress(*FAILURES):
                await self._socket.send(rtc.SignalRequest(leave=rtc.LeaveRequest()).SerializeToString())
            await self._socket.close()
        if self.link is not None:
            self.link.socket.close()

    async def _listen(self, socket: ClientConnection) -> None:
        try:
            async for data in socket:
                if isinstance(data, bytes):
                    await self._take(socket, rtc.SignalResponse.FromString(data))
            self.ended = self.ended or "the WebSocket ended"
        except FAILURES as error:
            self.ended = f"{type(error).__name__}: {error}"
        self.changed.set()
        if not self._first.done():
            self._first.set_exception(SignallingError(self.ended))

    async def _take(self, socket: ClientConnection, message: rtc.SignalResponse) -> None:
        match message.WhichOneof("message"):
            case "join":
                if self._publishes:
                    for kind, source in (
                        ("audio", models.TrackSource.MICROPHONE),
                        ("video", models.TrackSource.CAMERA),
                    ):
                        type_ = models.TrackType.AUDIO if kind == "audio" else models.TrackType.VIDEO
                        track = rtc.AddTrackRequest(cid=kind, name=kind, type=type_, source=source)
                        await socket.send(rtc.SignalRequest(add_track=track).SerializeToString())
            case "answer":
                self._answered = True
                self.receiving = len(re.findall(r"^a=(?:sendonly|sendrecv)\r?$", message.answer.sdp, re.MULTILINE))
                self.changed.set()
                if not self._first.done():
                    self._first.set_result(message.answer.sdp)
            case "media_sections_requirement":
                wanted = message.media_sections_requirement
                self._sections += [("audio", False)] * wanted.num_audios + [("video", False)] * wanted.num_videos
                self._wanted = True
            case "leave":
                self.ended = f"sent away: {message.leave.reason}"
        if self._wanted and self._answered:
            self._wanted = False
            await socket.send(rtc.SignalRequest(offer=self._offer()).SerializeToString())

    async def _ping(self, socket: ClientConnection) -> None:
        with contextlib.suppress(*FAILURES):
            while True:
                await asyncio.sleep(PING_INTERVAL)
                await socket.send(rtc.SignalRequest(ping_req=rtc.Ping(timestamp=1)).SerializeToString())

    def _request(self) -> str:
        request = rtc.JoinRequest(
            client_info=models.ClientInfo(sdk=models.ClientInfo.PYTHON, version="1.2.1", protocol=17),
            connection_settings=rtc.ConnectionSettings(auto_subscribe=True),
            publisher_offer=self._offer(),
        )
        compressor = zlib.compressobj(wbits=_GZIP)
        packed = compressor.compress(request.SerializeToString()) + compressor.flush()
        wrapped = rtc.WrappedJoinRequest(compression=rtc.WrappedJoinRequest.GZIP, join_request=packed)
        return base64.urlsafe_b64encode(wrapped.SerializeToString()).decode()

    def _offer(self) -> rtc.SessionDescription:
        self._offers += 1
        self._answered = False
        mids = " ".join(str(mid) for mid in range(len(self._sections)))
        text = _SESSION.format(session=self._session, version=self._offers, mids=mids)
        for mid, (kind, sends) in enumerate(self._sections):
            transport = _TRANSPORT.format(
                ufrag=self._ufrag, pwd=self._pwd, fingerprint=self._certificate.fingerprint, mid=mid
            )
            text += _HEADS[kind] + transport + _BODIES[kind].format(direction="sendonly" if sends else "recvonly")
            if sends:
                text += f"a=msid:bench {kind}\na=ssrc:{self.ssrcs[kind]} cname:bench\n"
        return rtc.SessionDescription(type="offer", sdp=text.replace("\n", "\r\n"), id=self._offers)

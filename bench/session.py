"""A media session with the least possible client: an offer written by hand, one ICE check, DTLS, and the keys."""

import asyncio
import re
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass

from aioice import stun

from clients.signalling import Endpoint, Session, SignallingError
from sfu.attributes import Fingerprint
from sfu.certificate import DtlsCertificate
from sfu.dtls import DtlsEndpoint, DtlsState, SrtpKeys

PAYLOAD_TYPE, RTX_PAYLOAD_TYPE = 96, 97
CONNECT_TIMEOUT = 20.0
CHECK_RETRY = 0.25
NOT_LIVE_RETRY = 0.2

_OFFER = """\
v=0
o=- {session} 1 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
a=extmap-allow-mixed
a=msid-semantic: WMS bench
m=video 9 UDP/TLS/RTP/SAVPF 96 97
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:{ufrag}
a=ice-pwd:{pwd}
a=ice-options:trickle
a=fingerprint:{fingerprint}
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid
a={direction}
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 ccm fir
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
"""


@dataclass(slots=True)
class SecureLink:
    """A socket with ICE and DTLS done. `username` and `password`: of our connectivity checks."""

    socket: socket.socket
    """UDP, non-blocking, connected to the server."""
    keys: SrtpKeys
    username: str
    password: str


@dataclass(slots=True)
class MediaSession:
    """A connected and encrypted session, and what is needed to go on without Python."""

    socket: socket.socket
    """UDP, non-blocking, connected to the server."""
    keys: SrtpKeys
    ssrc: int
    """Ours: of what we publish, or of our reports."""
    username: str
    password: str
    """Of our connectivity checks."""
    http: Session

    def check(self) -> bytes:
        """A connectivity check, which keeps the session alive."""
        return _check(self.username, self.password)


async def connect(
    endpoint: Endpoint, server: tuple[str, int], certificate: DtlsCertificate, *, publish: bool
) -> MediaSession:
    """POST an offer and connect to the media port at `server`. SignallingError or TimeoutError: it did not work."""
    ufrag, pwd, ssrc = secrets.token_hex(4), secrets.token_hex(12), secrets.randbelow(2**32 - 1) + 1
    offer = _OFFER.format(
        session=secrets.randbelow(2**62),
        ufrag=ufrag,
        pwd=pwd,
        fingerprint=certificate.fingerprint,
        direction="sendonly" if publish else "recvonly",
    )
    if publish:
        offer += f"a=msid:bench video\na=ssrc:{ssrc} cname:bench\n"
    http = await _post(endpoint, offer.replace("\n", "\r\n"))
    link = await secure(http.answer, ufrag, server, certificate)
    return MediaSession(link.socket, link.keys, ssrc, link.username, link.password, http)


async def secure(answer: str, ufrag: str, server: tuple[str, int], certificate: DtlsCertificate) -> SecureLink:
    """Connect to the media port at `server` as its answer says. SignallingError or TimeoutError: it did not work."""
    username, password = f"{_attribute(answer, 'ice-ufrag')}:{ufrag}", _attribute(answer, "ice-pwd")
    fingerprint = Fingerprint.parse(_attribute(answer, "fingerprint"))
    link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        link.setblocking(False)
        link.connect(server)
        async with asyncio.timeout(CONNECT_TIMEOUT):
            await _join(link, lambda: _check(username, password))
            keys = await _handshake(link, certificate, fingerprint)
    except BaseException:
        link.close()
        raise
    return SecureLink(link, keys, username, password)


async def _post(endpoint: Endpoint, offer: str) -> Session:
    """POST, again while the room is not live yet."""
    async with asyncio.timeout(CONNECT_TIMEOUT):
        while True:
            try:
                return await endpoint.post(offer)
            except SignallingError as error:
                if error.permanent:
                    raise
                await asyncio.sleep(NOT_LIVE_RETRY)


async def _join(link: socket.socket, check: Callable[[], bytes]) -> None:
    """Send checks until one is answered. What comes before that is of no interest."""
    loop = asyncio.get_running_loop()
    while True:
        link.send(check())
        try:
            async with asyncio.timeout(CHECK_RETRY):
                while (await loop.sock_recv(link, 2048))[:2] != b"\x01\x01":
                    pass
                return
        except TimeoutError:
            continue


async def _handshake(link: socket.socket, certificate: DtlsCertificate, fingerprint: Fingerprint) -> SrtpKeys:
    """DTLS as client."""
    loop = asyncio.get_running_loop()
    endpoint = DtlsEndpoint(certificate.context, "client", [fingerprint])
    endpoint.start()
    while True:
        for datagram in endpoint.datagrams():
            link.send(datagram)
        if endpoint.keys is not None:
            endpoint.release()
            return endpoint.keys
        if endpoint.state is not DtlsState.CONNECTING:
            raise SignallingError(f"DTLS failed: {endpoint.failure}")
        try:
            async with asyncio.timeout(endpoint.timeout()):
                datagram = await loop.sock_recv(link, 2048)
        except TimeoutError:
            endpoint.handle_timeout()
            continue
        if 20 <= datagram[0] < 64:
            endpoint.handle_datagram(datagram)


def _check(username: str, password: str) -> bytes:
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    message.attributes["USERNAME"] = username
    message.attributes["PRIORITY"] = 1
    message.attributes["ICE-CONTROLLING"] = 1
    message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity(password.encode())
    return bytes(message)


def _attribute(answer: str, name: str) -> str:
    match = re.search(rf"^a={name}:(.+?)\r?$", answer, re.MULTILINE)
    if match is None:
        raise SignallingError(f"the answer has no {name}")
    return match.group(1)

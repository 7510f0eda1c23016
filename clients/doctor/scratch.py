"""A session without media: it gives what ICE checks need, so that ways can be tried one by one."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from aioice import stun

from clients.signalling import Endpoint, Session, SignallingError

MAX_CANDIDATES = 16
"""More of the server's than so many are not tried."""

# Opus alone: the least that can be published. The fingerprint is nobody's, since DTLS is never begun.
_OFFER = """v=0
o=- {number} 1 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=rtcp-mux
a=mid:0
a=sendonly
a=msid:- examination
a=rtpmap:111 opus/48000/2
a=ice-ufrag:{ufrag}
a=ice-pwd:{pwd}
a=fingerprint:sha-256 {fingerprint}
a=setup:actpass
"""
_CANDIDATE = re.compile(r"^a=candidate:\S+ 1 (udp|tcp) \d+ (\S+) (\d{1,5}) typ host", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Scratch:
    """udp, tcp: the server's candidates (RFC 8839, 5.1; RFC 6544), as (IP address, port)."""

    session: Session
    username: str
    key: bytes = field(repr=False)
    udp: Sequence[tuple[str, int]]
    tcp: Sequence[tuple[str, int]]

    def check(self) -> stun.Message:
        """A new ICE check (RFC 8445, 7.2.2), which nominates nothing."""
        request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        request.attributes["USERNAME"] = self.username
        request.attributes["PRIORITY"] = 1
        request.attributes["ICE-CONTROLLING"] = 1
        request.add_message_integrity(self.key)
        return request

    def is_answered_by(self, message: stun.Message) -> bool:
        """Whether it is the server of this session that says so."""
        return message.message_class is stun.Class.RESPONSE and message.check_message_integrity(self.key)


async def open_scratch(endpoint: Endpoint) -> Scratch:
    """Publish nothing to a WHIP endpoint. SignallingError."""
    ufrag, pwd = secrets.token_hex(4), secrets.token_hex(16)
    fingerprint = ":".join(f"{byte:02X}" for byte in secrets.token_bytes(32))
    offer = _OFFER.format(number=secrets.randbits(62), ufrag=ufrag, pwd=pwd, fingerprint=fingerprint)
    session = await endpoint.post(offer.replace("\n", "\r\n"))
    theirs, key = (re.search(rf"^a=ice-{name}:(\S+)", session.answer, re.MULTILINE) for name in ("ufrag", "pwd"))
    if theirs is None or key is None:
        raise SignallingError("the server's answer has no ICE credentials", 201)
    candidates = [match.groups() for match in _CANDIDATE.finditer(session.answer)][:MAX_CANDIDATES]
    addresses = {
        protocol: [(host, int(port)) for transport, host, port in candidates if transport.lower() == protocol]
        for protocol in ("udp", "tcp")
    }
    return Scratch(session, f"{theirs[1]}:{ufrag}", key[1].encode(), addresses["udp"], addresses["tcp"])

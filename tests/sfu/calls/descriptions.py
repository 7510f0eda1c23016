"""Descriptions for tests: our side, large offers, and the answers a client would give."""

import re

from sfu.answer import LocalTransport, SentStream
from sfu.attributes import Fingerprint, IceCredentials, Msid
from sfu.candidates import host_candidates
from sfu.negotiation import Kind
from tests.sfu import offers

CANDIDATES = host_candidates([("192.0.2.1", 3478), ("2001:db8::1", 3478)])
LOCAL = LocalTransport(IceCredentials("ours", "o" * 24), Fingerprint("sha-256", bytes(range(32))), CANDIDATES, 7)
NAMES = [
    offers.LIVEKIT_PUBLISH,
    offers.LIVEKIT_MANY,
    offers.LIVEKIT_JOIN,
    offers.LIVEKIT_PUBLISHED,
    offers.LIVEKIT_UNPUBLISHED,
    offers.LIVEKIT_REPUBLISHED,
    offers.CHROME_SIMULCAST,
    offers.FIREFOX_SIMULCAST,
    offers.AIORTC,
]
"""Of offers a call takes."""


def stream(kind: Kind, number: int) -> SentStream:
    msid = Msid(f"PA_a|TR_{number}", f"TR_{number}")
    return SentStream(1000 + number, 2000 + number if kind == "video" else None, "PA_a", msid)


def many(audio: int, video: int) -> str:
    """Chromium's offer with so many m-sections to receive in."""
    session, *sections = re.split(r"(?=^m=)", offers.offer(offers.LIVEKIT_MANY), flags=re.MULTILINE)
    sound, picture, data = (
        next(section for section in sections if section.startswith(f"m={kind} "))
        for kind in ("audio", "video", "application")
    )
    chosen = [sound] * audio + [picture] * video + [data]
    named = [re.sub(r"^a=mid:\d+", f"a=mid:{mid}", section, flags=re.M) for mid, section in enumerate(chosen)]
    group = "a=group:BUNDLE " + " ".join(str(mid) for mid in range(len(chosen)))
    return re.sub(r"^a=group:BUNDLE [\d ]+", group, session, flags=re.MULTILINE) + "".join(named)


def answered(offer: str, setup: str = "active") -> str:
    """What a client that takes everything answers to an offer of ours."""
    ours = re.compile(r"a=(msid|ssrc|ssrc-group|ice-lite|candidate|end-of-candidates)\b")
    lines = [line for line in offer.split("\r\n") if not ours.match(line)]
    swapped = {
        "a=sendonly": "a=recvonly",
        "a=setup:actpass": f"a=setup:{setup}",
        "a=ice-ufrag:ours": "a=ice-ufrag:them",
    }
    return "\r\n".join(swapped.get(line, line) for line in lines)

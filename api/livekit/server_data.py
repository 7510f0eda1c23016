"""Data that a backend sends to participants."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from livekit.protocol import models

from api.limits import MAX_DESTINATIONS, MAX_PAYLOAD, MAX_TOPIC
from api.livekit.data import DataRouter
from sfu.errors import Rejected
from sfu.room import Room

NONCE = 16
# Of the messages sent last, by their nonces; of an older one a repetition is sent again.
MAX_NONCES = 4_096


@dataclass(frozen=True, slots=True)
class Message:
    """For everybody in the room, or for participants of these identities and ids. nonce: 16 bytes, or none."""

    payload: bytes
    topic: str = ""
    reliable: bool = True
    identities: Sequence[str] = ()
    ids: Sequence[str] = ()
    nonce: bytes = b""


class ServerData:
    """room: of that name; NotFound ("room-not-found")."""

    def __init__(self, room: Callable[[str], Room], data: DataRouter) -> None:
        self._room = room
        self._data = data
        self._sent = OrderedDict[tuple[str, bytes], int]()

    def send(self, room: str, message: Message) -> int:
        """To how many. What was sent before under the same nonce is not sent again.

        NotFound ("room-not-found"), Rejected ("payload-too-large", "topic-too-long", "too-many-destinations",
        "malformed-nonce").
        """
        home = self._room(room)
        _check(message)
        known = self._sent.get((home.id, message.nonce)) if message.nonce else None
        if known is not None:
            return known
        count = self._data.send(
            room, _packet(message), reliable=message.reliable, identities=message.identities, ids=message.ids
        )
        if message.nonce:
            self._sent[home.id, message.nonce] = count
            if len(self._sent) > MAX_NONCES:
                self._sent.popitem(last=False)
        return count


def _check(message: Message) -> None:
    if len(message.payload) > MAX_PAYLOAD:
        raise Rejected("payload-too-large", f"the payload has at most {MAX_PAYLOAD} bytes")
    if len(message.topic.encode()) > MAX_TOPIC:
        raise Rejected("topic-too-long", f"the topic has at most {MAX_TOPIC} bytes")
    if len(message.identities) + len(message.ids) > MAX_DESTINATIONS:
        raise Rejected("too-many-destinations", f"at most {MAX_DESTINATIONS} participants can be named; or none: all")
    if message.nonce and len(message.nonce) != NONCE:
        raise Rejected("malformed-nonce", f"a nonce has {NONCE} bytes")


def _packet(message: Message) -> models.DataPacket:
    """Whom it is for is not said in it: what names a thousand of them would not fit."""
    user = models.UserPacket(payload=message.payload, nonce=message.nonce)
    if message.topic:
        user.topic = message.topic
    return models.DataPacket(user=user)

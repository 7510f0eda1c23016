"""Data packets between participants: who sent them, whom they are for, and what a client that resumes has missed.

They come and go on the data channels of the peer connections; text streams, byte streams and RPC are packets, too, and
only the clients know what they mean.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from google.protobuf.message import DecodeError
from livekit.protocol import models

from sfu.errors import Malformed, Rejected
from sfu.participant import Participant
from sfu.room import Room

# Of each sender's reliable packets the newest are kept for those that resume: as many, and as many bytes.
MAX_KEPT_PACKETS = 256
MAX_KEPT_BYTES = 256 << 10

_AGENTS_ONLY = "transcription"
# An agent may say these in somebody else's name.
_AGENT_SPEAKS = frozenset({"transcription", "chat_message", "stream_header", "stream_chunk", "stream_trailer"})
_METRICS = "metrics"
# What only servers send.
_NOT_FOR_CLIENTS = frozenset({"speaker"})


class Receiver(Protocol):
    """What a `sfu.calls.member.Member` is here."""

    @property
    def participant(self) -> Participant: ...
    @property
    def room(self) -> Room: ...
    def send_message(self, reliable: bool, payload: bytes) -> bool: ...


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet ready to be sent. Both destinations None: for everybody. Ids are participants'."""

    payload: bytes
    reliable: bool
    sequence: int = 0
    identities: frozenset[str] | None = None
    ids: frozenset[str] = frozenset()
    metrics: bool = False

    def is_for(self, participant: Participant) -> bool:
        if self.metrics and not participant.permissions.can_subscribe_metrics:
            return False
        everybody = self.identities is None
        return everybody or participant.identity in (self.identities or ()) or participant.id in self.ids


@dataclass(slots=True)
class _Sent:
    """What one sender sent reliably: the number of the last packet, and the newest ones."""

    last: int = 0
    kept: deque[Packet] = field(default_factory=deque)
    size: int = 0

    def keep(self, packet: Packet) -> None:
        self.last = packet.sequence
        self.kept.append(packet)
        self.size += len(packet.payload)
        while len(self.kept) > MAX_KEPT_PACKETS or self.size > MAX_KEPT_BYTES:
            self.size -= len(self.kept.popleft().payload)


class DataRouter:
    """`members`: the receivers in a room of that name, none if there is no such room."""

    def __init__(self, members: Callable[[str], Sequence[Receiver]]) -> None:
        self._members = members
        self._sent: dict[str, _Sent] = {}

    def route(self, sender: Receiver, reliable: bool, payload: bytes) -> int:
        """Pass on what a participant's client sent; to how many. Malformed, Rejected."""
        packet = stamped(sender.participant, reliable, payload)
        if packet.sequence:
            sent = self._sent.setdefault(sender.participant.id, _Sent())
            if packet.sequence <= sent.last:
                return 0  # a client that resumed sends again what it does not know to have arrived
            sent.keep(packet)
        return self._deliver(sender.room.name, packet, sender.participant)

    def send(
        self,
        room: str,
        packet: models.DataPacket,
        *,
        reliable: bool = True,
        identities: Collection[str] = (),
        ids: Collection[str] = (),
    ) -> int:
        """Send from the server to everybody in a room, or to participants of these identities and ids; to how many."""
        packet.kind = models.DataPacket.RELIABLE if reliable else models.DataPacket.LOSSY
        named = frozenset(identities) if identities or ids else None
        return self._deliver(room, Packet(packet.SerializeToString(), reliable, 0, named, frozenset(ids)), None)

    def last_sequence(self, participant: Participant) -> int:
        """The number of the last packet that came from its client reliably; 0: none."""
        sent = self._sent.get(participant.id)
        return sent.last if sent else 0

    def replay(self, receiver: Receiver, states: Iterable[tuple[str, int]]) -> None:
        """Send again what is newer than what a client says it has: (sender's participant id, sequence number)."""
        present = {member.participant.id for member in self._members(receiver.room.name)}
        for sender, last in states:
            sent = self._sent.get(sender)
            if sent is None or sender not in present or sender == receiver.participant.id:
                continue
            for packet in sent.kept:
                if packet.sequence > last and packet.is_for(receiver.participant):
                    receiver.send_message(True, packet.payload)

    def forget(self, participant: Participant) -> None:
        """They are gone, and nobody will ask for what they sent."""
        self._sent.pop(participant.id, None)

    def _deliver(self, room: str, packet: Packet, sender: Participant | None) -> int:
        delivered = 0
        for member in self._members(room):
            if member.participant is not sender and packet.is_for(member.participant):
                delivered += member.send_message(packet.reliable, packet.payload)
        return delivered


def stamped(sender: Participant, reliable: bool, payload: bytes) -> Packet:
    """What a client sent, with the sender's name on it. Malformed, Rejected ("not-permitted", "unsupported-packet")."""
    if not sender.permissions.can_publish_data:
        raise Rejected("not-permitted", "sending data is not permitted")
    try:
        packet = models.DataPacket.FromString(payload)
    except DecodeError:
        raise Malformed("malformed-packet", "that is no data packet") from None
    content = packet.WhichOneof("value")
    if content is None or content in _NOT_FOR_CLIENTS or (content == _AGENTS_ONLY and not sender.permissions.agent):
        raise Rejected("unsupported-packet", "packets of that kind are not passed on")
    # Some clients write the field the other way round.
    packet.kind = models.DataPacket.RELIABLE if reliable else models.DataPacket.LOSSY
    _sign(packet, sender, keep_name=sender.permissions.agent and content in _AGENT_SPEAKS)
    if not reliable or sender.hidden:
        packet.sequence = 0  # numbers belong to a sender
    named = _destinations(packet)
    ids = frozenset(packet.user.destination_sids) if content == "user" else frozenset[str]()
    return Packet(
        packet.SerializeToString(),
        reliable,
        packet.sequence,
        frozenset(named) if named or ids else None,
        ids,
        metrics=content == _METRICS,
    )


def _sign(packet: models.DataPacket, sender: Participant, *, keep_name: bool) -> None:
    """Hidden ones stay so: their packets are nobody's."""
    identity, sid = ("", "") if sender.hidden else (sender.identity, sender.id)
    if not (keep_name and packet.participant_identity):
        packet.participant_identity = identity
    packet.participant_sid = sid
    if packet.WhichOneof("value") == "user":
        packet.user.participant_identity = identity
        packet.user.participant_sid = sid


def _destinations(packet: models.DataPacket) -> Sequence[str]:
    """Identities, which older clients write, and read, in another place: each place gets what the other has."""
    if packet.WhichOneof("value") == "user":
        if packet.destination_identities:
            packet.user.destination_identities[:] = packet.destination_identities
        else:
            packet.destination_identities[:] = packet.user.destination_identities
    return packet.destination_identities

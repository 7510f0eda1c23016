"""A client's side of TURN: requests as RFC 8489 and RFC 8656 want them, over whatever carries them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from turn.attribute_forms import Written
from turn.attributes import (
    CHANNEL_NUMBER,
    ERROR_CODE,
    NONCE,
    REALM,
    REQUESTED_TRANSPORT,
    USERNAME,
    XOR_PEER_ADDRESS,
    XOR_RELAYED_ADDRESS,
    Transport,
)
from turn.datapath import Address
from turn.integrity import PasswordAlgorithm, long_term_key
from turn.stun import Class, Message, Method, encode

REALM_NAME = "sluice.test"


class TurnClient(ABC):
    """One 5-tuple. It keeps the nonce it is given and asks again when told so (RFC 8489, 9.2.5).

    Without a user name it asks as a stranger.
    """

    def __init__(self, username: str = "", password: str = "") -> None:
        self.username = username
        self.password = password
        self.nonce = ""

    @abstractmethod
    def exchange(self, data: bytes) -> Message:
        """The answer to a request."""

    @abstractmethod
    def transaction_id(self) -> bytes: ...

    @property
    def key(self) -> bytes:
        return long_term_key(self.username, REALM_NAME, self.password, PasswordAlgorithm.MD5)

    def request(self, method: int, *attributes: Written, transaction_id: bytes | None = None) -> Message:
        for _ in range(3):
            data = self.signed(method, attributes, transaction_id or self.transaction_id())
            reply = self.exchange(data)
            if code(reply) not in (401, 438):
                assert not self.nonce or reply.verify(self.key), "an answer to somebody known is signed"
                return reply
            fresh = NONCE.read(reply)
            if not self.username or fresh is None or (code(reply) == 401 and self.nonce):
                return reply
            self.nonce = fresh
        raise AssertionError("challenged for ever")

    def signed(self, method: int, attributes: Sequence[Written], transaction_id: bytes) -> bytes:
        if not self.nonce:
            return encode(Message(method, Class.REQUEST, transaction_id, tuple(attributes)))
        who = (USERNAME.of(self.username), REALM.of(REALM_NAME), NONCE.of(self.nonce))
        message = Message(method, Class.REQUEST, transaction_id, (*attributes, *who))
        return encode(message, key=self.key)

    def allocate(self, *attributes: Written, transport: int = Transport.UDP) -> Message:
        return self.request(Method.ALLOCATE, REQUESTED_TRANSPORT.of(transport), *attributes)

    def refresh(self, *attributes: Written) -> Message:
        return self.request(Method.REFRESH, *attributes)

    def bind(self, number: int, peer: Address) -> int:
        """The answer's code."""
        transaction_id = self.transaction_id()
        attributes = (CHANNEL_NUMBER.of(number), XOR_PEER_ADDRESS.of(peer, transaction_id))
        return code(self.request(Method.CHANNEL_BIND, *attributes, transaction_id=transaction_id))

    def permit(self, *ips: str) -> int:
        """The answer's code."""
        transaction_id = self.transaction_id()
        peers = [XOR_PEER_ADDRESS.of((ip, 0), transaction_id) for ip in ips]
        return code(self.request(Method.CREATE_PERMISSION, *peers, transaction_id=transaction_id))


def code(reply: Message) -> int:
    """0 for success."""
    assert reply.cls in (Class.SUCCESS, Class.ERROR)
    error = ERROR_CODE.read(reply)
    assert (error is None) == (reply.cls is Class.SUCCESS)
    return 0 if error is None else error[0]


def relayed(reply: Message) -> list[Address]:
    assert code(reply) == 0
    return XOR_RELAYED_ADDRESS.read_all(reply)

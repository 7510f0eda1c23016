"""Which attributes are comprehended where; a request with others, of those that must be, gets 420 (RFC 8489, 6.3.1)."""

from turn import attributes as a
from turn.errors import Refused
from turn.integrity import Integrity
from turn.stun import Message

STUN = frozenset(
    (
        a.MAPPED_ADDRESS.type,
        a.USERNAME.type,
        a.ERROR_CODE.type,
        a.UNKNOWN_ATTRIBUTES.type,
        a.REALM.type,
        a.NONCE.type,
        a.PASSWORD_ALGORITHM.type,
        a.USERHASH.type,
        a.XOR_MAPPED_ADDRESS.type,
        *map(int, Integrity),
    )
)
TURN = STUN | {
    a.CHANNEL_NUMBER.type,
    a.LIFETIME.type,
    a.XOR_PEER_ADDRESS.type,
    a.DATA.type,
    a.XOR_RELAYED_ADDRESS.type,
    a.REQUESTED_ADDRESS_FAMILY.type,
    a.EVEN_PORT.type,
    a.REQUESTED_TRANSPORT.type,
    a.DONT_FRAGMENT.type,
    a.RESERVATION_TOKEN.type,
    a.CONNECTION_ID.type,
}
NAT_DISCOVERY = STUN | {a.CHANGE_REQUEST.type, a.PADDING.type, a.RESPONSE_PORT.type}


def check(message: Message, comprehended: frozenset[int]) -> None:
    """Refused (420)."""
    unknown = message.unknown(comprehended)
    if unknown:
        raise Refused(420, "unknown attribute", [a.UNKNOWN_ATTRIBUTES.of(unknown)])

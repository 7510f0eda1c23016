"""The attributes of STUN and TURN messages, by the names the RFCs give them.

`LIFETIME.read(request)` gives the value or None and raises Malformed, `LIFETIME.of(600)` gives type and bytes. An
address is an (IP, port); addresses that are mixed with the transaction id need it to be written.
"""

from enum import IntEnum

from turn.attribute_forms import (
    ADDRESS,
    ALGORITHM,
    ALGORITHMS,
    CHANGE,
    ERROR,
    EVEN_PORT_FLAG,
    FAMILY_ERROR,
    FLAG,
    ICMP_ERROR,
    PORT,
    TYPES,
    Attribute,
    XorAddress,
    anything,
    number,
    octets,
    text,
)


class Transport(IntEnum):
    """What REQUESTED-TRANSPORT may ask for, as IP protocol numbers (RFC 8656, 18.8; RFC 6062, 4.1)."""

    TCP = 6
    UDP = 17


# RFC 8489, 14: lengths in bytes; 763 is what 127 characters may take there, and one quote.
MAPPED_ADDRESS = Attribute(0x0001, ADDRESS)
USERNAME = Attribute(0x0006, text(508))
ERROR_CODE = Attribute(0x0009, ERROR)
UNKNOWN_ATTRIBUTES = Attribute(0x000A, TYPES)
REALM = Attribute(0x0014, text(763))
NONCE = Attribute(0x0015, text(763))
PASSWORD_ALGORITHM = Attribute(0x001D, ALGORITHM)
USERHASH = Attribute(0x001E, octets(32))
XOR_MAPPED_ADDRESS = XorAddress(0x0020)
PASSWORD_ALGORITHMS = Attribute(0x8002, ALGORITHMS)
ALTERNATE_DOMAIN = Attribute(0x8003, text(255))
SOFTWARE = Attribute(0x8022, text(763))
ALTERNATE_SERVER = Attribute(0x8023, ADDRESS)

# RFC 8656, 18
CHANNEL_NUMBER = Attribute(0x000C, number(2, reserved=2))
LIFETIME = Attribute(0x000D, number(4))
XOR_PEER_ADDRESS = XorAddress(0x0012)
DATA = Attribute(0x0013, anything(4096))
XOR_RELAYED_ADDRESS = XorAddress(0x0016)
REQUESTED_ADDRESS_FAMILY = Attribute(0x0017, number(1, reserved=3))
EVEN_PORT = Attribute(0x0018, EVEN_PORT_FLAG)
REQUESTED_TRANSPORT = Attribute(0x0019, number(1, reserved=3))
DONT_FRAGMENT = Attribute(0x001A, FLAG)
RESERVATION_TOKEN = Attribute(0x0022, octets(8))
ADDITIONAL_ADDRESS_FAMILY = Attribute(0x8000, number(1, reserved=3))
ADDRESS_ERROR_CODE = Attribute(0x8001, FAMILY_ERROR)
ICMP = Attribute(0x8004, ICMP_ERROR)

# RFC 6062, 6.2
CONNECTION_ID = Attribute(0x002A, number(4))

# RFC 8016, 3.3
MOBILITY_TICKET = Attribute(0x8030, anything(512))

# RFC 5780, 7
CHANGE_REQUEST = Attribute(0x0003, CHANGE)
PADDING = Attribute(0x0026, anything(4096))
RESPONSE_PORT = Attribute(0x0027, PORT)
RESPONSE_ORIGIN = Attribute(0x802B, ADDRESS)
OTHER_ADDRESS = Attribute(0x802C, ADDRESS)

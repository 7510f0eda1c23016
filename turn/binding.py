"""Binding requests: where a client seems to be (RFC 8489), and how its NAT behaves (RFC 5780)."""

from collections.abc import Callable

from turn import known
from turn.attribute_forms import Written
from turn.attributes import (
    CHANGE_REQUEST,
    MAPPED_ADDRESS,
    OTHER_ADDRESS,
    PADDING,
    RESPONSE_ORIGIN,
    RESPONSE_PORT,
    XOR_MAPPED_ADDRESS,
)
from turn.datapath import Address, Path
from turn.errors import Refused
from turn.settings import NatDiscovery
from turn.stun import Message


class BindingRequests:
    """udp_path: makes a path from our address and the client's. Both methods raise Refused, Malformed."""

    def __init__(self, discovery: NatDiscovery | None, udp_path: Callable[[Address, Address], Path]) -> None:
        self._discovery = discovery
        self._udp_path = udp_path

    def answer(self, client: Path, message: Message) -> tuple[Path, list[Written]]:
        """The attributes of the success response, and the path it takes: as short as can be, since anybody may ask."""
        other = self._other(client)
        if other is not None:
            return self._discover(client, message, other)
        known.check(message, known.STUN)
        return client, [XOR_MAPPED_ADDRESS.of(client.remote, message.transaction_id)]

    def _discover(self, client: Path, message: Message, other: Address) -> tuple[Path, list[Written]]:
        """RFC 5780, 6.1."""
        known.check(message, known.NAT_DISCOVERY)
        change_ip, change_port = CHANGE_REQUEST.read(message) or (False, False)
        port = RESPONSE_PORT.read(message)
        padding = PADDING.read(message)
        if port is not None and padding is not None:
            raise Refused(400, "padding is for where it came from")
        if port == 0:
            raise Refused(400, "nobody listens at port 0")
        origin = (other[0] if change_ip else client.local[0], other[1] if change_port else client.local[1])
        destination = (client.remote[0], client.remote[1] if port is None else port)
        attributes = [
            XOR_MAPPED_ADDRESS.of(client.remote, message.transaction_id),
            MAPPED_ADDRESS.of(client.remote),
            RESPONSE_ORIGIN.of(origin),
            OTHER_ADDRESS.of(other),
        ]
        if padding is not None:
            # As long as the request's, where the RFC has a packet's size: or anybody could have it sent to anybody.
            attributes.append(PADDING.of(bytes(len(padding))))
        return self._udp_path(origin, destination), attributes

    def _other(self, client: Path) -> Address | None:
        """Other IP and other port than those this came to; None where there is no such thing."""
        if self._discovery is None or client.protocol != "udp":
            return None
        (ip, port), (other_ip, other_port) = self._discovery.primary, self._discovery.alternate
        if client.local[0] not in (ip, other_ip) or client.local[1] not in (port, other_port):
            return None
        return other_ip if client.local[0] == ip else ip, other_port if client.local[1] == port else port

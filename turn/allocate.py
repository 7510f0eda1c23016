"""Allocate requests (RFC 8656, 7.2; RFC 6062, 5.1; RFC 8016, 3.1)."""

import base64
from collections.abc import Sequence

from turn.addresses import RandomBytes
from turn.allocations import Allocations
from turn.attribute_forms import Family, Written
from turn.attributes import (
    ADDITIONAL_ADDRESS_FAMILY,
    ADDRESS_ERROR_CODE,
    DONT_FRAGMENT,
    EVEN_PORT,
    LIFETIME,
    MOBILITY_TICKET,
    REQUESTED_ADDRESS_FAMILY,
    REQUESTED_TRANSPORT,
    RESERVATION_TOKEN,
    XOR_MAPPED_ADDRESS,
    XOR_RELAYED_ADDRESS,
    Transport,
)
from turn.errors import Refused
from turn.leases import Lease, Leases
from turn.request import Request
from turn.reservations import Reservations
from turn.settings import TurnSettings
from turn.stun import Message

_TICKET_BYTES = 24


class AllocateRequests:
    """Gives the attributes of the success response. Raises Refused, Malformed; then nothing is held."""

    def __init__(
        self,
        settings: TurnSettings,
        allocations: Allocations,
        leases: Leases,
        reservations: Reservations,
        random_bytes: RandomBytes,
    ) -> None:
        self._settings = settings
        self._allocations = allocations
        self._leases = leases
        self._reservations = reservations
        self._random_bytes = random_bytes

    def answer(self, request: Request) -> list[Written]:
        """The steps are those of RFC 8656, 7.2; authentication, its first, is done."""
        # 2. The 5-tuple must be free. (The same request once more has been answered before it came here.)
        if self._allocations.at(request.client) is not None:
            raise Refused(437, "allocation mismatch")
        # 3. The transport between us and the peers.
        transport = self._transport(request)
        # 4. DONT-FRAGMENT is understood: the data path can set the DF bit.
        mobile = self._wants_mobility(request.message)
        lifetime = granted_lifetime(LIFETIME.read(request.message), self._settings)
        leases, extras = self._choose(request, transport)
        allocation = self._allocations.open(request.client, request.owner, leases, request.now + lifetime)
        if mobile:
            ticket = new_ticket(self._random_bytes)
            self._allocations.set_ticket(allocation, ticket)
            extras.append(MOBILITY_TICKET.of(ticket))
        transaction = request.message.transaction_id
        return [
            *(XOR_RELAYED_ADDRESS.of(lease.address, transaction) for lease in leases),
            LIFETIME.of(lifetime),
            XOR_MAPPED_ADDRESS.of(request.client.remote, transaction),
            *extras,
        ]

    def _transport(self, request: Request) -> Transport:
        message = request.message
        transport = REQUESTED_TRANSPORT.read(message)
        if transport is None:
            raise Refused(400, "REQUESTED-TRANSPORT is missing")
        if not self._leases.offers(transport):
            raise Refused(442, "unsupported transport protocol")
        # RFC 6062, 5.1: connections are for clients that have one, and have none of the marks of datagrams.
        of_datagrams = (EVEN_PORT, DONT_FRAGMENT, RESERVATION_TOKEN)
        if transport == Transport.TCP and (
            request.client.protocol == "udp" or any(attribute.read(message) is not None for attribute in of_datagrams)
        ):
            raise Refused(400, "not with a TCP allocation")
        return Transport(transport)

    def _wants_mobility(self, message: Message) -> bool:
        """RFC 8016, 3.1.2."""
        ticket = MOBILITY_TICKET.read(message)
        if ticket is None:
            return False
        if not self._settings.mobility:
            raise Refused(405, "mobility forbidden")
        if ticket:
            raise Refused(400, "a ticket where there is none yet")
        return True

    def _choose(self, request: Request, transport: Transport) -> tuple[Sequence[Lease], list[Written]]:
        """The relayed addresses, and what else there is to say about them."""
        message, user = request.message, request.owner.user
        token = RESERVATION_TOKEN.read(message)
        even = EVEN_PORT.read(message)
        requested = REQUESTED_ADDRESS_FAMILY.read(message)
        additional = ADDITIONAL_ADDRESS_FAMILY.read(message)
        # 5. A token stands for an address, so that nothing is left to be asked for.
        if token is not None:
            if (even, requested, additional) != (None, None, None):
                raise Refused(400, "a token, and wishes")
            reserved = self._reservations.redeem(token, user)
            if reserved is None:
                raise Refused(508, "no such reservation")
            return [reserved], []
        # 6. One family, or both.
        if requested is not None and additional is not None:
            raise Refused(400, "one family and two")
        # 9. IPv4 comes without being asked for; IPv6 may come beside it. 8. Pairs of ports are for one family.
        if additional is not None:
            if additional != Family.IPV6 or even:
                raise Refused(400, "not a dual allocation")
            return self._dual(user, transport, even=even is not None)
        # 7. The family; 440 where we have none. 10. The quota; 486.
        family = _family(Family.IPV4 if requested is None else requested)
        # 8. EVEN-PORT: even, and with its bit set, the next one is reserved.
        if even:
            lower, upper = self._leases.take_pair(user, family)
            return [lower], [RESERVATION_TOKEN.of(self._reservations.hold(upper, request.now))]
        return [self._leases.take(user, transport, family, even=even is not None)], []

    def _dual(self, user: str, transport: Transport, *, even: bool) -> tuple[list[Lease], list[Written]]:
        """Both families, or one, and why not the other."""
        leases: list[Lease] = []
        errors: list[tuple[Family, Refused]] = []
        for family in Family:
            try:
                leases.append(self._leases.take(user, transport, family, even=even))
            except Refused as refused:
                errors.append((family, refused))
        if not leases:
            raise errors[0][1]
        # The attribute knows 440 and 508 only.
        codes = ((family, 440 if refused.code == 440 else 508) for family, refused in errors)
        return leases, [ADDRESS_ERROR_CODE.of((family, code, "")) for family, code in codes]


def new_ticket(random_bytes: RandomBytes) -> bytes:
    """RFC 8016, 3.3.1. As text, because there are clients for which a zero byte ends it."""
    return base64.b64encode(random_bytes(_TICKET_BYTES))


def granted_lifetime(requested: int | None, settings: TurnSettings) -> int:
    """Seconds: at most the maximum, at least the default."""
    return max(settings.default_lifetime, min(requested or 0, settings.max_lifetime))


def _family(number: int) -> Family:
    try:
        return Family(number)
    except ValueError:
        raise Refused(440, "address family not supported") from None

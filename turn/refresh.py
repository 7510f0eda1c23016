"""Refresh requests (RFC 8656, 8.2), and those that bring an allocation along to another path (RFC 8016, 3.2)."""

from collections.abc import Callable

from turn.addresses import RandomBytes
from turn.allocate import granted_lifetime, new_ticket
from turn.allocation import Allocation
from turn.allocations import Allocations
from turn.attribute_forms import Written
from turn.attributes import LIFETIME, MOBILITY_TICKET, REQUESTED_ADDRESS_FAMILY
from turn.errors import Refused
from turn.request import Request
from turn.settings import TurnSettings


class RefreshRequests:
    """Gives the attributes of the success response. Raises Refused, Malformed; then nothing has changed.

    may_refresh: whether a user whose credential has expired may keep what it began.
    """

    def __init__(
        self,
        settings: TurnSettings,
        allocations: Allocations,
        random_bytes: RandomBytes,
        may_refresh: Callable[[str], bool],
    ) -> None:
        self._settings = settings
        self._allocations = allocations
        self._random_bytes = random_bytes
        self._may_refresh = may_refresh

    def answer(self, request: Request) -> list[Written]:
        message = request.message
        requested = LIFETIME.read(message)
        family = REQUESTED_ADDRESS_FAMILY.read(message)
        ticket = MOBILITY_TICKET.read(message)
        if ticket is not None and not self._settings.mobility:
            raise Refused(405, "mobility forbidden")
        allocation = self._with_ticket(request, ticket) if ticket else self._allocations.owned(request)
        # Without a family it is about all there are (8.1).
        families = [each for each in allocation.families if family in (None, each)]
        if not families:
            raise Refused(443, "peer address family mismatch")
        lifetime = 0 if requested == 0 else granted_lifetime(requested, self._settings)
        if lifetime and request.expired and not self._may_refresh(request.owner.user):
            raise Refused(403, "the credential has expired")
        reply = [LIFETIME.of(lifetime)]
        if ticket and lifetime:
            reply.append(self._move(request, allocation))
        if lifetime:
            allocation.extend(families, request.now + lifetime)
        else:
            allocation.end(families)
        self._allocations.reschedule(allocation)
        return reply

    def _with_ticket(self, request: Request, ticket: bytes) -> Allocation:
        """The ticket says which allocation; whose it is, the credentials must say as well (RFC 8016, 3.2.2)."""
        allocation = self._allocations.with_ticket(ticket)
        if allocation is None:
            raise Refused(400, "no such ticket")
        self._allocations.check_owner(allocation, request)
        if self._allocations.at(request.client) not in (None, allocation):
            raise Refused(437, "allocation mismatch")
        return allocation

    def _move(self, request: Request, allocation: Allocation) -> Written:
        """From now on the client is where the request came from; the ticket it has shown is worth nothing any more."""
        if allocation.client != request.client:
            self._allocations.move(allocation, request.client)
        ticket = new_ticket(self._random_bytes)
        self._allocations.set_ticket(allocation, ticket)
        return MOBILITY_TICKET.of(ticket)

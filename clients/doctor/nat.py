"""How the NAT between here and a server behaves, after RFC 5780, 4.3 and 4.4."""

import enum
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

Address = tuple[str, int]

CHANGE_PORT = 0x2
CHANGE_IP = 0x4
"""Flags of CHANGE-REQUEST (RFC 5780, 7.2)."""


@dataclass(frozen=True, slots=True)
class Binding:
    """A Binding answer: our address as seen from there, and the server's other address if it has one."""

    mapped: Address
    other: Address | None


# Asks the server at an address, to be answered from a changed one by flags; None: no answer.
Ask = Callable[[Address, int], Awaitable[Binding | None]]


class Mapping(enum.StrEnum):
    """Who shares a public address of one local one (RFC 4787, 4.1)."""

    NONE = "no NAT"
    ENDPOINT_INDEPENDENT = "endpoint-independent"
    ADDRESS_DEPENDENT = "address-dependent"
    ADDRESS_AND_PORT_DEPENDENT = "address-and-port-dependent"
    UNKNOWN = "unknown"


class Filtering(enum.StrEnum):
    """Who gets in through such a public address (RFC 4787, 5)."""

    ENDPOINT_INDEPENDENT = "endpoint-independent"
    ADDRESS_DEPENDENT = "address-dependent"
    ADDRESS_AND_PORT_DEPENDENT = "address-and-port-dependent"
    UNKNOWN = "unknown"


async def mapping(ask: Ask, server: Address, local: Address) -> Mapping:
    """RFC 5780, 4.3. ask: always from the local address."""
    first = await ask(server, 0)  # test I
    if first is None:
        return Mapping.UNKNOWN
    if first.mapped == local:
        return Mapping.NONE
    if first.other is None:
        return Mapping.UNKNOWN
    second = await ask((first.other[0], server[1]), 0)  # test II
    if second is None:
        return Mapping.UNKNOWN
    if second.mapped == first.mapped:
        return Mapping.ENDPOINT_INDEPENDENT
    third = await ask(first.other, 0)  # test III
    if third is None:
        return Mapping.UNKNOWN
    return Mapping.ADDRESS_DEPENDENT if third.mapped == second.mapped else Mapping.ADDRESS_AND_PORT_DEPENDENT


async def filtering(ask: Ask, server: Address) -> Filtering:
    """RFC 5780, 4.4. ask: from an address that has sent the server's other address nothing, which would let it in."""
    first = await ask(server, 0)  # test I
    if first is None or first.other is None:
        return Filtering.UNKNOWN
    if await ask(server, CHANGE_IP | CHANGE_PORT) is not None:  # test II
        return Filtering.ENDPOINT_INDEPENDENT
    if await ask(server, CHANGE_PORT) is not None:  # test III
        return Filtering.ADDRESS_DEPENDENT
    return Filtering.ADDRESS_AND_PORT_DEPENDENT

"""Every kind of NAT, told by its behaviour (RFC 5780, 4)."""

import pytest

from clients.doctor.nat import CHANGE_IP, CHANGE_PORT, Address, Binding, Filtering, Mapping, filtering, mapping

PRIMARY, OTHER = ("192.0.2.1", 3478), ("192.0.2.2", 3479)
LOCAL = ("10.0.0.2", 40_000)


class Nat:
    """One client's NAT and the server behind it, which answers from a changed address if asked to."""

    def __init__(self, mapped_by: Mapping, filtered_by: Filtering, *, other: Address | None = OTHER) -> None:
        self.mapped_by, self.filtered_by, self.other = mapped_by, filtered_by, other
        self.sent_to: set[Address] = set()
        self.unreachable: set[Address] = set()

    async def ask(self, server: Address, change: int) -> Binding | None:
        self.sent_to.add(server)
        source = (
            OTHER[0] if change & CHANGE_IP else server[0],
            OTHER[1] if change & CHANGE_PORT else server[1],
        )
        if server in self.unreachable or not self._lets_in(source):
            return None
        return Binding(self._mapped(server), self.other)

    def _mapped(self, server: Address) -> Address:
        match self.mapped_by:
            case Mapping.NONE:
                return LOCAL
            case Mapping.ADDRESS_DEPENDENT:
                return ("203.0.113.5", 5000 + int(server[0][-1]))
            case Mapping.ADDRESS_AND_PORT_DEPENDENT:
                return ("203.0.113.5", 5000 + int(server[0][-1]) * 10 + server[1] % 10)
        return ("203.0.113.5", 5000)

    def _lets_in(self, source: Address) -> bool:
        match self.filtered_by:
            case Filtering.ADDRESS_DEPENDENT:
                return source[0] in {ip for ip, _ in self.sent_to}
            case Filtering.ADDRESS_AND_PORT_DEPENDENT:
                return source in self.sent_to
        return True


@pytest.mark.parametrize("kind", [kind for kind in Mapping if kind is not Mapping.UNKNOWN])
async def test_mapping_is_told(kind: Mapping) -> None:
    nat = Nat(kind, Filtering.ADDRESS_AND_PORT_DEPENDENT)
    assert await mapping(nat.ask, PRIMARY, LOCAL) is kind


@pytest.mark.parametrize("kind", [kind for kind in Filtering if kind is not Filtering.UNKNOWN])
async def test_filtering_is_told(kind: Filtering) -> None:
    assert await filtering(Nat(Mapping.ENDPOINT_INDEPENDENT, kind).ask, PRIMARY) is kind


async def test_a_server_with_one_address_tells_only_whether_there_is_a_nat() -> None:
    nat = Nat(Mapping.ENDPOINT_INDEPENDENT, Filtering.ENDPOINT_INDEPENDENT, other=None)
    assert await mapping(nat.ask, PRIMARY, LOCAL) is Mapping.UNKNOWN
    assert await filtering(nat.ask, PRIMARY) is Filtering.UNKNOWN
    nat.mapped_by = Mapping.NONE
    assert await mapping(nat.ask, PRIMARY, LOCAL) is Mapping.NONE


@pytest.mark.parametrize("silent", [PRIMARY, (OTHER[0], PRIMARY[1]), OTHER])
async def test_without_an_answer_nothing_is_told(silent: Address) -> None:
    nat = Nat(Mapping.ADDRESS_DEPENDENT, Filtering.ENDPOINT_INDEPENDENT)
    nat.unreachable.add(silent)
    assert await mapping(nat.ask, PRIMARY, LOCAL) is Mapping.UNKNOWN

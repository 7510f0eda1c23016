"""Our own candidates."""

import pytest

from sfu.attributes import MAX_CANDIDATES
from sfu.candidates import host_candidates


def test_address_families_take_turns_and_priorities_fall() -> None:
    addresses = ["192.0.2.1", "198.51.100.1", "2001:db8::1", "192.0.2.1"]
    candidates = host_candidates([(address, 3478) for address in addresses])
    assert [candidate.address for candidate in candidates] == ["2001:db8::1", "192.0.2.1", "198.51.100.1"]
    priorities = [candidate.priority for candidate in candidates]
    assert priorities == sorted(priorities, reverse=True)
    assert len({candidate.foundation for candidate in candidates}) == 3
    assert str(candidates[1]) == "2 1 udp 2130706175 192.0.2.1 3478 typ host"


def test_those_for_tcp_come_last_and_are_passive() -> None:
    candidates = host_candidates([("192.0.2.1", 3478), ("2001:db8::1", 3478)], tcp=True)
    assert [(c.transport, c.address) for c in candidates] == [
        ("udp", "2001:db8::1"),
        ("udp", "192.0.2.1"),
        ("tcp", "2001:db8::1"),
        ("tcp", "192.0.2.1"),
    ]
    priorities = [candidate.priority for candidate in candidates]
    assert priorities == sorted(set(priorities), reverse=True)
    assert len({candidate.foundation for candidate in candidates}) == 4
    # RFC 6544, 4.2: 90, passive is 4 in the upper 3 bits, then 8190.
    assert str(candidates[3]) == "4 1 tcp 1520434943 192.0.2.1 3478 typ host tcptype passive"


def test_they_are_bounded_and_must_be_addresses() -> None:
    assert len(host_candidates([(f"192.0.2.{host}", 1) for host in range(200)])) == MAX_CANDIDATES
    with pytest.raises(ValueError, match="example"):
        host_candidates([("example", 1)])

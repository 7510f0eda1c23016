"""Permissions of one allocation: what the data path is told, and when it is told otherwise."""

import pytest

from tests.turn.recording import FivePath, RecordingPath
from turn.attribute_forms import Family
from turn.errors import Refused
from turn.permissions import LIFETIME_SECONDS, Permissions


def permissions(limit: int = 3) -> tuple[Permissions, dict[str, bool]]:
    datapath = RecordingPath()
    relay = datapath.add_relay(FivePath(("198.18.0.1", 3478), ("192.0.2.7", 1)), [])
    return Permissions(datapath, relay, limit), datapath.relays[relay].permitted


def test_five_minutes_at_a_time() -> None:
    held, told = permissions()
    held.install({"9.9.9.9": False}, 0.0)
    held.install({"9.9.9.9": False, "9.9.9.8": True}, 100.0)
    assert told == {"9.9.9.9": False, "9.9.9.8": True}
    assert held.next_deadline() == 100.0 + LIFETIME_SECONDS
    held.handle_timeout(399.999999)
    assert "9.9.9.9" in held
    held.handle_timeout(400.0)
    assert told == {}
    assert held.next_deadline() is None


def test_too_many_are_none_of_them() -> None:
    held, told = permissions(2)
    held.install({"9.9.9.9": False}, 0.0)
    with pytest.raises(Refused, match="508"):
        held.install({"9.9.9.9": False, "9.9.9.8": False, "9.9.9.7": False}, 10.0)
    assert told == {"9.9.9.9": False}
    assert held.next_deadline() == LIFETIME_SECONDS


def test_of_one_family() -> None:
    held, told = permissions()
    held.install({"9.9.9.9": False, "2a00::1": False}, 0.0)
    held.drop_family(Family.IPV4)
    assert told == {"2a00::1": False}

"""Channels of one allocation: what the data path is told, and what rests before it is used again."""

import pytest

from tests.turn.recording import FivePath, RecordingPath
from turn.attribute_forms import Family
from turn.channels import LIFETIME_SECONDS, QUARANTINE_SECONDS, Channels
from turn.datapath import Address
from turn.errors import Refused

PEER, OTHER, SIX = ("9.9.9.9", 1), ("9.9.9.9", 2), ("2a00::1", 1)


def channels(limit: int = 3) -> tuple[Channels, dict[int, Address]]:
    datapath = RecordingPath()
    relay = datapath.add_relay(FivePath(("198.18.0.1", 3478), ("192.0.2.7", 1)), [])
    return Channels(datapath, relay, limit), datapath.relays[relay].channels


@pytest.mark.parametrize(
    ("number", "peer", "code"),
    [(0x3FFF, OTHER, 400), (0x5000, OTHER, 400), (0x4000, OTHER, 400), (0x4001, PEER, 400), (0x4002, SIX, 508)],
)
def test_what_cannot_be_bound(number: int, peer: Address, code: int) -> None:
    held, _ = channels(1)
    held.bind(0x4000, PEER, 0.0)
    held.check(0x4000, PEER)
    with pytest.raises(Refused) as caught:
        held.check(number, peer)
    assert caught.value.code == code


def test_ten_minutes_and_five_more_for_itself() -> None:
    held, told = channels()
    held.bind(0x4000, PEER, 0.0)
    assert held.next_deadline() == LIFETIME_SECONDS
    held.handle_timeout(LIFETIME_SECONDS)
    assert told == {}
    end = LIFETIME_SECONDS + QUARANTINE_SECONDS
    assert held.next_deadline() == end
    held.handle_timeout(end - 0.000001)
    with pytest.raises(Refused, match="400"):
        held.check(0x4000, OTHER)
    held.handle_timeout(end)
    held.check(0x4000, OTHER)
    assert held.next_deadline() is None


def test_long_overslept() -> None:
    held, told = channels()
    held.bind(0x4000, PEER, 0.0)
    held.handle_timeout(10_000.0)
    assert told == {}
    assert held.next_deadline() is None


def test_it_is_bound_anew_from_its_rest() -> None:
    held, told = channels()
    held.bind(0x4000, PEER, 0.0)
    held.handle_timeout(700.0)
    held.check(0x4000, PEER)
    held.bind(0x4000, PEER, 700.0)
    assert told == {0x4000: PEER}
    assert held.next_deadline() == 700.0 + LIFETIME_SECONDS


def test_of_one_family() -> None:
    held, told = channels()
    held.bind(0x4000, PEER, 0.0)
    held.bind(0x4001, SIX, 0.0)
    held.drop_family(Family.IPV4)
    assert told == {0x4001: SIX}
    held.check(0x4002, PEER)

"""One peer connection of a member: made when the client's side is known, and then following what that says."""

import random
from dataclasses import replace
from typing import cast

import pytest

from sfu.attributes import Fingerprint, IceCredentials
from sfu.calls.data_section import DataSection
from sfu.calls.link import DATA_RATE, HELD_OVERHEAD, MAX_HELD_BYTES, Link
from sfu.errors import Overloaded, Rejected
from sfu.ids import Ids
from sfu.media_endpoint import MediaEndpoint
from sfu.negotiation import RemoteTransport
from sfu.transport import TransportState
from sfu.transports import Transports
from tests.sfu.calls.descriptions import LOCAL
from tests.sfu.calls.hall import Endpoint, Ledger

THEIRS = IceCredentials("them", "t" * 24)
REMOTE = RemoteTransport(THEIRS, (LOCAL.fingerprint,), "server")
DATA = DataSection(0, "0", 5000, 65_536)


class Wire:
    """A link, and what it asks of the data path."""

    def __init__(self, *, max_transports: int = 10) -> None:
        self.datapath = Ledger()
        self.now = 100.0
        endpoint = Endpoint(self.datapath, lambda: self.now, max_transports)
        self.transports: Transports = endpoint.transports
        self.link = Link(cast("MediaEndpoint", endpoint), Ids(random.Random(1).randbytes))
        self.closed: list[str] = []
        self.link.closed.connect(self.closed.append)

    def named(self, name: str) -> list[tuple[object, ...]]:
        return [call for call in self.datapath.calls if call[0] == name]


def test_it_opens_once_and_learns_more_extensions() -> None:
    wire = Wire()
    assert wire.link.connection(wire.now) is None
    first = wire.link.follow(REMOTE, {"a": 1})
    assert wire.link.follow(REMOTE, {"a": 1}) is first
    assert wire.named("set_extensions") == []
    wire.link.follow(REMOTE, {"b": 2})
    assert wire.named("set_extensions") == [("set_extensions", first.id, {"a": 1, "b": 2})]
    assert wire.named("add_transport") == [("add_transport", wire.link.local.ice.ufrag, "them")]
    assert wire.named("restart_ice") == []


def test_ice_begins_anew_with_the_client() -> None:
    wire = Wire()
    transport = wire.link.follow(REMOTE, {})
    before = wire.link.local.ice
    anew = replace(REMOTE, ice=IceCredentials("anew", "n" * 24))
    assert wire.link.follow(anew, {}) is transport
    after = wire.link.local.ice
    assert after != before
    assert wire.named("restart_ice") == [("restart_ice", transport.id, after.ufrag, "anew")]
    wire.link.follow(anew, {})
    assert len(wire.named("restart_ice")) == 1


def test_ice_begins_anew_with_us_once_the_client_follows() -> None:
    wire = Wire()
    transport = wire.link.follow(REMOTE, {})
    wire.link.new_credentials()
    ours = wire.link.local.ice
    assert wire.named("restart_ice") == []
    wire.link.follow(replace(REMOTE, ice=IceCredentials("anew", "n" * 24)), {})
    assert wire.link.local.ice == ours
    assert wire.named("restart_ice") == [("restart_ice", transport.id, ours.ufrag, "anew")]
    assert transport.ice == ours


def test_another_client_is_refused_and_nothing_changes() -> None:
    wire = Wire()
    wire.link.follow(REMOTE, {})
    ours, calls = wire.link.local, list(wire.datapath.calls)
    other = replace(REMOTE, fingerprints=(Fingerprint("sha-256", bytes(32)),), ice=IceCredentials("anew", "n" * 24))
    with pytest.raises(Rejected, match="certificate"):
        wire.link.follow(other, {"a": 1})
    assert (wire.link.local, wire.datapath.calls) == (ours, calls)
    wire.link.follow(REMOTE, {})
    assert wire.datapath.calls == calls


def test_without_room_nothing_is_opened_and_it_may_be_tried_again() -> None:
    wire = Wire(max_transports=1)
    other = wire.transports.open(REMOTE, {}, THEIRS, keep_listening=True)
    ours = wire.link.local
    with pytest.raises(Overloaded):
        wire.link.follow(REMOTE, {})
    wire.link.carry_data(DATA)
    assert wire.link.transport is None
    assert wire.link.local == ours
    other.close()
    assert wire.link.follow(REMOTE, {}).state is TransportState.CONNECTING


def test_data_is_carried_once_and_within_a_rate() -> None:
    wire = Wire()
    wire.link.open_channels(("_reliable", None), ("_lossy", 0))
    wire.link.carry_data(DATA)
    transport = wire.link.follow(REMOTE, {})
    wire.link.carry_data(None)
    assert wire.named("set_dtls_rate") == []
    wire.link.carry_data(DATA)
    wire.link.carry_data(DATA)
    assert wire.named("set_dtls_rate") == [("set_dtls_rate", transport.id, DATA_RATE)]
    assert not wire.link.send("_reliable", b"too early")
    assert not wire.link.send("_unknown", b"")


def test_it_tells_the_end_of_its_transport() -> None:
    wire = Wire()
    wire.link.close()
    assert wire.closed == []
    transport = wire.link.follow(REMOTE, {})
    transport.handle_closed("consent-lost", ())
    assert wire.closed == ["consent-lost"]
    wire.link.close()
    assert wire.closed == ["consent-lost"]


def test_only_what_must_arrive_waits_for_its_channel_and_not_without_bound() -> None:
    link = Wire().link
    assert not link.send("_lossy", b"x")
    message = bytes(1024 - HELD_OVERHEAD)
    held = 0
    while link.send("_reliable", message, keep=True):
        held += 1
    assert held == MAX_HELD_BYTES // 1024
    assert not link.send("_reliable", b"", keep=True)
    link.close()

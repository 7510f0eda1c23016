"""Requests here, packets in the real data path: what was granted passes while it was granted, and nothing else."""

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.turn.relayed import Internet, RelayedClient
from tests.turn.world import MEDIA, SETTINGS, code
from turn.attributes import LIFETIME, MOBILITY_TICKET, XOR_MAPPED_ADDRESS
from turn.datapath import Address
from turn.stun import Class, Message, Method, encode, parse


def call() -> tuple[Internet, RelayedClient, RelayedClient]:
    """Two clients, each with an allocation and a permission for the other's relayed address."""
    internet = Internet()
    alice, bob = RelayedClient(internet, "alice"), RelayedClient(internet, "bob")
    for client in (alice, bob):
        assert client.allocate() == 0
        assert client.permit(MEDIA[0]) == 0
    return internet, alice, bob


def test_binding() -> None:
    internet = Internet()
    internet.send(("192.0.2.7", 4000), encode(Message(Method.BINDING, Class.REQUEST, b"transaction!")))
    [answer] = internet.inbox["192.0.2.7", 4000]
    assert XOR_MAPPED_ADDRESS.read(parse(answer)) == ("192.0.2.7", 4000)


def test_two_relayed_clients_hear_each_other() -> None:
    _, alice, bob = call()
    alice.say(bob.relayed, b"by indication")
    assert bob.heard() == [(alice.relayed, b"by indication")]
    assert bob.bind(0x4000, alice.relayed) == 0
    assert alice.bind(0x4FFF, bob.relayed) == 0
    bob.say_on(0x4000, b"by channel")
    alice.say_on(0x4FFF, b"likewise")
    assert alice.heard() == [(0x4FFF, b"by channel")]
    assert bob.heard() == [(0x4000, b"likewise")]


def test_without_permission_nothing_comes_in_and_nothing_goes_out() -> None:
    internet = Internet()
    alice, bob = RelayedClient(internet, "alice"), RelayedClient(internet, "bob")
    alice.allocate()
    bob.allocate()
    bob.permit(MEDIA[0])
    bob.say(alice.relayed, b"uninvited")
    alice.say(bob.relayed, b"unasked")
    assert (alice.heard(), bob.heard()) == ([], [])


@pytest.mark.parametrize("port", [22, 3479])
def test_our_address_is_not_a_way_to_its_other_ports(port: int) -> None:
    internet, alice, _ = call()
    alice.say((MEDIA[0], port), b"is anybody there?")
    assert alice.bind(0x4000, (MEDIA[0], port)) == 403
    assert dict(internet.inbox) == {}


def test_a_permission_ends_to_the_microsecond() -> None:
    internet, alice, bob = call()
    internet.pass_time(300 - 0.000001)
    alice.say(bob.relayed, b"in time")
    assert len(bob.heard()) == 1
    internet.pass_time(0.000001)
    alice.say(bob.relayed, b"too late")
    assert bob.heard() == []


def test_a_channel_ends_to_the_microsecond() -> None:
    internet, alice, bob = call()
    bob.bind(0x4000, alice.relayed)
    for _ in range(2):
        internet.pass_time(299)
        for client in (alice, bob):
            client.permit(MEDIA[0])
            client.request(Method.REFRESH)
    internet.pass_time(2 - 0.000001)
    alice.say(bob.relayed, b"by channel")
    assert bob.heard() == [(0x4000, b"by channel")]
    internet.pass_time(0.000001)
    alice.say(bob.relayed, b"by indication")
    assert bob.heard() == [(alice.relayed, b"by indication")]


@pytest.mark.parametrize("how", ["refresh", "expiry", "revocation"])
def test_an_allocation_that_has_ended_is_deaf_and_mute(how: str) -> None:
    internet, alice, bob = call()
    if how == "refresh":
        assert code(alice.request(Method.REFRESH, LIFETIME.of(0))) == 0
    elif how == "expiry":
        internet.pass_time(299)
        bob.permit(MEDIA[0])
        assert code(bob.request(Method.REFRESH)) == 0
        internet.pass_time(301)
        bob.permit(MEDIA[0])
    else:
        internet.server.revoke("alice", 2e9)
    alice.say(bob.relayed, b"anybody?")
    bob.say(alice.relayed, b"alice?")
    assert (alice.heard(), bob.heard()) == ([], [])
    assert internet.core.relay_stats() != []


def test_who_has_moved_is_heard_from_there_and_only_there() -> None:
    internet = Internet(replace(SETTINGS, mobility=True))
    alice, bob = RelayedClient(internet, "alice"), RelayedClient(internet, "bob")
    ticket = MOBILITY_TICKET.read(alice.request(Method.ALLOCATE, (0x0019, b"\x11\0\0\0"), MOBILITY_TICKET.of(b"")))
    bob.allocate()
    for client in (alice, bob):
        client.permit(MEDIA[0])
    old, alice.address = alice.address, ("192.0.2.99", 9)
    assert code(alice.request(Method.REFRESH, MOBILITY_TICKET.of(ticket or b""))) == 0
    alice.say(bob.relayed, b"I have moved")
    [(relayed, _)] = bob.heard()
    assert not isinstance(relayed, int)
    bob.say(relayed, b"I see")
    assert alice.heard() == [(bob.relayed, b"I see")]
    alice.address = old
    alice.say(bob.relayed, b"from the old place")
    assert (bob.heard(), alice.heard()) == ([], [])


def test_requests_of_a_relay_to_itself_go_nowhere() -> None:
    """No relay within a relay: nested once, it would be a way to make any number of packets out of one."""
    internet, alice, _ = call()
    alice.say(MEDIA, encode(Message(Method.ALLOCATE, Class.REQUEST, b"transaction!", ((0x0019, b"\x11\0\0\0"),))))
    assert alice.heard() == []
    assert len(internet.core.relay_stats()) <= 2


@dataclass
class Granted:
    """What one client has, and until when."""

    expiry: float
    permission: float = 0.0
    channels: dict[int, tuple[Address, float]] = field(default_factory=dict)

    def channel(self, peer: Address, now: float) -> int | None:
        return next((at for at, (to, end) in self.channels.items() if to == peer and end > now), None)


CLIENTS = st.integers(0, 2)


class Traffic(RuleBasedStateMachine):
    """Whatever was asked for, everybody speaks to everybody, and who hears it is whom the answers say."""

    def __init__(self) -> None:
        super().__init__()
        self.internet = Internet(replace(SETTINGS, credential_ttl=1_000_000))
        self.clients = [RelayedClient(self.internet, user) for user in ("alice", "bob", "carol")]
        self.granted: dict[int, Granted] = {}
        for client in self.clients:
            client.request(Method.REFRESH)

    @rule(at=CLIENTS)
    def allocate(self, at: int) -> None:
        if self.clients[at].allocate() == 0:
            self.granted[at] = Granted(self.internet.now + 600)

    @rule(at=CLIENTS, lifetime=st.sampled_from((0, 600)))
    def refresh(self, at: int, lifetime: int) -> None:
        if code(self.clients[at].request(Method.REFRESH, LIFETIME.of(lifetime))) == 0:
            self.granted[at].expiry = self.internet.now + lifetime
        self.expire()

    @rule(at=CLIENTS)
    def permit(self, at: int) -> None:
        if self.clients[at].permit(MEDIA[0]) == 0:
            self.granted[at].permission = self.internet.now + 300

    @rule(at=CLIENTS, peer=CLIENTS, number=st.integers(0x4000, 0x4001))
    def bind(self, at: int, peer: int, number: int) -> None:
        to = self.clients[peer].relayed
        if self.clients[at].bind(number, to) == 0:
            self.granted[at].channels[number] = (to, self.internet.now + 600)
            self.granted[at].permission = self.internet.now + 300

    @rule(pause=st.sampled_from((0.000001, 100.0, 299.999999, 300.0, 600.0)))
    def wait(self, pause: float) -> None:
        self.internet.pass_time(pause)
        self.expire()

    @invariant()
    def whoever_may_is_heard(self) -> None:
        now = self.internet.now
        for source in range(3):
            for target in range(3):
                speaker, listener = self.clients[source], self.clients[target]
                theirs, ours = self.granted.get(source), self.granted.get(target)
                passes = None not in (theirs, ours) and all(each.permission > now for each in (theirs, ours) if each)
                speaker.say(listener.relayed, b"indication")
                number = theirs.channel(listener.relayed, now) if theirs else None
                if number is not None:
                    speaker.say_on(number, b"channel")
                ways = [b"indication", b"channel"] if number is not None else [b"indication"]
                channel = ours.channel(speaker.relayed, now) if ours else None
                source_of = speaker.relayed if channel is None else channel
                assert listener.heard() == ([(source_of, data) for data in ways] if passes else [])

    def expire(self) -> None:
        self.granted = {at: each for at, each in self.granted.items() if each.expiry > self.internet.now}


TestTraffic = Traffic.TestCase
TestTraffic.settings = settings(max_examples=40, stateful_step_count=30)

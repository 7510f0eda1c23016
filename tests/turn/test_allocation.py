"""Allocations against the obvious model: sets with times, and what the data path was told."""

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.turn.recording import Relay
from tests.turn.world import OPEN, Client, World, code
from turn.attribute_forms import Family
from turn.attributes import ADDITIONAL_ADDRESS_FAMILY, LIFETIME, REQUESTED_ADDRESS_FAMILY
from turn.datapath import Address
from turn.settings import TurnSettings

SETTINGS = TurnSettings(
    realm=OPEN.realm,
    secrets=OPEN.secrets,
    policy="open",
    relay_ips=OPEN.relay_ips,
    credential_ttl=1_000_000,
    permissions=3,
    channels=3,
    allocations_per_user=3,
)
FOUR, SIX = ("9.9.9.1", "9.9.9.2", "9.9.9.3"), ("2a00::1", "2a00::2")
FORBIDDEN = ("10.0.0.1", "fe80::1")
IPS = st.sampled_from((*FOUR, *SIX, *FORBIDDEN))
PEERS = st.tuples(IPS, st.sampled_from((1, 2)))
NUMBERS = st.integers(0x4000, 0x4003)
# Around the times that matter, and exactly at them.
PAUSES = st.sampled_from((0.0, 0.000001, 1.0, 60.0, 100.0, 299.999999, 300.0, 599.999999, 600.0))
CLIENTS = st.integers(0, 4)


@dataclass
class Model:
    """One allocation: until when what is granted holds."""

    families: dict[str, float]
    permissions: dict[str, float] = field(default_factory=dict)
    channels: dict[int, tuple[Address, float]] = field(default_factory=dict)

    def expire(self, now: float) -> None:
        self.families = {family: end for family, end in self.families.items() if end > now}
        self.permissions = {ip: end for ip, end in self.permissions.items() if end > now and kind(ip) in self.families}
        self.channels = {
            number: (peer, end)
            for number, (peer, end) in self.channels.items()
            if end + 300 > now and kind(peer[0]) in self.families
        }

    def bound(self, now: float) -> dict[int, Address]:
        return {number: peer for number, (peer, end) in self.channels.items() if end > now}

    def refusal(self, ips: list[str]) -> int:
        """Of permissions for these, 0 for none."""
        for ip in ips:
            if kind(ip) not in self.families:
                return 443
            if ip in FORBIDDEN:
                return 403
        return 508 if len(self.permissions.keys() | set(ips)) > SETTINGS.permissions else 0


def kind(ip: str) -> str:
    return "six" if ":" in ip else "four"


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World(SETTINGS)
        self.clients = [self.world.client(user) for user in ("alice", "alice", "bob", "bob", "bob")]
        self.users = ["alice", "alice", "bob", "bob", "bob"]
        self.models: dict[int, Model] = {}
        self.leases: dict[int, int] = {}
        for client in self.clients:
            client.refresh()

    @rule(at=CLIENTS, dual=st.booleans())
    def allocate(self, at: int, dual: bool) -> None:
        client = self.renewed(at)
        reply = client.allocate(*([ADDITIONAL_ADDRESS_FAMILY.of(Family.IPV6)] if dual else []))
        if at in self.models:
            assert code(reply) == 437
            return
        # A dual allocation of which one family has ended still holds two addresses.
        left = SETTINGS.allocations_per_user - self.held(self.users[at])
        wanted = ["four", "six"][: 2 if dual else 1][:left]
        assert code(reply) == (0 if wanted else 486)
        if wanted:
            self.models[at] = Model(dict.fromkeys(wanted, self.world.now + 600))
            self.leases[at] = len(wanted)

    @rule(at=CLIENTS, lifetime=st.sampled_from((None, 0, 1, 700)), family=st.sampled_from((None, 1, 2)))
    def refresh(self, at: int, lifetime: int | None, family: int | None) -> None:
        attributes = [] if lifetime is None else [LIFETIME.of(lifetime)]
        attributes += [] if family is None else [REQUESTED_ADDRESS_FAMILY.of(family)]
        reply = code(self.clients[at].refresh(*attributes))
        model = self.models.get(at)
        if model is None:
            assert reply == 437
            return
        chosen = [
            name for name, number in (("four", 1), ("six", 2)) if name in model.families and family in (None, number)
        ]
        assert reply == (0 if chosen else 443)
        for name in chosen:
            model.families[name] = self.world.now + (0 if lifetime == 0 else max(600, lifetime or 0))
        self.expire()

    @rule(at=CLIENTS, ips=st.lists(IPS, min_size=1, max_size=3))
    def permit(self, at: int, ips: list[str]) -> None:
        reply = self.clients[at].permit(*ips)
        model = self.models.get(at)
        assert reply == (437 if model is None else model.refusal(ips))
        if model is not None and reply == 0:
            model.permissions.update(dict.fromkeys(ips, self.world.now + 300))

    @rule(at=CLIENTS, number=NUMBERS, peer=PEERS)
    def bind(self, at: int, number: int, peer: Address) -> None:
        reply = self.clients[at].bind(number, peer)
        model = self.models.get(at)
        if model is None:
            assert reply == 437
            return
        denied = model.refusal([peer[0]])
        taken = {bound: to for bound, (to, _) in model.channels.items()}
        if denied in (403, 443):
            assert reply == denied
        elif taken.get(number, peer) != peer or peer in (to for bound, to in taken.items() if bound != number):
            assert reply == 400
        elif number not in taken and len(taken) == SETTINGS.channels:
            assert reply == 508
        else:
            assert reply == denied
        if reply == 0:
            model.channels[number] = (peer, self.world.now + 600)
            model.permissions[peer[0]] = self.world.now + 300

    @rule(pause=PAUSES)
    def wait(self, pause: float) -> None:
        """With timers."""
        self.world.pass_time(pause)
        self.expire()

    @rule(pause=PAUSES)
    @precondition(lambda self: self.models)
    def oversleep(self, pause: float) -> None:
        """Without: then it is the next message that finds what is over."""
        self.world.now += pause
        self.clients[0].refresh(REQUESTED_ADDRESS_FAMILY.of(9))
        self.expire()

    @rule(user=st.sampled_from(("alice", "bob")))
    def revoke(self, user: str) -> None:
        self.world.server.revoke(user, self.world.unix)
        for at in [at for at in self.models if self.users[at] == user]:
            del self.models[at]
        self.wait(0.001)

    @invariant()
    def the_data_path_knows_what_holds(self) -> None:
        relays = {relay.client: relay for relay in self.world.datapath.relays.values()}
        assert relays.keys() == {self.clients[at].path for at in self.models}
        for at, model in self.models.items():
            relay: Relay = relays[self.clients[at].path]
            assert relay.permitted.keys() == model.permissions.keys()
            assert relay.channels == model.bound(self.world.now)

    @invariant()
    def the_deadline_is_the_earliest_of_all(self) -> None:
        dues = [
            due
            for model in self.models.values()
            for due in (
                *model.families.values(),
                *model.permissions.values(),
                *(end if end > self.world.now else end + 300 for _, end in model.channels.values()),
            )
        ]
        assert self.world.server.next_deadline() == min(dues, default=None)

    def expire(self) -> None:
        for at, model in list(self.models.items()):
            model.expire(self.world.now)
            if not model.families:
                del self.models[at]

    def held(self, user: str) -> int:
        return sum(self.leases[at] for at in self.models if self.users[at] == user)

    def renewed(self, at: int) -> Client:
        """Who was sent away needs another credential; whoever has an allocation keeps the name it was made with."""
        client = self.clients[at]
        if at not in self.models:
            client.username, client.password, _ = self.world.server.credentials(self.users[at], self.world.unix)
        return client


TestAllocations = Machine.TestCase
TestAllocations.settings = settings(max_examples=60, stateful_step_count=40)

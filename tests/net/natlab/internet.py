"""A small internet: one segment with public addresses, and sites behind routers of their own.

    wan: bridge `net` with SERVER, ALTERNATE and OTHER ── ext [nat1] lan ── host1a, host1b
                                                       └─ ext [nat2] lan ── host2a, ...

Addresses are those of RFC 5737 and RFC 3849 outside and of RFC 1918 inside.
"""

from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tests.net.natlab.recipes import IPV6_FIREWALL, Recipe
from tests.net.natlab.world import World

WAN = "wan"
SERVER = "203.0.113.10"
ALTERNATE = "203.0.113.11"
"""The server's second address, for RFC 5780."""
OTHER = "203.0.113.20"
"""Somebody else's."""
NOWHERE = "203.0.113.254"
SERVER_IPV6 = "2001:db8::10"


@dataclass(frozen=True, slots=True)
class Site:
    """A router's namespace, its public address, and the namespaces of the hosts behind it."""

    world: World
    router: str
    public: str
    hosts: tuple[str, ...]

    def move(self, public: str) -> "Site":
        """Give the router another public address, as a provider does at night: every mapping changes."""
        self.world.ip(self.router, f"addr del {self.public}/24 dev ext", f"addr add {public}/24 dev ext")
        return Site(self.world, self.router, public, self.hosts)


class Internet:
    """See the module. Use as a context manager."""

    def __init__(self, *, user_namespace: bool | None = None) -> None:
        self.world = World(user_namespace=user_namespace)
        self._sites = 0

    def __enter__(self) -> Self:
        self.world.__enter__()
        try:
            self.world.add(WAN)
            self.world.ip(
                WAN,
                "link add net type bridge",
                *(f"addr add {address}/24 dev net" for address in (SERVER, ALTERNATE, OTHER)),
                f"addr add {SERVER_IPV6}/64 dev net nodad",
                "link set net up",
                # The rest of the world. What is sent there gets lost, as it does on its way to a private address.
                f"neigh add {NOWHERE} lladdr 02:00:00:00:00:01 dev net",
                f"route add default via {NOWHERE}",
            )
        except BaseException:
            self.world.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.world.__exit__(kind, error, trace)

    def behind(self, recipe: Recipe, hosts: int = 1) -> Site:
        """A site with so many hosts behind such a router: 203.0.113.{100 + n} outside, 10.0.{n}.11 and so on inside."""
        site = self._site(hosts)
        number, world = self._sites, self.world
        lan = f"10.0.{number}"
        world.ip(site.router, f"addr add {lan}.1/24 dev lan", f"addr add {site.public}/24 dev ext")
        for position, host in enumerate(site.hosts):
            world.ip(host, f"addr add {lan}.{11 + position}/24 dev eth0", f"route add default via {lan}.1")
        rules = recipe.ruleset(site.public, f"{lan}.0/24", f"{lan}.11")
        world.run(site.router, "nft", "-f", "-", stdin=rules)
        return site

    def ipv6_only(self, hosts: int = 1) -> Site:
        """A site that has IPv6 and nothing else, behind a firewall: 2001:db8:{n}::11 and so on."""
        site = self._site(hosts)
        number, world = self._sites, self.world
        router, prefix = f"2001:db8::1:{number}", f"2001:db8:{number}::"
        world.ip(site.router, f"addr add {router}/64 dev ext nodad", f"addr add {prefix}1/64 dev lan nodad")
        world.ip(WAN, f"route add {prefix}/64 via {router}")
        for position, host in enumerate(site.hosts):
            world.ip(host, f"addr add {prefix}{11 + position}/64 dev eth0 nodad", f"route add default via {prefix}1")
        world.run(site.router, "nft", "-f", "-", stdin=IPV6_FIREWALL)
        return Site(world, site.router, router, site.hosts)

    def _site(self, hosts: int) -> Site:
        """Namespaces and cables, no addresses."""
        self._sites += 1
        number, world = self._sites, self.world
        assert number < 100, "every site has an address of its own between .101 and .199"
        router = f"nat{number}"
        names = tuple(f"host{number}{letter}" for letter in "abcdefgh"[:hosts])
        world.add(router, *names)
        world.ip(
            router,
            "link add lan type bridge",
            "link set lan up",
            f"link add ext type veth peer name site{number} netns {WAN}",
            "link set ext up",
        )
        world.ip(WAN, f"link set site{number} master net up")
        for position, name in enumerate(names):
            world.ip(
                router,
                f"link add host{position} type veth peer name eth0 netns {name}",
                f"link set host{position} master lan up",
            )
            world.ip(name, "link set eth0 up")
        settings = ("ipv4.ip_forward=1", "ipv4.conf.all.rp_filter=0", "ipv6.conf.all.forwarding=1")
        world.run(router, "sysctl", "-qw", *(f"net.{setting}" for setting in settings))
        return Site(world, router, f"203.0.113.{100 + number}", names)

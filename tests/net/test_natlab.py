"""The NAT lab's networks behave as their names say, which programs we did not write confirm; and they vanish."""

import asyncio
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.net.natlab import recipes
from tests.net.natlab.coturn import PORT, coturn, discovered
from tests.net.natlab.internet import ALTERNATE, OTHER, SERVER, SERVER_IPV6, WAN, Internet
from tests.net.natlab.running import probe, python, running
from tests.net.natlab.world import ROOT, LabError, World, why_not
from tests.waiting import eventually

pytestmark = pytest.mark.skipif(why_not() is not None, reason=why_not() or "")
needs_coturn = pytest.mark.skipif(shutil.which("turnserver") is None, reason="coturn is not installed")

_MAKER = """
import subprocess, sys
from tests.net.natlab.world import World
with World() as world:
    world.add("a")
    subprocess.run(world.command("a", sys.executable, "-c", "import os, time; print('up', flush=True); time.sleep(60)"))
"""


@pytest.fixture
def internet() -> Iterator[Internet]:
    with Internet() as internet:
        yield internet


@needs_coturn
async def test_nats_map_and_filter_as_they_are_called(internet: Internet, tmp_path: Path) -> None:
    hosts = [internet.behind(nat).hosts[0] for nat in recipes.NATS]
    async with coturn(internet.world, tmp_path / "coturn.log", "--stun-only"):
        found = await asyncio.gather(*(discovered(internet.world, host) for host in hosts))
    assert {nat.name: seen for nat, seen in zip(recipes.NATS, found, strict=True)} == {
        nat.name: (nat.mapping, nat.filtering) for nat in recipes.NATS
    }


@needs_coturn
async def test_nobody_need_be_root(tmp_path: Path) -> None:
    nat = recipes.FULL_CONE
    with Internet(user_namespace=True) as internet:
        host = internet.behind(nat).hosts[0]
        async with coturn(internet.world, tmp_path / "coturn.log", "--stun-only"):
            assert await discovered(internet.world, host) == (nat.mapping, nat.filtering)


@needs_coturn
async def test_firewalls_let_through_what_they_are_called_after(internet: Internet, tmp_path: Path) -> None:
    world = internet.world
    hosts = {firewall.name: internet.behind(firewall).hosts[0] for firewall in recipes.FIREWALLS}
    open_site = internet.behind(recipes.PORT_RESTRICTED)
    hosts["none"] = open_site.hosts[0]

    async def seen_from(host: str) -> list[str]:
        udp, tcp, https = await asyncio.gather(
            probe(world, host, "mapped", SERVER, PORT),
            probe(world, host, "connect", SERVER, PORT),
            probe(world, host, "connect", OTHER, 443),
        )
        return [udp.partition(":")[0], tcp, https]

    async with coturn(world, tmp_path / "coturn.log", "--stun-only"):
        found = dict(zip(hosts, await asyncio.gather(*map(seen_from, hosts.values())), strict=True))
    assert found == {
        "UDP dropped": ["silence", "connected", "connected"],
        "UDP rejected": ["EHOSTUNREACH", "connected", "connected"],
        "only TCP 443": ["silence", "silence", "connected"],
        "none": [open_site.public, "connected", "connected"],
    }


@needs_coturn
@pytest.mark.parametrize(
    "nat", [recipes.HAIRPIN, recipes.ONE_TO_ONE, recipes.PORT_RESTRICTED], ids=lambda nat: nat.name
)
async def test_hosts_behind_a_hairpin_reach_each_other_by_their_public_addresses(
    internet: Internet, tmp_path: Path, nat: recipes.Recipe
) -> None:
    world = internet.world
    site = internet.behind(nat, hosts=2)
    async with coturn(world, tmp_path / "coturn.log", "--stun-only"):
        listening = python("tests.net.natlab.probe", "receive", SERVER, str(PORT))
        async with running(world, site.hosts[0], *listening) as listener:
            assert listener.stdout is not None
            public, _, port = (await listener.stdout.readline()).decode().strip().rpartition(":")
            assert public == site.public
            answer = await probe(world, site.hosts[1], "send", public, int(port))
            assert (answer == "welcome") is nat.hairpin
            if nat.hairpin:
                assert (await listener.stdout.readline()).decode().startswith(f"{site.public}:")


@needs_coturn
async def test_a_site_that_moves_has_another_address(internet: Internet, tmp_path: Path) -> None:
    site = internet.behind(recipes.PORT_RESTRICTED)
    async with coturn(internet.world, tmp_path / "coturn.log", "--stun-only"):
        before = await probe(internet.world, site.hosts[0], "mapped", SERVER, PORT)
        moved = site.move("203.0.113.201")
        after = await probe(internet.world, site.hosts[0], "mapped", SERVER, PORT)
    assert before.startswith(f"{site.public}:")
    assert after.startswith("203.0.113.201:")
    assert moved.public == "203.0.113.201"


@needs_coturn
async def test_a_site_without_ipv4_has_nothing_but_ipv6(internet: Internet, tmp_path: Path) -> None:
    site = internet.ipv6_only()
    async with coturn(internet.world, tmp_path / "coturn.log", "--stun-only", "-L", SERVER_IPV6):
        assert await probe(internet.world, site.hosts[0], "mapped", SERVER, PORT) == "ENETUNREACH"
        mapped = await probe(internet.world, site.hosts[0], "mapped", SERVER_IPV6, PORT)
        unasked = await probe(internet.world, WAN, "connect", "2001:db8:1::11", PORT)
    assert mapped.startswith("2001:db8:1::11:")
    assert unasked == "silence"


def test_a_step_that_fails_says_why(internet: Internet) -> None:
    with pytest.raises(LabError, match="nonsense"):
        internet.world.ip(WAN, "nonsense")
    with pytest.raises(LabError, match="syntax error"):
        internet.world.run(WAN, "nft", "-f", "-", stdin="nonsense")


def test_the_machine_s_own_network_is_not_touched() -> None:
    before = _interfaces()
    with Internet() as internet:
        internet.behind(recipes.FULL_CONE, hosts=2)
        assert _interfaces() == before
        assert not Path("/run/netns/nat1").exists()
        assert ALTERNATE in internet.world.run(WAN, "ip", "-brief", "address")


async def test_a_world_ends_with_its_maker_however_that_ends() -> None:
    maker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _MAKER, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.DEVNULL
    )
    assert maker.stdout is not None
    assert await maker.stdout.readline() == b"up\n"
    inside = _descendants(maker.pid)
    assert len(inside) >= 4  # unshare, cat, nsenter, python
    maker.send_signal(signal.SIGKILL)
    await maker.wait()

    async def gone() -> bool:
        return not any(map(_exists, inside))

    await eventually(gone, "every process of the world has ended")


def test_a_world_that_ended_runs_nothing() -> None:
    with World() as world:
        world.add("a")
    with pytest.raises(AssertionError):
        world.command("a", "true")


def _interfaces() -> list[str]:
    return sorted(path.name for path in Path("/sys/class/net").iterdir())


def _descendants(pid: int) -> list[int]:
    lists = [(task / "children").read_text().split() for task in Path(f"/proc/{pid}/task").iterdir()]
    children = [int(child) for children in lists for child in children]
    return children + [pid for child in children for pid in _descendants(child)]


def _exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()

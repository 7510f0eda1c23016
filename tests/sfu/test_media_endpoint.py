"""The running half: one port, and what answers say of it."""

import random
import time

import pytest

from sfu.ids import Ids
from sfu.media_endpoint import MediaEndpoint
from sfu.negotiation import plan
from sfu.sdp import SessionDescription
from sfu.settings import SfuSettings
from tests.sfu import offers
from tests.sfu.rooms_of import NOW


def endpoint(listen: tuple[str, int] = ("0.0.0.0", 0), *, loopback: bool = False, public: str = "") -> MediaEndpoint:
    settings = SfuSettings(
        listen=(listen,), workers=1, include_loopback=loopback, public_ips=(public,) if public else ()
    )
    return MediaEndpoint(settings, clock=time.monotonic, now=NOW, random_bytes=random.Random(2).randbytes)


async def test_candidates_are_every_way_to_the_one_port() -> None:
    running = endpoint(loopback=True)
    try:
        assert {candidate.port for candidate in running.candidates} == {running.port}
        assert "127.0.0.1" in {candidate.address for candidate in running.candidates}
    finally:
        running.close()


async def test_public_addresses_are_what_is_announced() -> None:
    running = endpoint(public="203.0.113.5")
    try:
        announced = [(candidate.transport, candidate.address) for candidate in running.candidates]
        assert announced == [("udp", "203.0.113.5"), ("tcp", "203.0.113.5")]
        ice = Ids(random.Random(1).randbytes).ice()
        planned = plan(SessionDescription.parse(offers.offer(offers.CHROME)), "publish")
        running.transports.open(planned.remote, planned.extensions, ice, keep_listening=True)
        local = running.local(ice, 1)
        assert (local.ice, local.session_id) == (ice, 1)
        assert local.candidates == running.candidates
    finally:
        running.close()


async def test_an_address_that_is_not_ours_cannot_be_bound() -> None:
    with pytest.raises(OSError, match="assign"):
        endpoint(("203.0.113.5", 0))

"""The whole examination, of a server that is not there or says no; of the real one elsewhere."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest
from rich.console import Console
from starlette.responses import JSONResponse

from clients.doctor.command import examine, run
from clients.doctor.findings import Fault, Report, Status
from clients.signalling import Endpoint, endpoint_url
from tests.clients.doctor.responder import Responder, by_udp, closed_port
from tests.clients.peer_server import TOKEN, PeerServer


@pytest.fixture
async def server() -> AsyncIterator[PeerServer]:
    async with PeerServer().running() as server:
        yield server


async def test_a_server_that_is_not_there() -> None:
    report = await examined("http://{}:{}".format(*closed_port()))
    (finding,) = report.findings
    assert (finding.leg, finding.fault) == ("http", Fault.CLOSED_PORT)
    assert finding.advice is not None
    assert not report.usable


async def test_a_server_that_says_no(server: PeerServer) -> None:
    server.ice_servers = JSONResponse({}, httpx.codes.FORBIDDEN)
    report = await examined(server.url)
    assert [(finding.leg, finding.fault) for finding in report.findings] == [("http", Fault.REFUSED)]


async def test_a_session_that_is_refused_leaves_what_needs_none(server: PeerServer) -> None:
    async with by_udp(Responder(key=None)) as stun:
        server.ice_servers = JSONResponse({"iceServers": [{"urls": ["stun:{}:{}".format(*stun)]}]})
        server.refusals = [JSONResponse({}, httpx.codes.FORBIDDEN)]
        report = await examined(server.url)
    found = {finding.leg: finding for finding in report.findings}
    assert found["session"].fault is Fault.REFUSED
    assert found["stun udp"].status is Status.OK
    assert found["direct udp"].fault is Fault.NOT_TRIED
    assert found["relay udp"].fault is Fault.NOT_OFFERED
    assert report.public_address is not None


async def test_nothing_of_what_a_server_names_is_taken_on_trust(server: PeerServer) -> None:
    server.ice_servers = JSONResponse({"iceServers": [7, {"urls": 7}, {"urls": ["stun:", "stun:[::1"]}, {}]})
    server.refusals = [JSONResponse({}, httpx.codes.FORBIDDEN)]
    report = await examined(server.url)
    assert {finding.fault for finding in report.findings if finding.leg == "stun udp"} == {Fault.NOT_OFFERED}


async def test_the_status_says_whether_media_gets_through(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    assert await run("http://{}:{}".format(*closed_port()), "room", "", as_json=True, console=console) == 1
    assert json.loads(capsys.readouterr().out)["usable"] is False


async def examined(url: str) -> Report:
    return await examine(Endpoint(endpoint_url(url, "whip", "room"), TOKEN), url)

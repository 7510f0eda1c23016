"""`sluice doctor` and what the server says of its participants' connections, against the real server."""

import asyncio
import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from api.settings import DEV_KEY, DEV_SECRET
from api.tokens import VideoGrant, mint
from bench.server import ServerProcess, free_port
from tests.interop.browser import RESULTS
from tests.interop.commands import sluice
from tests.nat.certificates import Certificates, issue
from tests.sfu import offers
from tests.waiting import eventually

pytestmark = pytest.mark.interop

MEDIA_WAYS = ("direct udp", "direct tcp", "relay udp", "relay tcp", "relay tls")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return issue(tmp_path_factory.mktemp("certificates"), "127.0.0.1")


@pytest.fixture(scope="module")
def secure(certificates: Certificates) -> Iterator[ServerProcess]:
    """A server with TLS, which serves HTTPS as well."""
    RESULTS.mkdir(exist_ok=True)
    log = RESULTS / "test_doctor.secure.log"
    log.unlink(missing_ok=True)
    tls = f"127.0.0.1:{free_port(socket.SOCK_STREAM)}"
    arguments = ("--tls", tls, "--cert", str(certificates.chain), "--key", str(certificates.key))
    with ServerProcess(log, arguments=(*arguments, "--public-ip", "127.0.0.1")) as server:
        yield server


async def test_every_way_to_a_whole_server_works(secure: ServerProcess, certificates: Certificates) -> None:
    status, report = await _examine(secure, "--ca", str(certificates.authority))
    found = {finding["leg"]: finding for finding in report["findings"]}
    assert [leg for leg in MEDIA_WAYS if found[leg]["status"] != "ok"] == []
    assert all(found[leg]["round_trip_ms"] is not None for leg in MEDIA_WAYS)
    assert all(found[leg]["setup_ms"] is not None for leg in MEDIA_WAYS if leg != "direct udp")
    assert found["nat mapping"]["detail"] == "no NAT"
    assert report["public_address"].startswith("127.0.0.1:")
    assert (status, report["usable"]) == (0, True)


async def test_a_certificate_that_is_not_trusted_is_the_one_thing_that_fails(secure: ServerProcess) -> None:
    status, report = await _examine(secure)
    failed = {finding["leg"]: finding for finding in report["findings"] if finding["status"] == "failed"}
    assert failed.keys() == {"relay tls"}
    assert failed["relay tls"]["fault"] == "certificate"
    assert "--ca" in failed["relay tls"]["advice"]
    assert status == 0


async def test_a_table_is_shown_and_what_is_not_there_is_advised(server: ServerProcess) -> None:
    token = server.token("doctor", "doctor", publish=True)
    async with sluice("doctor", server.url, "--token", token) as command:
        output, _ = await asyncio.wait_for(command.communicate(), 60)
    text = output.decode()
    assert "relay tls: serve TLS" in " ".join(text.split())
    assert "Media gets through: direct udp" in text
    assert command.returncode == 0


async def test_a_participant_through_the_relay_is_shown_as_that(server: ServerProcess) -> None:
    token = server.token("far", "relayed", publish=True)
    async with sluice("publish", "relayed", "testsrc", "--url", server.url, "--token", token, "--relay"):

        async def connected() -> bool:
            connection = await _participant(server, "relayed", "far")
            return connection.get("dtls") == "connected" and connection["path"] is not None

        await eventually(connected, "the participant is connected", within=20)
        connection = await _participant(server, "relayed", "far")
    assert connection["path"] == {"protocol": "udp", "relayed": True}
    (selected,) = [path for path in connection["tried"] if path["selected"]]
    assert (selected["protocol"], selected["via"]) == ("relay", "udp")
    assert selected["client"] not in (None, selected["remote"])
    assert (connection["dtls"], connection["problem"]) == ("connected", None)


async def test_one_who_never_comes_is_explained_and_still_found_when_gone(server: ServerProcess) -> None:
    headers = {"Authorization": f"Bearer {server.token('lost', 'nowhere', publish=True)}"}
    async with httpx.AsyncClient(base_url=server.url, headers=headers, trust_env=False) as http:
        sdp = {"Content-Type": "application/sdp"}
        created = await http.post("/whip/nowhere", content=offers.offer(offers.CHROME), headers=sdp)

        async def explained() -> bool:
            return (await _participant(server, "nowhere", "lost"))["problem"] is not None

        await eventually(explained, "the silence is explained", within=20)
        await http.delete(created.headers["location"])
    connection = await _participant(server, "nowhere", "lost")
    assert connection["problem"].startswith("no check ever arrived on UDP or TCP port")
    assert connection["tried"] == []
    assert {offered["type"] for offered in connection["offered"]} == {"host"}
    assert f"is lost (closed): {connection['problem']}" in server.log.read_text()


async def _examine(server: ServerProcess, *arguments: str) -> tuple[int | None, dict[str, Any]]:
    """Exit status and report of `sluice doctor --json`."""
    token = server.token("doctor", "doctor", publish=True)
    async with sluice("doctor", server.url, "--token", token, "--json", *arguments) as command:
        output, _ = await asyncio.wait_for(command.communicate(), 60)
        report: dict[str, Any] = json.loads(output.decode().strip().splitlines()[-1])
        return command.returncode, report


async def _participant(server: ServerProcess, room: str, identity: str) -> dict[str, Any]:
    """The connection of a participant as an administrator sees it; empty while there is none."""
    grant = VideoGrant(room=room, room_admin=True)
    token = mint(DEV_KEY, DEV_SECRET, grant, identity="admin", now=datetime.now(UTC))
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=server.url, headers=headers, trust_env=False) as http:
        response = await http.get(f"/v1/rooms/{room}/participants/{identity}")
        connection: dict[str, Any] = response.json().get("connection") or {}
        return connection

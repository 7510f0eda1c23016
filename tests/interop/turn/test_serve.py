"""The relay of `sluice serve`: credentials come by HTTP, and go with the participant."""

import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from api.settings import DEV_KEY, DEV_SECRET
from api.tokens import VideoGrant, mint
from bench.relays import HOST, Site
from bench.server import ServerProcess, free_port
from clients.turn import TurnServer, turn_servers
from tests.interop.turn.client import Client
from tests.interop.turn.peers import Peer
from tests.interop.turn.servers import LINKS, indiscretions
from tests.sfu.offers import CHROME, offer
from tests.turn.client import REALM_NAME, code, relayed
from turn.attributes import REQUESTED_TRANSPORT
from turn.stun import Class, Message, Method, encode

pytestmark = pytest.mark.interop

WAYS = ["udp", "tcp", "tls"]
_LINK = re.compile(r'<(turns?:[^>]+)>; rel="ice-server"; username="([^"]+)"; credential="([^"]+)"')


class Serving(ServerProcess):
    """On the loopback, with TLS and the realm of these tests."""

    def __init__(self, site: Site, name: str, **settings: str) -> None:
        tls = {"tls": f"{HOST}:{free_port(socket.SOCK_STREAM)}", "tls_cert": str(site.certificate)}
        there = {"tls_key": str(site.key), "domain": REALM_NAME, "public_ip": HOST}
        super().__init__(site.directory / f"{name}.log", settings=tls | there | settings)

    def join(self, room: str, identity: str) -> httpx.Response:
        """As a publisher who will not get further than this."""
        headers = {"Authorization": f"Bearer {self.token(identity, room, publish=True)}"}
        headers |= {"Content-Type": "application/sdp"}
        response = httpx.post(f"{self.url}/whip/{room}", content=offer(CHROME), headers=headers, trust_env=False)
        return response.raise_for_status()

    def remove(self, room: str, identity: str) -> None:
        """As an administrator does it."""
        token = mint(
            DEV_KEY, DEV_SECRET, VideoGrant(room=room, room_admin=True), identity="admin", now=datetime.now(UTC)
        )
        url = f"{self.url}/v1/rooms/{room}/participants/{identity}"
        httpx.delete(url, headers={"Authorization": f"Bearer {token}"}, trust_env=False).raise_for_status()

    def ways(self, room: str, identity: str) -> dict[str, TurnServer]:
        """To relay, as a participant is told; each with the same credential."""
        headers = {"Authorization": f"Bearer {self.token(identity, room, publish=True)}"}
        response = httpx.get(f"{self.url}/v1/ice-servers", headers=headers, trust_env=False)
        return {way.transport: way for way in turn_servers(response.raise_for_status().json())}

    def client(self, room: str, identity: str, protocol: str = "udp") -> Client:
        return by(self.ways(room, identity)[protocol])


def by(way: TurnServer) -> Client:
    return Client(LINKS[way.transport]((HOST, way.port), ""), way.username, way.credential)


@pytest.fixture(scope="module")
def server(site: Site) -> Iterator[Serving]:
    with Serving(site, "serve") as server:
        yield server
    assert indiscretions(server.log) == []


@pytest.fixture(scope="module")
def open_server(site: Site) -> Iterator[Serving]:
    """Whose relays reach the world."""
    with Serving(site, "serve-open", turn_peers="open", turn_relay_ip=HOST, turn_allow_peers="127.0.0.2/32") as server:
        yield server
    assert indiscretions(server.log) == []


@pytest.mark.parametrize("protocol", WAYS)
def test_credentials_for_a_participant(server: Serving, protocol: str) -> None:
    with server.client("credentials", "alice", protocol) as client:
        assert code(client.allocate()) == 0
        assert code(client.refresh()) == 0
        client.end()


def test_credentials_in_links(server: Serving) -> None:
    """RFC 9725, 4.6: one for each way, and they work."""
    links = server.join("links", "alice").headers.get_list("link")
    offered = [
        {"urls": [url], "username": username, "credential": credential}
        for url, username, credential in (match.groups() for match in map(_LINK.match, links) if match)
    ]
    ways = turn_servers({"iceServers": offered})
    assert [way.transport for way in ways] == WAYS
    for way in ways:
        with by(way) as client:
            assert code(client.allocate()) == 0
            client.end()


@pytest.mark.parametrize("protocol", WAYS)
def test_who_is_removed_loses_the_relay(server: Serving, protocol: str) -> None:
    room = f"removal-{protocol}"
    server.join(room, "alice")
    with server.client(room, "alice", protocol) as alice, server.client(room, "bob") as bob:
        [hers], [his] = relayed(alice.allocate()), relayed(bob.allocate())
        assert [alice.bind(0x4000, his), bob.bind(0x4000, hers)] == [0, 0]
        alice.send(0x4000, b"hello")
        assert bob.receive() == (0x4000, b"hello")
        bob.send(0x4000, b"hello yourself")
        assert alice.receive() == (0x4000, b"hello yourself")

        server.remove(room, "alice")
        alice.send(0x4000, b"I am not here any more")
        assert code(alice.refresh()) == 437
        bob.send(0x4000, b"are you there?")
        with Client(LINKS["udp"]((HOST, server.media_port), ""), alice.username, alice.password) as again:
            assert code(again.allocate()) == 401
        # Bob has not noticed, and nothing of the removed has come.
        assert code(bob.refresh()) == 0
        assert bob.link.waiting() == []
        assert alice.link.waiting() == []
        with server.client(room, "alice") as returned:
            assert code(returned.allocate()) == 0
            returned.end()
        bob.end()


def test_a_relay_reaches_the_media_port_and_no_other(server: Serving) -> None:
    with server.client("ports", "alice") as client, Peer(HOST) as service:
        assert code(client.allocate()) == 0
        assert client.permit(HOST) == 0
        assert client.bind(0x4000, (HOST, server.media_port)) == 0
        assert client.bind(0x4001, (HOST, server.http_port)) == 403
        assert client.bind(0x4001, service.address) == 403
        client.indicate(service.address, b"to a service of this host")
        assert client.permit("9.9.9.9") == 403
        assert service.has() == []
        client.end()


def test_there_is_no_relay_within_a_relay(server: Serving) -> None:
    """What comes to the media port through a relay is a participant's, or nobody's: TURN does not answer it."""
    request = encode(Message(Method.ALLOCATE, Class.REQUEST, b"through us: ", (REQUESTED_TRANSPORT.of(17),)))
    with server.client("nested", "alice") as alice, server.client("nested", "bob") as bob:
        [hers], [his] = relayed(alice.allocate()), relayed(bob.allocate())
        assert [alice.permit(HOST), bob.permit(HOST)] == [0, 0]
        media = (HOST, server.media_port)
        assert alice.bind(0x4000, media) == 0
        for nested in (
            request,
            encode(Message(Method.BINDING, Class.REQUEST, b"through us: ")),
            b"\x40\x00\x00\x04data",
        ):
            alice.indicate(media, nested)
            alice.send(0x4000, nested)
        alice.indicate(his, b"the last of these")
        assert bob.receive() == (hers, b"the last of these")
        bob.indicate(hers, b"and its answer")
        assert alice.receive() == (his, b"and its answer")
        alice.end()
        bob.end()


def test_an_open_relay_reaches_the_media_port_and_no_other_here(open_server: Serving) -> None:
    with open_server.client("ports", "alice") as client, Peer(HOST) as service, Peer("127.0.0.2") as permitted:
        assert code(client.allocate()) == 0
        assert [client.permit(HOST), client.permit("127.0.0.2"), client.permit("127.0.0.3")] == [0, 0, 403]
        assert client.bind(0x4000, (HOST, open_server.media_port)) == 0
        assert client.bind(0x4001, (HOST, open_server.http_port)) == 403
        client.indicate(service.address, b"to a service of this host")
        client.indicate(permitted.address, b"to whom it may")
        assert permitted.receive()[0] == b"to whom it may"
        assert service.has() == []
        client.end()

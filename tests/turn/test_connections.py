"""Connections to peers: RFC 6062, 5, and its bounds."""

from dataclasses import replace

import pytest

from tests.turn.world import MEDIA, OPEN, Client, World, code
from turn.attributes import CONNECTION_ID, LIFETIME, XOR_PEER_ADDRESS, Transport
from turn.stun import Class, Message, Method, parse

TCP = replace(OPEN, tcp_allocations=True)
PEER = ("9.9.9.9", 80)


def allocated(world: World, user: str = "alice") -> tuple[Client, int]:
    """A client with a TCP allocation, and its relay."""
    client = world.client(user, protocol="tcp")
    assert code(client.allocate(transport=Transport.TCP)) == 0
    return client, max(world.datapath.relays)


def connecting(world: World, client: Client, peer: tuple[str, int] = PEER) -> int:
    """Says Connect; the data path's id of what is being made."""
    assert world.receive(client.path, client.connect(peer)) == []
    return max(world.datapath.connections)


def answer(world: World) -> Message:
    """The last thing said."""
    return parse(world.datapath.sent[-1][1])


def connected(world: World, client: Client) -> tuple[int, int]:
    """The data path's id, and the public one."""
    connection = connecting(world, client)
    world.server.handle_peer_connected(connection, world.now)
    public_id = CONNECTION_ID.read(answer(world))
    assert public_id is not None
    return connection, public_id


def second(world: World, client: Client) -> Client:
    """Another connection of the same client."""
    other = world.client(protocol="tcp")
    other.username, other.password = client.username, client.password
    return other


def test_a_connection_is_made_and_fetched() -> None:
    world = World(TCP)
    client, relay = allocated(world)
    connection, public_id = connected(world, client)
    assert world.datapath.connections[connection] == (relay, PEER)
    reply = answer(world)
    assert code(reply) == 0
    assert reply.verify(client.key)
    data = second(world, client)
    assert code(data.request(Method.CONNECTION_BIND, CONNECTION_ID.of(public_id))) == 0
    assert world.datapath.joined == {connection: data.path}
    world.pass_time(500)
    assert world.datapath.joined == {connection: data.path}
    world.server.handle_stream_closed(data.path.id)
    assert world.datapath.connections == {}
    assert len(world.datapath.relays) == 1


def test_the_answer_is_sent_before_the_peers_first_byte() -> None:
    world = World(TCP)
    client, _ = allocated(world)
    _, public_id = connected(world, client)
    data = second(world, client)
    data.request(Method.REFRESH)
    sent_when_joined: list[int] = []
    join = world.datapath.join_peer

    def watched(connection: int, path: object) -> None:
        sent_when_joined.append(len(world.datapath.sent))
        join(connection, data.path)

    world.datapath.join_peer = watched  # type: ignore[method-assign, assignment]
    data.request(Method.CONNECTION_BIND, CONNECTION_ID.of(public_id))
    assert sent_when_joined == [len(world.datapath.sent)]


def test_a_connection_that_cannot_be_made() -> None:
    world = World(TCP)
    client, _ = allocated(world)
    world.server.handle_peer_failed(connecting(world, client))
    assert code(answer(world)) == 447
    connecting(world, client)


def test_a_connection_that_takes_too_long() -> None:
    world = World(TCP)
    client, _ = allocated(world)
    connection = connecting(world, client)
    world.pass_time(29.999999)
    assert connection in world.datapath.connections
    world.pass_time(0.000001)
    assert code(answer(world)) == 447
    assert world.datapath.connections == {}
    said = len(world.datapath.sent)
    world.server.handle_peer_connected(connection, world.now)
    world.server.handle_peer_failed(connection)
    assert len(world.datapath.sent) == said


def test_a_connection_that_nobody_fetches() -> None:
    world = World(TCP)
    client, _ = allocated(world)
    _, public_id = connected(world, client)
    world.pass_time(30)
    assert world.datapath.connections == {}
    assert code(second(world, client).request(Method.CONNECTION_BIND, CONNECTION_ID.of(public_id))) == 400


def test_one_connection_to_one_peer() -> None:
    world = World(TCP)
    client, _ = allocated(world)
    for _ in range(2):
        connection, _ = connected(world, client)
        assert code(client.exchange(client.connect(PEER))) == 446
        world.server.handle_peer_failed(connection)


def test_connections_are_bounded_by_allocation() -> None:
    world = World(replace(TCP, connections=2))
    client, relay = allocated(world)
    other, _ = allocated(world, "bob")
    for port in (1, 2):
        connecting(world, client, ("9.9.9.9", port))
    assert code(client.exchange(client.connect(PEER))) == 508
    client.permit(PEER[0])
    world.server.handle_peer_arrived(relay, 999, PEER, world.now)
    assert 999 not in {connection for connection, _ in world.datapath.connections.items()}
    connecting(world, other)


@pytest.mark.parametrize(("ip", "port"), [("10.0.0.1", 80), ("127.0.0.1", 22), MEDIA, (MEDIA[0], 22)])
def test_peers_that_policy_forbids(ip: str, port: int) -> None:
    """Our own addresses, too: inside there are no connections."""
    world = World(TCP)
    client, _ = allocated(world)
    assert code(client.exchange(client.connect((ip, port)))) == 403
    assert client.permit(ip) == 403


def test_peers_that_are_none() -> None:
    world = World(TCP)
    client, _ = allocated(world)
    assert code(client.request(Method.CONNECT)) == 400
    assert code(client.exchange(client.connect(("2a00::1", 80)))) == 443
    assert code(client.exchange(client.connect(("9.9.9.9", 0)))) == 400


def test_datagrams_and_connections_are_apart() -> None:
    world = World(TCP)
    udp = world.client(protocol="tcp")
    udp.allocate()
    assert code(udp.exchange(udp.connect(PEER))) == 403
    client, _ = allocated(world)
    assert client.bind(0x4000, PEER) == 403


def arrived(world: World, client: Client, relay: int) -> int:
    """A peer's connection, announced; its public id."""
    client.permit(PEER[0])
    world.datapath.connections[77] = (relay, PEER)
    world.server.handle_peer_arrived(relay, 77, PEER, world.now)
    path, data = world.datapath.sent[-1]
    attempt = parse(data)
    assert path == client.path
    assert (attempt.method, attempt.cls) == (Method.CONNECTION_ATTEMPT, Class.INDICATION)
    assert XOR_PEER_ADDRESS.read(attempt) == PEER
    public_id = CONNECTION_ID.read(attempt)
    assert public_id is not None
    return public_id


def test_a_peer_with_permission_is_announced() -> None:
    world = World(TCP)
    client, relay = allocated(world)
    public_id = arrived(world, client, relay)
    data = second(world, client)
    assert code(data.request(Method.CONNECTION_BIND, CONNECTION_ID.of(public_id))) == 0
    assert world.datapath.joined == {77: data.path}


def test_a_peer_without_permission_is_sent_away() -> None:
    world = World(TCP)
    _, relay = allocated(world)
    said = len(world.datapath.sent)
    for at in (relay, 12345):
        world.datapath.connections[77] = (at, PEER)
        world.server.handle_peer_arrived(at, 77, PEER, world.now)
        assert world.datapath.connections == {}
    assert len(world.datapath.sent) == said


def test_only_the_owner_fetches_and_not_with_a_stream_that_has_a_use() -> None:
    world = World(TCP)
    client, relay = allocated(world)
    bind = CONNECTION_ID.of(arrived(world, client, relay))
    assert code(world.client("mallory", protocol="tcp").request(Method.CONNECTION_BIND, bind)) == 441
    assert code(client.request(Method.CONNECTION_BIND, bind)) == 400
    by_udp = second(world, client)
    by_udp.path = world.client().path
    assert code(by_udp.request(Method.CONNECTION_BIND, bind)) == 400
    assert code(second(world, client).request(Method.CONNECTION_BIND)) == 400
    assert code(second(world, client).request(Method.CONNECTION_BIND, CONNECTION_ID.of(1))) == 400
    assert code(second(world, client).request(Method.CONNECTION_BIND, bind)) == 0
    assert code(second(world, client).request(Method.CONNECTION_BIND, bind)) == 400, "once"


def test_they_end_with_their_allocation() -> None:
    world = World(TCP)
    client, relay = allocated(world)
    connecting(world, client, ("9.9.9.9", 1))
    bind = CONNECTION_ID.of(arrived(world, client, relay))
    second(world, client).request(Method.CONNECTION_BIND, bind)
    said = world.receive(client.path, client.signed(Method.REFRESH, [LIFETIME.of(0)], b"and goodbye."))
    assert [(path, code(parse(data))) for path, data in said] == [(client.path, 447), (client.path, 0)]
    assert world.datapath.connections == {}
    assert world.server.next_deadline() is None

"""The compiled data path from Python: what `_datapath.pyi` promises about arguments, errors, events and figures."""

import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from types import MappingProxyType
from typing import get_args, get_type_hints

import pytest

from sfu import _datapath, stats
from sfu._datapath import (
    AudioLevels,
    Core,
    EgressSpec,
    Engine,
    Path,
    SrtpSession,
    StunReceived,
    TrackSpec,
    TransportClosed,
)
from tests.net.ice import Checker
from tests.net.rtp import Rtp

PROFILE = "SRTP_AEAD_AES_128_GCM"
MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
PWD = "p" * 22


@pytest.fixture
def engine() -> Iterator[Engine]:
    with closing(Engine([("127.0.0.1", 0), ("::1", 0)], workers=2)) as engine:
        yield engine


def add(commands: Engine | Core, ufrag: str = "ours") -> int:
    return commands.add_transport(ufrag=ufrag, pwd=PWD, remote_ufrag="them", extensions={MID: 1, "urn:unknown": 2})


def video(codec: str = "vp8", payload_type: int = 96, clock_rate: int = 90_000) -> TrackSpec:
    return TrackSpec(kind="video", mid=None, codecs=[(payload_type, codec, clock_rate, 97)], ssrcs=[(1, None)])


def test_all_addresses_share_the_port_the_system_chose(engine: Engine) -> None:
    (v4, port), (v6, same) = engine.local_addresses
    assert (v4, v6, engine.workers) == ("127.0.0.1", "::1", 2)
    assert port == same != 0


def test_an_address_in_use_is_an_os_error(engine: Engine) -> None:
    with pytest.raises(OSError, match="Address already in use") as caught:
        Engine(engine.local_addresses[:1])
    assert caught.value.errno == 98


@pytest.mark.parametrize(
    "wrong",
    [
        lambda engine: Engine([]),
        lambda engine: Engine([("localhost", 0)]),
        lambda engine: Engine([("127.0.0.1", 70_000)]),
        lambda engine: Engine([("127.0.0.1", 0)], workers=-1),
        lambda engine: Engine([("127.0.0.1", 0)], event_capacity=0),
        lambda engine: Engine([("127.0.0.1", 0)], stun_rate=-1),
        lambda engine: engine.set_extensions(1, {MID: 0}),
        lambda engine: engine.set_dtls_rate(1, 0),
        lambda engine: engine.choose_layer(1, 8),
        lambda engine: engine.set_source(1, 1, {}, -1),
        lambda engine: engine.set_dtls_rate(1, 100_001),
        lambda engine: add(engine, "abc"),
        lambda engine: add(engine, "with space"),
        lambda engine: engine.restart_ice(1, ufrag="ours", pwd="short", remote_ufrag="them"),
        lambda engine: engine.add_transport(ufrag="ours", pwd=PWD, remote_ufrag="them", extensions={MID: 256}),
        lambda engine: engine.send_dtls(1, b""),
        lambda engine: engine.install_keys(1, "SRTP_NULL", bytes(28), bytes(28)),
        lambda engine: engine.install_keys(1, PROFILE, bytes(28), bytes(27)),
        lambda engine: video(codec="h999"),
        lambda engine: video(payload_type=128),
        lambda engine: video(clock_rate=0),
        lambda engine: TrackSpec(kind="text", mid=None, codecs=[(0, "pcmu", 8000, None)]),
        lambda engine: TrackSpec(kind="audio", mid=None, codecs=[]),
        lambda engine: EgressSpec(kind="audio", mid=None, ssrc=2**32, cname="c"),
        lambda engine: EgressSpec(kind="audio", mid=None, ssrc=1, rtx_ssrc=1, cname="c"),
        lambda engine: EgressSpec(kind="audio", mid=None, ssrc=1, cname=""),
        lambda engine: engine.forward_layer(1, 8),
        lambda engine: engine.set_source(1, -1),
        lambda engine: engine.set_source(1, 1, {96: (128, None)}),
        lambda engine: SrtpSession(PROFILE, bytes(1), bytes(28)),
    ],
)
def test_an_argument_that_can_never_be_right_is_a_value_error(
    wrong: Callable[[Engine], object], engine: Engine
) -> None:
    with pytest.raises(ValueError, match=r"."):
        wrong(engine)


def test_a_ufrag_belongs_to_one_transport_until_that_is_removed(engine: Engine) -> None:
    transport = add(engine)
    with pytest.raises(ValueError, match="ufrag"):
        add(engine)
    engine.remove_transport(transport)
    assert add(engine) != transport


def test_a_command_for_something_gone_is_ignored_and_counted() -> None:
    core = Core()
    core.remove_transport(7)
    core.set_source(7, 8, MappingProxyType({96: (100, None)}))
    core.request_keyframe(7)
    assert core.counters()["ignored_stale"] >= 2


def test_a_closed_engine_refuses_commands() -> None:
    engine = Engine([("127.0.0.1", 0)], workers=1)
    engine.close()
    engine.close()
    with pytest.raises(RuntimeError, match="closed"):
        engine.remove_transport(1)


def test_counters_of_the_threads_come_up_within_two_seconds(engine: Engine) -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as stranger:
        stranger.sendto(b"\xff", engine.local_addresses[0])
    deadline = time.monotonic() + 5
    while engine.counters()["dropped_unknown_protocol"] == 0:
        assert time.monotonic() < deadline
        assert not select.select([engine.event_fd], [], [], 0.01)[0], "an event for a stranger's datagram"


def test_statistics_have_the_documented_shape() -> None:
    core = Core()
    transport = add(core)
    core.install_keys(transport, PROFILE, bytes(28), bytes(28))
    track = core.publish(transport, video())
    core.set_source(core.subscribe(transport, EgressSpec(kind="video", mid="0", ssrc=5, cname="c")), track)
    (snapshot,) = core.stats()
    assert snapshot["transport"] == transport
    assert snapshot["encrypted"]
    assert snapshot["remote"] is None
    assert snapshot.keys() == get_type_hints(stats.TransportStats).keys()
    assert snapshot["tracks"][0].keys() == get_type_hints(stats.TrackStats).keys()
    assert snapshot["egresses"][0].keys() == get_type_hints(stats.EgressStats).keys()
    assert snapshot["egresses"][0]["source"] == track


def test_a_core_lives_in_the_time_it_is_told() -> None:
    core = Core()
    transport = add(core)
    deadline = core.next_deadline()
    assert deadline == 30_000_000
    core.handle_timeout(deadline)
    (event,) = core.drain_events()
    assert isinstance(event, TransportClosed)
    assert (event.transport, event.reason) == (transport, "consent-expired")
    assert core.poll_transmits(deadline) == []
    assert core.next_deadline() is None


def test_where_a_client_tried_to_connect_is_told_while_it_tries_and_when_it_has_failed() -> None:
    core = Core()
    transport = add(core, "ours")
    server, remote = ("192.0.2.1", 3478), ("198.51.100.7", 5000)
    checker = Checker("them", "ours", PWD)
    core.handle_datagram(1_000_000, server, remote, checker.request())
    core.handle_datagram(1_000_000, server, remote, checker.request(key=b"another"))
    snapshot = core.transport_stats(transport)
    assert snapshot is not None
    assert snapshot == core.stats()[0]
    assert core.transport_stats(transport + 1) is None
    (path,) = snapshot["paths"]
    assert path.keys() == get_type_hints(stats.PathStats).keys()
    assert (path["local"], path["remote"], path["protocol"], path["id"]) == (server, remote, "udp", 0)
    assert (path["checks"], path["refused"], path["nominations"]) == (2, {"bad-integrity": 1}, 1)
    assert path["validated"]
    assert path["selected"]
    core.handle_timeout(31_000_000)
    closed = core.drain_events()[-1]
    assert isinstance(closed, TransportClosed)
    assert closed.paths == [path | {"age_ms": 30_000, "idle_ms": 30_000}]


def test_who_is_heard_comes_up_once_a_window() -> None:
    server, remote = ("192.0.2.1", 3478), ("198.51.100.7", 4000)
    core = Core()
    transport = add(core)
    core.set_extensions(transport, {"urn:ietf:params:rtp-hdrext:ssrc-audio-level": 5})
    to_server, to_client = bytes(28), bytes([1] * 28)
    core.install_keys(transport, PROFILE, to_server, to_client)
    opus = TrackSpec(kind="audio", mid=None, codecs=[(111, "opus", 48_000, None)], ssrcs=[(7, None)])
    track = core.publish(transport, opus)
    core.handle_datagram(0, server, remote, Checker("them", "ours", PWD).request())
    client = SrtpSession(PROFILE, to_client, to_server)
    for number, level in enumerate((127, 0x80 | 33, 45)):
        packet = Rtp(111, number, number * 960, 7, b"sound", extensions={5: bytes([level])})
        core.handle_datagram(number * 20_000, server, remote, client.protect_rtp(bytes(packet)))
    core.handle_timeout(219_999)
    assert not any(isinstance(event, AudioLevels) for event in core.drain_events())
    core.handle_timeout(220_000)
    (event,) = core.drain_events()
    assert isinstance(event, AudioLevels)
    assert event.levels == [(track, 33, 40)]


def test_what_a_relay_carries_is_counted() -> None:
    core = Core()
    server, client = ("192.0.2.1", 3478), ("198.51.100.7", 5000)
    core.set_own_addresses([server])
    first, second = (
        core.add_relay(Path(server, (client[0], client[1] + index)), [(server[0], 50_000 + index)]) for index in (0, 1)
    )
    core.permit(first, server[0])
    core.bind_channel(first, 0x4000, (server[0], 50_001))
    core.handle_datagram(1, server, client, b"\x40\0\0\4data")
    core.permit(second, server[0], inside=True)
    core.bind_channel(second, 0x4001, (server[0], 50_000))
    core.handle_datagram(1, server, client, b"\x40\0\0\4data")
    assert core.poll_transmits(1) == [(server, (client[0], client[1] + 1), b"\x40\1\0\4data")]
    core.forbid(first, server[0])
    core.handle_datagram(1, server, client, b"\x40\0\0\4data")
    one, other = sorted(core.relay_stats(), key=lambda relay: relay["relay"])
    assert one.keys() == get_type_hints(stats.RelayStats).keys()
    assert (one["relay"], one["packets_received"], one["bytes_received"], one["dropped"]) == (first, 2, 8, 1)
    assert (other["relay"], other["packets_sent"], other["bytes_sent"], other["dropped"]) == (second, 1, 4, 1)


def test_stun_for_python_is_told_with_its_path_within_a_rate() -> None:
    core = Core()
    server, client = ("192.0.2.1", 3478), ("198.51.100.7", 5000)
    allocate = bytes([0, 3, 0, 0, 0x21, 0x12, 0xA4, 0x42]) + b"transaction!"
    for _ in range(500):
        core.handle_datagram(1, server, client, allocate)
    events = core.drain_events()
    assert [(event.path, event.data) for event in events if isinstance(event, StunReceived)] == [
        (Path(server, client), allocate)
    ] * 400
    assert core.counters()["dropped_stun_flood"] == 100


def test_event_is_the_union_of_the_event_classes() -> None:
    names = {"DtlsReceived", "IceConnected", "TransportClosed", "LayerChanged", "AudioLevels"}
    names |= {"StunReceived", "StreamClosed", "HttpAccepted", "PeerConnected", "PeerFailed", "PeerArrived"}
    assert {member.__name__ for member in get_args(_datapath.Event)} == names


@pytest.mark.parametrize(
    ("profile", "length"), [(PROFILE, 28), ("SRTP_AEAD_AES_256_GCM", 44), ("SRTP_AES128_CM_SHA1_80", 30)]
)
def test_srtp_goes_there_once(profile: str, length: int) -> None:
    ours, theirs = bytes(range(length)), bytes(range(1, length + 1))
    sender, receiver = SrtpSession(profile, theirs, ours), SrtpSession(profile, ours, theirs)
    for sequence in (65_534, 65_535, 0, 1):  # the roll-over counter goes along
        packet = b"\x80\x60" + sequence.to_bytes(2) + bytes(8) + b"payload"
        sealed = sender.protect_rtp(packet)
        assert receiver.unprotect_rtp(sealed) == packet
        with pytest.raises(ValueError, match="Replayed"):
            receiver.unprotect_rtp(sealed)
    report = bytes([0x80, 201, 0, 1, 0, 0, 0, 1])
    sealed = sender.protect_rtcp(report)
    assert receiver.unprotect_rtcp(sealed) == report
    with pytest.raises(ValueError, match="Forged"):
        receiver.unprotect_rtcp(report[:7] + b"\2" + sender.protect_rtcp(report)[8:])  # another sender's
    for call in (sender.protect_rtp, sender.protect_rtcp, receiver.unprotect_rtp, receiver.unprotect_rtcp):
        with pytest.raises(ValueError, match="packet"):
            call(b"\x80")

"""Requests are repeated, timed and matched with their answers."""

import asyncio

import pytest
from aioice import stun

from clients.doctor import asking
from clients.doctor.asking import ask_by_stream, udp
from tests.clients.doctor.responder import Responder, by_tcp, by_udp, closed_port


def binding() -> stun.Message:
    return stun.Message(stun.Method.BINDING, stun.Class.REQUEST)


async def test_a_request_over_udp_is_repeated_and_its_answer_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "TRY_SECONDS", 0.05)
    responder = Responder(deaf=2)
    async with by_udp(responder) as server, udp(remote=server) as asker:
        answer = await asker.ask(binding)
    assert answer.source == server
    assert answer.round_trip_ms < 50
    assert responder.received == 3


async def test_the_best_of_a_few_counts() -> None:
    responder = Responder()
    async with by_udp(responder) as server, udp(local=("127.0.0.1", 0)) as asker:
        answer = await asker.ask_again(binding, server)
    assert answer.message.attributes["XOR-MAPPED-ADDRESS"][0] == "127.0.0.1"
    assert responder.received == asking.REPETITIONS


async def test_silence_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "TRY_SECONDS", 0.01)
    responder = Responder(deaf=1000)
    async with by_udp(responder) as server, udp(remote=server) as asker:
        with pytest.raises(TimeoutError):
            await asker.ask(binding, tries=3)
    assert responder.received == 3


async def test_a_closed_port_is_told_at_once() -> None:
    async with udp(remote=closed_port()) as asker:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.wait_for(asker.ask(binding), asking.TRY_SECONDS)


@pytest.mark.parametrize("framed", [True, False])
async def test_streams_carry_several_requests(framed: bool) -> None:
    async with by_tcp(Responder(), framed=framed) as server:
        answer, setup_ms = await ask_by_stream(server, binding, framed=framed)
    assert answer.message.message_class is stun.Class.RESPONSE
    assert setup_ms > 0


async def test_a_stream_that_ends_is_an_error() -> None:
    async with by_tcp(None) as server:
        with pytest.raises(ConnectionError):
            await ask_by_stream(server, binding)

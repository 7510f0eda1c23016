"""What is read off an answer, and what checks are made of it."""

import httpx
import pytest
from aioice import stun

from clients.doctor.scratch import MAX_CANDIDATES, open_scratch
from clients.signalling import Endpoint, SignallingError

HEAD = "v=0\r\na=ice-lite\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
CREDENTIALS = "a=ice-ufrag:theirs\r\na=ice-pwd:" + "p" * 24 + "\r\n"


def endpoint(answer: str, offers: list[str]) -> Endpoint:
    def reply(request: httpx.Request) -> httpx.Response:
        offers.append(request.content.decode())
        return httpx.Response(201, text=answer, headers={"Location": "/session"})

    return Endpoint("http://host/whip/room", "token", transport=httpx.MockTransport(reply))


async def test_candidates_and_credentials_are_read() -> None:
    offers: list[str] = []
    candidates = (
        "a=candidate:1 1 UDP 2130706431 192.0.2.1 3478 typ host\r\n"
        "a=candidate:2 1 udp 2130706175 2001:db8::1 3478 typ host\r\n"
        "a=candidate:3 1 tcp 1518280447 192.0.2.1 3478 typ host tcptype passive\r\n"
    )
    async with endpoint(HEAD + CREDENTIALS + candidates, offers) as whip:
        scratch = await open_scratch(whip)
    assert scratch.session.url == "http://host/session"
    assert scratch.udp == [("192.0.2.1", 3478), ("2001:db8::1", 3478)]
    assert scratch.tcp == [("192.0.2.1", 3478)]
    ours = offers[0].split("a=ice-ufrag:")[1].splitlines()[0]
    check = stun.parse_message(bytes(scratch.check()))
    assert check.attributes["USERNAME"] == f"theirs:{ours}"
    assert check.check_message_integrity(b"p" * 24)
    assert "USE-CANDIDATE" not in check.attributes
    assert scratch.check().transaction_id != check.transaction_id


async def test_only_the_server_of_the_session_answers_for_it() -> None:
    async with endpoint(HEAD + CREDENTIALS, []) as whip:
        scratch = await open_scratch(whip)
    answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE)
    assert not scratch.is_answered_by(answer)
    answer.add_message_integrity(b"p" * 24)
    assert scratch.is_answered_by(stun.parse_message(bytes(answer)))
    answer.add_message_integrity(b"another")
    assert not scratch.is_answered_by(stun.parse_message(bytes(answer)))


async def test_an_answer_without_credentials_is_refused_and_one_with_endless_candidates_cut() -> None:
    async with endpoint(HEAD, []) as whip:
        with pytest.raises(SignallingError):
            await open_scratch(whip)
    many = "".join(f"a=candidate:1 1 udp 1 192.0.2.1 {port} typ host\r\n" for port in range(1, 100))
    async with endpoint(HEAD + CREDENTIALS + many, []) as whip:
        assert len((await open_scratch(whip)).udp) == MAX_CANDIDATES

"""Answers: signed or limited, counted, and as short as can be."""

from tests.turn.recording import FivePath, RecordingPath
from tests.turn.world import MEDIA
from turn.answers import Answers
from turn.attributes import ERROR_CODE, LIFETIME
from turn.authentication import Authenticated
from turn.errors import Refused
from turn.integrity import Integrity
from turn.limiter import Limiter
from turn.request import Request
from turn.stun import Class, Message, Method, parse

CLIENT = FivePath(MEDIA, ("192.0.2.7", 1))
MESSAGE = Message(Method.REFRESH, Class.REQUEST, b"transaction!")
KEY = b"0123456789abcdef"


def answers(burst: float = 100) -> tuple[Answers, RecordingPath]:
    datapath = RecordingPath()
    return Answers(datapath, Limiter(burst=burst)), datapath


def request(algorithm: Integrity, expiry: int = 0) -> Request:
    return Request(CLIENT, MESSAGE, Authenticated("300:alice", "alice", expiry, KEY, algorithm), 1.0, 300.0)


def test_users_get_answers_signed_as_they_sign() -> None:
    given, datapath = answers(burst=0)
    for algorithm in Integrity:
        data = given.give(request(algorithm), [LIFETIME.of(600)])
        given.give(request(algorithm), Refused(437, "a reason"))
        assert datapath.sent[-2] == (CLIENT, data)
        for _, sent in datapath.sent[-2:]:
            reply = parse(sent)
            assert reply.verify(KEY)
            assert [kind for kind, _ in reply.signed] == [algorithm]
    assert given.counts == {("REFRESH", 0): 2, ("REFRESH", 437): 2}


def test_strangers_get_so_many() -> None:
    given, datapath = answers(burst=2)
    for _ in range(5):
        given.give_stranger(CLIENT, MESSAGE, Refused(401, "a reason"), 1.0)
    assert len(datapath.sent) == 2
    assert (given.limited, given.counts) == (3, {("REFRESH", 401): 2})


def test_reasons_stay_here() -> None:
    given, datapath = answers()
    given.give_stranger(CLIENT, MESSAGE, Refused(401, "a reason", [LIFETIME.of(1)]), 1.0)
    reply = parse(datapath.sent[0][1])
    assert (ERROR_CODE.read(reply), LIFETIME.read(reply)) == ((401, ""), 1)


def test_what_is_repeated_is_the_same_and_not_counted() -> None:
    given, datapath = answers()
    given.repeat(request(Integrity.SHA1), b"as before")
    assert datapath.sent == [(CLIENT, b"as before")]
    assert given.counts == {}


def test_a_credential_has_an_end() -> None:
    assert [request(Integrity.SHA1, expiry).expired for expiry in (299, 300, 301)] == [True, True, False]

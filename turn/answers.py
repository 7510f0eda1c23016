"""Answers on their way out: signed for those we know, limited for those we do not, counted for all."""

from collections import Counter
from collections.abc import Sequence

from turn.attribute_forms import Written
from turn.attributes import ERROR_CODE
from turn.datapath import Path, RelayPath
from turn.errors import Refused
from turn.limiter import Limiter
from turn.request import Request
from turn.stun import Class, Message, Method, encode

Outcome = Sequence[Written] | Refused


class Answers:
    """An outcome is the attributes of a success, or why there is none. `counts` is by method's name and code, 0 for
    success; `limited` counts strangers' requests that stayed without answer.
    """

    def __init__(self, datapath: RelayPath, limiter: Limiter) -> None:
        self.counts = Counter[tuple[str, int]]()
        self.limited = 0
        self._datapath = datapath
        self._limiter = limiter

    def give(self, request: Request, outcome: Outcome) -> bytes:
        """To somebody authenticated, signed as the request was. What was sent."""
        who = request.authenticated
        data = encode(_reply(request.message, outcome), key=who.key, algorithm=who.algorithm)
        self._count(request.message, outcome)
        self._datapath.send(request.client, data)
        return data

    def give_stranger(self, client: Path, message: Message, outcome: Outcome, now: float) -> None:
        """Over UDP anybody can say to be anybody, so that answers go to whom they may not have been meant for."""
        if client.protocol == "udp" and not self._limiter.admits(client.remote[0], now):
            self.limited += 1
            return
        self._count(message, outcome)
        self._datapath.send(client, encode(_reply(message, outcome)))

    def repeat(self, request: Request, data: bytes) -> None:
        self._datapath.send(request.client, data)

    def _count(self, message: Message, outcome: Outcome) -> None:
        self.counts[Method(message.method).name, outcome.code if isinstance(outcome, Refused) else 0] += 1


def _reply(message: Message, outcome: Outcome) -> Message:
    """Without a reason phrase: the code says it (RFC 8489, 14.8 lets it be empty)."""
    if isinstance(outcome, Refused):
        return message.reply(Class.ERROR, [ERROR_CODE.of((outcome.code, "")), *outcome.attributes])
    return message.reply(Class.SUCCESS, outcome)

"""What is asked for with credentials: who asks is found out, then whoever serves that method, once for each request."""

from collections import Counter
from collections.abc import Callable, Mapping

from turn import known
from turn.addresses import RandomBytes
from turn.allocations import Allocations
from turn.answers import Answers
from turn.attribute_forms import Written
from turn.authentication import Authentication
from turn.credentials import Credentials
from turn.datapath import Path
from turn.errors import Malformed, Refused
from turn.nonces import KEY_BYTES, Nonces
from turn.request import Request
from turn.stun import Message, Method

# Gives the attributes of a success, or None: it has answered, or will. Raises Refused, Malformed.
Handler = Callable[[Request], list[Written] | None]

# At least the lifetime of nonces, since of earlier keys only the last is remembered.
NONCE_KEY_SECONDS = 3600.0
# What must be answered alike when it comes twice, and would not be (RFC 8656, 5): the others change nothing then.
REMEMBERED = frozenset((Method.ALLOCATE, Method.REFRESH))


class Requests:
    """handlers: by method. `opened` counts allocations by the client's protocol."""

    def __init__(
        self,
        handlers: Mapping[int, Handler],
        credentials: Credentials,
        allocations: Allocations,
        answers: Answers,
        random_bytes: RandomBytes,
        *,
        anonymity: bool,
    ) -> None:
        self.opened = Counter[str]()
        self._handlers = handlers
        self._nonces = Nonces(random_bytes(KEY_BYTES), anonymity=anonymity)
        self._nonce_key_due: float | None = None
        self._authentication = Authentication(credentials, self._nonces)
        self._allocations = allocations
        self._answers = answers
        self._random_bytes = random_bytes

    def serves(self, method: int) -> bool:
        return method in self._handlers

    def serve(self, client: Path, message: Message, now: float, unix: float) -> None:
        """RFC 8489, 6.3: who asks, whether all of it is comprehended, and then what is asked for."""
        self._rotate_nonce_key(now)
        try:
            who = self._authentication.authenticate(message, client.remote, unix)
        except Refused as refused:
            self._answers.give_stranger(client, message, refused, now)
            return
        request = Request(client, message, who, now, unix)
        if self._repeat(request):
            return
        try:
            known.check(message, known.TURN)
            attributes = self._handlers[message.method](request)
        except Refused as refused:
            self._answers.give(request, refused)
        except Malformed as malformed:
            self._answers.give(request, Refused(400, str(malformed)))
        else:
            if attributes is not None:
                self._remember(request, self._answers.give(request, attributes))

    def _repeat(self, request: Request) -> bool:
        """Answer again what was answered before."""
        allocation = self._allocations.at(request.client)
        if allocation is None or allocation.owner != request.owner:
            return False
        if allocation.answer is None or request.message.method not in REMEMBERED:
            return False
        transaction_id, data = allocation.answer
        if request.message.transaction_id != transaction_id:
            return False
        self._answers.repeat(request, data)
        return True

    def _remember(self, request: Request, data: bytes) -> None:
        if request.message.method == Method.ALLOCATE:
            self.opened[request.client.protocol] += 1
        allocation = self._allocations.at(request.client)
        if allocation is not None and request.message.method in REMEMBERED:
            allocation.answer = request.message.transaction_id, data

    def _rotate_nonce_key(self, now: float) -> None:
        if self._nonce_key_due is None:
            self._nonce_key_due = now + NONCE_KEY_SECONDS
        elif now >= self._nonce_key_due:
            self._nonces.rotate(self._random_bytes(KEY_BYTES))
            self._nonce_key_due = now + NONCE_KEY_SECONDS

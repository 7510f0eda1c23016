"""Calls of a participant's methods by a backend (LiveKit's RPC, version 1, which every client answers).

The request is a packet on the reliable data channel; an `rpc_ack` says that it has arrived, an `rpc_response` is the
answer. The protocol is that of livekit/client-sdk-js, `src/room/rpc`.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from google.protobuf.message import DecodeError
from livekit.protocol import models

from sfu.calls.member import Member
from sfu.errors import Overloaded

MAX_PAYLOAD = 15_360
MAX_CALLS = 1_000
ACK_SECONDS = 7.0
DEFAULT_SECONDS = 15.0
MAX_SECONDS = 120.0
_RETRY = 2.0

# Of LiveKit's codes, those that are not the called method's.
CONNECTION_TIMEOUT = 1501
RESPONSE_TIMEOUT = 1502
RECIPIENT_DISCONNECTED = 1503
SEND_FAILED = 1505


class RpcError(Exception):
    """The call failed, at the participant or on the way there."""

    def __init__(self, code: int, text: str, data: str = "") -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text
        self.data = data


@dataclass(frozen=True, slots=True)
class Invocation:
    """timeout: seconds until the answer must have come."""

    method: str
    payload: str
    timeout: float = DEFAULT_SECONDS


class ServerRpc:
    """new_id: names for calls that nobody can guess."""

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._new_id = new_id
        self._running = 0

    async def call(self, member: Member, invocation: Invocation) -> str:
        """The answer's payload. RpcError, Overloaded ("too-many-calls")."""
        if self._running >= MAX_CALLS:
            raise Overloaded("too-many-calls", "too many calls are waiting for an answer", retry_after=_RETRY)
        self._running += 1
        waiting = _Waiting(self._new_id())
        disconnect = (member.message_received.connect(waiting.hear), member.closed.connect(waiting.end))
        try:
            return await _answer(member, invocation, waiting)
        finally:
            self._running -= 1
            for stop in disconnect:
                stop()


class _Waiting:
    """One call, and what is heard of it."""

    def __init__(self, id: str) -> None:  # noqa: A002 - what it is called in the protocol
        self.id = id
        self.arrived = asyncio.Event()
        self.answered = asyncio.Event()
        self.answer: str | RpcError = ""

    def hear(self, _: bool, payload: bytes) -> None:
        """All that the participant sends comes by here."""
        try:
            packet = models.DataPacket.FromString(payload)
        except DecodeError:
            return
        if packet.rpc_ack.request_id == self.id:
            self.arrived.set()
        elif packet.rpc_response.request_id == self.id:
            error = packet.rpc_response.error
            failed = packet.rpc_response.HasField("error")
            self._take(RpcError(error.code, error.message, error.data) if failed else packet.rpc_response.payload)

    def end(self, _: str) -> None:
        self._take(RpcError(RECIPIENT_DISCONNECTED, "the participant has left"))

    def _take(self, answer: str | RpcError) -> None:
        if not self.answered.is_set():
            self.answer = answer
            self.answered.set()
            self.arrived.set()


async def _answer(member: Member, invocation: Invocation, waiting: _Waiting) -> str:
    timeout = min(invocation.timeout, MAX_SECONDS)
    request = models.RpcRequest(
        id=waiting.id,
        method=invocation.method,
        payload=invocation.payload,
        response_timeout_ms=int(timeout * 1000),
        version=1,
    )
    # The answer is sent back to the identity the call comes from, and nobody's is like this one.
    packet = models.DataPacket(rpc_request=request, participant_identity=waiting.id, kind=models.DataPacket.RELIABLE)
    if not member.send_message(True, packet.SerializeToString()):
        raise RpcError(SEND_FAILED, "the participant's data channel is not open, or full")
    try:
        async with asyncio.timeout(timeout):
            async with asyncio.timeout(min(ACK_SECONDS, timeout)):
                await waiting.arrived.wait()
            await waiting.answered.wait()
    except TimeoutError:
        if waiting.arrived.is_set():
            raise RpcError(RESPONSE_TIMEOUT, "the participant did not answer in time") from None
        raise RpcError(CONNECTION_TIMEOUT, "the participant did not take the call in time") from None
    if isinstance(waiting.answer, RpcError):
        raise waiting.answer
    return waiting.answer

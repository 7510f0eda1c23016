"""The signalling of one member of a call, over one WebSocket after the other."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from google.protobuf.message import DecodeError
from livekit.protocol import models, rtc

from api.livekit import messages
from api.livekit.data import DataRouter
from api.livekit.inbound import COST, COSTS, Inbound
from api.livekit.join_request import Hello
from api.livekit.outbound import Outbound
from api.livekit.outbox import Outbox
from api.livekit.socket import SignalSocket
from sfu.budget import Budget
from sfu.calls.member import Member
from sfu.errors import Rejected, SfuError
from sfu.participant import Participant
from sfu.room import Room

# How long a member may be without a WebSocket: clients try again for longer, but come anew by then.
RESUME_SECONDS = 30.0
REFRESH_SECONDS = 300.0
# Requests a second, and how many at once when a client has been quiet; a large one counts as several.
REQUEST_RATE = 200.0
REQUEST_BURST = 500.0
BYTES_PER_REQUEST = 1024
# Messages that cannot be read: who sends more of them is no client.
GARBAGE_RATE = 1.0
GARBAGE_BURST = 50.0

# Why a session ends after which its client had better come again, or not be told at all.
_COME_AGAIN = frozenset({"server-shutdown", "connection-lost", "state-mismatch", "failed"})
_SILENT = frozenset({"left", "signal-lost"})

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Services:
    """What every session uses. `fresh_token` and `ice_servers` are for the member; `count` what became of a message."""

    data: DataRouter
    describe: Callable[[Participant], models.ParticipantInfo]
    describe_room: Callable[[Room], models.Room]
    fresh_token: Callable[[Member], str]
    ice_servers: Callable[[Member], list[rtc.ICEServer]]
    now: Callable[[], datetime]
    count: Callable[[str], None]


class Session:
    """Made when a member has joined, and of no use when it is closed. All on one event loop. `inbound` does what the
    client asks for, `outbound` puts what happens into `outbox`.

    Without a WebSocket it waits for RESUME_SECONDS, and then closes the member.
    """

    def __init__(self, member: Member, services: Services) -> None:
        self.member = member
        self._services = services
        self._loop = loop = asyncio.get_running_loop()
        self._more = asyncio.Event()
        self._socket: SignalSocket | None = None
        self._ended = False
        self.outbox = Outbox(services.describe, lambda: services.describe_room(member.room), self._wake)
        self.outbound = Outbound(
            member,
            self.outbox,
            describe=services.describe,
            fresh_token=lambda: services.fresh_token(member),
            clock=loop.time,
        )
        self.inbound = Inbound(
            member,
            services.data,
            put=self.outbox.put,
            answering=self.outbound.answering,
            now=services.now,
        )
        self._pace = Budget(REQUEST_RATE, REQUEST_BURST, loop.time())
        self._garbage = Budget(GARBAGE_RATE, GARBAGE_BURST, loop.time())
        self._resumption: asyncio.TimerHandle | None = None
        self._refreshing: asyncio.TimerHandle | None = None

    def start(self, hello: Hello, join: rtc.JoinResponse) -> None:
        """Tell the client what there is, then see to what it brought along."""
        member, outbound = self.member, self.outbound
        outbound.start()
        member.closed.connect(self._member_closed)
        member.message_received.connect(self._route)
        member.track_removed.connect(self.inbound.note_removed)
        member.track_muted.connect(self.inbound.note_muted)
        others = outbound.others
        join.other_participants.extend(self._services.describe(participant) for participant in others)
        self.outbox.put_join(rtc.SignalResponse(join=join), others)
        for track in hello.tracks:
            self.inbound.handle(rtc.SignalRequest(add_track=track))
        if hello.offer is not None:
            self.inbound.handle(rtc.SignalRequest(offer=hello.offer))
        if not self._ended:
            self._wait_for_socket()
            member.start()
            outbound.restate()
            self._refresh_token()

    def resume(self) -> None:
        """The client is about to come back with another WebSocket (see `serve`)."""
        if self._socket is not None:
            self._socket.abort()
            self._let_go(self._socket)
        self._wait_for_socket()
        reconnect = rtc.ReconnectResponse(
            ice_servers=self._services.ice_servers(self.member),
            server_info=messages.server_info(),
            last_message_seq=self._services.data.last_sequence(self.member.participant),
        )
        present = [self.member.participant, *self.outbound.others]
        self.outbox.resume(rtc.SignalResponse(reconnect=reconnect), present)
        self.outbound.restate()
        self.outbound.refresh_token()
        self.member.resume()

    async def serve(self, socket: SignalSocket) -> None:
        """Speak with the client until the WebSocket ends."""
        self._socket = socket
        if self._resumption is not None:
            self._resumption.cancel()
            self._resumption = None
        if self._ended:
            socket.close_soon()
        writer = asyncio.create_task(self._write(socket))
        try:
            await self._read(socket)
        finally:
            socket.ended()
            self._let_go(socket)
            writer.cancel()
            await asyncio.wait({writer})

    async def _read(self, socket: SignalSocket) -> None:
        """One message after the other, none faster than it may be, and others have their turn in between."""
        while (data := await socket.receive()) is not None:
            cost = 0.0 if self._ended else self._hear(data)
            await asyncio.sleep(self._pace.owe(cost, self._loop.time()))

    async def _write(self, socket: SignalSocket) -> None:
        while self._socket is socket:
            self._more.clear()
            for data in self.outbox.take(self._loop.time()):
                if not await socket.send(data):
                    return
            if self._ended and self.outbox.is_empty:
                await socket.close()
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self.outbox.next_deadline()):
                    await self._more.wait()

    def _hear(self, data: bytes) -> float:
        """What it cost."""
        kind = None
        try:
            request = rtc.SignalRequest.FromString(data)
            kind = request.WhichOneof("message")
            self.inbound.handle(request)
            self._services.count("handled")
        except (DecodeError, Rejected):
            self._services.count("unreadable")
            if self._garbage.owe(1.0, self._loop.time()) > 0:
                self.member.close("flooding")
        except Exception:
            log.exception("a %s request failed", kind)
            self.member.close("failed")
        return COSTS.get(kind or "", COST) + len(data) / BYTES_PER_REQUEST

    def _route(self, reliable: bool, payload: bytes) -> None:
        try:
            self._services.data.route(self.member, reliable, payload)
        except SfuError as error:
            self._services.count(error.code)

    def _wake(self) -> None:
        self._more.set()
        if self.outbox.overflowed and not self._ended:
            # Whoever caused the message that was too much is in the middle of something.
            self._loop.call_soon(self._cut_off)

    def _cut_off(self) -> None:
        """The client does not read what it is sent."""
        self._services.count("overflow")
        if self._socket is not None:
            self._socket.abort()
        self.member.close("signal-lost")

    def _let_go(self, socket: SignalSocket) -> None:
        """This WebSocket is not the client's any more; another may come."""
        if self._socket is not socket:
            return
        self._socket = None
        if not self._ended:
            self.outbox.suspend()
            self._wait_for_socket()

    def _wait_for_socket(self) -> None:
        if self._resumption is not None:
            self._resumption.cancel()
        self._resumption = self._loop.call_later(RESUME_SECONDS, self.member.close, "signal-lost")

    def _refresh_token(self) -> None:
        """The one the client joined with may expire while it is here."""
        if self._socket is not None or self._refreshing is None:
            self.outbound.refresh_token()
        self._refreshing = self._loop.call_later(REFRESH_SECONDS, self._refresh_token)

    def _member_closed(self, reason: str) -> None:
        self._ended = True
        for timer in (self._resumption, self._refreshing):
            if timer is not None:
                timer.cancel()
        self.outbound.close()
        last = None
        if reason not in _SILENT:
            action = rtc.LeaveRequest.RECONNECT if reason in _COME_AGAIN else rtc.LeaveRequest.DISCONNECT
            last = leave(messages.disconnect_reason(reason), action)
        self.outbox.finish(last)
        if self._socket is not None:
            self._socket.close_soon()


def leave(reason: models.DisconnectReason, action: rtc.LeaveRequest.Action) -> rtc.SignalResponse:
    """The last message of a session."""
    can_reconnect = action != rtc.LeaveRequest.DISCONNECT
    return rtc.SignalResponse(leave=rtc.LeaveRequest(can_reconnect=can_reconnect, reason=reason, action=action))

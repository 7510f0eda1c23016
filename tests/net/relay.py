"""The emulated link between real sockets: a UDP relay in front of a server, with seeded loss in each direction.

Each client address gets an upstream socket of its own, as behind a NAT, so that the server sees them apart.
"""

import asyncio
import contextlib
import re
import socket
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from tests.net.link import Link, LinkCounters, LinkSpec

MAX_CLIENTS = 64
"""Client addresses of one relay; packets from more are dropped."""

MAX_BURST = 256
"""Datagrams taken from the server before the loop gets its turn."""


Address = tuple[str, int]
Sender = Callable[[bytes], None]
Taker = Callable[[bytes, Address], None]


class Relay:
    """Relays between whoever sends to `address` and the server. Use as an async context manager."""

    def __init__(self, server: Address, up: LinkSpec, down: LinkSpec, seed: str) -> None:
        self._server, self._up, self._down, self._seed = server, up, down, seed
        self._flows: dict[Address, Flow] = {}
        self._downstream: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        receiver = _Receiver(self._from_client)
        self._downstream, _ = await loop.create_datagram_endpoint(lambda: receiver, local_addr=("127.0.0.1", 0))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for flow in self._flows.values():
            flow.close()
        if self._downstream is not None:
            self._downstream.close()

    @property
    def address(self) -> Address:
        assert self._downstream is not None
        host, port = self._downstream.get_extra_info("sockname")
        return host, port

    def counters(self) -> tuple[LinkCounters, LinkCounters]:
        """What became of the packets of the busiest client: up, down."""
        flow = max(self._flows.values(), key=lambda each: each.up.counters.sent)
        return flow.up.counters, flow.down.counters

    def redirect(self, answer: str) -> str:
        """An SDP answer whose only candidate is the relay."""
        host, port = self.address
        candidate = f"a=candidate:1 1 udp 2130706431 {host} {port} typ host\r\n"
        answer = re.sub(r"a=candidate:.*\r\n", "", answer)
        return re.sub(r"(a=ice-pwd:.*\r\n)", lambda match: match.group(1) + candidate, answer)

    def _from_client(self, data: bytes, client: Address) -> None:
        flow = self._flows.get(client)
        if flow is None:
            if len(self._flows) >= MAX_CLIENTS:
                return
            # Named by order of arrival, so that a seed means the same whatever ports were drawn.
            name = f"{self._seed}/{len(self._flows)}"
            up, down = Link(self._up, f"{name}/up"), Link(self._down, f"{name}/down")
            flow = self._flows[client] = Flow(self._server, up, down, lambda packet: self._to_client(packet, client))
        flow.from_client(data)

    def _to_client(self, packet: bytes, client: Address) -> None:
        assert self._downstream is not None
        self._downstream.sendto(packet, client)


class Flow:
    """One client's packets, both ways, through the links in real time."""

    def __init__(self, server: Address, up: Link, down: Link, to_client: Sender) -> None:
        self.up, self.down = up, down
        self._to_client = to_client
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._upstream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._upstream.setblocking(False)
        self._upstream.connect(server)
        asyncio.get_running_loop().add_reader(self._upstream, self._from_server)

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        asyncio.get_running_loop().remove_reader(self._upstream)
        self._upstream.close()

    def from_client(self, data: bytes) -> None:
        self.up.send(_now_us(), data)
        self._arm(self.up, self._to_server)

    def _from_server(self) -> None:
        for _ in range(MAX_BURST):
            try:
                data = self._upstream.recv(65_536)
            except BlockingIOError:
                break
            except ConnectionError:  # an ICMP error: the server is away
                continue
            self.down.send(_now_us(), data)
        self._arm(self.down, self._to_client)

    def _to_server(self, packet: bytes) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):  # the server is slow or away: a loss as well
            self._upstream.send(packet)

    def _arm(self, link: Link, send: Sender) -> None:
        """One timer per link, for its next delivery."""
        if (timer := self._timers.pop(id(link), None)) is not None:
            timer.cancel()
        due_us = link.next_delivery()
        if due_us is None:
            return
        loop = asyncio.get_running_loop()
        delay = max(0, due_us - _now_us()) / 1e6
        self._timers[id(link)] = loop.call_later(delay, self._deliver, link, send)

    def _deliver(self, link: Link, send: Sender) -> None:
        for packet in link.receive(_now_us()):
            send(packet)
        self._arm(link, send)


class _Receiver(asyncio.DatagramProtocol):
    def __init__(self, take: Taker) -> None:
        self._take = take

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._take(data, addr)


def _now_us() -> int:
    return time.monotonic_ns() // 1000

"""The relay between real sockets loses what its links lose and nothing else, and keeps clients apart."""

import asyncio
import socket
from typing import cast

from tests.net.link import LinkSpec
from tests.net.loss import IndependentLoss
from tests.net.relay import Relay
from tests.waiting import eventually


class EchoServer(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.clients: set[tuple[str, int]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.clients.add(addr)
        self.transport.sendto(data, addr)


async def test_two_clients_get_their_own_packets_back_but_for_what_the_links_lost() -> None:
    loop = asyncio.get_running_loop()
    transport, echo = await loop.create_datagram_endpoint(EchoServer, local_addr=("127.0.0.1", 0))
    lossy = LinkSpec(delay_us=1_000, loss=IndependentLoss(0.2))
    async with Relay(transport.get_extra_info("sockname"), lossy, lossy, "relay") as relay:
        with socket.socket(type=socket.SOCK_DGRAM) as alice, socket.socket(type=socket.SOCK_DGRAM) as bob:
            for client in (alice, bob):
                client.setblocking(False)
                client.connect(relay.address)
            got: dict[str, set[bytes]] = {"alice": set(), "bob": set()}
            for number in range(200):
                alice.send(b"alice %d" % number)
                bob.send(b"bob %d" % number)
                await asyncio.sleep(0)

            async def settled() -> bool:
                for name, client in (("alice", alice), ("bob", bob)):
                    while True:
                        try:
                            got[name].add(client.recv(100))
                        except BlockingIOError:
                            break
                up, down = relay.counters()
                return up.sent == 200 and down.sent == up.delivered and down.delivered == len(got["alice"])

            await eventually(settled, "all packets are accounted for")
    transport.close()
    assert len(echo.clients) == 2
    assert 90 <= len(got["alice"]) <= 160
    assert all(each.startswith(b"alice ") for each in got["alice"])
    assert all(each.startswith(b"bob ") for each in got["bob"])


async def test_the_answer_leads_to_the_relay_alone() -> None:
    answer = (
        "m=video 9 x 96\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\na=candidate:1 1 udp 1 192.0.2.1 3478 typ host\r\na=mid:0\r\n"
    )
    async with Relay(("127.0.0.1", 9), LinkSpec(), LinkSpec(), "relay") as relay:
        redirected = relay.redirect(answer)
        assert redirected.count("a=candidate:") == 1
        assert f"127.0.0.1 {relay.address[1]} typ host" in redirected
        assert "192.0.2.1" not in redirected

"""Transports over the real data path core in virtual time, and clients that check, shake hands and say goodbye."""

import random
from dataclasses import dataclass

from sfu._datapath import Core, DtlsReceived, IceConnected, LayerChanged, TransportClosed
from sfu.attributes import IceCredentials
from sfu.certificate import DtlsCertificate
from sfu.dtls import DtlsEndpoint
from sfu.negotiation import Plan, plan
from sfu.sdp import SessionDescription
from sfu.transport import Transport
from sfu.transports import Transports
from tests.net.ice import Checker
from tests.sfu import offers
from tests.sfu.handshakes import certificate

SERVER = ("192.0.2.1", 3478)
UFRAG = "peer"


@dataclass
class Client:
    """The far end of one transport."""

    address: tuple[str, int]
    checker: Checker
    dtls: DtlsEndpoint


class Meeting:
    """The clock is `now`, in seconds; nothing happens but in `settle` and `pass_time`."""

    def __init__(self, *, max_transports: int = 10, max_handshakes: int = 10) -> None:
        self.now = 1.0
        self.core = Core()
        self.server_certificate = certificate()
        self.client_certificate = certificate()
        self.transports = Transports(
            self.core,
            self.server_certificate,
            clock=lambda: self.now,
            random_bytes=random.Random(1).randbytes,
            handshake_timeout=15.0,
            max_transports=max_transports,
            max_handshakes=max_handshakes,
        )
        self.clients: list[Client] = []

    def offer(self, *, name: str = offers.CHROME_SIMULCAST, setup: str = "actpass") -> Plan:
        return plan_of(name, self.client_certificate, setup)

    def open(self, planned: Plan, ours: str = "ours") -> Transport:
        ice = IceCredentials(ours, "o" * 24)
        keep_listening = planned.purpose == "publish"
        return self.transports.open(planned.remote, planned.extensions, ice, keep_listening=keep_listening)

    def client_of(self, transport: Transport, planned: Plan) -> Client:
        role = "client" if planned.remote.our_role == "server" else "server"
        client = Client(
            ("198.51.100.1", 40_000 + len(self.clients)),
            Checker(UFRAG, transport.ice.ufrag, transport.ice.pwd),
            DtlsEndpoint(
                self.client_certificate.context,
                "client" if role == "client" else "server",
                [self.server_certificate.fingerprint],
            ),
        )
        self.clients.append(client)
        return client

    def connect(self, client: Client) -> None:
        """A check, then the whole handshake."""
        self.receive(client, client.checker.request())
        self.settle()
        client.dtls.start()
        self.settle()

    def receive(self, client: Client, datagram: bytes) -> None:
        self.core.handle_datagram(round(self.now * 1e6), SERVER, client.address, datagram)

    def settle(self) -> None:
        """Carry datagrams and events to and fro until all is quiet."""
        while self._step():
            pass

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.core.handle_timeout(round(self.now * 1e6))
        self.transports.handle_timeout(self.now)
        self.settle()

    def _step(self) -> bool:
        moved = False
        for client in self.clients:
            for datagram in client.dtls.datagrams():
                self.receive(client, datagram)
                moved = True
        for event in self.core.drain_events():
            assert isinstance(event, DtlsReceived | IceConnected | TransportClosed | LayerChanged)
            self.transports.handle_event(event)
            moved = True
        for _, remote, datagram in self.core.poll_transmits(round(self.now * 1e6)):
            moved = True
            client = next(client for client in self.clients if client.address == remote)
            if 20 <= datagram[0] < 64:
                client.dtls.handle_datagram(datagram)
            elif datagram[0] < 4:
                client.checker.handle_response(datagram)
        return moved


def plan_of(name: str, announced: DtlsCertificate, setup: str) -> Plan:
    """A real offer as if it were made by our client."""
    lines = []
    for line in offers.offer(name).splitlines():
        if line.startswith("a=fingerprint:"):
            line = f"a=fingerprint:{announced.fingerprint}"
        elif line.startswith("a=setup:"):
            line = f"a=setup:{setup}"
        elif line.startswith("a=ice-ufrag:"):
            line = f"a=ice-ufrag:{UFRAG}"
        lines.append(line)
    return plan(SessionDescription.parse("\r\n".join(lines)), "watch" if "recv" in name else "publish")

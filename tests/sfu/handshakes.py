"""Two DTLS endpoints in memory, and what happens to their datagrams on the way."""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime

from sfu.attributes import Fingerprint
from sfu.certificate import DtlsCertificate
from sfu.dtls import DtlsEndpoint, DtlsState
from sfu.dtls_client import DtlsClient

NOW = datetime(2026, 1, 1, tzinfo=UTC)
Fate = Callable[[bytes], list[bytes]]


def certificate() -> DtlsCertificate:
    return DtlsCertificate(NOW)


class Pair:
    """A client and a server joined by two queues; `fate` says what arrives for each datagram sent.

    own_client: the client is `DtlsClient`; otherwise both ends are OpenSSL.
    """

    def __init__(
        self,
        *,
        client_expects: list[Fingerprint] | None = None,
        server_expects: list[Fingerprint] | None = None,
        fate: Fate = lambda datagram: [datagram],
        own_client: bool = False,
    ) -> None:
        ours, theirs = certificate(), certificate()
        expected = client_expects or [theirs.fingerprint]
        self.client: DtlsClient | DtlsEndpoint = (
            DtlsClient(ours, expected, random.Random(1).randbytes)
            if own_client
            else DtlsEndpoint(ours.context, "client", expected)
        )
        self.server = DtlsEndpoint(theirs.context, "server", server_expects or [ours.fingerprint])
        self.sent: list[bytes] = []
        self._fate = fate

    @property
    def settled(self) -> bool:
        return DtlsState.CONNECTING not in (self.client.state, self.server.state)

    def exchange(self) -> None:
        """Deliver until nothing more is sent."""
        while moved := [*self._pass_on(self.client, self.server), *self._pass_on(self.server, self.client)]:
            self.sent += moved

    def run(self, *, within: float = 20.0) -> None:
        """Shake hands. Retransmissions follow OpenSSL's real clock, so a lost flight costs a real second."""
        self.client.start()
        self.exchange()
        deadline = time.monotonic() + within
        while not self.settled:
            waits = [wait for end in (self.client, self.server) if (wait := end.timeout()) is not None]
            assert waits, "nobody would ever send again"
            assert time.monotonic() < deadline
            time.sleep(min(waits))
            self.client.handle_timeout()
            self.server.handle_timeout()
            self.exchange()

    def _pass_on(self, source: DtlsClient | DtlsEndpoint, target: DtlsClient | DtlsEndpoint) -> list[bytes]:
        datagrams = source.datagrams()
        for datagram in datagrams:
            for arriving in self._fate(datagram):
                target.handle_datagram(arriving)
        return datagrams


class Disorder:
    """Cuts each datagram into its records and delivers them in another order, some twice, by a seeded coin."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def __call__(self, datagram: bytes) -> list[bytes]:
        records = records_of(datagram)
        arriving = records + [record for record in records if self._random.random() < 0.3]
        self._random.shuffle(arriving)
        return arriving


def records_of(datagram: bytes) -> list[bytes]:
    """DTLS records (RFC 6347, 4.1); the last is short if the datagram is cut."""
    records = []
    while datagram:
        end = 13 + int.from_bytes(datagram[11:13], "big")
        records.append(datagram[:end])
        datagram = datagram[end:]
    return records

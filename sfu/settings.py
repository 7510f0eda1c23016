"""What can be chosen about the SFU, as plain values."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SfuSettings:
    """listen: (IP address, port) each, for UDP and, with `tcp`, for TCP; port 0 is the system's choice. unannounced:
    more of the same that no candidate names. tls: for TLS. proxies: networks of load balancers that speak PROXY
    protocol 2. workers: 0 means one per core.

    public_ips: announced instead of the addresses of this machine. include_loopback: announce those too.
    last_n: how many cameras everybody in a call gets, those of the last speakers; None: all. may_unmute: whether a
    backend may turn on a participant's camera or microphone.
    handshake_timeout: seconds from the answer to connected media. The rest are limits; beyond each, `Overloaded`.
    """

    listen: tuple[tuple[str, int], ...] = (("0.0.0.0", 3478), ("::", 3478))
    unannounced: tuple[tuple[str, int], ...] = ()
    tcp: bool = True
    tls: tuple[tuple[str, int], ...] = ()
    proxies: tuple[str, ...] = ()
    workers: int = 0
    public_ips: tuple[str, ...] = ()
    include_loopback: bool = False
    last_n: int | None = None
    may_unmute: bool = False
    handshake_timeout: float = 15.0
    max_rooms: int = 10_000
    max_participants_per_room: int = 5_000
    max_sessions: int = 20_000
    max_handshakes: int = 2_000

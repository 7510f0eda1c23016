"""HOST:PORT as people write it."""

import ipaddress
from dataclasses import dataclass

WILDCARD = ""


@dataclass(frozen=True, slots=True)
class SocketAddress:
    """A host (an IP literal or a name; "" is every address of the machine) and a port (0: the system's choice)."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        ip = self._ip
        return self.host == "localhost" or (ip is not None and ip.is_loopback)

    @property
    def is_wildcard(self) -> bool:
        ip = self._ip
        return self.host == WILDCARD or (ip is not None and ip.is_unspecified)

    @property
    def _ip(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:
            return None


def parse_address(text: str) -> SocketAddress:
    """`127.0.0.1:7880`, `[::1]:7880`, `example.org:7880`, `:7880` or `7880`; ValueError says what is wrong."""
    host, colon, port_text = text.strip().rpartition(":")
    if not colon:
        host = WILDCARD
    if host.startswith("[") and host.endswith("]"):
        host = str(ipaddress.IPv6Address(host[1:-1]))
    elif ":" in host:
        raise ValueError(f"write an IPv6 address in brackets: [{text}]:PORT")
    if not (port_text.isascii() and port_text.isdigit()) or int(port_text) > 65535:
        raise ValueError(f"{text!r} is not HOST:PORT with a port from 0 to 65535")
    return SocketAddress("" if host == "*" else host, int(port_text))

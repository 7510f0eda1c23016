"""Where webhooks go: a URL, read once, so that what was checked is what is connected to."""

import ipaddress
import re
from dataclasses import dataclass, field

MAX_URL = 2048
DEFAULT_PORTS = {"http": 80, "https": 443}

# RFC 3986 without user information, fragments and names that are not ASCII (those are written in Punycode).
_URL = re.compile(
    r"(?P<scheme>https?)://"
    r"(?:\[(?P<ipv6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?))"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>(?:[/?][a-z0-9._~:/?@!$&'()*+,;=%\[\]-]*)?)",
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Target:
    """host: a name or an IP address, without brackets. path: with the query; not shown, for it may hold a secret."""

    scheme: str
    host: str
    port: int
    path: str = field(repr=False)

    @property
    def authority(self) -> str:
        """Of the URL, and what the Host header says (RFC 9110, 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{'/' if self.path == '/' else '/...'}"


def parse_target(url: str) -> Target:
    """ValueError: it is no http or https URL that can be used; the text does not quote it."""
    if len(url) > MAX_URL:
        raise ValueError(f"a webhook URL is longer than {MAX_URL} characters")
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise ValueError("a webhook URL has credentials in it; requests are signed instead")
    if "#" in url:
        raise ValueError("a webhook URL has a fragment, which no server would see")
    found = _URL.fullmatch(url)
    if found is None:
        raise ValueError("a webhook URL must be http://HOST[:PORT][/PATH] or https://..., in ASCII")
    if (ipv6 := found["ipv6"]) is not None:
        ipaddress.IPv6Address(ipv6)
    scheme, path = found["scheme"].lower(), found["path"]
    port = int(found["port"]) if found["port"] else DEFAULT_PORTS[scheme]
    if not 1 <= port <= 65535:
        raise ValueError("a webhook URL has a port outside 1 to 65535")
    return Target(scheme, (ipv6 or found["name"]).lower(), port, path if path.startswith("/") else f"/{path}")

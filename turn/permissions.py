"""The permissions of one allocation (RFC 8656, 9): for IP addresses, for five minutes at a time."""

from collections.abc import Iterable, Mapping

from turn.attribute_forms import Family, family
from turn.datapath import RelayPath
from turn.errors import Refused

LIFETIME_SECONDS = 300.0


class Permissions:
    """Keeps the times; the data path keeps the addresses."""

    def __init__(self, datapath: RelayPath, relay: int, limit: int) -> None:
        self._datapath = datapath
        self._relay = relay
        self._limit = limit
        self._expiry: dict[str, float] = {}

    def __contains__(self, ip: str) -> bool:
        return ip in self._expiry

    def install(self, ips: Mapping[str, bool], now: float) -> None:
        """Create or refresh, all or none; True: for what is reached inside only. Refused (508): too many."""
        new = [ip for ip in ips if ip not in self._expiry]
        if len(self._expiry) + len(new) > self._limit:
            raise Refused(508, "too many permissions")
        for ip in new:
            if ips[ip]:
                self._datapath.permit(self._relay, ip, inside=True)
            else:
                self._datapath.permit(self._relay, ip)
        for ip in ips:
            self._expiry[ip] = now + LIFETIME_SECONDS

    def drop_family(self, dropped: Family) -> None:
        self._drop(ip for ip in tuple(self._expiry) if family(ip) is dropped)

    def next_deadline(self) -> float | None:
        return min(self._expiry.values(), default=None)

    def handle_timeout(self, now: float) -> None:
        self._drop(ip for ip, due in tuple(self._expiry.items()) if due <= now)

    def _drop(self, ips: Iterable[str]) -> None:
        for ip in ips:
            del self._expiry[ip]
            self._datapath.forbid(self._relay, ip)

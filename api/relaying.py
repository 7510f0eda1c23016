"""STUN and TURN for the participants of the SFU, on its ports."""

import base64
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Sequence

from api.addresses import SocketAddress
from api.certificate_names import certificate_host
from api.ice_servers import IceServer, ice_urls
from api.running_turn import RunningTurn
from api.settings import Settings
from api.turn_settings import served_with_media
from sfu.addresses import expand_wildcards, interface_addresses
from sfu.server import Sfu
from turn.settings import NatDiscovery

# Groups whose credentials we can still tell apart; that of somebody who left is gone at once.
MAX_GROUPS = 100_000


class Relaying:
    """Every credential is a user of its own, so that one who shares a token with many has a quota alone. The users of
    one identity in one room are a group, which is sent away when the last of them leaves the room."""

    def __init__(self, settings: Settings, sfu: Sfu) -> None:
        self._settings = settings
        self._sfu = sfu
        self._turn: RunningTurn | None = None
        self._stun_urls: Sequence[str] = ()
        self._turn_urls: Sequence[str] = ()
        self._groups: OrderedDict[str, tuple[str, str]] = OrderedDict()
        # Unlike the names it stands for, a group travels in the clear.
        self._group_key = secrets.token_bytes(32)

    def start(self) -> None:
        sfu, settings = self._sfu, self._settings
        media = sfu.media_addresses
        interfaces = interface_addresses()
        bound = expand_wildcards(sfu.datapath.local_addresses, interfaces)
        turn_settings = served_with_media(settings, media, bound)
        self._turn = turn = RunningTurn(
            turn_settings,
            sfu.datapath,
            own_addresses=list(dict.fromkeys((*media, *bound))),
            host_addresses=(*interfaces, *settings.public_ip),
            may_refresh=self._may_refresh,
        )
        stun, self._turn_urls = ice_urls(media, domain=settings.domain, tls=self._tls_address())
        self._stun_urls = [*stun, *_second_stun_urls(turn_settings.nat_discovery, media)]
        turn.start()
        sfu.stun_received.connect(turn.handle_stun)
        sfu.stream_closed.connect(turn.server.handle_stream_closed)
        sfu.departed.connect(self._revoke)

    def close(self) -> None:
        if self._turn is not None:
            self._turn.close()
            self._turn = None

    def ice_servers(self, room: str, identity: str) -> Sequence[IceServer]:
        """With a credential of its own each time."""
        if self._turn is None:
            return ()
        group = self._group(room, identity)
        self._groups[group] = room, identity
        self._groups.move_to_end(group)
        if len(self._groups) > MAX_GROUPS:
            self._groups.popitem(last=False)
        username, password = self._turn.credentials(f"{group}/{secrets.token_urlsafe(6)}")
        stun = [IceServer(url) for url in self._stun_urls]
        return stun + [IceServer(url, username, password) for url in self._turn_urls]

    def _revoke(self, room: str, identity: str) -> None:
        group = self._group(room, identity)
        self._groups.pop(group, None)
        if self._turn is not None:
            self._turn.revoke(group)

    def _may_refresh(self, user: str) -> bool:
        """Past its expiry, a credential serves those who are in the room."""
        named = self._groups.get(user.partition("/")[0])
        return named is not None and self._sfu.is_present(*named)

    def _group(self, room: str, identity: str) -> str:
        digest = hashlib.blake2b(f"{room}\0{identity}".encode(), key=self._group_key, digest_size=12).digest()
        return base64.urlsafe_b64encode(digest).decode()

    def _tls_address(self) -> tuple[str, int] | None:
        """Where TURN over TLS is, by a name that its certificate has."""
        addresses = self._sfu.datapath.tls_addresses
        if not addresses or self._settings.tls_cert is None:
            return None
        host = self._settings.domain or certificate_host(self._settings.tls_cert.read_bytes())
        return host or self._sfu.media_addresses[0][0], addresses[0][1]


def _second_stun_urls(discovery: NatDiscovery | None, media: Sequence[tuple[str, int]]) -> Sequence[str]:
    """What tells a browser whether its NAT gives every server another port, if clients can get there."""
    if discovery is None or discovery.alternate[0] not in {ip for ip, _ in media}:
        return ()
    return (f"stun:{SocketAddress(*discovery.alternate)}",)

"""CreatePermission and ChannelBind requests (RFC 8656, 10.2 and 12.2)."""

from turn.allocations import Allocations
from turn.attribute_forms import Written
from turn.attributes import CHANNEL_NUMBER, XOR_PEER_ADDRESS, Transport
from turn.errors import Refused
from turn.peers import Peers
from turn.request import Request


class PeerRequests:
    """Raises Refused, Malformed; then nothing has changed."""

    def __init__(self, allocations: Allocations, peers: Peers) -> None:
        self._allocations = allocations
        self._peers = peers

    def create_permission(self, request: Request) -> list[Written]:
        """For all of the peers or none; their ports do not matter."""
        allocation = self._allocations.owned(request)
        ips = [ip for ip, _ in XOR_PEER_ADDRESS.read_all(request.message)]
        if not ips:
            raise Refused(400, "no peer")
        allocation.permissions.install({ip: self._peers.check_ip(allocation, ip) for ip in ips}, request.now)
        self._allocations.reschedule(allocation)
        return []

    def channel_bind(self, request: Request) -> list[Written]:
        """Which permits the peer, too."""
        allocation = self._allocations.owned(request)
        number = CHANNEL_NUMBER.read(request.message)
        peer = XOR_PEER_ADDRESS.read(request.message)
        if number is None or peer is None:
            raise Refused(400, "a channel is a number and a peer")
        if allocation.transport is Transport.TCP:
            raise Refused(403, "connections have no channels")
        inside = self._peers.check(allocation, peer)
        allocation.channels.check(number, peer)
        allocation.permissions.install({peer[0]: inside}, request.now)
        allocation.channels.bind(number, peer, request.now)
        self._allocations.reschedule(allocation)
        return []

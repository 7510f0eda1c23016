"""The HTTP listening sockets."""

import errno
import socket

from api.addresses import SocketAddress

BACKLOG = 1024


class ListenError(Exception):
    """An address cannot be listened on; the text says which, why, and what to change."""


def open_listeners(address: SocketAddress) -> list[socket.socket]:
    """Bound TCP sockets; the wildcard host means one for IPv4 and, where the machine has it, one for IPv6."""
    if address.host:
        return [_bind(_family(address.host), address.host, address.port)]
    first = _bind(socket.AF_INET, "0.0.0.0", address.port)
    sockets = [first]
    if has_ipv6():
        try:
            sockets.append(_bind(socket.AF_INET6, "::", first.getsockname()[1]))
        except ListenError:
            first.close()
            raise
    return sockets


def has_ipv6() -> bool:
    """Whether this machine's kernel can bind IPv6 at all."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::", 0))
    except OSError:
        return False
    return True


def explain_bind(error: OSError, what: str, address: str, option: str) -> str:
    """One line for people about a failed bind."""
    match error.errno:
        case errno.EADDRINUSE:
            reason = "is already in use by another program"
        case errno.EADDRNOTAVAIL:
            reason = "is not an address of this machine"
        case errno.EACCES | errno.EPERM:
            reason = "needs more privileges (ports below 1024 do)"
        case _:
            reason = f"cannot be bound: {error.strerror or error}"
    return f"{what} {address} {reason}; choose another with {option}"


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _bind(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if isinstance(error, socket.gaierror):
            raise ListenError(
                f"the HTTP host {host} cannot be resolved; choose another with --http HOST:PORT"
            ) from None
        address = str(SocketAddress(host, port))
        raise ListenError(
            explain_bind(error, "the HTTP address", address, "--http HOST:PORT (or SLUICE_HTTP)")
        ) from None
    listener.setblocking(False)
    return listener

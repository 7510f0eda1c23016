"""One look at a network from inside, as a program: what became of a packet is printed, in one word where it can be.

    python -m tests.net.natlab.probe mapped HOST PORT     our address as a STUN server sees it
    python -m tests.net.natlab.probe receive HOST PORT    the same, then the address that the next datagram comes from
    python -m tests.net.natlab.probe send HOST PORT       a datagram, until it is answered
    python -m tests.net.natlab.probe connect HOST PORT    a TCP connection

Nothing comes back: "silence". The network says no: the name of the error.
"""

import errno
import secrets
import socket
import sys

from aioice import stun

TRIES = 4
INTERVAL = 0.5
"""Seconds to wait for an answer before the next try."""
RECEIVE_TIMEOUT = 10.0


def main(what: str, host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    kind = socket.SOCK_STREAM if what == "connect" else socket.SOCK_DGRAM
    with socket.socket(family, kind) as sock:
        sock.settimeout(INTERVAL)
        try:
            _say(_PROBES[what](sock, (host, port)))
        except TimeoutError:
            _say("silence")
        except OSError as error:
            _say(errno.errorcode.get(error.errno or 0, str(error)))


def _mapped(sock: socket.socket, server: tuple[str, int]) -> str:
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, secrets.token_bytes(12))
    sock.connect(server)
    return _address(stun.parse_message(_asked(sock, bytes(request))).attributes["XOR-MAPPED-ADDRESS"])


def _receive(sock: socket.socket, server: tuple[str, int]) -> str:
    """Answers what comes, so that `send` can end."""
    _say(_mapped(sock, server))
    bound = sock.getsockname()
    sock.close()
    with socket.socket(sock.family, socket.SOCK_DGRAM) as waiting:
        waiting.bind(bound)
        waiting.settimeout(RECEIVE_TIMEOUT)
        _, source = waiting.recvfrom(2048)
        waiting.sendto(b"welcome", source)
        return _address(source)


def _send(sock: socket.socket, peer: tuple[str, int]) -> str:
    sock.connect(peer)
    return _asked(sock, b"hello").decode()


def _connect(sock: socket.socket, peer: tuple[str, int]) -> str:
    sock.settimeout(TRIES * INTERVAL)
    sock.connect(peer)
    return "connected"


_PROBES = {"mapped": _mapped, "receive": _receive, "send": _send, "connect": _connect}


def _asked(sock: socket.socket, question: bytes) -> bytes:
    """The first answer to a question put several times. TimeoutError: none."""
    for _ in range(TRIES):
        sock.send(question)
        try:
            return sock.recv(2048)
        except TimeoutError:
            continue
    raise TimeoutError


def _say(what: str) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def _address(address: tuple[str, int]) -> str:
    return f"{address[0]}:{address[1]}"


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))

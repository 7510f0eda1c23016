"""`sluice turn`: the STUN and TURN server without an SFU."""

import asyncio
import signal
from collections.abc import Callable

import uvloop

from api.addresses import SocketAddress
from api.certificates import CertificateError, CertificateFiles
from api.listeners import explain_bind
from api.running_turn import RunningTurn
from api.serving import raise_file_limit
from api.settings import SettingsError
from api.sfu_settings import expand
from api.turn_options import TurnOptions
from api.turn_settings import alone
from sfu._datapath import Engine, PeerArrived, PeerConnected, PeerFailed, StreamClosed, StunReceived
from sfu.addresses import expand_wildcards, interface_addresses
from sfu.datapath import Event
from sfu.pump import EventPump


def run_turn(options: TurnOptions, say: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `say` is told when it is ready. SettingsError: an address cannot be bound, or the
    certificate not be used."""
    raise_file_limit()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(options, say))


async def _serve(options: TurnOptions, say: Callable[[str], None]) -> None:
    engine = _open(options)
    certificate = None
    try:
        if options.cert is not None and options.key is not None:
            certificate = CertificateFiles(options.cert, options.key, engine.set_certificate)
            certificate.start()
        interfaces = interface_addresses()
        # The first addresses are those to be announced; a second port serves the discovery of NATs only.
        listening = engine.local_addresses[: len(expand(options.listen))]
        turn = RunningTurn(
            alone(options, expand_wildcards(listening, interfaces)),
            engine,
            own_addresses=(),
            host_addresses=(*interfaces, *options.public_ip),
        )
        pump = EventPump(engine, lambda event: _handle(turn, event))
        pump.start()
        turn.start()
        say(f"Sluice TURN is ready: {_summary(options, engine)}")
        await _until_told()
        turn.close()
        pump.close()
    except CertificateError as error:
        raise SettingsError(str(error)) from None
    finally:
        if certificate is not None:
            certificate.close()
        engine.close()


def _open(options: TurnOptions) -> Engine:
    listen = expand(options.listen)
    if options.nat_discovery_port is not None:
        listen += tuple((host, options.nat_discovery_port) for host, _ in listen)
    try:
        return Engine(
            listen,
            workers=options.workers,
            tcp=True,
            tls=expand(options.tls_listen),
            proxies=options.proxy_protocol,
            stun_rate=options.request_rate,
        )
    except OSError as error:
        addresses = " ".join(map(str, (*options.listen, *options.tls_listen)))
        raise SettingsError(explain_bind(error, "the address", addresses, "--listen, --tls-listen")) from None


def _handle(turn: RunningTurn, event: Event) -> None:
    match event:
        case StunReceived():
            turn.handle_stun(event.path, event.data)
        case StreamClosed():
            turn.server.handle_stream_closed(event.stream)
        case PeerConnected() | PeerFailed() | PeerArrived():
            turn.handle_peer(event)


async def _until_told() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


def _summary(options: TurnOptions, engine: Engine) -> str:
    def named(addresses: list[tuple[str, int]]) -> str:
        return ", ".join(str(SocketAddress(*address)) for address in addresses)

    tls = f"; TLS {named(engine.tls_addresses)}" if engine.tls_addresses else ""
    return f"UDP and TCP {named(engine.local_addresses)}{tls}; peers: {options.peers}"

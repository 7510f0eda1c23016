"""Running the server: sockets, signals, and an orderly end."""

import asyncio
import contextlib
import logging
import resource
import signal
import socket
from collections.abc import Awaitable, Callable, Generator

import uvicorn
import uvloop
from fastapi import FastAPI

from api.addresses import SocketAddress
from api.certificates import CertificateError, CertificateFiles
from api.facade import SfuFacade
from api.http_protocol import BoundedHeadProtocol
from api.listeners import explain_bind, open_listeners
from api.settings import Settings
from api.tls_connections import TlsConnections
from api.websocket_protocol import MAX_MESSAGE, PING_INTERVAL, PING_TIMEOUT, BoundedWebSocketProtocol

KEEP_ALIVE = 30
FORCED_EXIT = 130

log = logging.getLogger(__name__)


class StartError(Exception):
    """The server cannot start; the text says why and what to change."""


class HttpServer(uvicorn.Server):
    """uvicorn without its signal handling, which would end the process by re-raising the signal.

    `farewell` comes before open connections are closed: some of them end in words of their own.
    """

    def __init__(self, config: uvicorn.Config, farewell: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._farewell = farewell

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._farewell()
        await super().shutdown(sockets)


def run(settings: Settings, make_app: Callable[[], FastAPI], on_ready: Callable[[str], None]) -> int:
    """Serve until SIGTERM or SIGINT; the exit status. `on_ready` is told the server's own URL.

    StartError, ListenError: an address cannot be bound, or the certificate not be used.
    """
    raise_file_limit()
    listeners = open_listeners(settings.http)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(serve(settings, make_app(), listeners, on_ready))
    finally:
        for listener in listeners:
            listener.close()


async def serve(
    settings: Settings, app: FastAPI, listeners: list[socket.socket], on_ready: Callable[[str], None]
) -> int:
    """As `run`, on the running loop. The order of the end: no new connections, requests finish, sessions are closed."""
    config = _uvicorn_config(app, settings)
    config.load()
    server = HttpServer(config, app.state.signalling.close)
    forced = _handle_signals(server, app)
    async with contextlib.AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(app.router.lifespan_context(app))
        except OSError as error:
            raise StartError(_explain_media(error, settings)) from None
        if settings.tls_cert is not None and settings.tls_key is not None:
            sfu: SfuFacade = app.state.context.sfu
            certificate = CertificateFiles(settings.tls_cert, settings.tls_key, sfu.set_certificate)
            try:
                certificate.start()
            except CertificateError as error:
                raise StartError(str(error)) from None
            stack.callback(certificate.close)
            sfu.http_accepted.connect(TlsConnections(config, server.server_state).serve)
        on_ready(base_url(settings, listeners[0]))
        serving = asyncio.create_task(server.serve(sockets=listeners))
        forcing = asyncio.create_task(forced.wait())
        await asyncio.wait({serving, forcing}, return_when=asyncio.FIRST_COMPLETED)
        forcing.cancel()
        if not serving.done():
            server.force_exit = True
            serving.cancel()
            return FORCED_EXIT
        await serving
    return 0


def _explain_media(error: OSError, settings: Settings) -> str:
    """UDP and TCP of the media port, and the TLS port, are bound in one go."""
    addresses = " ".join(map(str, (*settings.rtc, *([settings.tls] if settings.tls else []))))
    option = "--rtc HOST:PORT (or SLUICE_RTC)" + (", --tls HOST:PORT (or SLUICE_TLS)" if settings.tls else "")
    return explain_bind(error, "the media address", addresses, option)


def _without_queries(record: logging.LogRecord) -> bool:
    """A logging filter: browsers put tokens into the queries of WebSockets."""
    if isinstance(record.args, tuple):
        record.args = tuple(arg.partition("?")[0] if isinstance(arg, str) else arg for arg in record.args)
    return True


def _uvicorn_config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    for name in ("uvicorn.access", "uvicorn.error"):
        logging.getLogger(name).addFilter(_without_queries)
    return uvicorn.Config(
        app,
        http=BoundedHeadProtocol,
        ws=BoundedWebSocketProtocol,
        ws_max_size=MAX_MESSAGE,
        ws_ping_interval=PING_INTERVAL,
        ws_ping_timeout=PING_TIMEOUT,
        ws_per_message_deflate=False,  # memory per connection, for messages that are small
        lifespan="off",  # entered by `serve`, which can explain what goes wrong
        log_config=None,
        access_log=settings.log_level == "debug",  # it has clients' addresses
        server_header=False,
        forwarded_allow_ips=list(settings.trusted_proxies),
        limit_concurrency=settings.max_connections + settings.max_call_sockets,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=settings.shutdown_timeout,
    )


def _handle_signals(server: HttpServer, app: FastAPI) -> asyncio.Event:
    """The first SIGTERM or SIGINT drains; the second sets the returned event."""
    forced = asyncio.Event()

    def handle(number: signal.Signals) -> None:
        if server.should_exit:
            forced.set()
            return
        log.info("%s: closing sessions; once more ends at once", number.name)
        app.state.context.readiness.draining()
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, handle, number)
    return forced


def base_url(settings: Settings, listener: socket.socket) -> str:
    """The server's URL as seen on this machine; port 0 has become a real one."""
    address = SocketAddress(settings.http.host, listener.getsockname()[1])
    if address.is_loopback or address.is_wildcard:
        address = SocketAddress("localhost", address.port)
    return f"http://{address}"


def raise_file_limit() -> None:
    """Every HTTP connection is a file, and the usual soft limit of 1024 is there for programs that use select()."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

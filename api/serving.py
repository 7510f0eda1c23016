"""Running the server: sockets, signals, and an orderly end."""

import asyncio
import contextlib
import logging
import resource
import signal
import socket
from collections.abc import Callable, Generator

import uvicorn
import uvloop
from fastapi import FastAPI

from api.http_protocol import BoundedHeadProtocol
from api.listeners import explain_bind, has_ipv6, open_listeners
from api.settings import Settings
from sfu.server import Sfu, SfuSettings

KEEP_ALIVE = 30
FORCED_EXIT = 130

log = logging.getLogger(__name__)


class StartError(Exception):
    """The server cannot start; the text says why and what to change."""


class HttpServer(uvicorn.Server):
    """uvicorn without its signal handling, which would end the process by re-raising the signal."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def sfu_settings(settings: Settings) -> SfuSettings:
    listen: list[tuple[str, int]] = []
    for address in settings.rtc:
        if address.host:
            listen.append((address.host, address.port))
        else:
            listen.append(("0.0.0.0", address.port))
            if has_ipv6():
                listen.append(("::", address.port))
    return SfuSettings(
        listen=tuple(listen),
        workers=settings.workers,
        public_ips=settings.public_ip,
        include_loopback=settings.dev,
        max_rooms=settings.max_rooms,
        max_participants_per_room=settings.max_participants_per_room,
        max_sessions=settings.max_sessions,
        max_handshakes=settings.max_handshakes,
    )


def run(settings: Settings, make_app: Callable[[Settings, Sfu], FastAPI], on_ready: Callable[[str], None]) -> int:
    """Serve until SIGTERM or SIGINT; the exit status. `on_ready` is told the server's own URL.

    StartError, ListenError: an address cannot be bound.
    """
    raise_file_limit()
    listeners = open_listeners(settings.http)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_serve(settings, make_app, on_ready, listeners))
    finally:
        for listener in listeners:
            listener.close()


async def _serve(
    settings: Settings,
    make_app: Callable[[Settings, Sfu], FastAPI],
    on_ready: Callable[[str], None],
    listeners: list[socket.socket],
) -> int:
    app = make_app(settings, Sfu(sfu_settings(settings)))
    server = HttpServer(_uvicorn_config(app, settings))
    interrupts = _handle_signals(server, app)
    async with contextlib.AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(app.router.lifespan_context(app))
        except OSError as error:
            addresses = " ".join(map(str, settings.rtc))
            raise StartError(
                explain_bind(error, "the media address", addresses, "--rtc HOST:PORT (or SLUICE_RTC)")
            ) from None
        on_ready(base_url(settings, listeners[0]))
        serving = asyncio.create_task(server.serve(sockets=listeners))
        forced = asyncio.create_task(interrupts.wait())
        await asyncio.wait({serving, forced}, return_when=asyncio.FIRST_COMPLETED)
        forced.cancel()
        if not serving.done():
            serving.cancel()
            return FORCED_EXIT
        await serving
    return 0


def _uvicorn_config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=BoundedHeadProtocol,
        ws="none",
        lifespan="off",  # entered by _serve, which can explain what goes wrong
        log_config=None,
        access_log=settings.log_level == "debug",  # it has clients' addresses
        server_header=False,
        forwarded_allow_ips=list(settings.trusted_proxies),
        limit_concurrency=settings.max_connections,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=settings.shutdown_timeout,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
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
    host = settings.http.host or "localhost"
    name = "localhost" if settings.http.is_loopback else f"[{host}]" if ":" in host else host
    scheme = "https" if settings.tls_cert else "http"
    return f"{scheme}://{name}:{listener.getsockname()[1]}"


def raise_file_limit() -> None:
    """Every HTTP connection is a file, and the usual soft limit of 1024 is there for programs that use select()."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

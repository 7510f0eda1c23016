"""HTTP connections that came over the TLS port: the data path hands them over decrypted."""

import asyncio
import socket
from functools import partial
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.server import ServerState

from api.http_protocol import BoundedHeadProtocol
from api.websocket_protocol import BoundedWebSocketProtocol
from sfu._datapath import HttpAccepted


class HandedOverWebSocketProtocol(BoundedWebSocketProtocol):
    """As `HandedOverProtocol`, once the connection is upgraded."""

    def __init__(self, accepted: HttpAccepted, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._accepted = accepted

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.server = self._accepted.local
        self.client = self._accepted.remote
        self.scheme = "wss"


class HandedOverProtocol(BoundedHeadProtocol):
    """Who the client is, and that it speaks HTTPS, cannot be read off the socket."""

    def __init__(self, accepted: HttpAccepted, config: Config, server_state: ServerState) -> None:
        super().__init__(config=config, server_state=server_state, app_state={})
        self._accepted = accepted
        self.ws_protocol_class = cast("type[asyncio.Protocol]", partial(HandedOverWebSocketProtocol, accepted))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.server = self._accepted.local
        self.client = self._accepted.remote
        self.scheme = "https"


class TlsConnections:
    """Serves each on the running loop with the given uvicorn configuration."""

    def __init__(self, config: Config, server_state: ServerState) -> None:
        self._config = config
        self._server_state = server_state
        self._opening: set[asyncio.Task[Any]] = set()

    def serve(self, accepted: HttpAccepted) -> None:
        end = socket.socket(fileno=accepted.detach())
        end.setblocking(False)
        loop = asyncio.get_running_loop()
        opening = loop.create_task(
            loop.connect_accepted_socket(lambda: HandedOverProtocol(accepted, self._config, self._server_state), end)
        )
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)

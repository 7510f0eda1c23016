"""`sluice publish`: keep a source on the air."""

import asyncio
import random
import time
from pathlib import Path

from rich.console import Console

from clients import whip
from clients.backoff import Backoff
from clients.connection import Connection
from clients.media import SourceError, open_source
from clients.signalling import Endpoint, SignallingError, endpoint_url


async def run(
    url: str,
    room: str,
    token: str,
    source: str,
    duration: float | None = None,
    *,
    codec: str = "vp8",
    relay_only: bool = False,
    authority: Path | None = None,
    console: Console | None = None,
) -> int:
    """Publish `source` ("testsrc" or a media file, looped) into a room until `duration` seconds are over or for ever.

    url: the server's, e.g. http://127.0.0.1:7880. relay_only: through the server's TURN even where there is a direct
    way. authority: certificates to trust besides the system's. A session that breaks is replaced by a new one. Returns
    the exit status: 0 if media went out, 1 if none could, 2 if the source or the certificates cannot be read.
    """
    console = console or Console(stderr=True)
    published = False
    try:
        endpoint = Endpoint(endpoint_url(url, "whip", room), token, authority=authority)
    except OSError as error:
        console.print(f"[red]cannot read {authority}: {error}")
        return 2
    try:
        async with endpoint, asyncio.timeout(duration):
            console.print(f"Publishing {source} to room {room!r} at {url}. Ctrl-C ends it.")
            backoff = Backoff(random.random)
            while True:
                connection = await _connect(endpoint, source, codec, relay_only, backoff, console)
                published = True
                try:
                    console.print(f"On the air ({connection.path}): {connection.session.url}", soft_wrap=True)
                    await _report(connection, console)
                finally:
                    await connection.close()
    except TimeoutError:
        return 0 if published else 1
    except SourceError as error:
        console.print(f"[red]{error}")
        return 2
    except SignallingError as error:
        console.print(f"[red]{error}")
        return 1


async def _connect(
    endpoint: Endpoint, source: str, codec: str, relay_only: bool, backoff: Backoff, console: Console
) -> Connection:
    """Try until a session is connected; SignallingError when the server will not have us at all.

    Every attempt opens the source anew: a connection that closes ends its tracks.
    """
    while True:
        tracks = open_source(source)
        try:
            connection = await whip.publish(endpoint, tracks, codec, relay_only=relay_only)
        except SignallingError as error:
            if error.permanent:
                raise
            delay = backoff.next(error.retry_after)
            console.print(f"{error}; again in {delay:.1f} s")
            await asyncio.sleep(delay)
        else:
            backoff.reset()
            tracks = []
            return connection
        finally:
            for track in tracks:
                track.stop()


async def _report(connection: Connection, console: Console) -> None:
    """Say every few seconds what goes out, until the session ends."""
    ended = asyncio.ensure_future(connection.ended())
    sent, at = 0, time.monotonic()
    try:
        while not ended.done():
            await asyncio.wait([ended], timeout=5.0)
            before, since, sent, at = sent, at, await connection.bytes_sent(), time.monotonic()
            console.print(f"{(sent - before) * 8e-3 / max(at - since, 1e-3):.0f} kbit/s")
    finally:
        ended.cancel()
    console.print("The session ended; publishing again.")

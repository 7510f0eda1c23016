"""A viewer as a program: what `clients.watch` sees of a room, as a line of JSON twice a second, until it is killed.

python -m tests.nat.viewer URL ROOM TOKEN AUTHORITY [--relay]
"""

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path

from clients.watch import Watcher


async def main(url: str, room: str, token: str, authority: str, *options: str) -> None:
    watcher = Watcher(url, room, token, relay_only="--relay" in options, authority=Path(authority))
    async for figures in watcher.follow():
        sys.stdout.write(json.dumps(asdict(figures) | {"number": watcher.video.number()}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

"""What `sluice serve` prints once it is ready."""

from datetime import UTC, datetime

from rich.console import Console

from api.addresses import SocketAddress
from api.devlinks import DEFAULT_ROOM, dev_links
from api.settings import Settings


def print_banner(settings: Settings, url: str, console: Console | None = None) -> None:
    """Addresses; with --dev also the key, its secret and ready-made links, which are no secrets there."""
    console = console or Console()
    for line in banner_lines(settings, url):
        # One logical line each, however long: a wrapped token cannot be pasted.
        console.print(line, soft_wrap=True, markup=False, highlight=False)


def banner_lines(settings: Settings, url: str) -> list[str]:
    media = ", ".join(_readable(address) for address in settings.rtc)
    lines = [f"Sluice is ready at {url}  (media: UDP {media})"]
    if not settings.dev:
        return lines
    links = dev_links(settings, url, DEFAULT_ROOM, datetime.now(UTC))
    key, secret = next(iter(settings.secrets.items()))
    lines += [
        "",
        f"  Pages        {url}/",
        f"  API          {url}/docs",
        f"  Key, secret  {key}, {secret}",
        "",
        f"  Go live      {links.broadcast_url}",
        f"  Watch        {links.watch_url}",
        f"  Call         {links.call_url}",
        f"  Dashboard    {links.dashboard_url}",
        "",
        "  OBS          Settings > Stream > Service WHIP",
        f"    Server     {links.obs.server}",
        f"    Token      {links.obs.token}",
        "",
        "  FFmpeg 8",
        links.ffmpeg,
        "",
        f"  Test picture sluice publish {DEFAULT_ROOM} --url {url}",
        f"  In terminal  sluice watch {DEFAULT_ROOM} --url {url}",
    ]
    if not settings.http.is_loopback:
        lines += [
            "",
            "  --dev keys are public knowledge, and HTTP is not on loopback: anyone who reaches it may use it.",
        ]
    return lines


def _readable(address: SocketAddress) -> str:
    return str(address) if address.host else f"port {address.port}"

"""The `sluice` command."""

import asyncio
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
import yaml

from api.durations import parse_duration
from api.names import name_fault, room_fault
from api.settings import DEV_KEY, DEV_SECRET, Settings, SettingsError, load_settings
from api.tokens import VideoGrant, mint

if TYPE_CHECKING:
    from fastapi import FastAPI

DEFAULT_URL = "http://localhost:7880"

app = typer.Typer(
    name="sluice",
    help="Sluice, a WebRTC SFU: publish over WHIP, watch over WHEP.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # tracebacks with local variables would print secrets
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
def serve(
    dev: Annotated[bool, typer.Option("--dev", help="Key devkey, secret `secret`, HTTP on loopback.")] = False,
    config: Annotated[Path | None, typer.Option(help="YAML file with settings.", metavar="FILE")] = None,
    http: Annotated[str | None, typer.Option(help="Where HTTP listens (default :7880).", metavar="HOST:PORT")] = None,
    rtc: Annotated[
        list[str] | None, typer.Option(help="Where media arrives (default :3478); repeatable.", metavar="HOST:PORT")
    ] = None,
    public_ip: Annotated[
        list[str] | None, typer.Option(help="Announce this address instead; repeatable.", metavar="IP")
    ] = None,
    tls: Annotated[
        str | None, typer.Option(help="HTTPS, WSS and TURN over TLS, best on :443; with --cert.", metavar="HOST:PORT")
    ] = None,
    cert: Annotated[str | None, typer.Option(help="PEM certificate chain for --tls.", metavar="FILE")] = None,
    key: Annotated[str | None, typer.Option(help="Its PEM private key.", metavar="FILE")] = None,
    workers: Annotated[int | None, typer.Option(help="Media threads (default one per core).", metavar="N")] = None,
    print_config: Annotated[bool, typer.Option("--print-config", help="Print the settings, secrets hidden.")] = False,
) -> None:
    """Run the server."""
    given: dict[str, Any] = {"http": http, "rtc": rtc, "public_ip": public_ip, "workers": workers}
    given |= {"tls": tls, "tls_cert": cert, "tls_key": key}
    options = {name: value for name, value in given.items() if value not in (None, [])}
    settings = _load(options | ({"dev": True} if dev else {}), config)
    if print_config:
        typer.echo(yaml.safe_dump(settings.redacted(), sort_keys=False), nl=False)
        return
    _log_at(settings.log_level)
    if settings.log_level != "debug":
        # Its warnings are one line per bad request, which a client could fill a disk with.
        logging.getLogger("uvicorn").setLevel(logging.ERROR)
    # Imported here so that the other commands start without the media stack.
    from api.app import create_app
    from api.banner import print_banner
    from api.listeners import ListenError
    from api.relaying import Relaying
    from api.serving import StartError, run
    from api.sfu_settings import sfu_settings
    from sfu.server import Sfu

    def make_app() -> "FastAPI":
        sfu = Sfu(sfu_settings(settings))
        return create_app(settings, sfu, relay=Relaying(settings, sfu) if settings.turn else None)

    try:
        status = run(
            settings,
            make_app,
            lambda url: print_banner(settings, url),
        )
    except (StartError, ListenError) as error:
        _fail(str(error))
    raise typer.Exit(status)


@app.command()
def turn(
    listen: Annotated[
        list[str] | None, typer.Option(help="UDP and TCP (default :3478); repeatable.", metavar="HOST:PORT")
    ] = None,
    tls_listen: Annotated[
        list[str] | None, typer.Option(help="TLS; with --cert and --key.", metavar="HOST:PORT")
    ] = None,
    cert: Annotated[str | None, typer.Option(help="PEM certificate chain.", metavar="FILE")] = None,
    key: Annotated[str | None, typer.Option(help="Its PEM private key.", metavar="FILE")] = None,
    secret: Annotated[
        list[str] | None,
        typer.Option(
            help="What credentials are made with, as coturn's use-auth-secret; repeatable, the first makes them.",
            envvar="SLUICE_TURN_SECRET",
        ),
    ] = None,
    realm: Annotated[str | None, typer.Option(help="Default: sluice.")] = None,
    peers: Annotated[
        str | None, typer.Option(help="`self`: other clients of this relay; `open`: public addresses.", metavar="WHO")
    ] = None,
    allow_peer: Annotated[
        list[str] | None, typer.Option(help="With open: these, too, though they are private.", metavar="CIDR")
    ] = None,
    relay_ports: Annotated[str | None, typer.Option(help="With open (default 49152-65535).", metavar="A-B")] = None,
    relay_ip: Annotated[list[str] | None, typer.Option(help="With open: where relays are bound.", metavar="IP")] = None,
    public_ip: Annotated[list[str] | None, typer.Option(help="Announced for relays instead.", metavar="IP")] = None,
    tcp_allocations: Annotated[bool, typer.Option("--tcp-allocations", help="RFC 6062; with open.")] = False,
    mobility: Annotated[bool, typer.Option("--mobility", help="RFC 8016.")] = False,
    old_channels: Annotated[
        bool, typer.Option("--old-channels", help="Channel numbers up to 0x7ffe, for clients from before RFC 8656.")
    ] = False,
    nat_discovery_port: Annotated[
        int | None, typer.Option(help="RFC 5780 on this second port; needs two addresses.", metavar="PORT")
    ] = None,
    proxy_protocol: Annotated[
        list[str] | None, typer.Option(help="Load balancers that send PROXY protocol v2.", metavar="CIDR")
    ] = None,
    max_allocations: Annotated[int | None, typer.Option(help="In all (default 20000).")] = None,
    user_quota: Annotated[int | None, typer.Option(help="Allocations per user (default 12).")] = None,
    max_bps: Annotated[int | None, typer.Option(help="Per allocation and direction (default 50 Mbit/s).")] = None,
    request_rate: Annotated[int | None, typer.Option(help="Requests per second and address (default 200).")] = None,
    workers: Annotated[int | None, typer.Option(help="Threads (default one per core).", metavar="N")] = None,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
) -> None:
    """Run the STUN and TURN server alone, beside somebody else's SFU or for calls between two."""
    given = dict(locals())
    _log_at(given.pop("log_level"))
    # Imported here so that the other commands start without the media stack.
    from api.turn_command import run_turn
    from api.turn_options import load_turn_options

    values = {name: value for name, value in given.items() if value not in (None, [], False)}
    try:
        options = load_turn_options({"listen": [":3478"]} | values)
        run_turn(options, typer.echo)
    except SettingsError as error:
        _fail(str(error))


@app.command()
def token(
    identity: Annotated[str, typer.Option(help="Who the token speaks for.")],
    room: Annotated[str, typer.Option(help="The room it holds in (default: every room).")] = "",
    publish: Annotated[bool, typer.Option("--publish", help="May publish.")] = False,
    subscribe: Annotated[bool, typer.Option("--subscribe", help="May watch.")] = False,
    admin: Annotated[bool, typer.Option("--admin", help="May manage rooms and participants.")] = False,
    ttl: Annotated[str, typer.Option(help="How long it is valid: 90s, 15m, 6h, 30d.")] = "6h",
    dev: Annotated[bool, typer.Option("--dev", help="Sign with the key of `sluice serve --dev`.")] = False,
    key: Annotated[str | None, typer.Option(help="API key; with --secret.")] = None,
    secret: Annotated[str | None, typer.Option(help="Its secret; better in SLUICE_KEYS than here.")] = None,
    config: Annotated[Path | None, typer.Option(help="Take key and secret from this YAML file.")] = None,
) -> None:
    """Print an access token; with none of --publish, --subscribe and --admin it permits publishing and watching."""
    for fault, what in ((name_fault(identity), "identity"), (room_fault(room) if room else None, "room")):
        if fault:
            _fail(f"the {what} {fault}")
    joins = publish or subscribe or not admin
    grant = VideoGrant(
        room=room,
        room_join=joins,
        can_publish=publish or not (subscribe or admin) if joins else None,
        can_subscribe=subscribe or not (publish or admin) if joins else None,
        room_admin=admin,
        room_create=admin,
        room_list=admin and not room,
    )
    api_key, api_secret = _signing_key(dev, key, secret, config)
    try:
        typer.echo(mint(api_key, api_secret, grant, identity=identity, ttl=parse_duration(ttl), now=datetime.now(UTC)))
    except ValueError as error:
        _fail(str(error))


@app.command()
def publish(
    room: Annotated[str, typer.Argument(help="The room to publish into.")],
    source: Annotated[str, typer.Argument(help="A media file, or testsrc.", metavar="[FILE|testsrc]")] = "testsrc",
    url: Annotated[str, typer.Option(help="The server.")] = DEFAULT_URL,
    token: Annotated[str | None, typer.Option(help="Access token (default: one for `serve --dev`).")] = None,
    duration: Annotated[float | None, typer.Option(help="Stop after this many seconds.")] = None,
    relay: Annotated[bool, typer.Option("--relay", help="Through the server's TURN even if there is no need.")] = False,
    ca: Annotated[Path | None, typer.Option(help="Trust these certificates as well (PEM).", metavar="FILE")] = None,
) -> None:
    """Publish a file or a test picture over WHIP."""
    from clients import publish as client

    bearer = token or _dev_token("publisher", room, publish=True)
    raise typer.Exit(_run_client(client.run(url, room, bearer, source, duration, relay_only=relay, authority=ca)))


@app.command()
def watch(
    room: Annotated[str, typer.Argument(help="The room to watch.")],
    url: Annotated[str, typer.Option(help="The server.")] = DEFAULT_URL,
    token: Annotated[str | None, typer.Option(help="Access token (default: one for `serve --dev`).")] = None,
    duration: Annotated[float | None, typer.Option(help="Stop after this many seconds.")] = None,
    relay: Annotated[bool, typer.Option("--relay", help="Through the server's TURN even if there is no need.")] = False,
    ca: Annotated[Path | None, typer.Option(help="Trust these certificates as well (PEM).", metavar="FILE")] = None,
) -> None:
    """Watch a room over WHEP and show what arrives."""
    from clients import watch as client

    bearer = token or _dev_token("watcher", room, publish=False)
    raise typer.Exit(_run_client(client.run(url, room, bearer, duration, relay_only=relay, authority=ca)))


@app.command()
def doctor(
    url: Annotated[str, typer.Argument(help="The server.")] = DEFAULT_URL,
    room: Annotated[str, typer.Option(help="A room that nobody uses.")] = "doctor",
    token: Annotated[str | None, typer.Option(help="Access token (default: one for `serve --dev`).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON instead of a table.")] = False,
    ca: Annotated[Path | None, typer.Option(help="Trust these certificates as well (PEM).", metavar="FILE")] = None,
) -> None:
    """Find out which ways to a server work from here, and what to change about the others."""
    from clients.doctor import command as client

    bearer = token or _dev_token("doctor", room, publish=True)
    raise typer.Exit(_run_client(client.run(url, room, bearer, as_json=as_json, authority=ca)))


@app.command()
def version() -> None:
    """Print the version."""
    from api.openapi import version as distribution_version

    typer.echo(distribution_version())


def main() -> None:
    app()


def _log_at(level: str) -> None:
    logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")


def _load(options: dict[str, Any], config: Path | None) -> Settings:
    try:
        return load_settings(options, config)
    except SettingsError as error:
        _fail(str(error))


def _signing_key(dev: bool, key: str | None, secret: str | None, config: Path | None) -> tuple[str, str]:
    if dev:
        return DEV_KEY, DEV_SECRET
    if (key is None) != (secret is None):
        _fail("--key and --secret go together")
    if key is not None and secret is not None:
        return key, secret
    return next(iter(_load({}, config).secrets.items()))


def _dev_token(identity: str, room: str, *, publish: bool) -> str:
    if fault := room_fault(room):
        _fail(f"the room name {fault}")
    grant = VideoGrant(room_join=True, room=room, can_publish=publish, can_subscribe=not publish)
    return mint(DEV_KEY, DEV_SECRET, grant, identity=identity, now=datetime.now(UTC))


def _run_client(main: Any) -> int:
    try:
        status: int = asyncio.run(main)
    except KeyboardInterrupt:
        return 130
    return status


def _fail(message: str) -> NoReturn:
    typer.echo(f"sluice: {message}", err=True)
    sys.exit(2)

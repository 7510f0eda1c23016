"""Every setting, in one frozen object.

Sources, strongest first: command-line options, SLUICE_* environment variables, the YAML file. A key nobody knows is
refused with the nearest known one, because a misspelt limit that is silently ignored is no limit.
"""

import difflib
import ipaddress
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

import yaml
from pydantic import (
    BeforeValidator,
    Field,
    InstanceOf,
    PlainSerializer,
    SecretStr,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from api.addresses import SocketAddress, parse_address
from api.webhooks.targets import Target, parse_target

ENV_PREFIX = "SLUICE_"
DEFAULT_HTTP_PORT = 7880
DEFAULT_MEDIA_PORT = 3478
DEV_KEY = "devkey"
DEV_SECRET = "secret"  # noqa: S105 — the published secret of --dev, which binds loopback
MIN_SECRET_BYTES = 32  # RFC 7518, 3.2: an HS256 key has at least the hash's size
MAX_CONFIG_BYTES = 1 << 20


class SettingsError(Exception):
    """The settings cannot be used; the text says which and what to do."""


def _split(value: object) -> object:
    """A list in one environment variable is separated by commas."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _address(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return parse_address(str(value))
    return parse_address(value) if isinstance(value, str) else value


def _targets(value: object) -> object:
    urls = _split(value)
    return [parse_target(url) if isinstance(url, str) else url for url in urls] if isinstance(urls, list) else urls


def _ip(value: object) -> str:
    return str(ipaddress.ip_address(str(value)))


def _network(value: object) -> str:
    return str(ipaddress.ip_network(str(value)))


class PortRange(NamedTuple):
    """Both ends included."""

    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"


def _ports(value: object) -> object:
    if not isinstance(value, str):
        return value
    first, dash, last = value.partition("-")
    if not (dash and first.strip().isdecimal() and last.strip().isdecimal()):
        raise ValueError("write two ports with a dash between them, as in 49152-65535")
    ports = PortRange(int(first), int(last))
    if not 1 <= ports.first <= ports.last <= 65535:
        raise ValueError("ports are 1 to 65535, the lower one first")
    return ports


Address = Annotated[SocketAddress, BeforeValidator(_address), PlainSerializer(str)]
IpAddress = Annotated[str, BeforeValidator(_ip)]
Network = Annotated[str, BeforeValidator(_network)]
PortRangeField = Annotated[PortRange, BeforeValidator(_ports)]
WebhookTarget = Annotated[InstanceOf[Target], PlainSerializer(str)]  # without the path, which may hold a secret
TextList = Annotated[tuple[str, ...], BeforeValidator(_split)]


class Settings(BaseSettings):
    """See `load_settings`; constructing one directly reads neither the environment nor a file."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, enable_decoding=False, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    dev: bool = Field(default=False, description="Placeholder key and secret, HTTP on loopback, media everywhere.")
    http: Address = Field(default=SocketAddress("", DEFAULT_HTTP_PORT), description="Where HTTP listens.")
    rtc: Annotated[tuple[Address, ...], BeforeValidator(_split)] = Field(
        default=(SocketAddress("", DEFAULT_MEDIA_PORT),),
        min_length=1,
        max_length=64,
        description="Where media arrives.",
    )
    public_ip: Annotated[tuple[IpAddress, ...], BeforeValidator(_split)] = Field(
        default=(),
        max_length=16,
        description="Addresses to announce instead of those of the interfaces (behind a 1:1 NAT).",
    )
    workers: int = Field(default=0, ge=0, le=256, description="Media threads; 0: one per core.")
    keys: dict[str, SecretStr] = Field(
        default_factory=dict, description="API keys and their secrets; in the environment KEY:SECRET,KEY:SECRET."
    )
    tls: Address | None = Field(
        default=None, description="Where TLS listens, best :443: HTTPS, WSS and TURN on one port. Needs tls_cert."
    )
    tls_cert: Path | None = Field(
        default=None, description="PEM certificate chain for tls; read again when it changes."
    )
    tls_key: Path | None = Field(default=None, description="PEM private key of tls_cert.")
    domain: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$",
        description="The name clients reach this server by; none: the media addresses, for TLS the certificate's name.",
    )
    proxy_protocol: Annotated[tuple[Network, ...], BeforeValidator(_split)] = Field(
        default=(), max_length=64, description="Load balancers (CIDR) whose TCP begins with a PROXY protocol v2 header."
    )
    turn: bool = Field(default=True, description="Offer STUN and TURN to clients, on the media port and on tls.")
    turn_secrets: Annotated[tuple[SecretStr, ...], BeforeValidator(_split)] = Field(
        default=(),
        max_length=8,
        description="What TURN credentials are made with; the first makes, all verify. None: from the first API key.",
    )
    turn_peers: Literal["self", "open"] = Field(
        default="self", description="Whom relays may reach: this server's media only, or public addresses as well."
    )
    turn_allow_peers: Annotated[tuple[Network, ...], BeforeValidator(_split)] = Field(
        default=(), max_length=64, description="Private networks (CIDR) that turn_peers=open may reach besides."
    )
    turn_relay_ports: PortRangeField = Field(
        default=PortRange(49152, 65535), description="UDP ports of relays (A-B); only turn_peers=open has any."
    )
    turn_relay_ip: Annotated[tuple[IpAddress, ...], BeforeValidator(_split)] = Field(
        default=(),
        max_length=2,
        description="Addresses relays are bound to, one per family; none: those of the media.",
    )
    nat_discovery_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="A second UDP port, for NAT behaviour discovery (RFC 5780); needs two rtc addresses of a family.",
    )
    webhook_urls: Annotated[tuple[WebhookTarget, ...], BeforeValidator(_targets)] = Field(
        default=(), max_length=8, description="Where events of rooms are sent to: http or https URLs."
    )
    webhook_key: str | None = Field(
        default=None, description="The API key whose secret signs webhooks; none: the first."
    )
    webhook_allow_private: bool = Field(
        default=False, description="Send webhooks to private, loopback and link-local addresses as well."
    )
    trusted_hosts: TextList = Field(
        default=(), description="Host names this server answers to; none: any, in --dev loopback."
    )
    trusted_proxies: TextList = Field(
        default=("127.0.0.1", "::1"), description="Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed."
    )
    metrics_token: SecretStr | None = Field(default=None, description="Bearer token /metrics asks for; none: open.")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    shutdown_timeout: int = Field(default=10, ge=1, le=3600, description="Seconds requests in flight have to finish.")
    max_connections: int = Field(default=4096, ge=16, le=1_000_000, description="HTTP connections at once.")
    max_call_sockets: int = Field(default=10_000, ge=1, description="WebSockets of call participants at once.")
    livekit_single_peer_connection: bool = Field(
        default=True, description="Offer call clients one peer connection for both directions, not two."
    )
    call_last_n: int | None = Field(
        default=None, ge=0, description="Cameras that everybody in a call gets, of the last speakers; none: all."
    )
    call_remote_unmute: bool = Field(
        default=False, description="A backend may turn on a participant's camera or microphone."
    )
    max_rooms: int = Field(default=10_000, ge=1)
    max_participants_per_room: int = Field(default=5_000, ge=1)
    max_sessions: int = Field(default=20_000, ge=1)
    max_handshakes: int = Field(default=2_000, ge=1, description="DTLS handshakes at once.")
    address_rate: float = Field(default=100.0, gt=0, description="Changing requests per second and client address.")
    address_burst: float = Field(default=400.0, ge=1)
    identity_rate: float = Field(default=20.0, gt=0, description="Changing requests per second and token identity.")
    identity_burst: float = Field(default=200.0, ge=1)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)

    @model_validator(mode="before")
    @classmethod
    def _dev_defaults(cls, values: dict[str, Any]) -> dict[str, Any]:
        if not TypeAdapter(bool).validate_python(values.get("dev", False)):
            return values
        return {"http": SocketAddress("127.0.0.1", DEFAULT_HTTP_PORT), "keys": {DEV_KEY: DEV_SECRET}} | values

    @field_validator("keys", mode="before")
    @classmethod
    def _parse_keys(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [pair.partition(":") for pair in value.split(",") if pair.strip()]
        if any(not colon for _, colon, _ in pairs):
            raise ValueError("write KEY:SECRET, several separated by commas")
        return {key.strip(): secret.strip() for key, _, secret in pairs}

    @model_validator(mode="after")
    def _secrets_are_strong(self) -> Self:
        hint = "`openssl rand -base64 36` makes a good one, --dev is for trying things out"
        if not self.keys:
            raise ValueError(f"no API key: set SLUICE_KEYS=KEY:SECRET, or keys: in the file ({hint})")
        for key, secret in self.keys.items():
            if not key or not secret.get_secret_value():
                raise ValueError("an API key or its secret is empty")
            if not self.dev and len(secret.get_secret_value().encode()) < MIN_SECRET_BYTES:
                raise ValueError(f"the secret of API key {key} is shorter than {MIN_SECRET_BYTES} bytes ({hint})")
        return self

    @model_validator(mode="after")
    def _tls_is_complete(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key go together")
        if (self.tls is None) != (self.tls_cert is None):
            raise ValueError("tls says where TLS listens (:443), tls_cert and tls_key which certificate: all or none")
        return self

    @model_validator(mode="after")
    def _turn_secrets_are_strong(self) -> Self:
        if any(len(secret.get_secret_value().encode()) < MIN_SECRET_BYTES for secret in self.turn_secrets):
            raise ValueError(f"turn_secrets: one is shorter than {MIN_SECRET_BYTES} bytes")
        return self

    @model_validator(mode="after")
    def _webhooks_have_a_key(self) -> Self:
        if self.webhook_key is not None and self.webhook_key not in self.keys:
            raise ValueError("webhook_key is not among the API keys (keys)")
        return self

    @property
    def secrets(self) -> dict[str, str]:
        """API keys and secrets, in the clear."""
        return {key: secret.get_secret_value() for key, secret in self.keys.items()}

    @property
    def allowed_hosts(self) -> tuple[str, ...]:
        """Host names to answer to; empty: any. On a loopback --dev server only its own names are right, which keeps
        web pages elsewhere from reaching it by DNS rebinding."""
        if self.trusted_hosts:
            return self.trusted_hosts
        return ("localhost", "127.0.0.1", "::1") if self.dev and self.http.is_loopback else ()

    def redacted(self) -> dict[str, Any]:
        """Every setting as plain data for printing, secrets as asterisks."""
        plain: dict[str, Any] = self.model_dump(mode="json")
        return plain


def load_settings(
    options: Mapping[str, object], config: Path | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """Merge the sources; `options` are those given on the command line. SettingsError: anything is wrong."""
    env = os.environ if environment is None else environment
    values: dict[str, object] = {}
    if config is not None:
        values |= _read_config(config)
    values |= _read_environment(env)
    values |= options
    try:
        return Settings(**values)  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingsError("; ".join(explain(error))) from None


def _read_config(path: Path) -> dict[str, object]:
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise SettingsError(f"{path} is larger than {MAX_CONFIG_BYTES} bytes")
        values = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not UTF-8 text") from None
    except yaml.MarkedYAMLError as error:
        where = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise SettingsError(f"{path}{where}: {error.problem}") from None
    except (yaml.YAMLError, RecursionError):
        raise SettingsError(f"{path} is not YAML") from None
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise SettingsError(f"{path} must hold one mapping of setting names to values")
    _refuse_unknown(values, Settings.model_fields, str(path))
    return values


def _read_environment(environment: Mapping[str, str]) -> dict[str, object]:
    ours = {name for name in environment if name.startswith(ENV_PREFIX)}
    _refuse_unknown(ours, {ENV_PREFIX + name.upper() for name in Settings.model_fields}, "the environment")
    source = EnvSettingsSource(Settings)
    source.env_vars = {name.lower(): value for name, value in environment.items() if value and name in ours}
    return source()


def _refuse_unknown(given: Iterable[str], known: Iterable[str], where: str) -> None:
    names = list(known)
    for name in sorted(set(given) - set(names)):
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(names))}"
        raise SettingsError(f"unknown setting {name} in {where}; {hint}")


def explain(error: ValidationError) -> list[str]:
    """One line per fault, without the values, which may be secrets."""
    lines = []
    for fault in error.errors(include_url=False, include_input=False, include_context=False):
        where = ".".join(str(part) for part in fault["loc"])
        message = fault["msg"].removeprefix("Value error, ")
        lines.append(f"{where}: {message}" if where else message)
    return lines

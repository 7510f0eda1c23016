"""What `sluice turn` can be told, checked once."""

import ipaddress
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from api.settings import (
    MIN_SECRET_BYTES,
    Address,
    IpAddress,
    Network,
    PortRange,
    PortRangeField,
    SettingsError,
    explain,
)


class TurnOptions(BaseModel):
    """A TURN server that runs alone. relay_ip, public_ip: at most one of each family."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    listen: Annotated[tuple[Address, ...], Field(min_length=1, max_length=16)]
    tls_listen: Annotated[tuple[Address, ...], Field(max_length=16)] = ()
    cert: Path | None = None
    key: Path | None = None
    secret: Annotated[tuple[SecretStr, ...], Field(min_length=1, max_length=8)]
    realm: Annotated[str, Field(min_length=1, max_length=127)] = "sluice"
    peers: Literal["self", "open"] = "self"
    allow_peer: Annotated[tuple[Network, ...], Field(max_length=64)] = ()
    relay_ports: PortRangeField = PortRange(49152, 65535)
    relay_ip: tuple[IpAddress, ...] = ()
    public_ip: tuple[IpAddress, ...] = ()
    nat_discovery_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    tcp_allocations: bool = False
    mobility: bool = False
    old_channels: bool = False
    proxy_protocol: tuple[Network, ...] = ()
    max_allocations: Annotated[int, Field(ge=1)] = 20_000
    user_quota: Annotated[int, Field(ge=1)] = 12
    max_bps: Annotated[int, Field(ge=0)] = 50_000_000
    request_rate: Annotated[int, Field(ge=1)] = 200
    workers: Annotated[int, Field(ge=0, le=64)] = 0

    @field_validator("secret")
    @classmethod
    def _secrets_are_strong(cls, secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if any(len(secret.get_secret_value().encode()) < MIN_SECRET_BYTES for secret in secrets):
            raise ValueError(f"shorter than {MIN_SECRET_BYTES} bytes; `openssl rand -base64 36` makes a good one")
        return secrets

    @field_validator("relay_ip", "public_ip")
    @classmethod
    def _one_of_each_family(cls, addresses: tuple[str, ...]) -> tuple[str, ...]:
        if len({ipaddress.ip_address(address).version for address in addresses}) < len(addresses):
            raise ValueError("at most one address of each family")
        return addresses

    @model_validator(mode="after")
    def _tls_is_complete(self) -> Self:
        if len({bool(self.tls_listen), self.cert is not None, self.key is not None}) > 1:
            raise ValueError("tls_listen, cert and key go together")
        return self

    @model_validator(mode="after")
    def _open_options_mean_something(self) -> Self:
        if self.peers == "self" and (self.allow_peer or self.relay_ip):
            raise ValueError("allow_peer and relay_ip are for peers=open: by default no relay has a socket")
        return self

    @property
    def secrets(self) -> tuple[str, ...]:
        return tuple(secret.get_secret_value() for secret in self.secret)


def load_turn_options(given: dict[str, object]) -> TurnOptions:
    """SettingsError: anything is wrong."""
    try:
        return TurnOptions.model_validate(given)
    except ValidationError as error:
        raise SettingsError("; ".join(explain(error))) from None

"""What a token says of the room that its bearer's join creates: LiveKit's `roomConfig` claim.

In tokens it is a RoomConfiguration in ProtoJSON, of which the fields that Sluice has a use for are read; recording,
agents and play-out delays are not among them.
"""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

MAX_TIMEOUT = 7 * 86400  # seconds, as for rooms that are created by REST
MAX_PARTICIPANTS = 1_000_000


def _number(value: object) -> object:
    """ProtoJSON takes integers as text, too."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 11 else value


def _unicode(value: str) -> str:
    value.encode()  # UnicodeEncodeError, a ValueError, for the half of a surrogate pair, which JSON can write
    return value


Seconds = Annotated[int, BeforeValidator(_number), Field(ge=0, le=MAX_TIMEOUT)]


class RoomConfig(BaseModel):
    """Zero and empty mean, as in ProtoBuf, that nothing is said and the server's defaults hold."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, strict=True, hide_input_in_errors=True
    )

    empty_timeout: Seconds = Field(default=0, description="Seconds the room lives with nobody in it at first.")
    departure_timeout: Seconds = Field(default=0, description="Seconds it lives after the last one has left.")
    max_participants: Annotated[int, BeforeValidator(_number), Field(ge=0, le=MAX_PARTICIPANTS)] = 0
    metadata: Annotated[str, AfterValidator(_unicode)] = ""

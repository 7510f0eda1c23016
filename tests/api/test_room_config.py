"""The configuration of a room, as tokens carry it."""

import pytest
from google.protobuf.json_format import MessageToDict
from livekit.protocol.room import RoomConfiguration
from pydantic import ValidationError

from api.room_config import RoomConfig


def test_protojson_is_read() -> None:
    message = RoomConfiguration(empty_timeout=1, departure_timeout=2, max_participants=3, metadata="m", name="n")
    assert RoomConfig.model_validate(MessageToDict(message)) == RoomConfig(
        empty_timeout=1, departure_timeout=2, max_participants=3, metadata="m"
    )
    assert RoomConfig.model_validate(MessageToDict(RoomConfiguration())) == RoomConfig()


def test_numbers_may_be_text() -> None:
    assert RoomConfig.model_validate({"maxParticipants": "12"}).max_participants == 12


@pytest.mark.parametrize("value", ["", "-1", "1.5", "٣", "9" * 20, -1, 1.5, True, 1 << 31])
def test_what_is_no_number_in_bounds_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        RoomConfig.model_validate({"maxParticipants": value})


def test_half_a_surrogate_pair_is_no_text() -> None:
    with pytest.raises(ValidationError):
        RoomConfig.model_validate({"metadata": "\ud800"})

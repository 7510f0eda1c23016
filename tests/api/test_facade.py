"""The real SFU and the recording one are what the HTTP layer takes them for."""

import inspect

import pytest

from api.facade import ModerationFacade, RoomsFacade, SfuFacade
from sfu.moderation import Moderation
from sfu.rooms import Rooms
from sfu.server import Sfu, SfuSettings
from tests.api.recording import RecordingModeration, RecordingRooms, RecordingSfu, WallClock

CLASSES: list[tuple[type, type, type]] = [
    (SfuFacade, Sfu, RecordingSfu),
    (RoomsFacade, Rooms, RecordingRooms),
    (ModerationFacade, Moderation, RecordingModeration),
]
METHODS = [
    (facade, name, implementations)
    for facade, *implementations in CLASSES
    for name, member in vars(facade).items()
    if inspect.isfunction(member) and not name.startswith("_")
]


def test_both_satisfy_the_protocol() -> None:
    """That is the type checker's to say; here they are at least made."""
    both: list[SfuFacade] = [Sfu(SfuSettings()), RecordingSfu(WallClock().now)]
    assert len(both) == 2


@pytest.mark.parametrize(("facade", "name", "implementations"), METHODS)
def test_parameters_have_the_same_names(facade: type, name: str, implementations: list[type]) -> None:
    """What an implementation takes besides, it can do without."""
    wanted = list(inspect.signature(getattr(facade, name)).parameters)
    for implementation in implementations:
        taken = inspect.signature(getattr(implementation, name)).parameters.values()
        assert [parameter.name for parameter in taken][: len(wanted)] == wanted
        assert all(parameter.default is not parameter.empty for parameter in list(taken)[len(wanted) :])

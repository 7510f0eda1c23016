"""The real SFU and the recording one are what the HTTP layer takes them for."""

import inspect

import pytest

from api.facade import SfuFacade
from sfu.server import Sfu, SfuSettings
from tests.api.recording import RecordingSfu, WallClock

METHODS = [name for name, member in vars(SfuFacade).items() if inspect.isfunction(member) and not name.startswith("_")]


def test_both_satisfy_the_protocol() -> None:
    """That is the type checker's to say; here they are at least made."""
    both: list[SfuFacade] = [Sfu(SfuSettings()), RecordingSfu(WallClock().now)]
    assert len(both) == 2


@pytest.mark.parametrize("name", METHODS)
def test_parameters_have_the_same_names(name: str) -> None:
    wanted = list(inspect.signature(getattr(SfuFacade, name)).parameters)
    assert list(inspect.signature(getattr(Sfu, name)).parameters) == wanted
    assert list(inspect.signature(getattr(RecordingSfu, name)).parameters) == wanted

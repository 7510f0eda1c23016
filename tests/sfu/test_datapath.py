"""The protocol is what the native module really offers."""

import inspect

import pytest

from sfu._datapath import Core, Engine
from sfu.datapath import DataPath
from tests.sfu.recorder import Recorder


@pytest.mark.parametrize("offered", [Core, Engine, Recorder])
def test_every_command_is_there(offered: type) -> None:
    commands = [name for name, _ in inspect.getmembers(DataPath, inspect.isfunction) if not name.startswith("_")]
    assert len(commands) == 16
    assert [name for name in commands if not callable(getattr(offered, name, None))] == []


def test_core_and_recorder_take_commands_alike() -> None:
    paths: list[DataPath] = [Core(), Recorder()]
    for path in paths:
        path.remove_transport(path.add_transport(ufrag="ours", pwd="o" * 24, remote_ufrag="peer", extensions={}))

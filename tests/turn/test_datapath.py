"""The protocol is what the data path really offers, and what its recording double gives as well."""

import inspect

import pytest

from sfu._datapath import Core, Engine
from tests.turn.recording import FivePath, RecordingPath
from turn.datapath import Path, RelayPath

COMMANDS = [name for name, _ in inspect.getmembers(RelayPath, inspect.isfunction) if not name.startswith("_")]


@pytest.mark.parametrize("offered", [Core, Engine, RecordingPath])
def test_every_command_is_there(offered: type) -> None:
    assert len(COMMANDS) == 12
    assert {name for name in COMMANDS if not callable(getattr(offered, name, None))} == set()


def test_paths_are_alike() -> None:
    paths: list[Path] = [FivePath(("192.0.2.1", 1), ("192.0.2.2", 2), "tls", 3)]
    assert [(path.local, path.remote, path.protocol, path.id) for path in paths] == [
        (("192.0.2.1", 1), ("192.0.2.2", 2), "tls", 3)
    ]
    assert len({*paths, *paths}) == 1

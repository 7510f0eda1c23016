"""The real server in a process of its own, and what real clients need around it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.server import ServerProcess
from tests.interop.browser import RESULTS, write_capture


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    """One server for a module's tests; each takes a room of its own. Its log is kept in test-results/."""
    RESULTS.mkdir(exist_ok=True)
    log = RESULTS / f"{Path(request.node.nodeid).stem}.server.log"
    log.unlink(missing_ok=True)
    with ServerProcess(log) as server:
        yield server


@pytest.fixture(scope="session")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Chromium's camera shows: the numbered test picture."""
    path = tmp_path_factory.mktemp("capture") / "numbered.y4m"
    write_capture(path)
    return path

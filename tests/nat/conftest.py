"""One internet and one server for the whole matrix, and its table at the end."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.interop.browser import RESULTS
from tests.nat.certificates import Certificates, issue
from tests.nat.findings import Findings
from tests.nat.serving import Server, serving
from tests.net.natlab.internet import SERVER, SERVER_IPV6, WAN, Internet
from tests.net.natlab.world import why_not

_FINDINGS = pytest.StashKey[Findings]()


@pytest.fixture(scope="session")
def internet() -> Iterator[Internet]:
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    with Internet() as internet:
        yield internet


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return issue(tmp_path_factory.mktemp("certificates"), SERVER, SERVER_IPV6)


@pytest.fixture(scope="session")
def server_log() -> Path:
    RESULTS.mkdir(exist_ok=True)
    log = RESULTS / "nat.server.log"
    log.unlink(missing_ok=True)
    return log


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server(internet: Internet, certificates: Certificates, server_log: Path) -> AsyncIterator[Server]:
    """A server with public addresses of both families."""
    async with serving(internet.world, WAN, SERVER, certificates, server_log) as server:
        yield server


@pytest.fixture(scope="session")
def findings(request: pytest.FixtureRequest) -> Findings:
    return request.config.stash.setdefault(_FINDINGS, Findings())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    findings = terminalreporter.config.stash.get(_FINDINGS, None)
    if findings is None or not findings.rows:
        return
    table = findings.table()
    terminalreporter.section("NAT matrix")
    terminalreporter.write_line(table)
    (RESULTS / "nat.md").write_text(f"{table}\n")

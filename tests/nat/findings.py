"""What came of each row of the matrix, and the table of it."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Finding:
    """One row. Ways as `clients.ice` names them; `seconds` from the viewer's first request to its first picture."""

    network: str
    client: str
    policy: str
    connected: bool = False
    publisher: str = ""
    viewer: str = ""
    seconds: float | None = None
    remark: str = ""


@dataclass(slots=True)
class Findings:
    rows: list[Finding] = field(default_factory=list)

    @contextlib.contextmanager
    def row(self, network: str, client: str, policy: str = "all") -> Iterator[Finding]:
        """A row that stays unconnected if the block fails."""
        finding = Finding(network, client, policy)
        self.rows.append(finding)
        yield finding
        finding.connected = True

    def table(self) -> str:
        """In Markdown."""
        head = ("network", "client", "policy", "connected", "publisher's way", "viewer's way", "first picture, s", "")
        rows = sorted(self.rows, key=lambda row: row.client.lower())
        lines = [head, tuple("---" for _ in head), *map(_cells, rows)]
        return "\n".join(f"| {' | '.join(cells).rstrip()} |" for cells in lines)


def _cells(row: Finding) -> tuple[str, ...]:
    seconds = "" if row.seconds is None else f"{row.seconds:.1f}"
    connected = "yes" if row.connected else "**no**"
    return (row.network, row.client, row.policy, connected, row.publisher, row.viewer, seconds, row.remark)

"""A report as a table and as one line of JSON."""

import json
from dataclasses import asdict

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from clients.doctor.findings import MEDIA_LEGS, Finding, Report, Status

_MARKS = {Status.OK: ("ok", "green"), Status.FAILED: ("failed", "red"), Status.SKIPPED: ("skipped", "dim")}


def table(report: Report) -> RenderableType:
    """The findings, and below them what to change."""
    grid = Table(title=f"From here to {report.server}", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for name in ("way", "", "set up", "round trip", "where"):
        grid.add_column(name, justify="right" if name in ("set up", "round trip") else "left", no_wrap=True)
    grid.add_column("what was seen", overflow="fold")
    for finding in report.findings:
        mark, style = _MARKS[finding.status]
        times = (_ms(finding.setup_ms), _ms(finding.round_trip_ms))
        grid.add_row(finding.leg, Text(mark, style), *times, Text(finding.where), Text(finding.detail))
    advice = [_advice(finding) for finding in report.findings if finding.advice]
    verdict = Text(verdict_of(report), "bold green" if report.usable else "bold red")
    return Group(grid, *advice, verdict)


def verdict_of(report: Report) -> str:
    """One sentence."""
    ways = [finding.leg for finding in report.findings if finding.status is Status.OK and finding.leg in MEDIA_LEGS]
    return f"Media gets through: {', '.join(ways)}." if ways else "Media does not get through."


def summary(report: Report) -> str:
    """One line of JSON, for programs."""
    fields = asdict(report) | {"usable": report.usable}
    return json.dumps(fields, separators=(",", ":"))


def _advice(finding: Finding) -> Text:
    colour = "red" if finding.status is Status.FAILED else "yellow"
    return Text.assemble((f"{finding.leg}: ", colour), finding.advice or "")


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} ms"

"""A report for people and one for programs."""

import io
import json

from rich.console import Console

from clients.doctor.findings import Fault, Finding, Report, Status
from clients.doctor.report import summary, table, verdict_of

WORKS = Finding("direct tcp", Status.OK, "best of 3 checks", "192.0.2.1:3478", None, 1.25, 0.5)
FAILS = Finding("direct udp", Status.FAILED, "no answer", "192.0.2.1:3478", Fault.SILENCE, advice="open [the] port")
REPORT = Report("https://sfu.example", [WORKS, FAILS], "203.0.113.5:5000")


def test_people_see_each_way_and_what_to_change() -> None:
    written = io.StringIO()
    Console(width=160, file=written).print(table(REPORT))
    for part in ("direct tcp", "1.2 ms", "0.5 ms", "failed", "direct udp: open [the] port", "Media gets through: dir"):
        assert part in written.getvalue()


def test_programs_get_one_line() -> None:
    assert "\n" not in summary(REPORT)
    fields = json.loads(summary(REPORT))
    assert (fields["usable"], fields["public_address"]) == (True, "203.0.113.5:5000")
    assert fields["findings"][1] == {
        "leg": "direct udp",
        "status": "failed",
        "detail": "no answer",
        "where": "192.0.2.1:3478",
        "fault": "silence",
        "setup_ms": None,
        "round_trip_ms": None,
        "advice": "open [the] port",
    }


def test_without_a_way_for_media_it_does_not_get_through() -> None:
    report = Report("s", [FAILS, Finding("http", Status.OK, "")])
    assert not report.usable
    assert verdict_of(report) == "Media does not get through."

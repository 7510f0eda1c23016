"""Counting what the runners report, so that the last line of `make test` can be believed."""

from pathlib import Path

import pytest

from tools.tally import Tally, of_cargo, of_junit, verdict

CARGO = """
running 12 tests
............
test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.20s

running 3 tests
..F
test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s
"""

JUNIT = """<?xml version="1.0"?>
<testsuites><testsuite name="a" tests="5">
<testcase name="passes"/>
<testcase name="fails"><failure message="no"/></testcase>
<testcase name="errors"><error message="fixture"/></testcase>
<testcase name="skipped"><skipped message="later"/></testcase>
<testsuite name="b"><testcase name="nested"/></testsuite>
</testsuite></testsuites>
"""


def test_cargo_results_are_summed_over_the_binaries() -> None:
    assert of_cargo(CARGO) == Tally(passed=14, failed=1, skipped=1)


def test_junit_cases_are_counted_by_what_happened_to_them(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(JUNIT)
    assert of_junit(report) == Tally(passed=2, failed=2, skipped=1)


@pytest.mark.parametrize("text", [None, "", "<testsuites><test"])
def test_a_report_that_is_missing_or_torn_counts_nothing(tmp_path: Path, text: str | None) -> None:
    report = tmp_path / "report.xml"
    if text is not None:
        report.write_text(text)
    assert of_junit(report) == Tally()


@pytest.mark.parametrize(
    ("counted", "exit_code", "expected"),
    [
        (Tally(passed=3), 0, Tally(passed=3)),
        (Tally(passed=3, failed=2), 1, Tally(passed=3, failed=2)),
        (Tally(passed=3), 101, Tally(passed=3, failed=1)),
        (Tally(), 0, Tally(failed=1)),
        (Tally(skipped=4), 0, Tally(skipped=4)),
    ],
    ids=["good", "named failures", "crash after success", "nothing ran", "all skipped"],
)
def test_a_bad_end_or_an_empty_run_never_looks_like_success(counted: Tally, exit_code: int, expected: Tally) -> None:
    assert verdict(counted, exit_code) == expected


def test_the_summary_line() -> None:
    assert str(Tally(passed=7)) == "7 passed, 0 failed"
    assert str(Tally(passed=7, failed=1) + Tally(skipped=2)) == "7 passed, 1 failed, 2 skipped"

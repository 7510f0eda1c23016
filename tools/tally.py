"""How many tests a runner passed, failed and skipped, read from what it wrote. [P]"""

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

_CARGO = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored;", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Tally:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    @property
    def total(self) -> int:
        return self.passed + self.failed + self.skipped

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


def of_cargo(output: str) -> Tally:
    """The sum over the `test result:` lines, one per test binary and one for the examples in the documentation."""
    results = _CARGO.findall(output)
    return sum((Tally(int(passed), int(failed), int(ignored)) for passed, failed, ignored in results), Tally())


def of_junit(report: Path) -> Tally:
    """The sum over the suites of a JUnit report; nothing when the runner died before it wrote one."""
    try:
        root = ElementTree.parse(report).getroot()  # noqa: S314 (our own test runner wrote it)
    except (OSError, ElementTree.ParseError):
        return Tally()
    tally = Tally()
    for case in root.iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            tally += Tally(failed=1)
        elif case.find("skipped") is not None:
            tally += Tally(skipped=1)
        else:
            tally += Tally(passed=1)
    return tally


def verdict(counted: Tally, exit_code: int) -> Tally:
    """
    What a runner's run counts for. A runner that ends badly without naming a failed test (it did not compile, it timed
    out, it crashed) and a runner that ran nothing are one failure each: neither may look like success.
    """
    ran = counted.passed + counted.failed
    if counted.failed == 0 and (exit_code != 0 or (ran == 0 and counted.skipped == 0)):
        return counted + Tally(failed=1)
    return counted

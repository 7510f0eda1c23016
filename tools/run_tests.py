"""
Runs every test of the project and ends in one line, "N passed, N failed": `python -m tools.run_tests [RUNNER ...]`.

The runners: rust (cargo test), web (vitest), fuzz (each target briefly), python (pytest, with real browsers). A runner
that fails does not keep the others from running.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tools.fuzz import fuzz
from tools.process import stream
from tools.tally import Tally, of_cargo, of_junit, verdict

ROOT = Path(__file__).resolve().parent.parent
REPORTS = ROOT / "target" / "reports"
RUNNER_TIMEOUT = 1800.0
FUZZ_SECONDS = 5


def rust() -> Tally:
    outcome = stream(
        ["cargo", "test", "--locked", "--workspace", "--no-fail-fast", "--quiet"], timeout=RUNNER_TIMEOUT, cwd=ROOT
    )
    return verdict(of_cargo(outcome.output), outcome.exit_code)


def web() -> Tally:
    report = _report("web.xml")
    outcome = stream(
        ["npm", "test", "--", "--reporter=default", "--reporter=junit", f"--outputFile.junit={report}"],
        timeout=RUNNER_TIMEOUT,
        cwd=ROOT / "web",
    )
    return verdict(of_junit(report), outcome.exit_code)


def fuzz_briefly() -> Tally:
    return verdict(fuzz(FUZZ_SECONDS), 0)


def python() -> Tally:
    report = _report("python.xml")
    outcome = stream(
        [sys.executable, "-m", "pytest", "--quiet", "--durations=10", f"--junit-xml={report}"],
        timeout=RUNNER_TIMEOUT,
        cwd=ROOT,
    )
    return verdict(of_junit(report), outcome.exit_code)


RUNNERS: dict[str, Callable[[], Tally]] = {"rust": rust, "web": web, "fuzz": fuzz_briefly, "python": python}


def _report(name: str) -> Path:
    """Where a runner writes its report; an older run's is removed, so that it cannot stand in for this one's."""
    REPORTS.mkdir(parents=True, exist_ok=True)
    report = REPORTS / name
    report.unlink(missing_ok=True)
    return report


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the tests.")
    parser.add_argument("runners", nargs="*", metavar="RUNNER", help=f"of {', '.join(RUNNERS)}; all by default")
    arguments = parser.parse_args()
    unknown = set(arguments.runners) - set(RUNNERS)
    if unknown:
        parser.error(f"no such runner: {', '.join(sorted(unknown))}")
    total = Tally()
    lines: list[str] = []
    for name in arguments.runners or RUNNERS:
        print(f"== {name}", flush=True)
        begin = time.monotonic()
        tally = RUNNERS[name]()
        total += tally
        lines.append(f"{name}: {tally} ({time.monotonic() - begin:.0f} s)")
    print("==", *lines, sep=os.linesep)
    print(total)
    return 0 if total.failed == 0 and total.passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())

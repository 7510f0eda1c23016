"""
Runs the fuzz targets of the data path, each for a while: `python -m tools.fuzz [--seconds N] [TARGET ...]`.

cargo-fuzz builds them with coverage feedback, which stable Rust only allows with RUSTC_BOOTSTRAP; the sanitizers are
left out: the fuzzed code is free of `unsafe`, and without them every toolchain can build it. What a run learns is kept
under target/, so that the work tree stays as it was; an input that crashes is kept in datapath/fuzz/artifacts.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.process import stream
from tools.tally import Tally

ROOT = Path(__file__).resolve().parent.parent
FUZZ = ROOT / "datapath" / "fuzz"
BUILD_TIMEOUT = 600.0
ENVIRONMENT = {"RUSTC_BOOTSTRAP": "1"}


def fuzz(seconds: int, only: Sequence[str] = ()) -> Tally:
    """Each target is one test: it passes when nothing crashed, leaked or hung within `seconds`."""
    targets = [target for target in _targets() if not only or target in only]
    cargo_fuzz = _cargo_fuzz()
    if cargo_fuzz is None:
        print(f"skipped: cargo-fuzz could not be installed; {len(targets)} fuzz targets did not run")
        return Tally(skipped=len(targets))
    build = stream(
        [cargo_fuzz, "build", "--sanitizer", "none"], timeout=BUILD_TIMEOUT, cwd=FUZZ.parent, environment=ENVIRONMENT
    )
    if build.exit_code != 0:
        return Tally(failed=1)
    tally = Tally()
    for target in targets:
        tally += Tally(passed=1) if _survives(cargo_fuzz, target, seconds) else Tally(failed=1)
    return tally


def _targets() -> list[str]:
    return sorted(path.stem for path in (FUZZ / "fuzz_targets").glob("*.rs"))


def _cargo_fuzz() -> str | None:
    installed = subprocess.run([ROOT / "tools" / "cargo_fuzz.sh"], stdout=subprocess.PIPE, text=True, check=False)
    return installed.stdout.strip() if installed.returncode == 0 else None


def _survives(cargo_fuzz: str, target: str, seconds: int) -> bool:
    learned = ROOT / "target" / "fuzz-corpus" / target
    learned.mkdir(parents=True, exist_ok=True)
    seeds = FUZZ / "corpus" / target
    corpora = [str(learned), *([str(seeds)] if seeds.is_dir() else [])]
    print(f"fuzz {target}, {seconds} s", flush=True)
    outcome = stream(
        [
            *(cargo_fuzz, "run", "--sanitizer", "none", target, *corpora, "--"),
            *(f"-max_total_time={seconds}", "-timeout=5", "-rss_limit_mb=1024", "-max_len=2048", "-verbosity=0"),
        ],
        timeout=seconds + 120.0,
        cwd=FUZZ.parent,
        environment=ENVIRONMENT,
    )
    return outcome.exit_code == 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the fuzz targets of the data path.")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    arguments = parser.parse_args()
    unknown = set(arguments.targets) - set(_targets())
    if unknown:
        parser.error(f"no such target: {', '.join(sorted(unknown))}; there are: {', '.join(_targets())}")
    tally = fuzz(arguments.seconds, arguments.targets)
    print(tally)
    return 0 if tally.failed == 0 and tally.passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())

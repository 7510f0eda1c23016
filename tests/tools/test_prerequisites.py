"""What `make run` says on a machine that lacks something."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "prerequisites.sh"
GOOD = {
    "python3": "Python 3.11.2",
    "rustc": "rustc 1.85.0 (4d91de4e4 2025-02-17)",
    "cargo": "cargo 1.85.0 (d73d2caf9 2024-12-31)",
    "node": "v20.19.0",
    "npm": "10.8.2",
    "cc": "cc 12.2.0",
}
NEEDED_BY_THE_SCRIPT = ("sh", "sed", "head", "grep")


def check(directory: Path, versions: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs the script where only programs of these versions exist."""
    for name, version in versions.items():
        program = directory / name
        program.write_text(f"#!/bin/sh\necho '{version}'\n")
        program.chmod(0o755)
    for name in NEEDED_BY_THE_SCRIPT:
        (directory / name).symlink_to(next(p for d in ("/bin", "/usr/bin") if (p := Path(d, name)).exists()))
    environment = {key: value for key, value in os.environ.items() if key not in {"PATH", "PYTHON"}}
    return subprocess.run(
        ["/bin/sh", SCRIPT], env={**environment, "PATH": str(directory)}, capture_output=True, text=True, check=False
    )


def test_a_good_machine_passes_in_silence(tmp_path: Path) -> None:
    done = check(tmp_path, GOOD)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("name", "version", "complaint", "command"),
    [
        ("python3", "Python 3.9.18", "Python 3.11 or newer (found: 3.9)", "apt-get install -y python3"),
        ("rustc", "rustc 1.63.0", "Rust 1.85 or newer (found: 1.63)", "apt-get install -y rustc"),
        ("cargo", "cargo 1.84.1", "Cargo 1.85 or newer (found: 1.84)", "apt-get install -y rustc"),
        ("node", "v18.20.4", "Node.js 20.19 or newer (found: 18.20)", "npm install -g n"),
    ],
)
def test_what_is_too_old_is_named_with_the_command(
    tmp_path: Path, name: str, version: str, complaint: str, command: str
) -> None:
    done = check(tmp_path, {**GOOD, name: version})
    assert done.returncode == 1
    assert complaint in done.stderr
    assert command in done.stderr


@pytest.mark.parametrize("name", sorted(GOOD))
def test_what_is_missing_is_named_and_nothing_else(tmp_path: Path, name: str) -> None:
    done = check(tmp_path, {key: value for key, value in GOOD.items() if key != name})
    assert done.returncode == 1
    assert done.stderr.count("Missing: ") == 1


def test_newer_major_versions_pass(tmp_path: Path) -> None:
    done = check(tmp_path, {**GOOD, "python3": "Python 4.0.0", "rustc": "rustc 2.1.0", "node": "v24.1.0"})
    assert done.returncode == 0, done.stderr

"""The files that make up the project: what a commit holds or would hold, nothing that is built or installed."""

import ast
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("api", "clients", "sfu", "turn")


def files() -> list[str]:
    """Paths relative to the root, sorted."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    return sorted(path for path in listing.split("\0") if path and (ROOT / path).is_file())


def text(path: str) -> str:
    return (ROOT / path).read_text()


def python_modules(paths: list[str]) -> list[str]:
    """The modules of the installed packages, without package markers that hold a docstring or nothing."""
    mine = [path for path in paths if path.endswith(".py") and path.split("/", 1)[0] in PACKAGES]
    return [path for path in mine if not _is_marker(path)]


def rust_modules(paths: list[str]) -> list[str]:
    """The modules of the crate, without those that hold only unit tests."""
    return [path for path in paths if re.match(r"datapath/src/.+(?<!/tests)\.rs$", path)]


def _is_marker(path: str) -> bool:
    body = ast.parse(text(path)).body
    return all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in body)

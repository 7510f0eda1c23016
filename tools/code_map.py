"""
Rewrites the code map in ARCHITECTURE.md from the sources: `python -m tools.code_map`.

One line per module: its path, its mark and the first sentence of its documentation. A mark that stands there is kept,
because it is a promise somebody made; a module that is new gets [V] when it defines no function, else [P] when it keeps
that promise, else [S].
"""

import ast
import re
import sys
from collections.abc import Mapping

from tools.purity import impure_python, impure_rust
from tools.sources import ROOT, files, python_modules, rust_modules, text

DOCUMENT = ROOT / "ARCHITECTURE.md"
BEGIN, END = "<!-- code map: make map -->\n", "<!-- end of the code map -->"
LINE = re.compile(r"^(?P<path>\S+\.(?:py|rs)) +\[(?P<mark>[PSV])\]", re.MULTILINE)


def marks(document: str) -> dict[str, str]:
    """Path to mark, of every module the map names."""
    return {match["path"]: match["mark"] for match in LINE.finditer(document)}


def render(document: str) -> str:
    """The document with its map made anew; ValueError when it has no place for one."""
    head, found, rest = document.partition(BEGIN)
    _, ended, tail = rest.partition(END)
    if not found or not ended:
        raise ValueError(f"no {BEGIN.strip()} ... {END} in the document")
    known = marks(document)
    paths = files()
    groups = [
        rust_modules(paths),
        *([p for p in python_modules(paths) if p.startswith(f"{package}/")] for package in ("sfu", "api", "clients")),
    ]
    blocks = ["\n".join(_line(path, known) for path in group) for group in groups if group]
    return head + BEGIN + "".join(f"```\n{block}\n```\n" for block in blocks) + END + tail


def _line(path: str, known: Mapping[str, str]) -> str:
    source = text(path)
    mark = known.get(path) or _proposed(path, source)
    return f"{path:<40} [{mark}] {_summary(path, source)}"


def _proposed(path: str, source: str) -> str:
    if path.endswith(".rs"):
        return "S" if impure_rust(source) else "P"
    if not any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in ast.walk(ast.parse(source))):
        return "V"
    return "S" if impure_python(source) else "P"


def _summary(path: str, source: str) -> str:
    """The first sentence of the module's documentation; empty when it has none."""
    if path.endswith(".rs"):
        words = " ".join(re.findall(r"^//! ?(.*)$", source, re.MULTILINE)[:4])
    else:
        words = (ast.get_docstring(ast.parse(source)) or "").split("\n\n", 1)[0]
    words = " ".join(words.split())
    for end in re.finditer(r"[.;](?=\s|$)", words):
        if words.count("(", 0, end.start()) == words.count(")", 0, end.start()):
            return words[: end.start()]
    return words


def main() -> int:
    DOCUMENT.write_text(render(DOCUMENT.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())

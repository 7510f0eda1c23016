"""
Rewrites the code map in ARCHITECTURE.md from the sources: `python -m tools.code_map`.

One line per module: its path, its mark and the first sentence of its documentation. A mark that stands there is kept,
because it is a promise somebody made; a module that is new gets [V] when it defines no function, else [P] when it and
what it imports keep that promise, else [S].
"""

import ast
import re
import sys
from collections.abc import Collection, Mapping, Sequence

from tools.purity import imports, impure_python, impure_rust
from tools.sources import ROOT, files, python_modules, rust_modules, text

READING_ORDER = ("sfu", "turn", "api", "clients")
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
    paths = files()
    python, rust = python_modules(paths), rust_modules(paths)
    known = _completed(marks(document), python, rust)
    groups = [rust, *([path for path in python if path.startswith(f"{package}/")] for package in READING_ORDER)]
    blocks = ["\n".join(_line(path, known[path]) for path in group) for group in groups if group]
    return head + BEGIN + "".join(f"```\n{block}\n```\n" for block in blocks) + END + tail


def imported_modules(path: str, modules: Collection[str]) -> set[str]:
    """Which of the project's modules this one imports."""
    names = imports(ast.parse(text(path)))
    return {module for name in names if (module := f"{name.replace('.', '/')}.py") in modules}


def _completed(known: Mapping[str, str], python: Sequence[str], rust: Sequence[str]) -> dict[str, str]:
    """Known marks and proposals for the rest. What imports a shell is one: repeated until nothing changes."""
    proposed = {path: "S" if impure_rust(text(path)) else "P" for path in rust}
    proposed |= {path: _proposed(text(path)) for path in python}
    result = proposed | {path: mark for path, mark in known.items() if path in proposed}
    shells = {path for path, mark in result.items() if mark == "S"}
    while spread := {
        path for path in python if path not in known and path not in shells and imported_modules(path, shells)
    }:
        shells |= spread
        result |= dict.fromkeys(spread, "S")
    return result


def _proposed(source: str) -> str:
    if not any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in ast.walk(ast.parse(source))):
        return "V"
    return "S" if impure_python(source) else "P"


def _line(path: str, mark: str) -> str:
    return f"{path:<40} [{mark}] {_summary(path, text(path))}"


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

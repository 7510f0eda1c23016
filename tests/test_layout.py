"""
The shape of the project, as ARCHITECTURE.md draws it: dependencies go one way, pure modules are pure, every module is
on the map and has its test, and no file says where packages are downloaded from.
"""

import ast
import json
import re
from functools import cache
from pathlib import Path

import pytest

from tools import code_map
from tools.purity import imports, impure_python, impure_rust, rust_code
from tools.sources import PACKAGES, ROOT, files, python_modules, rust_modules, text

BESIDE = {"tests", "tools", "bench"}
WEB = {"fastapi", "starlette", "uvicorn"}

# Who may not import whom.
FORBIDDEN_IMPORTS = {
    "sfu": {"api", "clients", "turn", *BESIDE, *WEB, "pydantic"},
    "turn": {"api", "clients", "sfu", *BESIDE, *WEB, "pydantic", "aiortc"},
    "clients": {"api", "sfu", "turn", *BESIDE, *WEB},
    "api": BESIDE,
}

# In parts, because this file is searched as well.
REGISTRY_HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("crates", "io"),
        ("debian", "org"),
        ("golang", "org"),
        ("maven", "org"),
    )
)
CARGO_INDEX_NAME = "crates" + ".io-index"  # Cargo's name of its default index, in every Cargo.lock; not an address used

FILES = files()
MODULES = python_modules(FILES)
CRATE = rust_modules(FILES)
DOCUMENT = text("ARCHITECTURE.md")
MAP = code_map.marks(DOCUMENT)
PURE = sorted(path for path, mark in MAP.items() if mark != "S" and (ROOT / path).is_file())


@pytest.mark.parametrize("package", PACKAGES)
def test_dependencies_go_one_way(package: str) -> None:
    for path in (path for path in MODULES if path.startswith(f"{package}/")):
        roots = {name.split(".", 1)[0] for name in imports(ast.parse(text(path)))}
        assert not roots & FORBIDDEN_IMPORTS[package], path


def test_aiortc_is_for_data_channels_only() -> None:
    sources = {path: imports(ast.parse(text(path))) for path in MODULES if path.startswith("sfu/")}
    users = {path for path, names in sources.items() if any(name.split(".")[0] == "aiortc" for name in names)}
    assert users == {"sfu/data_channels.py", "sfu/sctp_association.py"}


def test_every_module_is_on_the_map_and_the_map_names_no_other() -> None:
    assert {*MODULES, *CRATE} - set(MAP) == set(), "not on the code map of ARCHITECTURE.md: run `make map`"
    assert set(MAP) - {*MODULES, *CRATE} == set(), "gone, but on the code map of ARCHITECTURE.md: run `make map`"


@pytest.mark.parametrize("path", PURE)
def test_a_pure_module_reaches_nothing(path: str) -> None:
    assert (impure_rust if path.endswith(".rs") else impure_python)(text(path)) == set()


@pytest.mark.parametrize("path", [path for path in PURE if path in MODULES])
def test_a_pure_module_imports_no_shell(path: str) -> None:
    shells = {module for module, mark in MAP.items() if mark == "S"}
    assert code_map.imported_modules(path, shells) == set()


def test_unsafe_is_confined_to_the_system_calls() -> None:
    with_unsafe = {path for path in CRATE if re.search(r"\bunsafe\b", rust_code(text(path)))}
    assert all(path.startswith(("datapath/src/net/sys.rs", "datapath/src/net/sys/")) for path in with_unsafe)


def test_the_crate_names_python_in_one_file() -> None:
    naming = {path for path in CRATE if re.search(r"\bpyo3\b", rust_code(text(path)))}
    assert all(path.startswith(("datapath/src/python.rs", "datapath/src/python/")) for path in naming), naming


@pytest.mark.parametrize("path", [path for path in MODULES if MAP.get(path) != "V"])
def test_every_module_has_its_test(path: str) -> None:
    """A test file of its name, or one that imports it."""
    package, stem = path.split("/", 1)[0], Path(path).stem
    tests = [file for file in FILES if re.match(rf"tests/({package}|interop)/.*test_\w+\.py$", file)]
    named = any(Path(file).name == f"test_{stem}.py" for file in tests)
    module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    assert named or any(module in imported_by(file) for file in tests)


@cache
def imported_by(path: str) -> frozenset[str]:
    return frozenset(imports(ast.parse(text(path))))


def test_lock_files_hold_versions_and_no_addresses() -> None:
    for lock in ("requirements.lock", "requirements-dev.lock"):
        for line in text(lock).splitlines():
            assert re.fullmatch(r"[\w.-]+==[\w.!+-]+", line), f"{lock}: {line}"
    packages = json.loads(text("web/package-lock.json"))["packages"]
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    sources = set(re.findall(r'^source = "(.*)"$', text("Cargo.lock"), re.MULTILINE))
    assert all(source.endswith(f"/{CARGO_INDEX_NAME}") for source in sources), sources


def test_no_file_names_a_registry() -> None:
    for path in FILES:
        content = (ROOT / path).read_bytes().decode("utf-8", "replace").replace(CARGO_INDEX_NAME, "")
        assert [host for host in REGISTRY_HOSTS if re.search(rf"\b{re.escape(host)}\b", content)] == [], path

"""
What [P] in the code map promises: no clock, randomness, socket, file, thread, lock, event loop or framework reached.
All of them are arguments. The rule is read off the source: imports, calls and coroutines of Python, paths of Rust.
"""

import ast
import re
from collections.abc import Iterator

CLOCKS_AND_CHANCE = {"random", "secrets", "time"}
SYSTEM = {"os", "pathlib", "select", "selectors", "signal", "socket", "ssl", "subprocess", "tempfile"}
CONCURRENCY = {"asyncio", "concurrent", "multiprocessing", "threading"}
FRAMEWORKS = {"fastapi", "httpx", "starlette", "typer", "uvicorn", "uvloop"}
IMPURE_IMPORTS = CLOCKS_AND_CHANCE | SYSTEM | CONCURRENCY | FRAMEWORKS
IMPURE_CALLS = {"now", "utcnow", "today", "uuid1", "uuid4", "urandom"}
IMPURE_PATHS = re.compile(
    r"std::(?:fs|thread|env|process|os)\b|UdpSocket|TcpStream|SystemTime|Instant::now|SystemRandom|\bMutex\b|\bRwLock\b"
    r"|\bAtomic\w+|\bsys::|\blibc::|\bunsafe\b|\bpyo3\b"
)
THREADS_AND_SOCKETS = "sfu._datapath.Engine"


def impure_python(source: str) -> set[str]:
    """The names of what a module reaches that a pure one does not; imports inside functions count, too."""
    tree = ast.parse(source)
    calls = {
        node.func.attr for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    coroutines = {
        "async def" for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef) and not _is_stub(node)
    }
    names = set(imports(tree))
    roots = {name.split(".", 1)[0] for name in names}
    return roots & IMPURE_IMPORTS | names & {THREADS_AND_SOCKETS} | calls & IMPURE_CALLS | coroutines


def impure_rust(source: str) -> set[str]:
    return set(IMPURE_PATHS.findall(rust_code(source)))


def imports(tree: ast.Module) -> Iterator[str]:
    """Absolute dotted names, also those imported inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _is_stub(function: ast.AsyncFunctionDef) -> bool:
    """`...`, as in a protocol: it says what others do."""
    last = function.body[-1]
    return isinstance(last, ast.Expr) and isinstance(last.value, ast.Constant) and last.value.value is Ellipsis


def rust_code(source: str) -> str:
    """Without comments and without the unit tests, which stand last and may use what they like."""
    return re.sub(r"//[^\n]*", "", source.split("#[cfg(test)]\nmod tests", 1)[0])

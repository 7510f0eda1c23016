"""
The build backend of `pip install .`: maturin, after the web pages.

The pages are built by npm into api/static, which no commit holds; maturin then packs whatever is there. A wheel without
them would install a server with nothing to show, so a tree without pages and without npm is an error, not a
smaller wheel. Source distributions carry the built pages and need no npm.
"""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import maturin
from maturin import (
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

ROOT = Path(__file__).resolve().parent.parent
Settings = Mapping[str, Any] | None


def build_wheel(wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None) -> str:
    ensure_pages(ROOT)
    name: str = maturin.build_wheel(wheel_directory, config_settings, metadata_directory)
    return name


def build_editable(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None
) -> str:
    ensure_pages(ROOT)
    name: str = maturin.build_editable(wheel_directory, config_settings, metadata_directory)
    return name


def build_sdist(sdist_directory: str, config_settings: Settings = None) -> str:
    ensure_pages(ROOT)
    name: str = maturin.build_sdist(sdist_directory, config_settings)
    return name


def ensure_pages(root: Path, npm: str | None = None) -> None:
    """Builds the pages unless they are there. SystemExit, with what to do, when they cannot be built."""
    if (root / "api" / "static" / "index.html").is_file():
        return
    npm = npm or shutil.which("npm")
    if npm is None:
        raise SystemExit(
            "Sluice's web pages (api/static) are not built and npm, which builds them, is not installed. Install "
            "Node.js 20.19 or newer with npm, or install from a wheel or source distribution, which hold the pages."
        )
    for command in (["ci", "--no-audit", "--no-fund"], ["run", "build"]):
        if subprocess.run([npm, *command], cwd=root / "web", check=False).returncode != 0:
            raise SystemExit(f"Sluice's web pages could not be built: `npm {' '.join(command)}` failed in web/.")

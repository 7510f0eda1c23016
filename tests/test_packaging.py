"""What is installed and deployed: locks, versions, the wheel, the container, the dashboards."""

import inspect
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from prometheus_client import generate_latest

from api.metrics import Metrics
from api.settings import Settings
from sfu.server import Sfu, SfuSettings
from tools.build_backend import ensure_pages

ROOT = Path(__file__).resolve().parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
README = (ROOT / "README.md").read_text()
WORKSPACE: dict[str, Any] = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
DATASOURCE = "prometheus"
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def pins(lock: str) -> dict[str, str]:
    lines = (ROOT / lock).read_text().split()
    return {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}


@pytest.mark.parametrize(
    ("lock", "requirements"),
    [
        ("requirements.lock", PROJECT["project"]["dependencies"]),
        ("requirements-dev.lock", PROJECT["dependency-groups"]["development"]),
    ],
)
def test_the_lock_satisfies_what_the_project_asks_for(lock: str, requirements: list[str]) -> None:
    pinned = pins(lock)
    for requirement in map(Requirement, requirements):
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), requirement


def test_developers_run_the_versions_that_servers_run() -> None:
    assert pins("requirements.lock").items() <= pins("requirements-dev.lock").items()


def test_one_version_everywhere() -> None:
    version = PROJECT["project"]["version"]
    assert WORKSPACE["package"]["version"] == version
    assert json.loads((ROOT / "web/package.json").read_text())["version"] == version
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_readme_lists_every_setting_and_no_other() -> None:
    listed = re.findall(r"^\| `(\w+)` \| `SLUICE_(\w+)` \|", README, re.MULTILINE)
    assert [name for name, _ in listed] == list(Settings.model_fields)
    assert all(variable == name.upper() for name, variable in listed)


def test_the_readme_s_python_is_python() -> None:
    [example] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    namespace: dict[str, Any] = {}
    exec(compile(example, "README.md", "exec"), namespace)  # noqa: S102 (our own document)
    assert inspect.iscoroutinefunction(namespace["main"])


def test_the_prerequisites_are_those_of_the_manifests() -> None:
    script = (ROOT / "tools/prerequisites.sh").read_text()
    needed = dict(re.findall(r"^require (\S+) (\S+) ", script, re.MULTILINE))
    assert f">={needed['Python']}" == PROJECT["project"]["requires-python"]
    assert needed["Rust"] == needed["Cargo"] == WORKSPACE["package"]["rust-version"]
    assert f">={needed['Node.js']}" == json.loads((ROOT / "web/package.json").read_text())["engines"]["node"]


def test_pages_that_are_built_are_left_alone(tmp_path: Path) -> None:
    static = tmp_path / "api" / "static"
    static.mkdir(parents=True)
    (static / "index.html").write_text("built")
    ensure_pages(tmp_path, npm="/nonexistent/npm")
    assert (static / "index.html").read_text() == "built"


def test_a_tree_without_pages_and_without_npm_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match=r"Install Node\.js"):
        ensure_pages(tmp_path)


def test_a_failing_page_build_fails_the_wheel(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    npm = tmp_path / "npm"
    npm.write_text('#!/bin/sh\n[ "$1" = ci ]\n')
    npm.chmod(0o755)
    with pytest.raises(SystemExit, match="npm run build"):
        ensure_pages(tmp_path, npm=str(npm))


def test_the_wheel_is_the_whole_server(tmp_path: Path) -> None:
    """`pip install .`: the command, the native module and the pages, from the wheel alone."""
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    wheel = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path), str(ROOT)]
    subprocess.run(wheel, env=environment, check=True, timeout=600)
    target = tmp_path / "site"
    [built] = tmp_path.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", str(target), str(built)], check=True, timeout=120)
    assert (target / "api" / "static" / "index.html").is_file()
    for package in ("tests", "tools", "bench"):
        assert not (target / package).exists()
    located = subprocess.run(
        [sys.executable, "-c", "import api.cli, sfu._datapath; print(api.cli.__file__, sfu._datapath.__file__)"],
        env={**os.environ, "PYTHONPATH": str(target)},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
    )
    assert all(Path(path).is_relative_to(target) for path in located.stdout.split())
    version = subprocess.run(
        [target / "bin" / "sluice", "--help"],
        env={**os.environ, "PYTHONPATH": str(target)},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
    )
    assert "serve" in version.stdout


def test_the_image_runs_without_privileges_and_reports_its_health() -> None:
    runtime = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]
    user = re.search(r"^USER (\d+):(\d+)$", runtime, re.MULTILINE)
    assert user is not None
    assert int(user[1]) > 0
    assert re.search(r"^HEALTHCHECK .*\\\n.*/healthz", runtime, re.MULTILINE)
    assert "EXPOSE 7880/tcp 3478/udp" in runtime
    assert not re.search(r"rust|cargo|node|apt-get", runtime), "compilers stay in the builder"


def test_the_image_is_given_every_source_it_builds_from() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    sources = [source for line in copied for source in line.split()]
    packages = PROJECT["tool"]["maturin"]["python-packages"]
    assert set(sources) >= {*WORKSPACE["members"], *packages, "pyproject.toml", "Cargo.lock", "requirements.lock"}
    for source in sources:
        assert (ROOT / source).exists(), source
        allowed = {line[1:] for line in ignored if line.startswith("!")}
        assert any(source == entry or source.startswith(f"{entry}/") or Path(source).match(entry) for entry in allowed)


def test_compose_starts_the_server_and_on_request_its_monitoring() -> None:
    services = COMPOSE["services"]
    assert "profiles" not in services["sluice"]
    assert {name for name, service in services.items() if service.get("profiles") == ["monitoring"]} == {
        "prometheus",
        "grafana",
    }
    assert services["sluice"]["env_file"] == ".env"
    example = re.findall(r"^(SLUICE_\w+)=$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert set(example) <= {f"SLUICE_{name.upper()}" for name in Settings.model_fields}
    assert set(services["sluice"]["ports"]) == {"7880:7880/tcp", "3478:3478/udp", "3478:3478/tcp"}
    mounts = [volume.split(":") for service in services.values() for volume in service.get("volumes", [])]
    for source, *_ in mounts:
        assert (ROOT / source).exists() if source.startswith(".") else source in COMPOSE["volumes"], source


def test_prometheus_scrapes_the_server_that_compose_starts() -> None:
    [job] = yaml.safe_load((ROOT / "monitoring/prometheus.yml").read_text())["scrape_configs"]
    [[target]] = [config["targets"] for config in job["static_configs"]]
    host, _, port = target.partition(":")
    assert f"{port}:{port}/tcp" in COMPOSE["services"][host]["ports"]


async def test_the_dashboard_asks_for_metrics_that_exist() -> None:
    """Against the metrics of an SFU that runs, so that a renamed counter cannot leave a panel empty."""
    sfu = Sfu(SfuSettings(listen=(("127.0.0.1", 0),), workers=1))
    await sfu.start()
    try:
        text = generate_latest(Metrics(sfu).registry).decode()
    finally:
        await sfu.close()
    exposed = set(exposed_names(text))
    asked = {name for expression in expressions() for name in re.findall(r"\bsluice_\w+", expression)}
    assert len(asked) > 10
    assert asked <= exposed, asked - exposed


def test_grafana_finds_its_datasource_and_its_dashboards() -> None:
    provisioning = ROOT / "monitoring/grafana/provisioning"
    [source] = yaml.safe_load((provisioning / "datasources/prometheus.yml").read_text())["datasources"]
    assert source["uid"] == DATASOURCE
    [provider] = yaml.safe_load((provisioning / "dashboards/sluice.yml").read_text())["providers"]
    targets = [volume.split(":")[1] for volume in COMPOSE["services"]["grafana"]["volumes"]]
    assert provider["options"]["path"] in targets
    home = COMPOSE["services"]["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (ROOT / "monitoring/grafana/dashboards" / Path(home).name).is_file()


def expressions() -> Iterator[str]:
    dashboard = json.loads((ROOT / "monitoring/grafana/dashboards/sluice.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == DATASOURCE
            yield target["expr"]


def exposed_names(text: str) -> Iterator[str]:
    """The names a query may use, from the TYPE lines: histograms have three, whether or not anything was observed."""
    for name, kind in re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE):
        yield from (f"{name}_bucket", f"{name}_sum", f"{name}_count") if kind == "histogram" else (name,)

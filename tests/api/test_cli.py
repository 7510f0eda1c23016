"""The command line."""

import re
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import pytest
import yaml
from typer.testing import CliRunner, Result

import clients.doctor.command
import clients.publish
import clients.watch
from api.cli import app
from api.tokens import AccessToken, verify

SECRET = "a-secret-of-at-least-thirty-two-bytes"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KEYS", "DEV", "HTTP"):
        monkeypatch.delenv(f"SLUICE_{name}", raising=False)


def sluice(*arguments: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), env=env)


def minted(*arguments: str) -> AccessToken:
    result = sluice("token", "--dev", "--identity", "alice", *arguments)
    assert result.exit_code == 0, result.output
    return verify(result.stdout.strip(), {"devkey": "secret"}, datetime.now(UTC))


def test_help_names_every_command() -> None:
    output = sluice("--help").stdout
    assert all(command in output for command in ("serve", "token", "publish", "watch", "doctor", "version"))


def test_version() -> None:
    assert re.match(r"\d", sluice("version").stdout)


def test_a_plain_token_publishes_and_watches_one_room() -> None:
    token = minted("--room", "lobby")
    assert token.may_publish("lobby")
    assert token.may_subscribe("lobby")
    assert not token.may_publish("other")
    assert not token.may_administer("lobby")


@pytest.mark.parametrize(("option", "publishes", "watches"), [("--publish", True, False), ("--subscribe", False, True)])
def test_a_token_permits_what_it_is_asked_to(option: str, publishes: bool, watches: bool) -> None:
    token = minted("--room", "lobby", option)
    assert (token.may_publish("lobby"), token.may_subscribe("lobby")) == (publishes, watches)


def test_an_admin_token_manages_and_does_not_join() -> None:
    token = minted("--admin")
    assert token.may_administer("any")
    assert token.may_create("any")
    assert token.video.room_list
    assert not token.may_publish("any")
    assert not minted("--admin", "--room", "lobby").may_administer("other")


def test_ttl() -> None:
    result = sluice("token", "--dev", "--identity", "a", "--ttl", "90s")
    claims = jwt.decode(result.stdout.strip(), options={"verify_signature": False})
    assert claims["exp"] - claims["nbf"] == 90


def test_the_key_comes_from_options_environment_or_file(tmp_path: Path) -> None:
    config = tmp_path / "sluice.yaml"
    config.write_text(f"keys: {{filed: {SECRET}}}")
    ways: list[tuple[str, tuple[str, ...], dict[str, str]]] = [
        ("given", ("--key", "given", "--secret", SECRET), {}),
        ("environed", (), {"SLUICE_KEYS": f"environed:{SECRET}"}),
        ("filed", ("--config", str(config)), {}),
    ]
    for key, options, env in ways:
        result = sluice("token", "--identity", "a", *options, env=env)
        assert verify(result.stdout.strip(), {key: SECRET}, datetime.now(UTC)).key == key


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("token", "--identity", "a"), "no API key"),
        (("token", "--identity", "a", "--key", "k"), "--key and --secret go together"),
        (("token", "--dev", "--identity", ""), "the identity is empty"),
        (("token", "--dev", "--identity", "a", "--room", "a/b"), "the room cannot be a path segment"),
        (("token", "--dev", "--identity", "a", "--ttl", "never"), "'never' is not a duration"),
        (("token", "--dev", "--identity", "a", "--ttl", "999d"), "at most 366 days"),
        (("serve",), "no API key"),
        (("serve", "--dev", "--http", "nonsense"), "http: 'nonsense' is not HOST:PORT"),
        (("serve", "--dev", "--config", "/no/such/file"), "cannot read /no/such/file"),
        (("publish", "a/b"), "the room name cannot be a path segment"),
    ],
)
def test_a_mistake_is_one_line(arguments: tuple[str, ...], message: str) -> None:
    result = sluice(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_print_config_hides_secrets() -> None:
    env = {"SLUICE_KEYS": f"key:{SECRET}", "SLUICE_METRICS_TOKEN": SECRET}
    arguments = ("--http", ":8000", "--rtc", "127.0.0.1:1", "--rtc", "[::1]:1", "--public-ip", "192.0.2.1")
    result = sluice("serve", "--print-config", "--workers", "2", *arguments, env=env)
    assert result.exit_code == 0
    assert SECRET not in result.output
    printed = yaml.safe_load(result.stdout)
    assert printed["keys"] == {"key": "**********"}
    assert (printed["http"], printed["rtc"]) == (":8000", ["127.0.0.1:1", "[::1]:1"])
    assert (printed["public_ip"], printed["workers"]) == (["192.0.2.1"], 2)


def recorder(calls: list[tuple[Any, ...]]) -> Callable[..., Coroutine[Any, Any, int]]:
    async def run(*arguments: Any, **options: Any) -> int:
        calls.append((*arguments, options))
        return 7

    return run


def test_publish_makes_its_own_dev_token(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(clients.publish, "run", recorder(calls))
    assert sluice("publish", "lobby", "film.mp4", "--duration", "5").exit_code == 7
    url, room, token, source, duration, options = calls[0]
    assert (url, room, source, duration) == ("http://localhost:7880", "lobby", "film.mp4", 5.0)
    assert options == {"relay_only": False, "authority": None}
    assert verify(token, {"devkey": "secret"}, datetime.now(UTC)).may_publish("lobby")


def test_watch_takes_the_given_token(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(clients.watch, "run", recorder(calls))
    options = ("--relay", "--ca", "ca.pem")
    assert sluice("watch", "lobby", "--url", "https://a.example", "--token", "t", *options).exit_code == 7
    expected = {"relay_only": True, "authority": Path("ca.pem")}
    assert calls == [("https://a.example", "lobby", "t", None, expected)]


def test_doctor_examines_a_server_with_a_room_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(clients.doctor.command, "run", recorder(calls))
    assert sluice("doctor").exit_code == 7
    assert sluice("doctor", "https://a.example", "--token", "t", "--room", "mine", "--json").exit_code == 7
    (url, room, token, options), given = calls
    assert (url, room, options) == ("http://localhost:7880", "doctor", {"as_json": False, "authority": None})
    assert verify(token, {"devkey": "secret"}, datetime.now(UTC)).may_publish("doctor")
    assert given == ("https://a.example", "mine", "t", {"as_json": True, "authority": None})

"""Settings: where they come from, and what is refused."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from api.addresses import SocketAddress, parse_address
from api.settings import Settings, SettingsError, load_settings

SECRET = "a-secret-of-at-least-thirty-two-bytes"
KEYS = {"SLUICE_KEYS": f"key:{SECRET}"}


def load(options: dict[str, Any] | None = None, config: Path | None = None, **environment: str) -> Settings:
    return load_settings(options or {}, config, KEYS | environment)


def write(path: Path, text: str) -> Path:
    file = path / "sluice.yaml"
    file.write_text(text)
    return file


def test_defaults() -> None:
    settings = load()
    assert (settings.http, settings.rtc) == (SocketAddress("", 7880), (SocketAddress("", 3478),))
    assert settings.secrets == {"key": SECRET}
    assert (settings.dev, settings.workers, settings.public_ip) == (False, 0, ())


def test_options_beat_the_environment_beats_the_file(tmp_path: Path) -> None:
    config = write(tmp_path, "http: :1\nworkers: 1\nmax_rooms: 1\n")
    settings = load({"http": ":3"}, config, SLUICE_HTTP=":2", SLUICE_WORKERS="2")
    assert (settings.http.port, settings.workers, settings.max_rooms) == (3, 2, 1)


def test_lists_and_keys(tmp_path: Path) -> None:
    config = write(tmp_path, f'rtc: ["[::1]:1", "127.0.0.1:2"]\nkeys:\n  one: {SECRET}1\n  two: {SECRET}2\n')
    settings = load_settings({}, config, {"SLUICE_PUBLIC_IP": "192.0.2.1, 2001:db8::1"})
    assert settings.rtc == (SocketAddress("::1", 1), SocketAddress("127.0.0.1", 2))
    assert settings.public_ip == ("192.0.2.1", "2001:db8::1")
    assert settings.secrets == {"one": SECRET + "1", "two": SECRET + "2"}


def test_a_secret_may_hold_colons() -> None:
    assert load(SLUICE_KEYS=f"key:{SECRET}:x").secrets == {"key": f"{SECRET}:x"}


def test_dev() -> None:
    settings = load_settings({"dev": True}, None, {})
    assert settings.http == SocketAddress("127.0.0.1", 7880)
    assert settings.secrets == {"devkey": "secret"}
    assert settings.allowed_hosts == ("localhost", "127.0.0.1", "::1")


def test_dev_yields_to_what_is_given() -> None:
    settings = load({"dev": True, "http": "0.0.0.0:80"})
    assert (str(settings.http), settings.secrets) == ("0.0.0.0:80", {"key": SECRET})
    assert settings.allowed_hosts == ()


@pytest.mark.parametrize(
    ("name", "hint"),
    [("SLUICE_HTPP", "did you mean SLUICE_HTTP?"), ("SLUICE_PUBLIC_IPS", "did you mean SLUICE_PUBLIC_IP?")],
)
def test_an_unknown_variable_is_refused_with_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        load_settings({}, None, {name: "x"})
    assert hint in str(refusal.value)


def test_an_unknown_key_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"unknown setting worker in .*; did you mean workers?"):
        load({}, write(tmp_path, "worker: 2"))
    with pytest.raises(SettingsError, match=r"unknown setting zzz in .*; known are address_burst,"):
        load({}, write(tmp_path, "zzz: 2"))


@pytest.mark.parametrize("text", ["- a\n", "a: [", "1: 2", "\x00", "!!python/object:os.system {}", "just text"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match=r"sluice\.yaml"):
        load({}, write(tmp_path, text))


def test_a_yaml_error_has_its_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="line 2"):
        load({}, write(tmp_path, "http: :1\nrtc: ]\n"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"cannot read .*none\.yaml"):
        load({}, tmp_path / "none.yaml")


def test_without_keys_the_way_out_is_named() -> None:
    with pytest.raises(SettingsError, match=r"SLUICE_KEYS=KEY:SECRET.*openssl rand"):
        load_settings({}, None, {})


def test_a_weak_secret_is_refused_and_not_repeated() -> None:
    with pytest.raises(SettingsError, match="key is shorter than 32 bytes") as refusal:
        load(SLUICE_KEYS="key:hunter2")
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("keys", ["nocolon", ":x", "key:"])
def test_malformed_keys_are_refused(keys: str) -> None:
    with pytest.raises(SettingsError):
        load(SLUICE_KEYS=keys)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"http": "nonsense"}, "http"),
        ({"http": "a:70000"}, "http"),
        ({"rtc": ["::1:3478"]}, "brackets"),
        ({"rtc": []}, "rtc"),
        ({"public_ip": ["example.org"]}, "public_ip"),
        ({"workers": -1}, "workers"),
        ({"tls_cert": "a.pem"}, "tls_cert and tls_key"),
        ({"tls": ":443"}, "all or none"),
        ({"tls_cert": "a.pem", "tls_key": "b.pem"}, "all or none"),
        ({"turn_secrets": "short"}, "shorter than 32 bytes"),
        ({"domain": "no/name"}, "domain"),
        ({"webhook_urls": "ftp://example.org"}, "webhook_urls"),
        ({"webhook_urls": "https://user:hunter2@example.org"}, "credentials"),
        ({"webhook_urls": [{"scheme": "file", "host": "x", "port": 1, "path": "/"}]}, "webhook_urls"),
        ({"webhook_urls": ["https://example.org"] * 9}, "webhook_urls"),
        ({"webhook_key": "nobody"}, "webhook_key is not among"),
        ({"log_level": "loud"}, "log_level"),
    ],
)
def test_a_bad_value_is_named(options: dict[str, Any], what: str) -> None:
    with pytest.raises(SettingsError, match=what) as refusal:
        load(options)
    assert "\n" not in str(refusal.value)


def test_webhooks() -> None:
    settings = load(SLUICE_WEBHOOK_URLS="https://a.example/secret-path, http://b.example:81", SLUICE_WEBHOOK_KEY="key")
    assert [str(target) for target in settings.webhook_urls] == ["https://a.example/...", "http://b.example:81/"]
    assert (settings.webhook_key, settings.webhook_allow_private) == ("key", False)
    for text in (repr(settings), str(settings.redacted()), settings.model_dump_json()):
        assert "a.example" in text
        assert "secret-path" not in text


def test_settings_are_frozen_and_show_no_secret() -> None:
    settings = load(SLUICE_METRICS_TOKEN="metrics-secret")
    with pytest.raises(ValidationError):
        settings.dev = True
    for text in (repr(settings), str(settings), str(settings.redacted()), settings.model_dump_json()):
        assert SECRET not in text
        assert "metrics-secret" not in text
    assert settings.redacted()["http"] == ":7880"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:80", SocketAddress("127.0.0.1", 80)),
        ("[::1]:80", SocketAddress("::1", 80)),
        ("[0:0::1]:80", SocketAddress("::1", 80)),
        (":80", SocketAddress("", 80)),
        ("80", SocketAddress("", 80)),
        ("*:0", SocketAddress("", 0)),
        ("host.example:1", SocketAddress("host.example", 1)),
    ],
)
def test_addresses(text: str, address: SocketAddress) -> None:
    assert parse_address(text) == address
    assert parse_address(str(address)) == address


@pytest.mark.parametrize("text", ["", "a", "a:", "a:-1", "a:65536", "::1", "[nope]:1", "a:1.5", "a:\u0663"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_address(text)

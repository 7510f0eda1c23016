"""Which URLs webhooks can go to."""

import pytest

from api.webhooks.targets import Target, parse_target


@pytest.mark.parametrize(
    ("url", "target", "authority"),
    [
        ("https://example.org", Target("https", "example.org", 443, "/"), "example.org"),
        ("http://example.org/", Target("http", "example.org", 80, "/"), "example.org"),
        ("HTTPS://Example.ORG:8443/A/b?c=D@e", Target("https", "example.org", 8443, "/A/b?c=D@e"), "example.org:8443"),
        ("http://example.org?c=d", Target("http", "example.org", 80, "/?c=d"), "example.org"),
        ("http://my_service:80/x", Target("http", "my_service", 80, "/x"), "my_service"),
        ("http://[::1]:81/", Target("http", "::1", 81, "/"), "[::1]:81"),
        ("https://xn--bcher-kva.example/%41", Target("https", "xn--bcher-kva.example", 443, "/%41"), None),
    ],
)
def test_urls(url: str, target: Target, authority: str | None) -> None:
    assert parse_target(url) == target
    assert target.authority == (authority or target.host)


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("", "must be"),
        ("example.org", "must be"),
        ("ftp://example.org/", "must be"),
        ("file:///etc/passwd", "must be"),
        ("https:example.org", "must be"),
        ("https:///path", "must be"),
        ("https://bücher.example/", "must be"),
        ("https://example.org\\@evil.example/", "credentials"),
        ("https://user:password@example.org/", "credentials"),
        ("https://user@example.org?x", "credentials"),
        ("https://example.org/#top", "fragment"),
        ("https://example.org/a b", "must be"),
        ("https://example.org/a\r\nHost: evil", "must be"),
        ("https://example.org/\n", "must be"),
        ("https://exa\u0000mple.org/", "must be"),
        ("https://[::1", "must be"),
        ("https://[fe80::1%25eth0]/", "must be"),
        ("https://[:::::]/", ":::::"),
        ("https://example.org:0/", "port"),
        ("https://example.org:65536/", "port"),
        ("https://example.org:\u0663/", "must be"),
        ("https://example.org./", "must be"),
        ("https://example.org/" + "a" * 2048, "longer"),
    ],
)
def test_what_is_no_target_is_refused(url: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        parse_target(url)


def test_a_path_is_not_shown() -> None:
    target = parse_target("https://example.org/secret?token=secret")
    assert "secret" not in f"{target} {target!r}"
    assert str(target) == "https://example.org/..."
    assert str(parse_target("http://[::1]:81")) == "http://[::1]:81/"

"""OpaqueString (RFC 8265, 4.2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turn.opaque import opaque_string


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("correct horse battery staple", "correct horse battery staple"),
        ("Correct Horse Battery Staple", "Correct Horse Battery Staple"),
        ("\u03c0\u00df\u00e5", "\u03c0\u00df\u00e5"),
        ("Jack of \u2666s", "Jack of \u2666s"),
        ("foo\u1680bar", "foo bar"),
        ("\u00a0", " "),
        ("e\u0301", "\u00e9"),
        ("\u00e9", "\u00e9"),
        ("マトリックス", "マトリックス"),
        ("\u2168", "\u2168"),  # SASLprep made IX of it
    ],
)
def test_what_a_string_becomes(text: str, result: str) -> None:
    """With the examples of RFC 8265, 4.3."""
    assert opaque_string(text) == result


@pytest.mark.parametrize(
    "text",
    [
        "",
        "my cat is a \u0009by",
        "\0",
        "\x7f",
        "a\u00adb",
        "\u200b",
        "\u2028",
        "\u202e",
        "\ufeff",
        "\ue000",
        "\ud800",
        "\ufdd0",
        "\u0378",
        "\u1100",
        "\u3164",
        "\ufe0f",
        "\U000e0100",
        "\u0640",
    ],
)
def test_what_has_no_spelling(text: str) -> None:
    with pytest.raises(ValueError, match="characters that none may have"):
        opaque_string(text)


@given(st.text())
def test_doing_it_twice_is_doing_it_once(text: str) -> None:
    try:
        once = opaque_string(text)
    except ValueError:
        return
    assert opaque_string(once) == once

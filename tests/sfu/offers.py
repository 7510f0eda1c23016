"""Real offers by name (see tests/vectors/sdp/README.md), and small edits of them."""

from pathlib import Path

VECTORS = Path(__file__).parent.parent / "vectors" / "sdp"
NAMES = sorted(path.stem for path in VECTORS.glob("*.sdp"))

CHROME = "chrome156_plain"
CHROME_SIMULCAST = "chrome156_simulcast"
CHROME_WATCH = "chrome156_recv"
FIREFOX = "firefox153_plain"
FIREFOX_SIMULCAST = "firefox153_simulcast"
FIREFOX_WATCH = "firefox153_recv"
FFMPEG = "ffmpeg8_whip"
AIORTC = "aiortc116_publish"
AIORTC_WATCH = "aiortc116_watch"
LIVEKIT_PUBLISH = "livekit_py_pub_offer"
LIVEKIT_MANY = "livekit_js_offer"
LIVEKIT_JOIN = "livekit_py_offer"
LIVEKIT_PUBLISHED = "livekit_py_pub_offer2"
LIVEKIT_UNPUBLISHED = "livekit_py_unpub_offer"
LIVEKIT_REPUBLISHED = "livekit_py_repub_offer"


def offer(name: str) -> str:
    return (VECTORS / f"{name}.sdp").read_bytes().decode()


def edited(name: str, *changes: tuple[str, str]) -> str:
    """The offer with every occurrence of each text replaced; a text that is not there is a mistake in the test."""
    text = offer(name)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def without(name: str, prefix: str) -> str:
    """The offer without the lines that start so."""
    lines = offer(name).splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(prefix)]
    assert len(kept) < len(lines)
    return "".join(kept)

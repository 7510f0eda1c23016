import io
import json

from rich.console import Console

from clients.watch_table import Figures, summary, table

FIGURES = Figures(
    "connected", "relay tls", "opus VP8", 512.3, 90, 29.97, 640, 360, 500, 3, 0.6, 4.2, 150, -15.2, 321.0, 1
)


def test_the_summary_is_one_line_of_json() -> None:
    line = summary('a "room"', FIGURES)
    assert "\n" not in line
    read = json.loads(line)
    assert (read["watch"], read["frames"], read["fps"], read["lost"]) == ('a "room"', 90, 29.97, 3)


def test_the_table_shows_what_matters() -> None:
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(table("demo", FIGURES))
    shown = console.export_text()
    for text in ("512 kbit/s", "640x360", "30.0 /s", "3 (0.60 %)", "-15 dBFS", "321 ms", "relay tls", "opus VP8"):
        assert text in shown


def test_the_table_of_nothing_yet() -> None:
    console = Console(width=80, record=True, quiet=True)
    console.print(table("demo", Figures(state="joining")))

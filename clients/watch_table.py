"""What a viewer sees of the media's health, as figures, as a table and as one line of JSON."""

import json
from dataclasses import asdict, dataclass

from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figures:
    """One moment of a watch. Rates are of the last interval; frames and loss count since the start."""

    state: str
    path: str = ""
    codecs: str = ""
    bitrate_kbps: float = 0.0
    frames: int = 0
    fps: float = 0.0
    width: int = 0
    height: int = 0
    packets: int = 0
    lost: int = 0
    loss_percent: float = 0.0
    jitter_ms: float = 0.0
    audio_frames: int = 0
    audio_level_db: float = -100.0
    first_frame_ms: float | None = None
    sessions: int = 0


def table(room: str, figures: Figures) -> Table:
    """The live table."""
    grid = Table(title=f"Watching {room}", min_width=48)
    grid.add_column("figure")
    grid.add_column("value", justify="right")
    first = "" if figures.first_frame_ms is None else f"{figures.first_frame_ms:.0f} ms"
    for name, value in (
        ("state", figures.state),
        ("path", figures.path),
        ("codecs agreed", figures.codecs),
        ("bitrate", f"{figures.bitrate_kbps:.0f} kbit/s"),
        ("resolution", f"{figures.width}x{figures.height}" if figures.width else ""),
        ("frame rate", f"{figures.fps:.1f} /s"),
        ("frames", str(figures.frames)),
        ("first picture after", first),
        ("packets", str(figures.packets)),
        ("lost", f"{figures.lost} ({figures.loss_percent:.2f} %)"),
        ("jitter", f"{figures.jitter_ms:.1f} ms"),
        ("audio level", f"{figures.audio_level_db:.0f} dBFS" if figures.audio_frames else ""),
        ("sessions", str(figures.sessions)),
    ):
        grid.add_row(name, value)
    return grid


def summary(room: str, figures: Figures) -> str:
    """One line of JSON, for programs."""
    return json.dumps({"watch": room} | asdict(figures), separators=(",", ":"))

"""Signals."""

import pytest

from sfu.events import Signal


def test_listeners_hear_in_order_until_they_disconnect() -> None:
    signal = Signal[[int]]()
    heard: list[tuple[str, int]] = []
    disconnect = signal.connect(lambda value: heard.append(("first", value)))
    signal.connect(lambda value: heard.append(("second", value)))
    signal.emit(1)
    disconnect()
    disconnect()
    signal.emit(2)
    assert heard == [("first", 1), ("second", 1), ("second", 2)]


def test_one_that_raises_keeps_nobody_from_hearing(caplog: pytest.LogCaptureFixture) -> None:
    signal = Signal[[]]()
    heard: list[str] = []

    def broken() -> None:
        raise RuntimeError("broken listener")

    signal.connect(broken)
    signal.connect(lambda: heard.append("fine"))
    signal.emit()
    assert heard == ["fine"]
    assert "broken listener" in caplog.text

"""The watch over what servers log sees what it is there for."""

from pathlib import Path

import pytest

from tests.interop.turn.servers import indiscretions


@pytest.mark.parametrize(
    "told",
    [
        "hello 192.0.2.7:4000",
        "hello [2001:db8::7]:4000",
        "hello ::1",
        "1790000000:1790000000000:alice has come",
        "the password is 3oHWlU/0KoQpBQQ2I3ckDBLCyEM=",
    ],
)
def test_what_is_told(told: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(f"2026-11-22 15:16:47,606 INFO turn: {told}\n")
    assert len(indiscretions(log)) == 1


def test_what_goes_wrong(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("Traceback (most recent call last):\nthread 'worker' panicked at src/core.rs:1:1\n")
    assert len(indiscretions(log)) == 2


def test_what_may_be_said(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(
        "Sluice TURN is ready: UDP and TCP 127.0.0.1:3478\n"
        "2026-11-22 15:16:47,606 WARNING turn.peers: refused a peer, by the rule '::/96'; see --peers\n"
    )
    assert indiscretions(log) == []

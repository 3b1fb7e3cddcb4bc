"""Progress as a person sees it: nothing of a short run, then the share, what is at work, and how long the rest may take."""

from __future__ import annotations

import io
import sys

import pytest

from forebear.cli import progress as module
from forebear.cli.progress import Progress
from forebear.core.progress import listening, tell, within


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(module, "time", found)
    return found


def test_steps_inside_steps_are_shares_of_the_whole():
    told: list[tuple[float, str]] = []
    with listening(lambda share, what: told.append((round(share, 4), what))):
        with within(1, 4, "b"):
            tell(1, 2, "c")
            with within(1, 2, "d"):
                tell(1, 2, "e")
        tell(2, 4, "f")
    assert told == [(0.25, "b"), (0.375, "b: c"), (0.375, "b: d"), (0.4375, "b: d: e"), (0.5, "f")]


def test_a_step_that_fails_is_over():
    told: list[str] = []
    with listening(lambda share, what: told.append(what)):
        with pytest.raises(ValueError), within(0, 2, "a"):
            raise ValueError
        tell(1, 2, "b")
    assert told == ["a", "b"]


def test_a_line_for_every_tenth_where_there_is_no_terminal(clock: Clock, capsys: pytest.CaptureFixture[str]):
    with Progress() as shown:
        for percent in range(0, 101, 5):
            clock.now = 100.0 + percent
            shown(percent / 100, "reading")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "20%: reading; about 80 s left"
    assert len(lines) == 9
    assert lines[-1] == "100%: reading"


def test_a_short_run_shows_nothing(clock: Clock, capsys: pytest.CaptureFixture[str]):
    with Progress() as shown:
        clock.now += 19
        shown(0.9, "reading")
    assert capsys.readouterr().err == ""


def test_a_further_run_counts_its_own_time(clock: Clock, capsys: pytest.CaptureFixture[str]):
    with Progress() as shown:
        clock.now += 50
        shown(0.9, "print")
        shown(0.0, "first")
        clock.now += 30
        shown(0.5, "second")
    assert capsys.readouterr().err.splitlines()[-1] == "50%: second; about 30 s left"


def test_a_terminal_has_one_line_that_is_taken_away(clock: Clock, monkeypatch: pytest.MonkeyPatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    with Progress() as shown:
        clock.now += 3
        shown(0.25, "a\x1b[31m name")
        clock.now += 0.1
        shown(0.26, "drawn too soon")
    assert sys.stderr.getvalue() == "\r\x1b[2K25%: a\\x1b[31m name; about 9 s left\r\x1b[2K"

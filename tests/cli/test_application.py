"""Commands are made of the public verbs: what a signature and a docstring say is what the parser takes and shows."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from forebear import api
from forebear.cli import application, guarded
from forebear.cli.application import app, described, words_of
from forebear.comparison.demo import demo_folder
from forebear.core.errors import ExpectationError

BASE = str(demo_folder() / "base")


def called(monkeypatch: pytest.MonkeyPatch, words: list[str], verb: str = "compare") -> dict[str, Any]:
    """What the parser hands to a verb for the words of a call; only what was said and differs from nothing."""
    given: list[dict[str, Any]] = []
    own = getattr(api, verb)

    def recorded(**named: Any) -> Any:
        given.append({n: v for n, v in named.items() if v != inspect.signature(own).parameters[n].default})
        return {"private": False}

    recorded.__name__, recorded.__doc__ = verb, own.__doc__
    recorded.__dict__["__signature__"] = inspect.signature(own)
    monkeypatch.setattr(api, verb, recorded)
    monkeypatch.setattr(application, "show", lambda *_, **__: None)
    application.made()(words, standalone_mode=False)
    (one,) = given
    return one


@pytest.mark.parametrize(("words", "given"), [
    ("compare a b", {"subject": Path("a"), "candidates": [Path("b")]}),
    ("compare a", {"subject": Path("a")}),
    ("compare a --full b c", {"subject": Path("a"), "candidates": [Path("b"), Path("c")], "full": True}),
    ("compare --budget=1MiB a b --expect related --base c --architecture d --max-header 9",
     {"subject": Path("a"), "candidates": [Path("b")], "budget": "1MiB", "expect": "related", "base": Path("c"),
      "architecture": Path("d"), "max_header": "9"}),
    ("compare a -- -b", {"subject": Path("a"), "candidates": [Path("-b")]}),
    ("tokenizers cost a b --price 2.5 --width 8", {"paths": [Path("a"), Path("b")], "price": 2.5, "width": 8}),
    ("case align c --only x --only y", {"folder": Path("c"), "only": ["x", "y"]}),
    ("case add c f --language ja --as-bytes", {"folder": Path("c"), "file": Path("f"), "language": "ja", "as_bytes": True}),
])  # fmt: skip
def test_the_words_of_a_call_reach_the_verb(words: str, given: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    verb = words.split()[0] if words.startswith("compare") else "_".join(words.split()[:2])
    assert called(monkeypatch, words.split(), verb) == given


@pytest.mark.parametrize("words", ["", "-h", "case", "tokenizers", "case -h", "compare -h", "case add --help"])
def test_help_is_printed_and_is_no_error(words: str) -> None:
    shown = CliRunner().invoke(app, words.split(), prog_name="forebear")
    assert shown.exit_code == 0
    assert shown.output.startswith("Usage: forebear")


def test_the_lines_of_a_docstring_are_the_help_of_its_parameters() -> None:
    def verb(one: str, *, two: bool = False, three: Sequence[str] = ()) -> None:
        """Does something.

        one:   the first: with a colon
               and a second line.
        two:   whether.
        three: "A=B", several.
        Returns: nothing
                 at all.

        >>> {
        ...     1: 2}
        """

    about, helps = described(verb)
    assert about == "Does something."
    assert helps == {
        "one": "The first: with a colon and a second line.", "two": "Whether.", "three": '"A=B", several.',
        "Returns": "Nothing at all.",
    }  # fmt: skip
    assert [word.name for word in words_of(verb)] == ["one", "two", "three", "form", "output", "quiet", "language", "brief"]


def test_a_parameter_that_nothing_is_said_of_stops_the_program() -> None:
    def verb(one: str) -> None:
        """Does something."""

    with pytest.raises(KeyError, match="one"):
        words_of(verb)


def test_a_comparison_that_misses_its_expectation_is_shown_and_no_other_document_is(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["compare", str(demo_folder() / "independent"), BASE, "--expect", "related"]
    assert guarded(lambda: app(words, standalone_mode=False)) == 1
    assert "NO EVIDENCE" in capsys.readouterr().out


def test_an_open_report_of_a_case_is_not_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(folder: object, **_: object) -> Any:
        raise ExpectationError("names wait", {"schema": "forebear/case/1"})

    refuse.__name__, refuse.__doc__ = "case_report", api.case_report.__doc__
    refuse.__dict__["__signature__"] = inspect.signature(api.case_report)
    monkeypatch.setattr(api, "case_report", refuse)
    assert guarded(lambda: application.made()(["case", "report", "x"], standalone_mode=False)) == 1
    assert capsys.readouterr().out == ""


def test_shells_complete_commands_and_options() -> None:
    def proposed(*words: str) -> list[str]:
        env = {**os.environ, "_FOREBEAR_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(("forebear", *words)),
               "COMP_CWORD": str(len(words))}  # fmt: skip
        command = [sys.executable, "-c", "import sys; sys.argv[0] = 'forebear'; from forebear.cli import main; main()"]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.split()

    assert "compare" in proposed("com")
    assert set(proposed("compare", "--m")) == {"--max-header"}
    assert {"align", "verify"} <= set(proposed("case", ""))


def test_completion_can_be_shown_for_a_shell() -> None:
    env = {**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    done = subprocess.run([sys.executable, "-m", "forebear", "--show-completion", "bash"], env=env, capture_output=True,
                          text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "_FOREBEAR_COMPLETE=complete_bash" in done.stdout


def test_a_seal_of_the_whole_case_says_on_stderr_that_it_is_private(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def seal(**_: object) -> Any:
        return {"schema": "forebear/case/1", "private": True}

    seal.__name__, seal.__doc__ = "case_seal", api.case_seal.__doc__
    seal.__dict__["__signature__"] = inspect.signature(api.case_seal)
    monkeypatch.setattr(api, "case_seal", seal)
    monkeypatch.setattr(application, "show", lambda *_, **__: None)
    application.made()(["case", "seal", "x", "y"], standalone_mode=False)
    assert "PRIVATE" in capsys.readouterr().err


@pytest.mark.parametrize("words", ["", "case", "library"])
def test_a_list_of_commands_has_whole_sentences_without_names_of_schemas(words: str) -> None:
    told = CliRunner().invoke(app, [*words.split(), "--help"], prog_name="forebear", env={"COLUMNS": "60"}).stdout
    commands = told[told.index("Commands:") :]
    assert "..." not in commands
    assert "forebear/" not in commands
    assert commands.rstrip().endswith((".", "?"))

"""A plain comparison is understood without the parser, and exactly as the parser would: all else is left to it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main
from hypothesis import given, settings
from hypothesis import strategies as st

from forebear.cli import app as described
from forebear.cli import application, guarded, plain
from forebear.cli.comparing import compare_and_show
from forebear.cli.forms import Form, Language
from forebear.cli.plain import FLAGS, TAKING, plain_comparison
from forebear.comparison.demo import demo_folder

DEFAULTS: dict[str, Any] = dict(compare_and_show.__kwdefaults__)
VALUES = {
    "--format": ["text", "json"],
    "--language": ["en", "zh-Hans"],
    "--budget": ["64MiB", "0"],
    "--expect": ["related"],
}
OTHER = ["x.json", "y y"]
PIECES = st.one_of(
    st.sampled_from(["a", "b", "c/d", "~", "[x]", "\udcff", "--full", "--quiet"]).map(lambda word: [word]),
    st.sampled_from(sorted(TAKING)).flatmap(
        lambda name: st.sampled_from(VALUES.get(name, OTHER)).map(lambda value: [name, value])
    ),
    st.sampled_from(["", "-", "--", "--help", "--fu", "--budget=1MiB", "-of", "--no-full", "--format", "-x", "-1"]).map(
        lambda word: [word]
    ),
)


def by_the_parser(words: list[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the parser calls `compare_and_show` with, all defaults filled in; None where it calls nothing."""
    called: list[Any] = []
    monkeypatch.setattr(application, "compare_and_show", lambda *given, **named: called.append((given, named)))
    try:
        application.asked_for(words)(words, standalone_mode=False)
    except Exception:  # noqa: BLE001 whatever the parser objects to
        assert not called
    if not called:
        return None
    ((subject, candidates), named) = called[0]
    return [subject, *candidates], named


def by_hand(words: list[str]) -> Any:
    found = plain_comparison(words)
    return None if found is None else (found[0], DEFAULTS | found[1])


@settings(max_examples=300, deadline=None)
@given(pieces=st.lists(PIECES, max_size=6))
def test_whatever_is_taken_as_plain_means_the_same_to_the_parser(pieces):
    words = ["compare", *(word for piece in pieces for word in piece)]
    if (found := by_hand(words)) is not None:
        with pytest.MonkeyPatch.context() as patch:
            assert by_the_parser(words, patch) == found


@pytest.mark.parametrize(
    ("words", "changed"),
    [
        ("a b", {}),
        ("a", {}),
        ("a b c --full", {"full": True}),
        ("--format json a b -o x", {"form": Form.json, "output": Path("x")}),
        ("a --language zh-Hans --quiet b", {"language": Language.zh_hans, "quiet": True}),
        ("a b --budget 1MiB --expect related --base c --architecture d --max-header 9",
         {"budget": "1MiB", "expect": "related", "base": Path("c"), "architecture": Path("d"), "max_header": "9"}),
    ],
)  # fmt: skip
def test_plain_words_are_taken_and_the_parser_agrees(words, changed, monkeypatch):
    called = ["compare", *words.split()]
    found = by_hand(called)
    assert found is not None
    assert found[1] == DEFAULTS | changed
    assert by_the_parser(called, monkeypatch) == found


@pytest.mark.parametrize(
    "words",
    [
        [], ["compare"], ["--version"], ["inspect", "a"], ["compare", "--help"], ["compare", "a", "--"], ["compare", "a", "b", "--fu"],
        ["compare", "a", "b", "--budget"], ["compare", "a", "b", "--budget", "-1"], ["compare", "a", "b", "--budget=1MiB"],
        ["compare", "a", "b", "--format", "pdf"], ["compare", "a", "b", "--full", "--full"], ["compare", "a", "-o", "x", "--output", "y"],
        ["compare", "a", "", "b"], ["compare", "a", "-ox"], ["compare", "a", "b", "--expect", ""],
    ],
)  # fmt: skip
def test_all_else_is_left_to_the_parser(words):
    assert plain_comparison(words) is None


def test_a_shell_asking_for_completions_and_windows_get_the_parser(monkeypatch):
    assert plain_comparison(["compare", "a", "b"]) is not None
    monkeypatch.setenv(plain.COMPLETION, "complete_bash")
    assert plain_comparison(["compare", "a", "b"]) is None
    monkeypatch.delenv(plain.COMPLETION)
    monkeypatch.setattr(plain.os, "name", "nt")
    assert plain_comparison(["compare", "a", "b"]) is None


def test_every_option_of_the_command_is_known_to_both_and_no_other():
    compare = typer.main.get_command(described).commands["compare"]
    theirs = {o: (p.name, bool(p.is_flag)) for p in compare.params if p.param_type_name == "option" for o in p.opts}
    theirs.pop("--help", None)
    ours = {o: (name, True) for o, name in FLAGS.items()} | {o: (name, False) for o, (name, _) in TAKING.items()}
    assert ours == theirs
    defaults = {p.name: p.default for p in compare.params if p.param_type_name == "option" and p.name != "help"}
    assert {name: value or None for name, value in defaults.items()} == {n: v or None for n, v in DEFAULTS.items()}


RUN = "import sys; from forebear.cli import main; sys.argv = ['forebear', *sys.argv[1:]]\ntry: main()\nexcept SystemExit as e: code = e.code\n"
LOADED = RUN + "print(code, 'typer' in sys.modules, file=sys.stderr)"


@pytest.mark.parametrize(("more", "told"), [([], "0 False"), (["--format=text"], "0 True")])
def test_a_plain_comparison_runs_without_the_parser_and_says_the_same(more, told):
    base = str(demo_folder() / "base")
    command = [sys.executable, "-c", LOADED, "compare", base, base, *more]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == told
    assert "Verdict: IDENTICAL" in done.stdout


def test_an_interrupted_call_says_so_with_and_without_the_parser(capsys):
    def stop(kind: type[BaseException]) -> Any:
        raise kind

    assert guarded(lambda: stop(KeyboardInterrupt)) == 130
    assert guarded(lambda: stop(typer.Abort)) == 130
    assert capsys.readouterr().err.count("forebear: interrupted\n") == 2
    assert guarded(lambda: stop(typer.Exit)) == 0

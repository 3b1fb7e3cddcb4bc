"""The examples in the docstrings of the public verbs run, in the order a reader would try them."""

from __future__ import annotations

import doctest
import inspect
from pathlib import Path

import pytest

import forebear

VERBS = [name for name in forebear.__all__ if inspect.isfunction(getattr(forebear, name))]
CASE = ["case_add", "case_align", "case_check", "case_rule", "case_names", "case_claims", "case_run", "case_report", "case_seal", "case_verify"]
"""One example after another, in one folder."""


def run(verb: str, optionflags: int = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL) -> doctest.TestResults:
    text = getattr(forebear, verb).__doc__
    test = doctest.DocTestParser().get_doctest(text, {}, verb, None, 0)
    said: list[str] = []
    results = doctest.DocTestRunner(optionflags=optionflags).run(test, out=said.append)
    assert results.failed == 0, "".join(said)
    return results


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in CASE])
def test_the_example_of_a_verb_runs(verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(verb).attempted >= 2
    assert list(tmp_path.iterdir()) == []


def test_the_examples_of_a_case_run_one_after_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert set(CASE) == {verb for verb in VERBS if verb.startswith("case_")}
    for verb in CASE:
        assert run(verb).attempted >= 2, verb


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_says_what_it_takes_returns_and_raises(verb: str) -> None:
    text = inspect.getdoc(getattr(forebear, verb)) or ""
    assert "Returns:" in text
    assert [name for name in inspect.signature(getattr(forebear, verb)).parameters if name not in text] == []
    assert verb == "demo" or "Raises:" in text


def test_an_example_that_is_wrong_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def demo() -> None:
        """
        >>> 1 + 1
        3
        """

    monkeypatch.setattr(forebear, "demo", demo)
    with pytest.raises(AssertionError, match="Expected"):
        run("demo")

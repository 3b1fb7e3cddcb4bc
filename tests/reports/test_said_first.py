"""What a report says first, and how names, options and code stand on a page."""

from __future__ import annotations

import pytest

from forebear.casefile.document import again
from forebear.reports.cases.text import count_words, head_words, is_compared, why_said
from forebear.reports.catalogue import LANGUAGES, catalogue
from forebear.reports.page import FILTERS
from forebear.reports.tokenizers.text import cheapest
from forebear.tokens.cost import _cheapest

WORDS = catalogue()


def case(**more: object) -> dict[str, object]:
    return {"sources": [{}, {}], "findings": [], "claims": [], "counted": {}, **more}


def test_a_case_that_was_not_compared_is_not_one_without_departures() -> None:
    bare, held = case(checked=False), case(checked=True)
    assert not is_compared(bare)
    assert is_compared(held)
    assert is_compared(case()), "a document of before does not say, and listed what it found"
    assert "not compared" in count_words(bare, WORDS)
    assert count_words(held, WORDS) == "2 sources, 0 departures listed, 0 claims"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_first_line_of_a_case_counts_its_claims_by_outcome(language: str) -> None:
    words = catalogue(language)
    outcomes = ["borne-out", "contradicted", "borne-out"]
    said = head_words(case(claims=[{"status": s} for s in outcomes]), words)
    assert words("case_page.borne-out") in said
    assert words("case_page.contradicted") in said
    assert "2" in said
    assert head_words(case(), words) == ""


def test_two_forms_of_a_hidden_name_are_not_said_to_differ_from_themselves() -> None:
    why = {"key": "finding.name/homophone", "values": {"left": "“[Person 1]”", "right": "“[Person 1]”"}}
    hidden = {"rule": "name/homophone", "quotes": {"zh": "[Person 1]", "ja": "[Person 1]"}, "why": why}
    assert why_said(hidden, WORDS)[0] == "a hidden name is written in two ways here"
    open_one = {**hidden, "quotes": {"zh": "a", "ja": "b"}}
    assert "same sound" in why_said(open_one, WORDS)[0]


def test_a_command_made_again_keeps_what_was_asked() -> None:
    assert again("seal", "c", "out dir", key=None, report_only=True) == "forebear case seal c 'out dir' --report-only"
    assert again("run", "c", claims=("a", "b"), models=()) == "forebear case run c --claims a --claims b"
    assert again("check", "c", all=False) == "forebear case check c"


def test_names_and_options_with_hyphens_stay_on_one_line_and_are_escaped() -> None:
    assert str(FILTERS["unbroken"]("x a-b <i> --prove")) == (
        'x <span class="nb">a-b</span> &lt;i&gt; <span class="nb">--prove</span>'
    )
    long = "-".join(["name"] * 20)
    assert str(FILTERS["unbroken"](long)) == long, "what is longer than a line may break"
    assert str(FILTERS["coded"]("say `a <b>` now")) == "say <code>a &lt;b&gt;</code> now"


def row(name: str, tokens: int, language: str = "eng", lossless: bool = True) -> dict[str, object]:
    return {
        "tokenizer": name,
        "language": language,
        "tokens": tokens,
        "lossless": lossless,
        "per_1000_characters": tokens / 2,
    }


def pair(a: str, b: str, outcome: str, language: str = "eng") -> dict[str, object]:
    return {"a": a, "b": b, "language": language, "outcome": outcome}


def test_the_cheapest_gives_the_text_back_and_those_not_clearly_above_it_are_named() -> None:
    rows = [row("a", 100), row("b", 101), row("c", 300), row("lossy", 10, lossless=False)]
    pairs = [
        pair("a", "b", "no-clear-difference"), pair("a", "c", "a-fewer"), pair("b", "c", "a-fewer"), pair("a", "lossy", "cannot-tell"),
    ]  # fmt: skip
    assert _cheapest(rows, pairs, []) == [
        {"language": "eng", "tokenizer": "a", "level": ["b"], "per_1000_characters": 50.0}
    ]
    assert _cheapest([row("lossy", 1, lossless=False)], [pair("lossy", "a", "cannot-tell")], []) == []
    assert _cheapest(rows[:1], [], []) == []


def test_a_few_texts_have_a_line_each_and_many_are_counted() -> None:
    found = [{"language": name, "tokenizer": "a", "level": [], "per_1000_characters": 50.0} for name in ("eng", "jpn")]
    assert cheapest({"cheapest": found}, WORDS)[1].startswith("Japanese: a needs the fewest tokens, 50")
    many = [{**found[0], "tokenizer": "a" if i < 5 else "b"} for i in range(9)]
    assert cheapest({"cheapest": many}, WORDS) == [
        "Fewest tokens, of those that give the text back: a on 5, b on 4 (of 9 texts)."
    ]
    assert cheapest({}, WORDS) == []

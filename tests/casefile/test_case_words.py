"""The page of a case in four languages: equal keys and slots, every rule told, nothing English left but the tool's own words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from forebear.casefile.checks.findings import Ours, ours_of, rules, say
from forebear.casefile.facts.fact import number_words
from forebear.reports.cases.words import case_words, load_words
from tests.casefile.texts import FIVE_EN, FIVE_ZH, found

LANGUAGES = ("en", "zh-Hans", "zh-Hant", "ja")
OTHERS = LANGUAGES[1:]


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _slots(text: str) -> list[str]:
    return sorted(re.findall(r"\{(\w+)\}", text))


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_has_the_same_keys_and_the_same_slots(language: str) -> None:
    english, own = dict(_flat(load_words()["en"])), dict(_flat(load_words()[language]))
    assert english.keys() == own.keys()
    for key, text in english.items():
        assert _slots(own[key]) == _slots(text), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_rule_and_category_and_severity_has_words_in_every_language(language: str) -> None:
    words = load_words()[language]
    assert words["finding"].keys() == rules().keys()
    assert {r.category for r in rules().values()} == words["category"].keys()
    assert {r.severity for r in rules().values()} <= words["severity"].keys()
    assert set(number_words().units) | set(number_words().beside) <= words["ours"].keys()


def test_the_english_of_the_page_is_the_english_of_the_rules() -> None:
    for rule in rules().values():
        assert load_words()["en"]["finding"][rule.id] == rule.why


@pytest.mark.parametrize("language", OTHERS)
def test_a_finding_is_told_with_its_words_and_no_english_of_ours(language: str) -> None:
    finding = next(f for f in found(("zh", FIVE_ZH), ("en", FIVE_EN.replace("12 days", "120 days"))) if "mag" in f.rule)
    entry = finding.as_json()
    assert entry["why"] == "12 and 120 differ by a factor of 10", "documents stay English"
    told = case_words(language).finding(entry)
    assert told.lang == language
    assert "「12」" in told.text
    assert "「120」" in told.text
    assert not re.search(r"[A-Za-z]", told.text)


def test_a_word_of_ours_is_translated_and_the_same_word_of_a_text_is_quoted() -> None:
    words = {"left": Ours("none"), "right": "none"}
    entry = {"rule": "certainty/hedge", "why": say("certainty/hedge", **words), "words": words, "ours": ours_of(words)}
    assert case_words("ja").finding(entry).text == "疑いが一方でしか述べられていない：なし / 「none」"


def test_a_heading_and_a_habit_are_told_with_their_figures() -> None:
    entry = {
        "rule": "heading/changed", "why": "", "words": {"left": "no heading", "right": "a heading of level 3"},
        "ours": ["left", "right"], "repeats": 6,
    }  # fmt: skip
    assert case_words("zh").finding(entry).text == "一方是非标题，另一方是3 级标题；此文本有 6 处相同，可见是它的习惯"


def test_a_document_without_slots_is_told_in_the_english_it_holds() -> None:
    entry = {"rule": "number/value", "why": "6 became 7"}
    told = case_words("ja").finding(entry)
    assert (told.text, told.lang) == ("6 became 7", "en")


def test_outcomes_and_limits_are_told_and_what_has_no_words_stays_english() -> None:
    words = case_words("zh-Hant")
    assert words.sentence("num_hidden_layers is 6; 6 was said").text == "num_hidden_layers 是 6；所說的是 6"
    two = "layers 80 -> 176 gives 3 parameters; mlp 4 -> 5 gives 9 parameters"
    assert words.sentence(two).text == "layers 由 80 改為 176，得 3 個參數；mlp 由 4 改為 5，得 9 個參數"
    assert words.sentence("a sentence nobody knows").lang == "en"
    claim = {"why": "64 of 64 channels keep their place", "evidence": [{"relation": "related"}]}
    told = words.outcome(claim)
    assert [t.lang for t in told] == ["zh-Hant", "en"]
    assert told[0].text.startswith("被問模型與候選模型共有權重。")


def test_a_language_without_words_is_told_in_english() -> None:
    assert case_words("fr").language == "en"

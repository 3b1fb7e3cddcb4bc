"""One catalogue, four languages: equal keys and slots, no word left in English, sentences said, JSON and CSV untouched."""

from __future__ import annotations

import json
import re

import pytest

from forebear.core.errors import UsageError
from forebear.reports.catalogue import LANGUAGES, catalogue
from forebear.reports.comparison_page import comparison_page
from forebear.reports.show import as_csv, rendered, text_lines
from tests.reports.documents import HOSTILE, demo_comparison, hostile_comparison

OTHERS = [language for language in LANGUAGES if language != "en"]
SLOT = re.compile(r"\{(\w+)\}")
SAME = {"part", "figure_of", "inspect.nan", "found.joint", "found.stop", "many.joint"}
"""Keys whose words may well be equal in several languages: symbols, letters, punctuation."""
WIDE = {"zh-Hans": "一-鿿", "zh-Hant": "一-鿿", "ja": "一-鿿぀-ヿ"}


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_has_the_keys_of_english_and_their_slots(language):
    ours, english = catalogue(language).words, catalogue("en").words
    assert set(ours) == set(english)
    for key in english:
        assert sorted(SLOT.findall(ours[key])) == sorted(SLOT.findall(english[key])), key


@pytest.mark.parametrize("language", OTHERS)
def test_no_word_stays_english(language):
    for key, text in catalogue(language).words.items():
        if not any(key == s or key.startswith(f"{s}.") for s in SAME):
            assert re.search(f"[{WIDE[language]}]", text), key


def test_simplified_and_traditional_are_two():
    simple, full = catalogue("zh-Hans").words, catalogue("zh-Hant").words
    assert sum(simple[k] != full[k] for k in simple) > 200
    assert "权" not in "".join(full.values())
    assert "權" not in "".join(simple.values())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("which", [0, 1])
def test_a_page_speaks_its_language_and_says_so(language, which):
    page = comparison_page(demo_comparison(which), language).decode()
    relation = ("related", "no-evidence")[which]
    assert f'<html lang="{language}">' in page
    assert f"<h1>{catalogue(language)(f'headline.{relation}')}</h1>".replace("'", "&#39;") in page
    assert catalogue(language)("page.limits") in page


@pytest.mark.parametrize("language", OTHERS)
def test_the_figures_of_a_verdict_are_told_in_every_language(language):
    text = "\n".join(line.text for line in text_lines(demo_comparison(0), language))
    assert catalogue(language)("relation.related") in text
    for number in ("704", "-318", "24.8"):
        assert number in text
    assert "keep their place" not in text


@pytest.mark.parametrize("language", OTHERS)
def test_sentences_of_the_demo_are_all_said_in_every_language(language):
    words = catalogue(language)
    for which in (0, 1):
        document = demo_comparison(which)
        said = [
            *document["alignment"]["words"],
            *document["limits"],
            *(e["assumption"] for e in document["evidence"] if e["assumption"]),
        ]
        english = [s for s in said if words.sentence(s)[1] == "en"]
        assert english == []


def test_a_sentence_nobody_translated_stays_english_and_is_marked():
    assert catalogue("ja").sentence("a sentence of tomorrow") == ("a sentence of tomorrow", "en")
    document = demo_comparison(0) | {"limits": ["a sentence of tomorrow"]}
    assert '<li lang="en">a sentence of tomorrow</li>' in comparison_page(document, "ja").decode()


def test_a_sentence_with_a_hostile_name_keeps_the_name_as_text():
    for name in HOSTILE[:7]:
        said, _ = catalogue("zh-Hans").sentence(f"{name} was not compared: it is {name}")
        assert said.count(name) == 2
    page = comparison_page(hostile_comparison(), "ja")
    assert b"<script" not in page


def test_patterns_do_not_blow_up_on_long_text():
    import time

    started = time.process_time()
    catalogue("ja").sentence("layers " + "9 of the subject answer to " * 4000)
    assert time.process_time() - started < 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_json_and_csv_are_the_same_in_every_language(language):
    document = demo_comparison(0)
    assert rendered(document, "json", language) == rendered(document, "json")
    assert rendered(document, "csv", language) == rendered(document, "csv")
    assert json.loads(rendered(document, "json", language))["verdict"]["relation"] == "related"


def test_an_unknown_language_is_a_wrong_word():
    with pytest.raises(UsageError):
        catalogue("xx")


def test_a_csv_cell_is_no_formula_for_a_spreadsheet():
    text = as_csv([["=1+1", "+x", "-y", "@z", "plain", 'a"b', "c,d", "\x1b[1m\n", -3, None]]).decode()
    assert text == '\'=1+1,\'+x,\'-y,\'@z,plain,"a""b","c,d",\\x1b[1m\\x0a,-3,\r\n'

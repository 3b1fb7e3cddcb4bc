"""One catalogue, four languages: equal keys and slots, no word left in English, sentences said, JSON and CSV untouched."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from pathlib import Path

import pytest

import forebear
from forebear.core.errors import UsageError
from forebear.core.wording import WORDS
from forebear.reports.catalogue import FOLDER, LANGUAGES, catalogue
from forebear.reports.comparison_page import comparison_page
from forebear.reports.show import as_csv, rendered, text_lines
from forebear.reports.telling import plain_words
from tests.reports.documents import GOLDEN, HOSTILE, demo_comparison, hostile_comparison

OTHERS = [language for language in LANGUAGES if language != "en"]
NOUN = re.compile(r"\{(\w+)(:[^|{}]+)?:?\|[^{}]*\}")
"""The noun behind a number, in its two English forms."""
VERB = re.compile(r"\{\w+:-\|[^{}]*\}")
"""A word alone in the two forms that English has of it."""
SLOT = re.compile(r"\{(\w+)[^}]*\}")
SHOWN = re.compile(r"\{\w+[^}]*\}")
SAME = {"own_name", "case_more.sentence", "part", "figure_of", "inspect.nan", "found.joint", "found.stop", "look.colon", "look.gap", "many.joint", "span", "limit.side", "audit.in_part", "gauge.but",
        "odd.in_file", "refused.said", "refused.said_at", "refused.advised", "quoted",
        "lineage_page.cut_step", "verify_page.place", "whole_card.said", "made.claim",
        "made.parent", "made.several", "case.to_look_kind", "adapters.LORA"}  # fmt: skip
"""Keys whose words may well be equal in several languages: symbols, letters, punctuation."""
WIDE = {"zh-Hans": "一-鿿", "zh-Hant": "一-鿿", "ja": "一-鿿぀-ヿ"}


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_has_the_keys_of_english_and_their_slots(language):
    ours, english = catalogue(language).words, catalogue("en").words
    assert set(ours) == set(english)
    for key in english:
        assert sorted(SHOWN.findall(ours[key])) == sorted(SHOWN.findall(NOUN.sub(r"{\1\2}", VERB.sub("", english[key])))), key  # values, and the digits they show


@pytest.mark.parametrize("language", OTHERS)
def test_no_word_stays_english(language):
    for key, text in catalogue(language).words.items():
        if not any(key == s or key.startswith(f"{s}.") for s in SAME):
            assert re.search(f"[{WIDE[language]}]", text), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_tables_parsed_one_by_one_say_what_the_whole_file_says(language):
    found = {}
    for file in [FOLDER / f"{language}.toml", *([WORDS] if language == "en" else [])]:
        for table, words in tomllib.loads(file.read_text("utf-8")).items():
            found |= {f"{table}.{key}": text for key, text in _flattened(words)}
    assert dict(catalogue(language).words) == found
    assert len(catalogue(language).words) == len(found)
    assert "no.such" not in catalogue(language).words


def _flattened(table, prefix=""):
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flattened(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def test_simplified_and_traditional_are_two():
    simple, full = catalogue("zh-Hans").words, catalogue("zh-Hant").words
    assert sum(simple[k] != full[k] for k in simple) > 200
    assert "权" not in "".join(full.values())
    assert "權" not in "".join(simple.values())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("which", [0, 1])
def test_a_page_speaks_its_language_and_says_so(language, which):
    document = demo_comparison(which)
    page = comparison_page(document, language).decode()
    assert document["verdict"]["relation"] == ("related", "no-evidence")[which]
    assert f'<html lang="{language}">' in page
    assert f"<h1>{plain_words(document, catalogue(language))}</h1>".replace("'", "&#39;") in page
    assert catalogue(language)("page.limits" if document["limits"] else "page.limits_none") in page


@pytest.mark.parametrize("language", OTHERS)
def test_the_figures_of_a_verdict_are_told_in_every_language(language):
    text = "\n".join(line.text for line in text_lines(demo_comparison(0), language))
    assert catalogue(language)("relation.related") in text
    for number in ("704", "-318", "24.8"):
        assert number in text
    assert "keep their place" not in text


def test_every_key_in_the_code_has_words_and_every_message_gives_them_the_values_they_want():
    words = catalogue("en").words
    root = Path(forebear.__file__).parent
    calls = 0
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "message"):
                continue
            keys = list(literal_keys(node.args[0]))
            calls += 1
            for key in keys:
                if key.startswith("term.") or key.endswith("."):
                    continue
                plain = re.sub(r"\\(.)", r"\1", key)
                known = [plain] if plain in words else [k for k in words if re.fullmatch(key, k)]
                assert known, (path.name, key)
                if any(k.arg is None for k in node.keywords) or isinstance(node.args[0], ast.JoinedStr):
                    continue
                given = {k.arg for k in node.keywords}
                for one in known:
                    assert set(SLOT.findall(words[one])) <= given, (path.name, one, given)
    assert calls > 150


def literal_keys(node):
    """Patterns of the keys that the first argument of `message` may be."""
    if isinstance(node, ast.Constant):
        yield re.escape(node.value)
    elif isinstance(node, ast.IfExp):
        yield from literal_keys(node.body)
        yield from literal_keys(node.orelse)
    elif isinstance(node, ast.JoinedStr):
        yield "".join(re.escape(v.value) if isinstance(v, ast.Constant) else r"[\w /-]*" for v in node.values)


def test_a_message_of_another_version_is_shown_by_its_key_and_values():
    assert catalogue("ja").say({"key": "tomorrow.news", "values": {"x": 3}}) == ("tomorrow.news: x = 3", "en")
    wrong = {"key": "limit.kept", "values": {}}
    assert catalogue("ja").say(wrong) == ("limit.kept: ", "en")
    document = demo_comparison(0) | {"limits": [{"key": "tomorrow.news", "values": {"x": "<b>"}}]}
    assert '<li lang="en">tomorrow.news: x = &lt;b&gt;</li>' in comparison_page(document, "ja").decode()


def test_a_message_with_a_hostile_name_keeps_the_name_as_text():
    for name in HOSTILE[:7]:
        said, _ = catalogue("zh-Hans").say({"key": "limit.member", "values": {"member": name, "why": name}})
        assert said.count(name) == 2
    page = comparison_page(hostile_comparison(), "ja")
    assert b"<script" not in page


def test_documents_of_the_first_version_are_told_in_their_own_english():
    document = json.loads((GOLDEN / "comparison-related.json").read_bytes())
    assert document["schema"] == "forebear/comparison/1"
    for language in LANGUAGES:
        text = " ".join(line.text.strip() for line in text_lines(document, language))
        assert document["verdict"]["words"][:60] in text


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

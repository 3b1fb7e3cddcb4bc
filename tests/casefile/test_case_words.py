"""Findings, outcomes and limits of a case are keys and values: said in four languages, from folders of earlier versions too."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

import forebear
from forebear.casefile import verbs
from forebear.casefile.bitext.align import Link
from forebear.casefile.checks.checker import check_case
from forebear.casefile.checks.findings import SEVERITIES, Rule, ours, reason, rules
from forebear.casefile.checks.pair import Knowledge
from forebear.casefile.checks.shape import SCRIPTS
from forebear.casefile.claims.claims import BASES, KINDS, SAYS, STATUSES
from forebear.casefile.facts.fact import number_words
from forebear.casefile.folder.export import by_key
from forebear.casefile.folder.model import ROLES
from forebear.core.documents import canonical_json, problems_of
from forebear.core.errors import RefusedError
from forebear.reports.cases.first import every_word
from forebear.reports.cases.page import case_page
from forebear.reports.catalogue import LANGUAGES, catalogue
from forebear.reports.show import rendered
from tests.casefile.texts import FIVE_EN, FIVE_ZH, found, text
from tests.said import said

OTHERS = LANGUAGES[1:]
FIRST = Path(__file__).resolve().parent.parent / "data" / "case_first"
"""A case folder as version 0.1.0 wrote it before findings held messages: aligned, checked, run, names ruled on."""


def _words_of(table: str) -> set[str]:
    return {key.partition(".")[2] for key in catalogue().words if key.startswith(f"{table}.")}


def test_every_rule_category_and_word_of_ours_has_its_words() -> None:
    assert rules().keys() == _words_of("finding")
    assert {r.category for r in rules().values()} == _words_of("mqm")
    assert {r.severity for r in rules().values()} <= _words_of("severity")
    bounds = {"exact", "about", "above", "below", "none", "its negation", "no heading", "heading"}
    assert bounds | set(number_words().units) | set(number_words().beside) | set(SCRIPTS.values()) <= _words_of("ours")
    assert set(ROLES) <= _words_of("source_role")
    assert {*STATUSES, *KINDS, *BASES, *SAYS} <= _words_of("case_page")


@pytest.mark.parametrize("language", OTHERS)
def test_a_finding_is_said_with_its_words_and_no_english_of_ours(language: str) -> None:
    finding = next(f for f in found(("zh", FIVE_ZH), ("en", FIVE_EN.replace("12 days", "120 days"))) if "mag" in f.rule)
    why = finding.as_json()["why"]
    assert why["key"] == "finding.number/magnitude"
    assert said([why]) == ["“12” and “120” differ by a factor of 10"]
    words, spoken = catalogue(language).say(why)
    assert spoken == language
    assert ("“12”" if language == "zh-Hans" else "「12」") in words
    assert ("“120”" if language == "zh-Hans" else "「120」") in words
    assert not re.search(r"[A-Za-z]", words)


def test_a_word_of_ours_is_translated_and_the_same_word_of_a_text_is_quoted() -> None:
    why = reason("certainty/hedge", left=ours("none"), right="none").document()
    assert catalogue("ja").text(why) == "疑いが一方でしか述べられていない：なし / 「none」"
    assert catalogue().text(why) == "doubt is said on one side only: none / “none”"


def _habit() -> dict[str, Any]:
    zh = "\n\n".join(f"# 第{c}节\n\n机器{c}在房间里。" for c in "一二三四五六")
    en = "\n\n".join(f"### Section {k}\n\nMachine {k} is in the room." for k in range(1, 7))
    left, right = text("o", "zh", zh), text("t", "en", en, of="o")
    links = [Link((k,), (k,), 1.0, "rule") for k in range(len(left.segments))]
    (habit,) = [f for f in check_case({"o": left, "t": right}, {("o", "t"): links}, Knowledge()) if "heading" in f.rule]
    return habit.as_json()["why"]


def test_a_habit_is_said_with_its_figures() -> None:
    expected = "一方是1 级标题，另一方是3 级标题；此文本有 6 处相同，可见是它的习惯"
    assert catalogue("zh-Hans").text(_habit()) == expected


@pytest.fixture(autouse=True)
def every_kind_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Words are read of every kind of finding; which kinds are told is no matter here."""
    monkeypatch.setattr(Rule, "told", True)


@pytest.fixture
def first(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FIRST, tmp_path / "case"))


def _without_seconds(document: Any) -> bytes:
    return canonical_json({**document, "read": {**document["read"], "seconds": 0}, "reproduce": ""})


def _as_shown(findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Findings as a document has them: those told, the gravest first."""
    told = [f for f in findings if f["severity"] == "neutral" or rules()[f["rule"]].told]
    return sorted(told, key=lambda f: -SEVERITIES.index(f["severity"]))


def _today(why: str) -> str:
    """What a finding of the first version said, in the words of today."""
    why = re.sub(r"^negation \((.*)\) on one side only \((.*)\)$", r"negation is said on one side only: \1 / \2", why)
    return why.replace(" answers it", " corresponds to it").replace("林小满", "[Person 1]")


def test_a_folder_of_an_earlier_version_opens_and_its_findings_are_said_in_every_language(first: Path) -> None:
    kept = [p for p in first.rglob("*.json") if p.parent.name != "alignments"]
    before = {p: p.read_bytes() for p in kept}
    document = verbs.case_align(first, only=("ja",))
    assert len(document["findings"]) > 8
    assert problems_of(document) == []
    assert {p: p.read_bytes() for p in kept} == before
    old = [f["why"] for f in _as_shown(json.loads((FIRST / "findings" / "findings.json").read_bytes()))]
    assert [why.replace("“", "").replace("”", "") for why in said(f["why"] for f in document["findings"])] == [
        _today(why) for why in old
    ]
    for language in OTHERS:
        spoken = [catalogue(language).say(f["why"])[1] for f in document["findings"]]
        assert spoken == [language] * len(spoken)
    assert {c["id"]: (c["status"], tuple(c["why"])) for c in document["claims"]} == {
        "layers": ("contradicted", ("num_hidden_layers is 36; 38 was said",)),
        "heard": ("not-testable", ("what people did cannot be read from weights",)),
    }
    assert "1 invisible characters (first U+200B) at positions 20" in document["sources"][2]["notes"]


def test_checking_such_a_folder_anew_finds_the_same_and_keeps_rulings(first: Path) -> None:
    old = _as_shown(json.loads((first / "findings" / "findings.json").read_bytes()))
    old = [f for f in old if f["rule"] != "heading/changed"]  # of a heading beside two sentences: no longer compared
    document = verbs.case_check(first)
    other = ("omission/", "number/value")
    apart = [[f for f in found if not f["rule"].startswith(other)] for found in (document["findings"], old)]
    now, before = ([(f["rule"], f["severity"]) for f in found] for found in apart)
    assert now == before
    figures = [f["severity"] for f in document["findings"] if f["rule"] == "number/value"]
    assert figures.count("neutral") == 1  # five footnotes that shift, of which four were seen before
    (passage,) = (f for f in document["findings"] if f["rule"] == "omission/passage")  # was a finding for each sentence
    lost = [i for f in old if f["rule"] == "omission/sentence" for i in f["left_segments"]]
    assert len(lost) > 8
    (own,) = (segments for segments in passage["segments"].values() if segments)
    assert len(own) > 5
    assert set(own) <= set(lost)
    assert [n["ruling"] for n in document["names"]].count("private") == 3
    loaded = verbs.case_align(first, only=("ja",))
    assert [f["why"] for f in loaded["findings"]] == [f["why"] for f in document["findings"]]
    assert forebear.case_run(first)["claims"][0]["why"][0]["key"] == "tested.figure"


@pytest.mark.parametrize(
    "why", [{"key": "verdict.related", "values": {}}, {"key": "finding.term/lost", "values": {}}, {"key": 3, "values": {}}, {}]
)
def test_a_finding_that_says_what_its_rule_does_not_say_is_refused(first: Path, why: Any) -> None:
    path = first / "findings" / "findings.json"
    entries = json.loads(path.read_bytes())
    entries[0]["why"] = why
    path.write_text(json.dumps(entries))
    with pytest.raises(RefusedError):
        verbs.case_align(first, only=("ja",))


def test_a_message_made_by_hand_is_shown_as_it_is_and_breaks_nothing() -> None:
    for value in ({"key": "finding.term/lost", "values": {"left": {"x": 1}}}, {"x": 1}, {"key": 1, "values": {}}):
        for language in LANGUAGES:
            assert catalogue(language).text(value)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_private_name_is_in_a_report_of_any_language_or_form(first: Path, language: str) -> None:
    entries = json.loads((first / "findings" / "findings.json").read_bytes())
    assert any("林小满" in f["why"] for f in entries), "the folder holds a finding about a private name"
    forebear.case_names(first, private=["小満"])
    verbs.case_check(first)
    document = verbs.case_report(first, language=language, say=catalogue(language).text, own=every_word())
    outputs = {p.name: p.read_bytes() for p in (first / "report").iterdir()}
    for form in ("text", "html", "csv", "json"):
        for tongue in LANGUAGES:
            outputs[f"{form} {tongue}"] = rendered(document, form, tongue)
    verbs.refuse_names(first, outputs, every_word())
    for name, data in outputs.items():
        assert not re.search(r"林小|Xiaoman|小満|小满", data.decode()), name
    if language != "en":
        assert f'lang="{language}"' in case_page(document).decode()
        assert "「[Person 1]」" in outputs["findings.csv"].decode()


def test_a_name_in_the_values_of_a_message_would_be_refused_at_the_last_look(first: Path) -> None:
    forebear.case_names(first, private=["小満"])
    verbs.case_check(first)
    verbs.case_report(first, own=every_word())
    leak = {"why": reason("name/variant", left="林小满", right="x").document()}
    for language in LANGUAGES:
        words = catalogue(language).text(leak["why"]).encode()
        for name, data in (("a.json", canonical_json(leak)), ("a.txt", words)):
            with pytest.raises(Exception, match="a hidden name would be published"):
                verbs.refuse_names(first, {name: data}, every_word())


def test_a_message_without_a_catalogue_is_shown_by_key_and_values() -> None:
    why = reason("number/value", left="6", right="7").document()
    assert by_key(why) == "finding.number/value (left = quoted.text (text = 6), right = quoted.text (text = 7))"
    assert by_key("old words") == "old words"

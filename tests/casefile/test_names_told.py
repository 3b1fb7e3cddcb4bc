"""Findings on names: only of people, only where no spelling stands on the other side, and only as the rulings of today have it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from forebear.casefile.checks.findings import Finding
from forebear.casefile.checks.name_checks import can_sound, holds
from forebear.casefile.checks.pair import Knowledge
from forebear.casefile.checks.said import is_said
from forebear.casefile.folder.model import CaseFile, Name
from forebear.casefile.privacy.owner import covered
from forebear.casefile.privacy.search import search_of
from forebear.casefile.privacy.withheld import MARK, Withheld
from tests.casefile.texts import found, text

sounding = pytest.mark.skipif(not can_sound(), reason="readings of Han characters need pypinyin")
ZH = "模型有6层。若衡，请把日志发给我。训练花了12天。"
EN = "The model has 6 layers. {} Training took 12 days."


def _names(*ruled: tuple[str, str, str]) -> Knowledge:
    return Knowledge([Name(text=t, ruling=r, pseudonym=p) for t, r, p in ruled])


@sounding
@pytest.mark.parametrize(
    ("name", "other", "said"),
    [
        ("陶若衡", "Tao Ruoheng sent the log.", True),
        ("陶若衡", "Ruo-heng Tao sent the log.", True),
        ("陶若衡", "Ruoheng sent it.", True),
        ("若衡", "Táo Ruòhéng sent it.", True),
        ("若衡", "He sent it to Tao.", False),
        ("若衡", "ruo heng is no word", False),
        ("Tao Ruoheng", "陶若衡发来日志。", True),
        ("Ruoheng Tao", "日志是陶若衡发来的。", True),
        ("Tao Ruoheng", "日志发来了。", False),
        ("Haitong", "他把日志发来了。", False),
    ],
)
def test_a_name_is_said_in_the_other_script_by_its_sound(name: str, other: str, said: bool) -> None:
    assert is_said(name, other) is said


@sounding
def test_a_name_whose_pinyin_stands_there_is_not_missing_and_another_person_is() -> None:
    known = _names(("若衡", "private", "Person 1"), ("Qian Mu", "private", "Person 2"))
    fine, wrong = (
        [f.rule for f in found(("zh", ZH), ("en", EN.format(said)), known=known)]
        for said in ("Ruoheng, please send me the log.", "Qian Mu, please send me the log.")
    )
    assert "name/changed" not in fine
    assert "name/changed" in wrong


def _departure(known: Knowledge, said: str) -> tuple[Finding, bool]:
    """A finding that was written before anybody ruled, and whether it holds now."""
    before = _names(*((n.text, "undecided", "") for n in known.names))
    finding = next(f for f in found(("zh", ZH), ("en", EN.format(said)), known=before) if f.rule == "name/changed")
    return finding, holds(finding, text("o", "zh", ZH), text("t0", "en", EN.format(said), of="o"), known)


@pytest.mark.parametrize(
    ("here", "there", "stands"),
    [
        (("private", "Person 1"), ("private", "Person 2"), True),
        (("private", "Person 1"), ("public", ""), True),
        (("private", "Person 1"), ("private", "Person 1"), False),
        (("not-a-name", ""), ("private", "Person 2"), False),
        (("private", "Person 1"), ("not-a-name", ""), False),
        (("undecided", ""), ("private", "Person 2"), False),
    ],
)
def test_a_finding_on_names_stands_as_the_rulings_of_today_say(
    here: tuple[str, str], there: tuple[str, str], stands: bool
) -> None:
    known = _names(("若衡", *here), ("Heron", *there))
    assert _departure(known, "Heron, please send me the log.")[1] is stands


def test_a_finding_of_another_kind_never_hangs_on_names() -> None:
    finding, _ = _departure(_names(("若衡", "undecided", ""), ("Heron", "undecided", "")), "Heron, please send me the log.")
    assert holds(replace(finding, rule="number/value"), None, None, Knowledge())


@pytest.mark.parametrize("language", ["zh", "ja", "en"])
def test_a_pseudonym_that_was_put_in_is_not_withheld_and_a_name_beside_it_is(language: str) -> None:
    case = CaseFile("", "", name=(Name(text="陶若衡", ruling="private", pseudonym="Person 7"),))
    shown = Withheld(search_of(case))
    assert shown.shown("[Person 7]", language) == "[Person 7]"
    assert shown.shown("陶若衡", language) == "[Person 7]"
    assert "Zorblat" not in shown.shown("[Person 7] Zorblat", language)
    assert MARK in shown.shown("[Person 8] Zorblat", language)


RUOHENG = CaseFile("", "", name=(Name(text="Ruoheng", ruling="private", pseudonym="Person 1"),
                               Name(text="陶若衡", ruling="private", pseudonym="Person 1")))  # fmt: skip


@sounding
@pytest.mark.parametrize(
    ("words", "form"),
    [
        ("Ruoheng to the lab", "Ruoheng"),
        ("Ruoheng at once", "Ruoheng"),
        ("Ruoheng Tap was here", "Ruoheng Tap"),
        ("Ruohemg was here", "Ruohemg"),
    ],
)
def test_a_name_takes_in_no_small_word_behind_it_and_a_misspelt_one_is_found(words: str, form: str) -> None:
    hits = search_of(RUOHENG).hits(words)
    assert words[hits[0].start : max(h.end for h in hits)] == form


def test_the_owner_sees_the_forms_that_are_covered_though_no_entry_is_written_so() -> None:
    texts = {"o": text("o", "hant", "陶若衡說過。若衡說過。"), "s": text("s", "zh", "陶若衡说过。")}
    case = CaseFile("", "", name=(Name(text="陶若衡", ruling="private", pseudonym="Person 1"),))
    assert covered(case, texts) == [{"person": "Person 1", "forms": ["若衡"]}]
    assert covered(CaseFile("", "", name=(Name(text="钱木清", ruling="private", pseudonym="Person 1"),)), {
        "o": text("o", "hant", "錢木清說過。")}) == [{"person": "Person 1", "forms": ["錢木清"]}]  # fmt: skip


HEDGE = [
    ("zh", "en", "他们在5月3日删除了备份。", "They deleted the backup on 3 May.", False),
    ("zh", "en", "他们在5月删除了备份。", "They deleted the backup in early May.", False),
    ("zh", "en", "他们删除了备份。", "They may have deleted the backup.", True),
    ("ja", "en", "5月9日に電源を切った。", "On May 9, 2031 the power was cut.", False),
]


@pytest.mark.parametrize(("one", "two", "left", "right", "told"), HEDGE)
def test_may_is_doubt_as_a_verb_alone(one: str, two: str, left: str, right: str, told: bool) -> None:
    around = {"zh": ("模型有6层。", "训练花了12天。"), "ja": ("モデルは6層です。", "訓練は12日かかりました。")}[one]
    both = (one, f"{around[0]}{left}{around[1]}"), (two, EN.format(right))
    assert ("certainty/hedge" in [f.rule for f in found(*both)]) is told


NEGATED = [
    ("不要把这个文件交给别人。", "「このファイルを人に渡すな」と彼は私に言いました。", False),
    ("他说：别去机房。", "機械室に行くな、と彼は言いました。", False),
    ("不要把这个文件交给别人。", "「このファイルを人に渡せ」と彼は私に言いました。", True),
    ("他说这里很安静。", "静かな所だと彼は言いました。", False),
]


@pytest.mark.parametrize(("zh", "ja", "told"), NEGATED)
def test_a_prohibition_of_japanese_is_a_negation(zh: str, ja: str, told: bool) -> None:
    rules = [f.rule for f in found(("zh", f"模型有6层。{zh}训练花了12天。"), ("ja", f"モデルは6層です。{ja}訓練は12日かかりました。"))]
    assert any(r.startswith("negation/") for r in rules) is told

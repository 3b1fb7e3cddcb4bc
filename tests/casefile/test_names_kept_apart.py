"""A surname of a closed class is withheld where a surname stands; a place in a sentence makes two people no one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import forebear
from bench.names.invent import invent, stock
from bench.names.measure import leaks, published
from forebear.casefile.checks.name_checks import can_sound
from forebear.casefile.folder.folder import load_case
from forebear.casefile.folder.model import CaseFile, Name
from forebear.casefile.privacy.search import search_of
from forebear.casefile.privacy.withheld import Withheld
from forebear.reports.catalogue import LANGUAGES
from forebear.reports.show import rendered

sounds = pytest.mark.skipif(not can_sound(), reason="the extra `cases` is not installed")


def _shown(text: str, language: str, *hidden: str) -> str:
    case = CaseFile("", "", name=tuple(Name(name, "private", pseudonym="Person 1") for name in hidden))
    return Withheld(search_of(case)).shown(text, language)


@sounds
@pytest.mark.parametrize("hidden", ["个淡祠", "個淡祠", "Ge Danci", "Danci Ge", "D. Ge"])
@pytest.mark.parametrize(
    ("form", "language"),
    [(f, "zh") for f in ("老个", "小个", "阿个", "个氏", "个总", "个工", "个博士", "个先生", "個老師", "個總", "老個")]
    + [(f, "ja") for f in ("個氏", "個さん", "個博士")],
)
def test_a_surname_of_a_closed_class_is_withheld_where_a_surname_stands(hidden: str, form: str, language: str) -> None:
    text = f"后来{form}走了。" if language == "zh" else f"その後{form}が帰った。"
    shown = _shown(text, language, hidden)
    assert not {"个", "個"} & {*shown}, shown


@sounds
@pytest.mark.parametrize(
    ("hidden", "text", "stands"),
    [
        (("Ge Danci",), "一个老师说这个总监有3个工程师，是我们的教授。", ("一个", "这个", "3个", "们的")),
        (("Wang De",), "我们的教授和他的总监说，这是的。", ("们的", "他的", "是的")),
        (("Shi Wei", "石伟"), "他是教授。", ("他是教授",)),
        (("张伟", "Zhang Wei"), "老的、小的，我们的教授，一个老师。", ("老的", "小的", "我们的教授", "一个")),
    ],
)
def test_a_character_that_is_nobodys_surname_is_shown_before_titles(
    hidden: tuple[str, ...], text: str, stands: tuple[str, ...]
) -> None:
    shown = _shown(text, "zh", *hidden)
    assert [word for word in stands if word not in shown] == [], shown


@sounds
def test_a_testimony_of_somebody_whose_surname_is_a_measure_word_tells_no_name(tmp_path: Path) -> None:
    pytest.importorskip("opencc")
    table = stock("tenth")
    few = invent(table, 110, people=6)
    assert "个淡祠" in {person.key for person in few.people}
    fixed = "\n".join(map(str, (*table["pattern"], *table["trap"], *table["places"])))
    assert leaks(few, published(few, tmp_path), fixed) == []


def _pseudonyms(folder: Path, zh: str, en: str, **rulings: object) -> dict[str, str]:
    """Name -> pseudonym in a case in which two names stand across from each other, and nothing else does."""
    (folder / "zh.md").write_text(f"{zh}训练了模型。\n\n模型有12层。\n\n{zh}说数据不够。\n", "utf-8")
    (folder / "en.md").write_text(
        f"{en} trained the model.\n\nIt has 12 layers.\n\n{en} said the data was not enough.\n", "utf-8"
    )
    case = folder / "case"
    for language, of, role in (("zh", "", "original"), ("en", "zh", "translation")):
        path = folder / f"{language}.md"
        forebear.case_add(case, path, language=language, id=language, of=of, role=role, trust_language=True)
    forebear.case_align(case)
    forebear.case_names(case, **rulings)  # type: ignore[arg-type]
    return {n.text: n.pseudonym for n in load_case(case).name}


@sounds
@pytest.mark.parametrize(
    ("zh", "en"),
    [
        ("朴瑞妍", "Kim Min-jun"),
        ("阮文雄", "Tran Thi Mai"),
        ("山田太郎", "Suzuki Ichiro"),
        ("陈大文", "Wong Siu Ming"),
        ("王建国", "Zhao Lihua"),
        ("爱丽丝·费舍尔", "Boris Novak"),
    ],
)
@pytest.mark.parametrize("everybody", [True, False])
def test_two_people_in_one_place_of_a_sentence_stay_two(tmp_path: Path, zh: str, en: str, everybody: bool) -> None:
    rulings: dict[str, object] = {"all_private": True} if everybody else {"private": [zh]}
    given = _pseudonyms(tmp_path, zh, en, **rulings)
    assert given[zh]
    assert given[zh] != given[en]
    assert given[en] or not everybody
    document = forebear.case_names(tmp_path / "case")
    assert {zh, en} in [{*pair} for pair in document["across"]]
    texts = ["".join(rendered(document, "text", language).decode().split()) for language in LANGUAGES]
    assert all("".join(en.split()) in text for text in texts)


@sounds
@pytest.mark.parametrize(
    ("zh", "en"),
    [
        ("郗伟明", "Xi Weiming"),
        ("谢志明", "Hsieh Chih-ming"),
        ("山田太郎", "Yamada Taro"),
        ("霧ヶ澄蓮", "Kirigasumi Ren"),
        ("爱丽丝·费舍尔", "Alice Fischer"),
    ],
)
def test_one_person_spelt_in_two_scripts_is_one(tmp_path: Path, zh: str, en: str) -> None:
    given = _pseudonyms(tmp_path, zh, en, all_private=True)
    assert given[zh] == given[en] != ""


@sounds
def test_who_is_hidden_stands_nowhere_in_the_words_of_somebody_across(tmp_path: Path) -> None:
    given = _pseudonyms(tmp_path, "朴瑞妍", "Kim Min-jun", private=["朴瑞妍"], all_private=True)
    said = rendered(forebear.case_report(tmp_path / "case"), "json").decode()
    assert not [word for word in ("瑞妍", "Kim", "jun") if word in said]
    assert {given["朴瑞妍"], given["Kim Min-jun"]} <= {*re.findall(r"Person \d+", said)}

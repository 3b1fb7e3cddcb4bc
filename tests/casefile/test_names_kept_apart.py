"""A surname of a closed class is withheld where a surname stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.names.invent import invent, stock
from bench.names.measure import leaks, published
from forebear.casefile.checks.name_checks import can_sound
from forebear.casefile.folder.model import CaseFile, Name
from forebear.casefile.privacy.search import search_of
from forebear.casefile.privacy.withheld import Withheld

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

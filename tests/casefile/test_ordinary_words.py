"""Words of every day stand open in a report that hides somebody, and names that look like them do not."""

from __future__ import annotations

from pathlib import Path

import pytest

import forebear
from forebear.casefile.checks.name_checks import can_sound
from forebear.casefile.folder.folder import load_case
from forebear.casefile.folder.model import CaseFile, Name
from forebear.casefile.privacy.search import search_of
from forebear.casefile.privacy.withheld import MARK, Withheld
from forebear.reports.catalogue import LANGUAGES
from forebear.reports.show import rendered

extras = pytest.mark.skipif(not can_sound(), reason="the extra `cases` is not installed")


def _shown(*hidden: str, also: str = "") -> Withheld:
    names = tuple(Name(text=n, ruling="private", pseudonym=f"Person {i}") for i, n in enumerate(hidden or ("裘乞丐",), 1))
    return Withheld(search_of(CaseFile("", "", name=names)), own=also)


@extras
@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("ja", "引き継ぐように言われました。"),
        ("ja", "この件はもう聞かないでほしいと言いました。"),
        ("ja", "その後語彙を比較しました。"),
        ("ja", "別のマシンにコピーしました。"),
        ("ja", "値段が高かったので安いものを選んだ。"),
        ("zh", "我做了三年训练工程师。"),
        ("zh", "他在群里对我说。"),
        ("en", "May is the month of rain."),
        ("en", "On Monday the Team Lead of the Department wrote."),
    ],
)
def test_ordinary_words_stand_open_where_nobody_of_that_name_is_hidden(language: str, sentence: str) -> None:
    assert _shown().shown(sentence, language) == sentence


@extras
@pytest.mark.parametrize(
    ("language", "sentence", "name"),
    [
        ("ja", "それは言だった。", "言"),
        ("ja", "言から聞いた。", "言"),
        ("ja", "犯人は言か。", "言"),
        ("ja", "言さくらが来た。", "言"),
        ("ja", "言くんは帰った。", "言"),
        ("ja", "言たちは帰った。", "言"),
        ("ja", "翼だった。", "翼"),
        ("ja", "王だったと思う。", "王"),
        ("ja", "林よりも早い。", "林"),
        ("zh", "方正工程师来了。", "方正"),
        ("zh", "文静老师来了。", "文静"),
        ("zh", "在张里那里见面。", "张里"),
        ("en", "Yesterday May is said to have left.", "May"),
        ("en", "May told me so.", "May"),
        ("en", "Will said no.", "Will"),
        ("en", "The Team Lead Sunny wrote.", "Sunny"),
        ("en", "Mark is the lead.", "Mark"),
    ],
)
def test_a_name_that_nobody_proposed_and_that_looks_like_a_word_is_withheld(language: str, sentence: str, name: str) -> None:
    shown = _shown().shown(sentence, language)
    assert name not in shown
    assert MARK in shown


@extras
@pytest.mark.parametrize(
    ("hidden", "language", "sentence", "name"),
    [
        ("言溪", "ja", "言が、そう言いました。", "言"),
        ("言溪", "ja", "言は別の部屋にいた。", "言"),
        ("郗聞渓", "ja", "聞は来なかった。聞、待って。", "聞"),
        ("後智子", "ja", "その後、後が来た。", "、後が"),
        ("別宮誠", "ja", "別宮の話だ。", "別宮"),
        ("别明", "zh", "别明说不行，老别也说。", "别"),
        ("May Lin", "en", "May is the month, said May.", "May"),
        ("Will Chen", "en", "Will they? Will said so.", "Will"),
        ("Mark Rich", "en", "Mark the date, Mark said.", "Mark"),
        ("Lead Zhang", "en", "The Team Lead said so.", "Lead"),
        ("训练", "zh", "训练工程师来了。", "训练"),
        ("群里", "zh", "在群里说。", "群里"),
    ],
)
def test_no_word_stands_open_that_a_hidden_name_is_made_of(hidden: str, language: str, sentence: str, name: str) -> None:
    assert name not in _shown(hidden).shown(sentence, language)


ACCOUNTS = {
    "zh": "我叫言溪，三年前进了实验室。\n\n别明和闻静在群里说，五月要交报告。\n\n后华问我，马克和威尔去不去。\n\n梅·怀特在五月二日离开，马克·里奇留下。\n\n言溪说不要再问，别明没有说话。\n\n威尔·索恩写了代码，闻静核对。\n",
    "ja": "私は言溪といい、三年前に研究所に入った。\n\n別明と聞静はグループで、五月に報告を出すと言いました。\n\n後華は私に、マークとウィルは行くのかと聞いた。\n\nメイ・ホワイトは五月二日に去り、マーク・リッチは残った。\n\n言溪はもう聞くなと言い、別明は別のことをしていた。\n\nウィル・ソーンがコードを書き、聞静が確かめた。\n",
    "en": "My name is Yan Xi, and I joined the laboratory three years ago.\n\nBie Ming and Wen Jing said in the group chat that the report was due in May.\n\nHou Hua asked me whether Mark and Will would go.\n\nMay White left on 2 May, and Mark Rich stayed.\n\nYan Xi said not to ask again, and Bie Ming did not speak.\n\nWill Thorne wrote the code, and Wen Jing checked it.\n",
}  # fmt: skip
FORMS = {
    "zh": ("言溪", "别明", "闻静", "后华", "马克", "威尔", "怀特", "里奇", "索恩"),
    "ja": ("言溪", "別明", "聞静", "後華", "マーク", "ウィル", "メイ", "ホワイト", "リッチ", "ソーン"),
    "en": ("Yan Xi", "Bie Ming", "Wen Jing", "Hou Hua", "Mark", "Will ", "May White", "Rich", "Thorne", "Xi ", "Bie "),
}


@extras
def test_nobody_of_such_a_name_comes_out_of_a_whole_case(tmp_path: Path) -> None:
    case = tmp_path / "case"
    for language, text in ACCOUNTS.items():
        (tmp_path / f"{language}.txt").write_text(text, "utf-8")
        of = "" if language == "zh" else "zh"
        role = "translation" if of else "original"
        forebear.case_add(
            case, tmp_path / f"{language}.txt", language=language, id=language, role=role, of=of, title="An account", trust_language=True
        )
    forebear.case_align(case)
    forebear.case_check(case)
    forebear.case_names(case, all_private=True)
    assert not [n for n in load_case(case).name if n.ruling == "undecided"]
    document = forebear.case_report(case, all=True)
    outputs = {p.name: p.read_text("utf-8") for p in (case / "report").iterdir()}
    outputs |= {f"{form} {lang}": rendered(document, form, lang).decode() for form in ("text", "json", "html") for lang in LANGUAGES}
    said = {name: text.replace("\\u3000", " ") for name, text in outputs.items()}
    found = [(name, form) for name, text in said.items() for forms in FORMS.values() for form in forms if form in text]
    assert not found, found[:10]

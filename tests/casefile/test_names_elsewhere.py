"""A name that reads as ordinary words is told by the letters of another text: it is withheld, and mostly proposed."""

from __future__ import annotations

from pathlib import Path

import pytest

import forebear
from forebear.casefile.folder.model import CaseFile, Name
from forebear.casefile.naming.candidates import Read, candidates
from forebear.casefile.naming.crossed import crossed
from forebear.casefile.naming.wide import Body
from forebear.casefile.privacy.search import search_of
from forebear.casefile.privacy.sounding import Sounding, latin_parts
from forebear.casefile.privacy.withheld import Withheld
from forebear.reports.show import rendered


def _case(folder: Path, texts: dict[str, str], private: str) -> str:
    """The page and the text of a report on a case of linked texts in which one person is hidden."""
    case = folder / "case"
    for language, text in texts.items():
        (folder / f"{language}.md").write_text(text, "utf-8")
        forebear.case_add(
            case, folder / f"{language}.md", language=language, id=language, of="" if language == "zh" else "zh",
            role="original" if language == "zh" else "translation", trust_language=True,
        )  # fmt: skip
    forebear.case_align(case)
    forebear.case_names(case, private=[private])
    forebear.case_names(case, all_private=True)
    document = forebear.case_report(case)
    return b"".join(rendered(document, form, "en") for form in ("text", "json")).decode()


@pytest.mark.parametrize(
    ("zh", "ja", "en", "form"),
    [
        ("第六幕里和导演忘了词。", "第六幕で和監督が台詞を忘れた。", "In scene six Director He forgot the words.", "和导演"),
        ("会议由今实在场记录。", "会議は今実が記録した。", "Kon Minoru kept the record of the meeting.", "今实"),
        ("报告写完以后南进就走了。", "報告のあと南進が帰った。", "After the report Minami Susumu went home.", "南進"),
        ("钥匙在茶壶导演那里。", "鍵は茶壺監督が持つ。", "The keys are with Coach Chahu, who was there.", "茶壶导演"),
    ],
)
def test_a_name_that_reads_as_words_is_withheld_where_a_linked_text_has_it_in_letters(
    tmp_path: Path, zh: str, ja: str, en: str, form: str
) -> None:
    texts = {
        "zh": f"张伟来了。\n\n{zh}\n\n天气很好。\n",
        "ja": f"張偉が来た。\n\n{ja}\n\n天気がいい。\n",
        "en": f"Zhang Wei came.\n\n{en}\n\nThe weather is fine.\n",
    }
    said = _case(tmp_path, texts, "张伟")
    assert form not in said
    assert "天气" in said or "\\u5929\\u6c14" in said


@pytest.mark.parametrize(
    ("words", "text", "found"),
    [
        ("He Xiang", "和向来了", {"和", "向"}),
        ("Gao Liang", "他高亮显示", {"高", "亮"}),
        ("Mingtian", "说明天气", {"明天"}),
        ("Minami Susumu", "南進する", {"南", "進"}),
        ("Kohakugawa", "琥珀川さん", {"琥珀川"}),
        ("Kitsunegahana", "狐ヶ鼻まで", {"狐ヶ鼻"}),
        ("Kokoro", "こころが", {"こころ"}),
        ("ChahuDeng", "茶壶灯", {"茶壶", "灯"}),
    ],
)
def test_what_reads_as_latin_words_is_found_across_words(words: str, text: str, found: set[str]) -> None:
    pytest.importorskip("pypinyin")
    sounding = Sounding(latin_parts(words) | {w for part in words.split() for w in latin_parts(part)}, everywhere=False)
    assert found <= {text[start:end] for start, end in sounding.spans(text)}


@pytest.mark.parametrize("who", ["裘乞丐", "万小六", "Wan Qian"])
@pytest.mark.parametrize(
    "figure", ["六个人", "千亿参数", "一万三千个", "第六组", "六分之一", "几万", "数千亿", "三万多人", "52万元"]
)
def test_figures_in_characters_are_shown(who: str, figure: str) -> None:
    shown = Withheld(search_of(CaseFile("", "", name=(Name(text=who, ruling="private", pseudonym="Person 1"),))))
    assert figure[:3] in shown.shown(f"当时有{figure}。", "zh")


@pytest.mark.parametrize("form", ["老六", "万老师", "万先生"])
def test_a_numeral_that_is_addressed_is_no_figure(form: str) -> None:
    shown = Withheld(search_of(CaseFile("", "", name=(Name(text="裘乞丐", ruling="private", pseudonym="Person 1"),))))
    assert form not in shown.shown(f"后来{form}走了。", "zh")


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("It was shui_tongxiu who wrote.", "shui_tongxiu"),
        ("The bill goes to YunXiuping now.", "YunXiuping"),
        ("Then laixiu peng called.", "laixiu peng"),
        ("The cup belongs to Zeng, Y.Y.", "Zeng, Y.Y."),
        ("We saw the late Garasuzaka there.", "Garasuzaka"),
        ("He asked Hotarugabuchi's daughter.", "Hotarugabuchi"),
    ],
)
def test_latin_names_are_found_however_they_are_put_together(text: str, form: str) -> None:
    assert any(form in found for found in candidates([Read("en", text)]))


@pytest.mark.parametrize(
    ("language", "text", "word"),
    [
        ("en", "They bought 12 Egret pumps and met at the Lighthouse Theatre.", "Egret"),
        ("en", "They bought 12 Egret pumps and met at the Lighthouse Theatre.", "Lighthouse"),
        ("en", "A letter came from Starbridge today.", "Starbridge"),
        ("zh", "今年订了三台“白鹭”牌水泵。", "白鹭"),
        ("zh", "他在阳朔扛了三年石头。", "阳朔"),
        ("ja", "毎朝、小樽から荷が届く。", "小樽"),
    ],
)
def test_places_and_things_are_told_by_their_grammar(language: str, text: str, word: str) -> None:
    assert not any(word in found or found in word for found in candidates([Read(language, text)]))


def test_a_name_in_letters_shows_the_surname_that_is_a_word_of_a_closed_class() -> None:
    pytest.importorskip("pypinyin")
    found = crossed([("he", "bingri")], [Body("钥匙在和冰日那里。").plain])
    assert found.surnames == {"和"}
    assert found.given == {"冰日"}

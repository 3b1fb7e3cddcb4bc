"""What was found by writing testimonies against the proposals and the masking: counted things, dates, owners, kana of given names,
and what the owner of a case may say of names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

import forebear
from forebear.casefile.checks.name_checks import can_sound
from forebear.casefile.folder.folder import load_case
from forebear.casefile.folder.model import CaseFile, Name
from forebear.casefile.naming.candidates import Read, candidates
from forebear.casefile.privacy.search import search_of
from forebear.casefile.privacy.withheld import MARK, Withheld
from forebear.reports.show import rendered

extras = pytest.mark.skipif(not can_sound(), reason="the extra `cases` is not installed")


def _shown(*hidden: str) -> Withheld:
    names = tuple(Name(text=n, ruling="private", pseudonym=f"Person {i}") for i, n in enumerate(hidden, 1))
    return Withheld(search_of(CaseFile("", "", name=names)))


def _case(folder: Path, texts: Mapping[str, str]) -> Path:
    case = folder / "case"
    for language, text in texts.items():
        (folder / f"{language}.md").write_text(text, "utf-8")
        forebear.case_add(
            case, folder / f"{language}.md", language=language[:2], id=language, of="" if language == "zh" else "zh",
            script="Hant" if language == "zh-hant" else "",
            role="original" if language == "zh" else "translation", trust_language=True,
        )  # fmt: skip
    if len(texts) > 1:
        forebear.case_align(case)
    return case


@pytest.mark.parametrize(
    ("language", "text", "name", "found"),
    [
        ("zh", "我把256张显卡的排期发给了他。", "张", False),
        ("zh", "我们又买了三张显卡。", "张", False),
        ("zh", "周三张伟说不行。", "张伟", True),
        ("zh", "第三张伟没有来。", "张伟", True),
        ("zh", "我们在阳澄湖边见面。", "阳澄", False),
        ("zh", "阳澄说他来了。", "阳澄", True),
        ("zh", "检票口的照片在他那里。", "检票", False),
        ("en", "In Hong Kong there was nobody.", "Hong Kong", False),
        ("en", "They met in Hong Kong in May.", "Hong Kong", False),
        ("en", "It lay in He Yuan's office.", "He Yuan", True),
        ("en", "On the Japanese side nobody spoke.", "Japanese", False),
        ("en", "Liu Chengzhi looked after the data, Liu Bingwen after the tests.", "data, Liu", False),
        ("en", "We called him Brother Xiao. Lingxiao wrote it down.", "Xiao. Lingxiao", False),
        ("en", "We asked Dr. Qu about it.", "Dr. Qu", True),
    ],
)
def test_places_and_counted_things_are_no_candidates_and_people_are(language: str, text: str, name: str, found: bool) -> None:
    assert any(name in c for c in candidates([Read(language, text)])) is found


def test_a_common_noun_before_a_name_is_no_part_of_it_and_a_title_is() -> None:
    found = candidates([Read("en", "The leader Zheng Hao and colleague Qu met Director Wei.")])
    assert {"Zheng Hao", "Qu", "Director Wei"} <= set(found)


@extras
@pytest.mark.parametrize(
    ("language", "sentence", "hidden", "open_words"),
    [
        ("zh", "他在3月18日来了。", "明月", "3月18日"),
        ("zh", "他在五月的会上说了。", "明月", "五月的"),
        ("ja", "彼は3月18日に来ました。", "明月", "3月18日"),
        ("zh", "我把256张图给了他。", "张伟", "256张图"),
        ("zh", "我把256张显卡的表给了他。", "王伟", "256张"),
        ("en", "That was Zhang Wei's opinion.", "Zhang Wei", "]'s opinion"),
    ],
)
def test_dates_counted_things_and_endings_stand_open(language: str, sentence: str, hidden: str, open_words: str) -> None:
    assert open_words in _shown(hidden).shown(sentence, language)


@extras
@pytest.mark.parametrize(
    ("language", "sentence", "hidden", "withheld"),
    [
        ("zh", "明月在三月来了，月月也来了。", "明月", "月月"),
        ("zh", "小五月来了。", "明月", "五月来"),
        ("zh", "张来了。", "张伟", "张来"),
    ],
)
def test_what_names_stays_withheld_beside_them(language: str, sentence: str, hidden: str, withheld: str) -> None:
    assert withheld not in _shown(hidden).shown(sentence, language)


@extras
def test_a_given_name_in_kana_that_is_a_word_is_withheld_where_a_linked_text_hides_it(tmp_path: Path) -> None:
    case = _case(tmp_path, {
        "zh": "张伟来了。\n\n顾问有三位：Mark、Rich 和 Chase。\n\n天气很好。\n",
        "ja": "張偉が来た。\n\n顧問は三人で、マーク、リッチ、チェイスです。\n\nマウスは壊れていました。\n",
        "en": "Zhang Wei came.\n\nThere were three advisers: Mark, Rich and Chase.\n\nThe mouse was broken.\n",
    })  # fmt: skip
    forebear.case_names(case, private=["张伟"])
    forebear.case_names(case, all_private=True)
    said = str(forebear.case_report(case)["segments"]["ja"])
    assert "マーク" not in said
    assert "マウス" in said


@extras
def test_a_name_of_everyday_words_is_told_by_a_translation_of_the_same_original(tmp_path: Path) -> None:
    case = _case(tmp_path, {
        "zh": "张伟来了。\n\n会议由他记录。\n\n天气很好。\n",
        "ja": "張偉が来た。\n\n会議は今実が記録した。\n\n天気がいい。\n",
        "en": "Zhang Wei came.\n\nKon Minoru kept the record of the meeting.\n\nThe weather is fine.\n",
    })  # fmt: skip
    forebear.case_names(case, private=["张伟"])
    forebear.case_names(case, all_private=True)
    said = str(forebear.case_report(case)["segments"]["ja"])
    assert "今実" not in said
    assert "天気" in said


@extras
def test_somebody_whose_name_shares_a_syllable_is_ruled_apart(tmp_path: Path) -> None:
    case = _case(tmp_path, {
        "zh": "戚望舒来了。\n\n黎姝下载了模型。\n", "en": "Qi Wangshu came.\n\nLi Shu downloaded the model.\n",
    })  # fmt: skip
    forebear.case_check(case)
    forebear.case_names(case, private=["戚望舒"], public=["黎姝"])
    forebear.case_names(case, public=["Li Shu"])
    said = {n.text: n.ruling for n in load_case(case).name}
    assert (said["Qi Wangshu"], said["Li Shu"], said["黎姝"]) == ("private", "public", "public")


@extras
def test_the_list_has_the_spelling_of_the_original_and_any_word_of_a_text_can_be_hidden(tmp_path: Path) -> None:
    case = _case(tmp_path, {"zh": "陆秋禾来了。机房里叫他铁算盘。\n", "zh-hant": "陸秋禾來了。機房裡叫他鐵算盤。\n"})
    document = forebear.case_names(case)
    assert [w["name"] for w in document["waiting"]] == ["陆秋禾"]
    forebear.case_names(case, private=["陸秋禾", "铁算盘"])
    said = rendered(forebear.case_report(case), "html", "en").decode()
    assert not {"陆秋禾", "陸秋禾", "铁算盘", "鐵算盤"} & {w for w in ("陆秋禾", "陸秋禾", "铁算盘", "鐵算盤") if w in said}


@extras
def test_what_is_not_looked_for_is_said_where_texts_were_compared_and_nowhere_else(tmp_path: Path) -> None:
    case = _case(tmp_path, {"zh": "陆秋禾来了。\n", "en": "Lu Qiuhe came.\n"})

    def keys(document: Mapping[str, object]) -> set[str]:
        return {one["key"] for one in document["limits"] if isinstance(one, Mapping)}  # type: ignore[attr-defined]

    assert "case.by_form" not in keys(forebear.case_names(case)) | keys(forebear.case_align(case))
    assert "case.by_form" in keys(forebear.case_check(case))
    assert "case.by_form" not in keys(forebear.case_names(case, all_private=True))
    assert "case.by_form" in keys(forebear.case_report(case))


@extras
def test_the_page_of_a_list_of_names_holds_the_names_and_one_of_marks_has_a_heading(tmp_path: Path) -> None:
    case = _case(tmp_path, {"zh": "陆秋禾来了。\n", "en": "Lu Qiuhe came.\n"})
    page = rendered(forebear.case_names(case), "html", "en").decode()
    assert "Lu Qiuhe" in page
    assert "None is listed" not in page
    forebear.case_check(case)
    forebear.case_names(case, all_private=True)
    document = forebear.case_report(case)
    page = rendered({**document, "title": MARK}, "html", "en").decode()
    assert "<h1>Case file</h1>" in page
    assert "en-Latn" not in page
    assert ">English<" in page


@extras
def test_findings_that_say_the_same_stand_in_one_line_of_the_list(tmp_path: Path) -> None:
    case = _case(tmp_path, {"zh": "陆秋禾来了。\n", "en": "Lu Qiuhe came.\n"})
    forebear.case_check(case)
    forebear.case_names(case, all_private=True)
    document = forebear.case_report(case)
    one = {"rule": "number/value", "category": "number", "severity": "major", "deviates": "en", "key": "k", "left": "zh", "right": "en",
           "quotes": {"zh": "[Person 1]", "en": "[Person 1]"}, "segments": {"zh": [0], "en": [0]}, "why": "x", "told": True, "id": "",
           "targets": [], "ruling": None, "spans": {}}  # fmt: skip
    page = rendered({**document, "findings": [one] * 40}, "html", "en").decode()
    assert page.count("<li value=") == 1
    assert page.count('id="f') == 41  # forty findings in their places, and the heading "findings"

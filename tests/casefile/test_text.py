"""From source to segments and citations: what is text, where it is cut, and how a quotation is found again."""

from __future__ import annotations

import time

import pytest

from forebear.casefile.text.extract import extract
from forebear.casefile.text.scripts import fold, is_japanese_form, standard_of
from forebear.casefile.text.segments import segments, sentences
from forebear.casefile.text.selectors import Citation, cite, locate


def _cut(text: str, language: str) -> list[str]:
    return [text[a:b].strip() for a, b in sentences(text, language)]


def test_markdown_gives_blocks_emphasis_and_says_what_it_removed() -> None:
    text = "---\ntitle: x\n---\n# 标题\n\n正文**重点**在[此](http://a/b)。\n\n> 引文\n\n- 一项\n\n```\nx = 1\n```\n"
    out = extract(text, "text/markdown")
    assert [b.kind for b in out.blocks] == ["front-matter", "heading", "paragraph", "quote", "item", "code"]
    assert [out.text[a:b] for a, b in out.emphasis] == ["重点"]
    assert "正文重点在此。" in out.text
    assert [(r.what, r.begins) for r in out.removed] == [("link address", "http://a/b")]


def test_a_snake_case_name_and_a_product_are_no_emphasis() -> None:
    out = extract("max_layer_count is 2 * 3 * 4 here.", "text/markdown")
    assert out.emphasis == []
    assert out.text == "max_layer_count is 2 * 3 * 4 here."


def test_html_records_scripts_hidden_parts_and_comments() -> None:
    page = (
        "<html><head><title>t</title></head><body><nav>menu</nav><h2>Head &amp; line</h2><p>One <b>bold</b> word.</p>"
        '<p style="display:none">secret</p><!-- gone --><script>alert("x")</script><ul><li>item</ul></body></html>'
    )
    out = extract(page, "text/html")
    assert [(b.kind, out.text[b.start : b.end]) for b in out.blocks] == [
        ("heading", "Head & line"), ("paragraph", "One bold word."), ("item", "item"),
    ]  # fmt: skip
    assert [out.text[a:b] for a, b in out.emphasis] == ["bold"]
    assert [(r.what, r.begins) for r in out.removed] == [
        ("head", "t"), ("nav", "menu"), ("hidden p", "secret"), ("comment", "gone"), ("script", 'alert("x")'),
    ]  # fmt: skip


def test_a_part_left_open_to_the_end_is_said() -> None:
    out = extract("<p>Shown.</p><aside>never closed, with more words", "text/html")
    assert out.text == "Shown."
    assert out.removed[0].what == "aside never closed"


@pytest.mark.parametrize(
    ("language", "text", "wanted"),
    [
        ("zh", "他说：「没有。」我不信。真的？是！", ["他说：「没有。」", "我不信。", "真的？", "是！"]),
        ("ja", "「知らない。」と彼は言った。次の日だった。", ["「知らない。」と彼は言った。", "次の日だった。"]),
        ("zh", "模型有 3.5 亿参数。训练用了v1.2版。", ["模型有 3.5 亿参数。", "训练用了v1.2版。"]),
        ("en", "It had 3.5 billion. Dr. Lee left. See e.g. Fig. 2. \"Done.\" Then 4 came.",
         ["It had 3.5 billion.", "Dr. Lee left.", "See e.g. Fig. 2.", '"Done."', "Then 4 came."]),
        ("en", "Version v1.2 is out. no split here", ["Version v1.2 is out. no split here"]),
    ],
)  # fmt: skip
def test_sentences_end_where_a_reader_ends_them(language: str, text: str, wanted: list[str]) -> None:
    assert _cut(text, language) == wanted


def test_code_and_front_matter_are_no_testimony() -> None:
    out = extract("---\na: b\n---\n第一句。第二句。\n\n```\nprint(1)\n```\n", "text/markdown")
    found = segments(out, "zh")
    assert [s.text for s in found] == ["第一句。", "第二句。"]
    assert all(out.text[s.start : s.end] == s.text for s in found)


def test_folding_joins_the_three_forms_of_a_character_and_keeps_length() -> None:
    assert fold("發現東亞經濟氣") == fold("发现东亚经济气") == fold("発現東亜経済気")
    assert fold("abc漢字かな") == "abc汉字かな"
    assert (standard_of("们"), standard_of("們"), standard_of("人")) == ("Hans", "Hant", "")
    assert is_japanese_form("気")
    assert not is_japanese_form("们")


TEXT = "甲说模型有八十层。乙说模型有八十二层。丙说没有人数过。甲说模型有八十层。"


def test_a_citation_is_found_where_it_was_and_where_it_went() -> None:
    citation = cite("zh", TEXT, 9, 19)
    assert citation.exact == "乙说模型有八十二层。"
    assert locate(citation, TEXT).how == "position"
    moved = locate(citation, "编者按。\n" + TEXT)
    assert (moved.how, moved.start, moved.ok) == ("moved", 14, True)


def test_a_repeated_quotation_is_told_apart_by_its_context_or_called_ambiguous() -> None:
    citation = cite("zh", TEXT, 27, 36)
    edited = "新加的一句。" + TEXT
    found = locate(citation, edited)
    assert (found.how, found.start) == ("context", 33)
    alone = cite("zh", "同。", 0, 2)
    assert locate(alone, "甲同。同。乙同。").how == "ambiguous"


def test_a_citation_says_when_its_words_changed_or_went() -> None:
    citation = cite("zh", TEXT, 9, 19)
    changed = locate(citation, TEXT.replace("八十二层", "九十二层"))
    assert (changed.how, changed.ok) == ("edited", False)
    gone = locate(citation, "完全不同的另一篇文字，谈的是天气和海。")
    assert (gone.how, gone.start, gone.ok) == ("lost", -1, False)
    assert citation.as_json()["selector"][1] == {"type": "TextPositionSelector", "start": 9, "end": 19}  # type: ignore[index]


def test_an_empty_quotation_is_lost_and_long_ones_are_looked_for_in_little_time() -> None:
    for text in ("", "a", "同" * 50):
        assert locate(Citation("s", "", "", "", -1, -1), text).how in ("lost", "position", "moved", "ambiguous")
    start = time.process_time()
    for _ in range(20):
        locate(Citation("s", "ab" * 1000 + "c", "", "", -1, -1), "ab" * 3000 + "d")
    assert time.process_time() - start < 10

"""Sentences find their counterparts: merged, split, missing, added, and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from forebear.casefile.bitext.align import Link
from forebear.casefile.bitext.anchors import anchors
from forebear.casefile.bitext.bitext import align_texts
from forebear.casefile.bitext.learn import align_learning
from forebear.casefile.bitext.translations import words
from forebear.casefile.folder.model import Correction
from forebear.casefile.text.selectors import cite
from forebear.core.errors import RefusedError
from tests.casefile.texts import FIVE_EN as EN
from tests.casefile.texts import FIVE_ZH as ZH
from tests.casefile.texts import text


def _links(zh: str, en: str, *corrections: Correction) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    return [(k.left, k.right) for k in align_texts(text("o", "zh", zh), text("t", "en", en, of="o"), corrections)]


def test_equal_texts_are_linked_one_to_one() -> None:
    assert _links(ZH, EN) == [((i,), (i,)) for i in range(5)]


def test_a_missing_sentence_is_a_gap_and_the_rest_stays_linked() -> None:
    assert _links(ZH, EN.replace("Training took 12 days. ", "")) == [
        ((0,), (0,)), ((1,), (1,)), ((2,), ()), ((3,), (2,)), ((4,), (3,)),
    ]  # fmt: skip


def test_an_added_sentence_is_a_gap_on_the_other_side_or_joined_to_its_neighbour() -> None:
    more = EN.replace("Training", "Nobody had expected such weather on the long white road that year. Training")
    alone, joined = [(0, 0), (1, 1), (2, 3), (3, 4), (4, 5)], [(0, 0), (2, 3), (3, 4), (4, 5)]
    assert [(a[0], b[0]) for a, b in _links(ZH, more) if len(a) == len(b) == 1] in (alone, joined)


def test_two_sentences_made_one_are_linked_together() -> None:
    merged = EN.replace("12 days. The team had", "12 days, and the team had")
    assert _links(ZH, merged)[2] == ((2, 3), (2,))


def test_a_hand_correction_is_kept_and_a_wrong_one_is_named() -> None:
    by_hand = Correction("o", "t", ("数据来自3家公司",), ("The team had 15 people",), by="reader")
    links = align_texts(text("o", "zh", ZH), text("t", "en", EN, of="o"), (by_hand,))
    assert Link((1,), (3,), 1.0, "hand") in links
    assert sorted(i for k in links for i in k.left) == list(range(5))
    with pytest.raises(RefusedError, match="is nowhere in t"):
        _links(ZH, EN, Correction("o", "t", ("数据来自3家公司",), ("words that are not there",)))
    crossing = Correction("o", "t", ("团队有15个人",), ("The model has 6 layers",))
    with pytest.raises(RefusedError, match="cross or overlap"):
        align_texts(text("o", "zh", ZH), text("t", "en", EN, of="o"), (by_hand, crossing))


def test_an_editors_note_is_linked_with_nothing() -> None:
    noted = EN.replace("Training", "(Translator's note: nothing of this is in the original.) Training")
    assert ((), (2,)) in _links(ZH, noted)


def test_two_hundred_paragraphs_survive_random_merging_and_splitting(rng: np.random.Generator) -> None:
    words = [
        "模型 model",
        "数据 data",
        "公司 company",
        "报告 report",
        "权重 weight",
        "会议 meeting",
        "邮件 email",
        "代码 code",
    ]
    zh, en = [], []
    owner: list[set[int]] = []
    for _ in range(200):
        a, b = (words[int(k)].split() for k in rng.choice(len(words), 2, replace=False))
        number = int(rng.integers(100, 99999))
        zh.append(f"第{number}次{a[0]}之后，{b[0]}都被检查过了。")
        en.append(f"After {a[1]} number {number} every {b[1]} had been checked.")
    merged: list[str] = []
    for n, line in enumerate(en):
        if merged and rng.random() < 0.15:
            merged[-1] += " " + line
            owner[-1].add(n)
        else:
            merged.append(line)
            owner.append({n})
    links = align_texts(text("o", "zh", "\n\n".join(zh)), text("t", "en", "\n\n".join(merged), of="o"))
    got = {(i, j) for k in links for i in k.left for j in k.right}
    # a paragraph of several sentences holds the segments that were merged into it, in order
    assert got == {(n, n) for n in range(200)}


def test_nothing_to_align_gives_gaps_only() -> None:
    assert _links("只有一句。", "# ") == [((0,), ())]


def test_the_number_of_an_article_is_an_anchor_and_an_idiom_is_none() -> None:
    assert anchors("第八条", "zh")["n:8"] == 1
    assert anchors("第三條", "zh")["n:3"] == 1
    assert anchors("Article 8", "en")["n:8"] == 1
    assert not [k for k in anchors("第三者说的", "zh") if k.startswith("n:")]


def test_a_short_segment_that_recurs_is_learned_whole_and_a_long_one_is_not() -> None:
    assert "=Table of Contents" in words("Table of Contents", "en")
    assert "=目录" in words("目录", "zh")
    assert not [w for w in words("这一段话很长，" * 9, "zh") if w.startswith("=")]


def test_recurring_headings_before_long_paragraphs_keep_their_partners() -> None:
    tail = "is told here at some length, so that the paragraph is far longer than its heading."
    left, right = [], []
    for i in range(12):
        left += ["Table of Contents", f"The topic of part {i + 20} {tail}"]
        right += ["目录", f"第{i + 20}部分的主题在这里讲得比较详细，所以这一段比它的标题长得多。"]
    links, _ = align_learning([(t, anchors(t, "en")) for t in left], [(t, anchors(t, "zh")) for t in right], "en", "zh")
    assert [(k.left, k.right) for k in links] == [((i,), (i,)) for i in range(24)]


def test_signs_of_code_are_anchors_in_every_language() -> None:
    assert anchors("<<: less than;", "en")["s:<<"] == 1
    assert anchors("<< はより低いことを意味します。", "ja")["s:<<"] == 1
    assert not [k for k in anchors("a - b, <b> ====", "en") if k.startswith("s:")]


def test_five_short_paragraphs_and_their_one_are_one_link_without_gaps() -> None:
    zh = "你走了。\n\n他来了。\n\n门开了。\n\n灯亮了。\n\n没人说话。\n\n模型有6层，训练花了12天。"
    en = "You left. He came. The door opened. The light went on. Nobody spoke.\n\nThe model has 6 layers; training took 12 days."
    links = _links(zh, en)
    assert all(a and b for a, b in links)
    assert links[-1] == ((5,), (5,))


@pytest.mark.parametrize("count", [6, 8])
def test_up_to_eight_paragraphs_are_one(count: int) -> None:
    zh = "\n\n".join(f"第{n}项是{n * 37}个，记在账上" for n in range(11, 11 + count)) + "\n\n会议在别处开过了。"
    en = ", ".join(f"item {n} is {n * 37}, kept on the books" for n in range(11, 11 + count)) + "\n\nThe meeting was held elsewhere."
    assert _links(zh, en) == [(tuple(range(count)), (0,)), ((count,), (1,))]
    assert _links(zh.replace("\n\n会议", "。\n\n会议"), en)[0][1] == (0,)


def test_the_context_of_a_quotation_cuts_no_latin_word() -> None:
    words = "Nobody there ever said what Barnaby Thornquist kept in the old red box by the door."
    for start in range(len(words)):
        cited = cite("o", words, start, start + 3)
        before, after = words[: start - len(cited.prefix)], words[start + 3 + len(cited.suffix) :]
        assert not (before[-1:].isalpha() and cited.prefix[:1].isalpha())
        assert not (after[:1].isalpha() and cited.suffix[-1:].isalpha())
        assert len(cited.prefix) > 20 or start < 32

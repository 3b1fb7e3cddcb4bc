"""Words that translators put for one another, and what they say of a sentence's place (decision 0120)."""

from __future__ import annotations

from bench.case_words import learn, lines
from forebear.casefile.bitext.align import Link
from forebear.casefile.bitext.meant import both_ways
from forebear.casefile.bitext.translations import surely_of, table, touching, words
from tests.casefile.texts import text

EN = "Open the file before you start.\n\nThe server needs more memory.\n\nEvery user can change the password."
ZH = "开始之前请打开文件。\n\n服务器需要更多内存。\n\n每个用户都可以修改密码。"


def test_a_sentence_has_evidence_in_its_place_and_none_in_another() -> None:
    sides = text("o", "en", EN), text("t", "zh", ZH, of="o")
    both = both_ways(*sides, [Link((i,), (i,), 0.9) for i in range(3)], 1.0)
    assert both is not None
    for meant in both:
        for i in range(3):
            logs = [meant.evidence(i, (j,)).log for j in range(3)]
            assert logs[i] > 0 > max(x for j, x in enumerate(logs) if j != i)


def test_figures_that_a_place_lacks_speak_against_it_unless_they_are_what_is_tested() -> None:
    sides = text("o", "en", "It needs 48 servers."), text("t", "zh", "它需要84台服务器。", of="o")
    both = both_ways(*sides, [Link((0,), (0,), 0.9)], 1.0)
    assert both is not None
    assert both[0].evidence(0, (0,)).log < both[0].evidence(0, (0,), lacking=False).log


def test_two_texts_in_one_language_have_no_words_to_be_told_by() -> None:
    assert both_ways(text("o", "zh", ZH), text("t", "zh", ZH, of="o"), [], 1.0) is None


def test_words_that_call_for_one_another_do_so_both_ways() -> None:
    assert "文件" in surely_of(words("file", "en"), "en", "zh")
    assert "file" in surely_of(words("文件", "zh"), "zh", "en")
    assert touching("the deleted files", 4, 7, "en") >= {"delet"}
    assert touching("可以删除文件", 3, 4, "zh") == {"删除", "除文", "=删除", "=除文"}


def test_every_word_of_the_table_has_a_share_and_others() -> None:
    assert set(table()) == {(a, b) for a in ("en", "ja", "zh") for b in ("en", "ja", "zh") if a != b}
    assert all(0.2 <= share <= 0.98 and others for known in table().values() for share, others in known.values())


def test_words_are_learned_from_sentences_and_written_as_they_are_read() -> None:
    pairs = [(frozenset({"file", w}), frozenset({"文件", z})) for w, z in [("open", "打开"), ("clos", "关闭"), ("mov", "移动")] * 4]
    learned = learn([(x | {str(i)}, y | {str(i)}) for i, (x, y) in enumerate(pairs)])
    assert max(learned["file"][1], key=learned["file"][1].__getitem__) == "文件"
    assert max(learned["open"][1], key=learned["open"][1].__getitem__) == "打开"
    assert "\nopen\t" in lines({("en", "zh"): learned}, ["a"])

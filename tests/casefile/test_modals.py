"""A predicate said on one side and denied on the other, and passages that only one text has."""

from __future__ import annotations

import pytest

from forebear.casefile.bitext.align import Link
from forebear.casefile.checks.checker import check_case
from forebear.casefile.checks.findings import Finding
from forebear.casefile.checks.pair import Knowledge
from forebear.casefile.checks.passages import LEAST
from tests.casefile.texts import rules_of, text


@pytest.mark.parametrize(
    ("left", "wrong", "right"),
    [
        (("en", "You can delete the folder."), ("zh", "你不能删除这个文件夹。"), ("zh", "你可以删除这个文件夹。")),
        (("en", "You cannot delete the folder."), ("zh", "你可以删除这个文件夹。"), ("zh", "你无法删除这个文件夹。")),
        (("en", "You can delete the folder."), ("ja", "そのフォルダは削除できません。"), ("ja", "そのフォルダは削除できます。")),
        (("en", "You do not need to restart it."), ("ja", "再起動する必要があります。"), ("ja", "再起動する必要はありません。")),
        (("en", "You need to restart it."), ("zh", "不需要重启。"), ("zh", "需要重启。")),
        (("en", "You should not share the key."), ("zh", "你应该共享密钥。"), ("zh", "你不应共享密钥。")),
        (("en", "It supports two formats."), ("ja", "二つの形式には対応していません。"), ("ja", "二つの形式に対応しています。")),
        (("zh", "这个文件不存在。"), ("en", "The file exists."), ("en", "The file does not exist.")),
        (("zh", "我们建议升级。"), ("en", "We do not recommend an upgrade."), ("en", "We recommend an upgrade.")),
    ],
)
def test_a_predicate_denied_on_one_side_only_is_found(left: tuple[str, str], wrong: tuple[str, str], right: tuple[str, str]) -> None:
    assert "negation/modal" in rules_of(left, wrong)
    assert "negation/modal" not in rules_of(left, right)


@pytest.mark.parametrize(
    ("left", "fine"),
    [
        (("en", "You can only leave by the gate."), ("zh", "除了大门，你不能从别处离开。")),
        (("en", "Can you delete it?"), ("zh", "不能删除吗？")),
        (("en", "Without a key you can do little."), ("ja", "鍵がなければ何もできません。")),
        (("zh", "必须先登录才能继续。"), ("en", "You cannot go on without signing in.")),
        (("en", "Whether it can be opened is unknown."), ("zh", "能否打开尚不清楚。")),
    ],
)
def test_what_turns_a_sentence_round_is_no_contradiction(left: tuple[str, str], fine: tuple[str, str]) -> None:
    assert "negation/modal" not in rules_of(left, fine)


LINES = [f"Room {i} has {i + 40} windows and a door of heavy oak that nobody opens." for i in range(11, 31)]
CHINESE = [f"{i}号房间有{i + 40}扇窗，还有一扇没有人打开的厚橡木门。" for i in range(11, 31)]


def _found(left: list[str], right: list[str], links: list[Link]) -> list[Finding]:
    texts = {"o": text("o", "en", "\n\n".join(left)), "t": text("t", "zh", "\n\n".join(right), of="o")}
    return check_case(texts, {("o", "t"): links}, Knowledge())


def _one_to_one(lefts: list[int], rights: list[int]) -> list[Link]:
    return [Link((i,), (j,), 0.9) for i, j in zip(lefts, rights, strict=True)]


def test_sentences_left_out_in_a_row_are_one_finding_with_all_of_them() -> None:
    links = [*_one_to_one([*range(8)], [*range(8)]), *(Link((i,), (), 0.0) for i in range(8, 14)), *_one_to_one([*range(14, 20)], [*range(8, 14)])]
    found = [f for f in _found(LINES, CHINESE[:8] + CHINESE[14:], links) if f.rule.startswith("omission/")]
    assert [(f.rule, f.left_segments) for f in found] == [("omission/passage", tuple(range(8, 14)))]
    assert found[0].left_quote == "\n\n".join(LINES[8:14])


def test_sentences_added_in_a_row_are_one_finding_with_all_of_them() -> None:
    links = [*_one_to_one([*range(8)], [*range(8)]), *(Link((), (j,), 0.0) for j in range(8, 14)), *_one_to_one([*range(8, 14)], [*range(14, 20)])]
    found = [f for f in _found(LINES[:8] + LINES[14:], CHINESE, links) if f.rule.startswith("addition/")]
    assert [(f.rule, f.right_segments) for f in found] == [("addition/passage", tuple(range(8, 14)))]


def test_fewer_than_a_passage_stay_sentences() -> None:
    some = LEAST - 1
    links = [*_one_to_one([*range(8)], [*range(8)]), *(Link((i,), (), 0.0) for i in range(8, 8 + some)), *_one_to_one([*range(8 + some, 20)], [*range(8, 20 - some)])]
    found = [f for f in _found(LINES, CHINESE[:8] + CHINESE[8 + some :], links) if f.rule.startswith("omission/")]
    assert [f.rule for f in found] == ["omission/sentence"] * some


def test_a_gap_beside_a_gap_of_the_other_side_makes_no_passage() -> None:
    links = [Link((i,), (), 0.0) for i in range(20)] + [Link((), (j,), 0.0) for j in range(20)]
    found = _found(LINES, CHINESE, links)
    assert {f.rule for f in found if f.rule.split("/")[0] in ("omission", "addition")} == {"omission/sentence", "addition/sentence"}


@pytest.mark.parametrize(
    ("left", "fine"),
    [
        (("en", "If you must handle XML, the tool is old but good."), ("ja", "XMLを扱わなくてはならないなら、この道具は古いが良い。")),
        (("en", "The element will be equal to the value."), ("ja", "要素は値と等しくなります。")),
        (("en", "And the more exotic ones:"), ("zh", "以及更少见的：")),
        (("en", "It scales to 11 Million users."), ("zh", "它可扩展到1100万用户。")),
        (("en", "English, 简体中文, 日本語"), ("ja", "英語、简体中文、日本語")),
    ],
)
def test_what_readers_found_false_is_not_found(left: tuple[str, str], fine: tuple[str, str]) -> None:
    assert rules_of(left, fine) == []

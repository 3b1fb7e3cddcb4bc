"""Every kind of departure that the checker once read wrongly, with the right answer; sentences of our own, one a kind.

What belongs to names, alignment and rulings has its tests there.
"""

from __future__ import annotations

import pytest

from forebear.casefile.bitext.bitext import align_texts
from forebear.casefile.checks.checker import check_case
from forebear.casefile.checks.conversion import can_convert
from forebear.casefile.checks.findings import Finding
from forebear.casefile.checks.name_checks import can_sound
from forebear.casefile.checks.names import with_candidates
from forebear.casefile.checks.pair import Knowledge
from forebear.casefile.folder.model import CaseFile
from tests.casefile.texts import text

sound = pytest.mark.skipif(not can_sound(), reason="pypinyin (extra `cases`) is not installed")
opencc = pytest.mark.skipif(not can_convert(), reason="OpenCC (extra `cases`) is not installed")


def _found(left: tuple[str, str], right: tuple[str, str], conversion: str = "") -> list[Finding]:
    """Findings of two texts, names proposed first as `case check` does."""
    texts = {"o": text("o", *left), "t": text("t", *right, of="o", conversion=conversion)}
    named = with_candidates(CaseFile("", ""), texts.values())
    return check_case(texts, {("o", "t"): align_texts(texts["o"], texts["t"])}, Knowledge(named.name, ()))


def _kinds(left: tuple[str, str], right: tuple[str, str], conversion: str = "") -> list[str]:
    """Kinds of what was found, told or counted as to look at."""
    return [f.rule for f in _found(left, right, conversion)]


@pytest.mark.parametrize(
    ("zh", "language", "right"),
    [
        ("主要训练52Bmoe模型。", "ja", "主に52B MoEモデルを訓練した。"),
        ("用的是9b的模型。", "ja", "9Bのモデルを使った。"),
        ("千帆团队用百川模型和万卷数据。", "ja", "QianfanチームはBaichuanモデルとWanJuanデータを使った。"),
        ("千亿参数的模型。", "en", "a hundred-billion-parameter model."),
        ("第七小队已经解散。", "en", "The seventh team has been dissolved."),
        ("有一天他来了。", "en", "One day he came."),
        ("岳军说代码还在。", "en", "Yue Jun said that the code was still there."),
        ("难道没有人知道吗？", "ja", "誰も知らないはずがない。"),
        ("配置完全不一样。", "en", "The configuration is completely different."),
        ("1. 数据。\n\n2. 代码。\n\n3. 结果。", "ja", "一、データ。\n\n二、コード。\n\n三、結果。"),
        ("过了一周。", "en", "Seven days passed."),
    ],
)
def test_what_is_right_is_left_alone(zh: str, language: str, right: str) -> None:
    assert _kinds(("zh", zh), (language, right)) == []


@pytest.mark.parametrize(
    ("zh", "language", "wrong", "rule"),
    [
        ("千亿级别的模型。", "ja", "億級のモデル。", "number/magnitude"),
        ("百亿参数的模型。", "en", "a hundred-billion-parameter model.", "number/magnitude"),
        ("第七小队已经解散。", "en", "The seventeenth team has been dissolved.", "number/value"),
        ("训了没几天。", "en", "It was trained for only a few weeks.", "unit/changed"),
        ("一天之内写完了。", "en", "It was finished within a week.", "unit/changed"),
        ("并没有换词表。", "ja", "語彙を置き換えた。", "negation/polarity"),
        ("他们声称是自己训的。", "ja", "自分たちで訓練した。", "certainty/hedge"),
        ("据说代码已经删了。", "ja", "コードはもう消された。", "certainty/hedge"),
        ("可能是别人给的。", "en", "It came from somebody else.", "certainty/hedge"),
        ("配置完全不一样。", "en", "The configuration is the same.", "contradiction/opposite"),
        ("最后一个还在。", "ja", "最初の一つはまだある。", "contradiction/opposite"),
        ("40B失败了，90B成功了。", "en", "The 90B failed, the 40B succeeded.", "number/order"),
        ("改自甲公司的Alpha 7B。", "en", "An adaptation of company A's Beta 7B.", "term/changed"),
        ("先续训，再微调。", "ja", "まずファインチューニング、次にファインチューニング。", "glossary/one-for-two"),
        ("我们做了蒸馏。", "ja", "量子化を行った。", "glossary/confused"),
        ("代码还在。", "ja", "コードはまだある。\n\n**編集部注:** 原文のまま。", "note/editor"),
        ("代码还在。", "en", "The code is still there.\n\nTranslator's note: a pun.", "note/editor"),
        ("他们的外壳。", "ja", "彼らの外壳。", "script/foreign"),
    ],
)
def test_what_is_wrong_is_kinds(zh: str, language: str, wrong: str, rule: str) -> None:
    assert _kinds(("zh", zh), (language, wrong)) == [rule]


def test_the_negation_critical_certainty_major() -> None:
    severity = {f.rule: f.severity for f in _found(("zh", "据说代码已经删了。"), ("ja", "コードはもう消された。"))}
    assert severity == {"certainty/hedge": "major"}
    (found,) = _found(("zh", "千亿级别的模型。"), ("ja", "億級のモデル。"))
    assert found.severity == "critical"


def test_a_product_that_changed_between_two_texts_in_one_language_is_kinds() -> None:
    known = "They took Heron and left.\n\nIt was an adaptation of Heron."
    texts = {"o": text("o", "zh", "他们拿了Heron就走。\n\n它改自Heron。"), "a": text("a", "en", known, of="o"),
             "b": text("b", "en", known.replace("adaptation of Heron", "adaptation of Plover"), of="o")}  # fmt: skip
    links = {p: align_texts(texts[p[0]], texts[p[1]]) for p in (("o", "a"), ("o", "b"), ("a", "b"))}
    changed = {(f.left, f.right): f.deviates for f in check_case(texts, links, Knowledge()) if f.rule == "term/changed"}
    assert changed == {("o", "b"): "b", ("a", "b"): "b"}


def test_two_forms_for_one_term_are_to_be_looked_at() -> None:
    pair = ("zh", "实验室有9个人。实验室在4楼。"), ("ja", "研究所には9人いる。ラボは4階にある。")
    assert [(f.rule, f.left_quote, f.right_quote, f.told) for f in _found(*pair)] == [
        ("glossary/inconsistent", "实验室", "ラボ", False)
    ]
    assert _found(pair[0], ("ja", "研究所には9人いる。研究所は4階にある。")) == []


@opencc
def test_a_conversion_has_the_terms_of_the_field_and_no_word_across_a_border() -> None:
    zh = ("zh", "模型的参数很多。")
    assert _kinds(zh, ("hant", "模型的引數很多。"), "s2twp") == ["conversion/term"]
    assert _kinds(zh, ("hant", "模型的參數很多。"), "s2twp") == []
    zh = ("zh", "团队的士气很低。")
    assert _kinds(zh, ("hant", "團隊計程車氣很低。"), "s2twp") == ["conversion/cut"]
    assert _kinds(zh, ("hant", "團隊的士氣很低。"), "s2twp") == []
    zh = ("zh", "微软的代码。")
    assert _kinds(zh, ("hant", "微軟體的代碼。"), "s2tw") == ["conversion/differs"]
    assert _kinds(("zh", "第一，数据；第二，日志。"), ("hant", "第一, 數據; 第二, 日誌."), "s2tw") == []


@sound
def test_names_of_one_sound_are_told_from_right_ones() -> None:
    assert _kinds(("zh", "内部叫“天枢”。"), ("ja", "社内では「天書」と呼ばれた。")) == ["name/homophone"]
    assert _kinds(("zh", "内部叫“天枢”。"), ("ja", "社内では「天枢」と呼ばれた。")) == []
    zh = ("zh", "郗伟明写了代码。后来郗伟明走了。")
    assert "name/homophone" in _kinds(zh, ("ja", "郗偉明がコードを書いた。後に希偉明は去った。"))
    assert _kinds(zh, ("ja", "郗偉明がコードを書いた。後に郗偉明は去った。")) == []


def test_a_numeral_in_an_alias_is_no_figure() -> None:
    from forebear.casefile.folder.model import Alias

    texts = {"o": text("o", "zh", "三千院公司给了数据。"), "t": text("t", "en", "Sanzen gave the data.", of="o")}
    links = {("o", "t"): align_texts(texts["o"], texts["t"])}
    known = Knowledge((), (Alias(("三千院公司", "Sanzen"), "company"),))
    assert check_case(texts, links, known) == []

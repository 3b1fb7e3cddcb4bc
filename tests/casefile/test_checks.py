"""Every rule finds its discrepancy and leaves the sentence beside it alone."""

from __future__ import annotations

import pytest

from forebear.casefile.checks.conversion import can_convert, convert
from forebear.casefile.checks.findings import rules
from forebear.casefile.checks.name_checks import can_sound
from forebear.casefile.checks.pair import Knowledge
from forebear.casefile.folder.model import Alias, Name
from tests.casefile.texts import FIVE_EN, FIVE_ZH, found, rules_of
from tests.said import text

LIN = Knowledge(
    names=(Name("林若谷", "private"), Name("沈砚秋", "private")), aliases=(Alias(("夜航船", "Night Boat"), "code"),)
)
sound = pytest.mark.skipif(not can_sound(), reason="pypinyin (extra `cases`) is not installed")
opencc = pytest.mark.skipif(not can_convert(), reason="OpenCC (extra `cases`) is not installed")


@pytest.mark.parametrize(
    ("zh", "language", "wrong", "right", "rule"),
    [
        ("它有1350亿参数。", "ja", "それは135億パラメータだ。", "それは1,350億パラメータだ。", "number/magnitude"),
        ("它有千亿参数。", "ja", "それは億パラメータ、数百Bだ。", "それは千億パラメータだ。", "number/value"),
        ("词表有512个词。", "en", "The vocabulary has 521 words.", "The vocabulary has 512 words.", "number/value"),
        ("会在2031年3月5日开。", "en", "It opens on 5 May 2031.", "It opens on 5 March 2031.", "date/value"),
        ("每次不超过20分钟。", "en", "Never more than 20 hours.", "Never more than 20 minutes.", "unit/changed"),
        ("每次不超过20分钟。", "en", "Each took more than 20 minutes.", "Each took no more than 20 minutes.", "number/bound"),
        ("每次不超过20分钟。", "ja", "毎回20分を超えた。", "毎回20分以内だった。", "number/bound"),
        ("能用的不到90张卡。", "en", "More than 90 cards worked.", "Fewer than 90 cards worked.", "number/bound"),
        ("我们用了 Kestrel-4 的词表。", "ja", "Kestral-4 の語彙を使った。", "Kestrel-4 の語彙を使った。", "term/changed"),
        ("我没有看到代码。", "en", "I saw the code.", "I did not see the code.", "negation/polarity"),
        ("我没有看到代码。", "ja", "私はコードを見た。", "私はコードを見なかった。", "negation/polarity"),
        ("据说代码还在。", "en", "The code is still there.", "Reportedly the code is still there.", "certainty/hedge"),
        ("人事部只问了一个问题。", "ja", "人事部只问了一个问题。", "人事部は質問を一つしただけだ。", "untranslated/residue"),
        ("如果错了，数字会说话。", "en", "如果 wrong, numbers speak.", "If wrong, numbers speak.", "untranslated/residue"),
        ("希望写在说明书里。", "ja", "説明书に書かれてほしい。", "説明書に書かれてほしい。", "script/foreign"),
        ("我坐在最后一排。", "ja", "私は**最後の列**に座った。", "私は最後の列に座った。", "emphasis/added"),
        ("他们说完全自主。", "en", "They said “fully our own”.", "They said fully our own.", "quotes/added"),
        ("他说：「完全自主。」", "en", "He said it was fully our own.", "He said: “Fully our own.”", "quotes/lost"),
        ("我说没有文件。", "en", "I said no file. [Editor's note: he meant paper.]", "I said no file.", "note/editor"),
        ("代码还在。", "en", "The code is \u202estill\u202c there.", "The code is still there.", "control/characters"),
    ],
)  # fmt: skip
def test_each_rule_finds_its_error_and_leaves_the_right_sentence_alone(
    zh: str, language: str, wrong: str, right: str, rule: str
) -> None:
    assert rule in rules_of(("zh", zh), (language, wrong))
    assert rules_of(("zh", zh), (language, right)) == []


@pytest.mark.parametrize(
    ("zh", "language", "fine"),
    [
        ("请千万不要当真。", "en", "Please never take it seriously."),
        ("万一有错，责任在我。", "ja", "万が一誤りがあれば、責任は私にある。"),
        ("集群有上千张卡。", "en", "The cluster had over a thousand cards."),
        ("三成的人走了。", "en", "About 30% of the people left."),
        ("他没有回答。", "en", "He gave no answer."),
        ("我不得不走。", "en", "I had to leave."),
        ("这是毫无疑问的。", "en", "This is beyond doubt."),
        ("必须说明来源。", "ja", "出典を説明しなければならない。"),
        ("他可能走了。", "ja", "彼は去ったかもしれない。"),
        ("24年3月开始。", "en", "It began in March 2024."),
        ("两个人都走了。", "en", "Both of them left."),
        ("会上说「起火」。", "ja", "会議では「起火」と言った。"),
    ],
)
def test_tempting_passages_that_are_right_yield_nothing(zh: str, language: str, fine: str) -> None:
    assert rules_of(("zh", zh), (language, fine)) == []


@sound
def test_a_name_of_the_same_sound_and_another_character_is_told_from_a_right_one() -> None:
    assert rules_of(("zh", "林若谷说过。"), ("ja", "林若古が言った。"), known=LIN) == ["name/homophone"]
    assert rules_of(("zh", "林若谷说过。"), ("ja", "林若谷が言った。"), known=LIN) == []
    assert rules_of(("zh", "沈砚秋说过。"), ("ja", "沈硯秋が言った。"), known=LIN) == []
    assert rules_of(("zh", "沈砚秋说过。"), ("en", "Shen Yanqiu said so."), known=LIN) == []
    assert rules_of(("zh", "沈砚秋说过。"), ("en", "Shen Yanqui said so."), known=LIN) == ["name/variant"]


def test_a_code_name_needs_one_of_its_spellings() -> None:
    assert rules_of(("zh", "团队叫夜航船。"), ("en", "The team was called Night Boat."), known=LIN) == []
    assert rules_of(("zh", "团队叫夜航船。"), ("en", "The team was called Day Ship."), known=LIN) == ["name/changed"]


@sound
def test_one_text_that_writes_a_name_in_two_ways_is_named_at_the_odd_place() -> None:
    zh = ("zh", "林若谷来了。\n\n后来他走了。")
    ja = ("ja", "林若谷が来た。\n\n後で林若古は去った。")
    odd = [f for f in found(zh, ja, known=LIN) if f.rule == "name/inconsistent"]
    assert [f.right_quote for f in odd] == ["林若古"]


def test_the_other_translation_is_heard_as_a_witness() -> None:
    zh, ja = ("zh", "他把这件事说得很清楚，大家都记得。"), ("ja", "彼はこの件をはっきり言い、皆が覚えている。")
    wrong = ("en", "He did not say this clearly, and everybody remembers.")
    (finding,) = found(zh, ja, wrong)
    assert (finding.rule, finding.deviates, finding.witnesses) == ("negation/polarity", "t1", ("t0",))


def test_the_original_decides_between_two_versions_in_one_language() -> None:
    from forebear.casefile.bitext.bitext import align_texts
    from forebear.casefile.checks.checker import check_case
    from tests.casefile.texts import text

    texts = {
        "o": text("o", "en", "The model has 82 layers in all."), "a": text("a", "zh", "模型一共有82层。", of="o"),
        "b": text("b", "hant", "模型一共有28層。", of="o"),
    }  # fmt: skip
    links = {p: align_texts(texts[p[0]], texts[p[1]]) for p in (("o", "a"), ("o", "b"), ("a", "b"))}
    verdicts = {(f.left, f.right): f.deviates for f in check_case(texts, links, Knowledge())}
    assert verdicts == {("o", "b"): "b", ("a", "b"): "b"}


@opencc
def test_a_conversion_is_run_again_and_what_it_does_not_explain_is_found() -> None:
    from tests.casefile.texts import text

    zh = "工程序列号没有人改过。责任在我。"
    given = convert(zh, "s2twp").replace("責任在我", "責任在你")
    from forebear.casefile.bitext.bitext import align_texts
    from forebear.casefile.checks.checker import check_case

    texts = {"o": text("o", "zh", zh), "t": text("t", "hant", given, of="o", conversion="s2twp")}
    rules_found = [f.rule for f in check_case(texts, {("o", "t"): align_texts(texts["o"], texts["t"])}, Knowledge())]
    assert sorted(rules_found) == ["conversion/cut", "conversion/differs"]
    clean = {"o": text("o", "zh", "责任在我。"), "t": text("t", "hant", "責任在我。", of="o", conversion="s2twp")}
    assert check_case(clean, {("o", "t"): align_texts(clean["o"], clean["t"])}, Knowledge()) == []


def test_an_omitted_and_an_added_sentence_are_findings_with_their_words() -> None:
    lost = found(("zh", FIVE_ZH), ("en", FIVE_EN.replace("The data came from 3 companies. ", "")))
    assert [(f.rule, f.left_quote) for f in lost] == [("omission/sentence", "数据来自3家公司。")]
    more = "Everyone had expected such weather on the long white road that year."
    added = found(("zh", FIVE_ZH), ("en", FIVE_EN.replace("Training", f"{more} Training")))
    assert [(f.rule, f.right_quote) for f in added] == [("addition/sentence", more)]


def test_front_matter_is_kept_apart_from_testimony() -> None:
    texts = found(("zh", "代码还在。"), ("en", "---\ndate: 1999\n---\nThe code is still there."))
    assert [(f.rule, f.severity) for f in texts] == [("note/front-matter", "neutral")]


def test_every_rule_has_an_mqm_category_a_severity_and_a_test_above() -> None:
    assert {r.category.split("/")[0] for r in rules().values()} == {
        "accuracy", "terminology", "linguistic-conventions", "design-and-markup", "style",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("en", "ja", "wrong"),
    [
        ("It takes 30 or 40 MB of memory.", "30–40 MB ほどのメモリを使う。", "30–40 GB ほどのメモリを使う。"),
        ("The media is smaller than 2 GB.", "メディアは 2 GB より小さい。", "メディアは 2 MB より小さい。"),
        ("It shouldn't be smaller than 512 MB.", "512 MB 以下にすべきではありません。", "512 MB 以上にすべきではありません。"),
        ("You should allow up to 350 MB.", "最大 350 MB が必要です。", "最低 350 MB が必要です。"),
        ("It is written in octal notation.", "8 進数表記で書かれている。", "18 進数表記で書かれている。"),
        ("Millions of people read it.", "何百万もの人々が読む。", "何百億もの人々が読む。"),
        ("See install.en.html for more.", "詳しくは install.ja.html を見よ。", "詳しくは instal.ja.html を見よ。"),
        ("Set it in the dialog.", "ダイアログで設定を行ないます。", "ダイアログで設定を行ないません。"),
        ("It starts when you plug it in.", "つないだら始まる。", "つながないと始まらない。"),
        ("You must look for it.", "それを探さねばなりません。", "それを探しません。"),
    ],
)  # fmt: skip
def test_another_way_of_putting_a_figure_or_a_name_is_left_alone_and_an_error_beside_it_is_not(
    en: str, ja: str, wrong: str
) -> None:
    assert rules_of(("en", en), ("ja", ja)) == []
    assert rules_of(("en", en), ("ja", wrong)) != []


def test_two_translations_without_a_trace_of_negation_outweigh_a_word_like_one() -> None:
    en = ("en", "Instead you may subscribe to the list.")
    one, other = ("zh", "您可以订阅这个列表。"), ("hant", "您可以訂閱這個列表。")
    wrong, right = ("ja", "リストを購読しません。"), ("ja", "リストを購読します。")
    assert rules_of(en, wrong, one, other) == ["negation/polarity"]
    assert rules_of(en, right, one, other) == []
    # one of them that says it in its own way is enough to let it pass
    assert rules_of(en, wrong, ("zh", "您不妨订阅这个列表。"), other) == []


def test_a_chinese_text_with_fewer_negations_than_all_others_is_found() -> None:
    en = ("en", "It cannot be read and it cannot be written.")
    ja, zh = ("ja", "読むことはできず、書くこともできません。"), ("zh", "它不能读，也不能写。")
    assert rules_of(en, ja, zh, ("hant", "它能讀，也不能寫。")) == ["negation/polarity"]
    assert rules_of(en, ja, zh, ("hant", "它不能讀，也不能寫。")) == []


def test_a_name_the_original_speaks_of_close_by_is_no_addition() -> None:
    en = "The tool is called Ironwood.\n\nThis starts at night."
    assert rules_of(("en", en), ("ja", "道具の名は Ironwood だ。\n\nIronwood は夜に始まる。")) == []
    assert rules_of(("en", en), ("ja", "道具の名は Ironwood だ。\n\nBirchwood は夜に始まる。")) == ["term/added"]
    # not where the original has a name of its own in that sentence
    en = "The tool is called Ironwood.\n\nBSD-4 starts at night.\n\nIt is BSD-4."
    ja = "道具の名は Ironwood だ。\n\nIronwood は夜に始まる。\n\nそれは BSD-4 だ。"
    assert rules_of(("en", en), ("ja", ja)) == ["term/changed"]


def test_footnotes_that_all_shift_by_one_are_a_habit_and_one_that_shifts_otherwise_is_an_error() -> None:
    words = ("Alder", "Birch", "Cedar", "Ebony", "Hazel", "Maple", "Rowan")
    en = "\n\n".join(f"{w} is told of in a note.[{i + 20}]" for i, w in enumerate(words))
    ja = "\n\n".join(f"{w} のことは注にある[{i + 19}]。" for i, w in enumerate(words))
    shifted = found(("en", en), ("ja", ja))
    assert [(f.rule, f.severity, f.repeats) for f in shifted] == [("number/value", "neutral", len(words))]
    other = found(("en", en), ("ja", ja.replace("[25]", "[52]")))
    assert sorted(f.severity for f in other) == ["major", "neutral"]


def test_straight_quotation_marks_beside_chinese_are_quotation_marks() -> None:
    assert rules_of(("en", "He said “very good” to them."), ("zh", '他说"很好"给他们听。')) == []
    assert rules_of(("en", "He said “very good” to them."), ("zh", "他说很好给他们听。")) == ["quotes/lost"]


def test_a_name_put_for_a_missing_one_is_told_though_the_original_speaks_of_it_close_by() -> None:
    en = "OpenAI made the first model.\n\nThe weights came from Meta."
    assert rules_of(("en", en), ("zh", "OpenAI做了第一个模型。\n\n权重来自OpenAI。")) == ["term/changed"]
    assert rules_of(("en", en), ("zh", "OpenAI做了第一个模型。\n\n权重来自Meta。")) == []
    assert rules_of(("en", en), ("zh", "OpenAI做了第一个模型。\n\nOpenAI的权重来自Meta。")) == []
    paid = "Alice paid the rent.\n\nThe fine was paid by Bob."
    assert rules_of(("en", paid), ("zh", "Alice付了房租。\n\n罚款由Alice支付。")) == ["term/changed"]
    assert rules_of(("en", paid), ("zh", "Alice付了房租。\n\n罚款由Bob支付。")) == []


def test_a_name_that_opens_its_sentence_counts_when_the_text_has_it_inside_sentences_too() -> None:
    en = "It runs beside Oracle and PostgreSQL.\n\nOracle keeps the backup."
    zh = "它与 Oracle 和 PostgreSQL 一起运行。\n\n"
    assert rules_of(("en", en), ("zh", zh + "PostgreSQL 保管备份。")) == ["term/changed"]
    assert rules_of(("en", en), ("zh", zh + "Oracle 保管备份。")) == []
    plain = "It runs beside the old PostgreSQL.\n\nThis keeps the backup."
    assert rules_of(("en", plain), ("zh", "它与旧的 PostgreSQL 一起运行。\n\nPostgreSQL 保管备份。")) == []


def test_a_bound_turned_round_is_told_beside_another_figure_too() -> None:
    en = ("en", "The server needs at least 8 GB and 16 disks.")
    assert rules_of(en, ("zh", "服务器最多需要 8 GB 和 16 块磁盘。")) == ["number/bound"]
    assert rules_of(en, ("zh", "服务器至少需要 8 GB 和 16 块磁盘。")) == []
    assert rules_of(en, ("zh", "服务器需要 8 GB 和 16 块磁盘。")) == ["number/bound"]
    assert rules_of(("en", "It needs at least 2 and 3 GB."), ("zh", "它需要 2 GB 和 3 GB。")) == []


@pytest.mark.parametrize("word", ["何一つない", "一つない", "ひとつない", "1つない"])
def test_not_a_single_one_is_a_negation_in_japanese(word: str) -> None:
    assert rules_of(("en", "There is a defect in each program."), ("ja", f"どのプログラムにも欠陥は{word}。")) == [
        "negation/polarity"
    ]
    assert rules_of(("en", "There is no defect in any program."), ("ja", f"どのプログラムにも欠陥は{word}。")) == []


def test_indices_that_all_shift_are_no_footnotes_and_a_habit_says_its_places() -> None:
    words = ("red", "blue", "green", "black", "white", "grey")
    colours = ("红色", "蓝色", "绿色", "黑色", "白色", "灰色")
    en = "\n\n".join(f"The array a[{i * 3}] in the {w} holds the price." for i, w in enumerate(words, 1))
    zh = "\n\n".join(f"{w}中的数组 a[{i * 3 + 1}] 保存价格。" for i, w in enumerate(colours, 1))
    assert [(f.rule, f.severity) for f in found(("en", en), ("zh", zh))] == [("number/value", "major")] * 6
    (habit,) = found(("en", en.replace(" a[", " [")), ("zh", zh.replace(" a[", " [")))
    assert (habit.severity, habit.why.values["pairs"][:2]) == ("neutral", ["3 → 4", "6 → 7"])
    assert text(habit.why).endswith("so a habit of it (3 → 4, 6 → 7, 9 → 10, 12 → 13, 15 → 16, 18 → 19)")

"""What is told where two sentences surely belong together, and not elsewhere (decision 0097)."""

from __future__ import annotations

import time

import pytest

from forebear.casefile.bitext.align import Link
from forebear.casefile.checks.checker import check_case
from forebear.casefile.checks.findings import PRIOR, Finding, Ground
from forebear.casefile.checks.literal import runs
from forebear.casefile.checks.pair import Knowledge
from tests.casefile.texts import found, text


def _told(original: tuple[str, str], *others: tuple[str, str]) -> list[tuple[str, str, str]]:
    return [(f.rule, f.left_quote, f.right_quote) for f in found(original, *others) if f.told]


def _linked(left: tuple[str, list[str]], right: tuple[str, list[str]], links: list[Link]) -> list[Finding]:
    sides = [text(name, language, "\n\n".join(body), of) for name, (language, body), of in (("o", left, ""), ("t", right, "o"))]
    return check_case({"o": sides[0], "t": sides[1]}, {("o", "t"): links}, Knowledge())


@pytest.mark.parametrize(
    ("left", "wrong", "gone", "came", "rule"),
    [
        ("The program lasts 38 days.", "プログラムは48日間続きます。", "38", "48", "number/value"),
        ("It needs Rust 1.79.0 or newer.", "需要 Rust 1.99.0 或更高版本。", "1.79.0", "1.99.0", "number/value"),
        ("It uses Qwen-7B and a vocabulary of 150 words.", "它使用 Qwen-7M，词表有150个词。", "Qwen-7B", "Qwen-7M", "number/value"),
        ("The load factor $\\frac{2}{3}$ doubles it to 64.", "負荷率 $\\frac{8}{3}$ で 64 に倍増します。", "2", "8", "number/value"),
        ("The folder holds 20 files.", "这个文件夹有200个文件。", "20", "200", "number/magnitude"),
    ],
)
def test_a_figure_in_digits_that_changed_in_a_tight_link_is_told(left: str, wrong: str, gone: str, came: str, rule: str) -> None:
    language = "ja" if any("\u3041" <= c <= "\u309f" for c in wrong) else "zh"
    assert _told(("en", left), (language, wrong)) == [(rule, gone, came)]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("It came out on 2023-10-08 with 3 fixes.", "它于2023年10月8日发布，有3处修复。"),
        ("They handle 1.3 billion calls a day.", "他们每天处理13亿次调用。"),
        ("The first of 30 rooms is open.", "30个房间里的第1个开着。"),
        ("Read https://a.example/v2/page for 40 hints.", "40条提示见 https://a.example/v3/page 。"),
        ("It takes 12 hours.", "它需要12个小时。"),
        ("About 2-3 GB are free.", "大约有2～3 GB空闲。"),
    ],
)
def test_the_same_figure_written_otherwise_is_left_alone(left: str, right: str) -> None:
    assert _told(("en", left), ("zh", right)) == []


def test_a_figure_that_changed_in_a_loose_link_is_counted() -> None:
    left, right = ["The old house by the river has 38 windows.", "Nobody lives there."], ["别的事情这里不谈，一共48页。", "没有人住在那里。"]
    for score, told in ((0.9, True), (0.4, False)):
        links = [Link((0,), (0,), score), Link((1,), (1,), 0.9)]
        assert [f.told for f in _linked(("en", left), ("zh", right), links) if f.rule == "number/value"] == [told]


def test_a_denial_that_came_is_counted() -> None:
    lines = ["It was built in 1900.", "The old house by the river has 38 windows.", "It was sold in 1950."]
    others = ["1900年に建てられました。", "川のそばの古い家には窓が38ありません。", "1950年に売られました。"]
    found = _linked(("en", lines), ("ja", others), [Link((i,), (i,), 0.97) for i in range(3)])
    assert [f.told for f in found if f.rule == "negation/polarity"] == [False]


def test_a_simplified_form_that_a_japanese_translation_keeps_has_a_condition() -> None:
    found = [f for f in _linked(("zh", ["他们的外壳有3层。"]), ("ja", ["彼らの外壳は3層です。"]), [Link((0,), (0,), 0.9)]) if f.ground]
    assert [(f.ground, f.right_quote) for f in found] == [("script/left", "壳")]


def test_a_sentence_that_came_is_told_even_inside_a_link_of_two() -> None:
    more = [*CHINESE[:4], CHINESE[4] + "使用之前请先联系管理员申请权限。", *CHINESE[5:]]
    told = _aligned(LINES, more)
    assert [(f.rule, f.right_quote, f.told) for f in told if f.rule.startswith("addition/")] == [
        ("addition/sentence", "使用之前请先联系管理员申请权限。", True)
    ]
    assert not [f for f in _aligned(LINES, CHINESE) if f.rule.startswith(("addition/", "omission/"))]


def test_a_figure_misprinted_beside_one_left_out_is_told() -> None:
    left, right = "You need Python {} or later, but less than {}, on your system.", "您的系统上需要 Python {} 或更高版本。"
    for old, most, new, told in (("3.9", "3.12", "2.9", []), ("3.90", "4.55", "3.80", [("3.90", "3.80")])):
        lines, others = [*LINES[:2], left.format(old, most), *LINES[2:4]], [*CHINESE[:2], right.format(new), *CHINESE[2:4]]
        assert [(f.left_quote, f.right_quote) for f in _aligned(lines, others) if f.told and f.rule == "number/value"] == told


def _aligned(lines: list[str], others: list[str]) -> list[Finding]:
    return found(("en", "\n\n".join(lines)), ("zh", "\n\n".join(others)))


LINES = [f"Room {i} has {i + 40} windows and a heavy door." for i in range(11, 19)]
CHINESE = [f"{i}号房间有{i + 40}扇窗和一扇重门。" for i in range(11, 19)]


@pytest.mark.parametrize(("longer", "told"), [(False, True), (True, False)])
def test_a_sentence_left_out_is_told_when_its_words_stand_nowhere_near(longer: bool, told: bool) -> None:
    kept = [*CHINESE[:4], *CHINESE[5:]]
    if longer:
        kept[4] = kept[4].replace("。", "，打开文件之前请联系管理员。")
    lines = [*LINES[:4], "Contact the administrator before you open the file.", *LINES[5:]]
    links = [Link((i,), (i - (i > 4),), 0.9) if i != 4 else Link((4,), (), 0.0) for i in range(8)]
    assert [f.told for f in _linked(("en", lines), ("zh", kept), links) if f.rule == "omission/sentence"] == [told]


@pytest.mark.parametrize(
    ("line", "told"),
    [("The heavy door was never opened by anybody.", True), ("B: The heavy door was never opened.", False), ("Heavy Door Company", False)],
)
def test_a_sentence_left_untranslated_is_told_when_it_is_prose(line: str, told: bool) -> None:
    links = [Link((i,), (i,), 0.9) for i in range(3)]
    sides = ("en", [LINES[0], line, LINES[1]]), ("zh", [CHINESE[0], line, CHINESE[1]])
    assert any(f.told and f.rule == "untranslated/residue" for f in _linked(*sides, links)) is told


def test_digits_keep_what_they_stand_with() -> None:
    run = runs("全部 Qwen-7B of 12,800 items")
    assert [(r.value, r.size, r.joined) for r in run] == [("7", "B", ""), ("12800", "", "")]


def test_few_findings_read_are_judged_by_silence_and_by_errors_met() -> None:
    read = Ground(id="a", true=9, read=10, sentences=10, false=9)
    assert read.truth == 0.9
    assert read.told
    silent = Ground(id="b", sentences=10_000, met=30, planted=100)
    assert silent.truth == pytest.approx(0.3 * PRIOR / (0.3 * PRIOR + 0.5 / 10_000))
    assert silent.told
    assert not Ground(id="c", sentences=10_000, false=3, met=30, planted=100).told
    assert Ground(id="d").truth == 0
    assert not Ground(id="d", true=1, read=2).told


@pytest.mark.parametrize("piece", ["7" * 5_000, "a" * 60_000, "。" * 60_000 + "a", "(" * 60_000, "$" * 60_000, "1," * 10_000])
def test_a_long_run_of_signs_costs_little(piece: str) -> None:
    left, right = ["The list is short.", f"It has 38 {piece} rooms.", "It ends here."], ["一览很短。", f"它有 48 {piece} 间房。", "到此为止。"]
    links = [Link((i,), (i,), 0.9) for i in range(3)]
    started = time.process_time()
    _linked(("en", left), ("zh", right), links)
    assert time.process_time() - started < 10


def test_digits_without_end_cost_time_that_grows_with_their_number_alone() -> None:
    def cost(count: int) -> float:
        text, start = "7," * count, time.process_time()
        runs(text)
        return time.process_time() - start

    cost(1_000)
    assert cost(32_000) < 40 * max(cost(4_000), 0.01), "eight times as long costs about eight times as much; sixty-four before"


SCALED = [
    (("zh", "数据有72万条。"), ("ja", "データは72億件あります。"), True),
    (("zh", "总共用了3.4万亿个词元。"), ("en", "In all 3.4 billion tokens were used."), True),
    (("en", "They labelled 640 million samples."), ("zh", "他们标注了640万个样本。"), True),
    (("ja", "合計5.1兆トークンを使いました。"), ("en", "In all 5.1 million tokens were used."), True),
    (("zh", "数据有72万条。"), ("ja", "データは72万件あります。"), False),
    (("zh", "总共用了3.4万亿个词元。"), ("en", "In all 3.4 trillion tokens were used."), False),
    (("zh", "缓存有64兆。"), ("en", "The cache has 64 million bytes."), False),
    (("zh", "一共付了72万元。"), ("ja", "合わせて72億元を払いました。"), False),
]


@pytest.mark.parametrize(("left", "right", "met"), SCALED)
def test_another_scale_behind_the_same_digits_is_a_condition_of_its_own(
    left: tuple[str, str], right: tuple[str, str], met: bool
) -> None:
    around = {"zh": ("模型有6层。", "训练花了12天。"), "ja": ("モデルは6層です。", "訓練は12日かかりました。"),
              "en": ("The model has 6 layers. ", " Training took 12 days.")}  # fmt: skip
    both = [(language, body.join(around[language])) for language, body in (left, right)]
    assert ("figure/scale" in [f.ground for f in found(*both)]) is met

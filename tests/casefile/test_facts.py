"""Figures are the same figures in any script, and idioms are no figures."""

from __future__ import annotations

import pytest

from forebear.casefile.facts.fact import Fact, agree
from forebear.casefile.facts.facts import facts


def _one(text: str, language: str, kind: str = "number") -> Fact:
    found = [f for f in facts(text, language) if f.kind == kind]
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize(
    ("language", "text", "value"),
    [
        ("zh", "共有1350亿参数", 135e9),
        ("zh", "共有一千三百五十亿参数", 135e9),
        ("ja", "1,350億パラメータ", 135e9),
        ("ja", "１３５Bのモデル", 135e9),
        ("zh", "模型是135B的", 135e9),
        ("en", "a 135B model", 135e9),
        ("en", "135 billion parameters", 135e9),
        ("en", "one hundred and thirty-five billion parameters", 135e9),
        ("zh", "3万5千元", 35000),
        ("zh", "约3.5万亿词元", 3.5e12),
        ("ja", "3.5兆トークン", 3.5e12),
        ("en", "1,048,576 bytes", 1048576),
        ("en", "twenty-five layers", 25),
    ],
)
def test_a_figure_has_one_value_in_every_script(language: str, text: str, value: float) -> None:
    fact = _one(text, language)
    assert fact.low == pytest.approx(value)
    assert fact.high == pytest.approx(value)


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (("zh", "千亿参数"), ("en", "100 billion parameters"), True),
        (("zh", "千亿参数"), ("ja", "億パラメータ規模"), False),
        (("zh", "数百亿参数"), ("en", "tens of billions of parameters"), True),
        (("zh", "数千亿参数"), ("ja", "数百Bパラメータ"), True),
        (("zh", "数千亿参数"), ("ja", "数百億パラメータ"), False),
        (("zh", "百分之三十的人"), ("ja", "3割の人"), True),
        (("zh", "百分之三十的人"), ("en", "13% of them"), False),
        (("zh", "十几个人"), ("en", "15 people"), True),
        (("zh", "两千多人"), ("en", "more than 2,000 people"), True),
        (("zh", "一百多亿元"), ("en", "200 billion yuan"), False),
    ],
)
def test_ranges_and_bare_units_agree_only_with_figures_inside_them(
    left: tuple[str, str], right: tuple[str, str], same: bool
) -> None:
    a, b = facts(left[1], left[0]), facts(right[1], right[0])
    assert any(agree(x, y) for x in a for y in b) is same


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("zh", "万一失败，千万不要慌，一定要统一意见。"),
        ("zh", "第一次见面，大家一起说了一些话，十分高兴。"),
        ("ja", "万が一の場合、一般に一緒に行く。"),
        ("en", "One of them said that no one knew, and one day it was over."),
        ("en", "See GPT-2, v3.1.4 and Qwen2.5-14B at https://example.org/2024/05."),
    ],
)
def test_idioms_names_and_addresses_hold_no_figures(language: str, text: str) -> None:
    assert [f.surface for f in facts(text, language) if f.strong] == []


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (("zh", "24年3月"), ("en", "in March 2024"), True),
        (("zh", "24年3月"), ("en", "in March 2025"), False),
        (("zh", "二〇三一年四月二日"), ("ja", "令和13年4月2日"), True),
        (("en", "5 May 2024"), ("ja", "2024年5月5日"), True),
        (("en", "2024-05-03"), ("zh", "2024年5月4日"), False),
    ],
)
def test_dates_are_read_part_by_part(left: tuple[str, str], right: tuple[str, str], same: bool) -> None:
    dates = ("year", "month-of-year", "day-of-month")
    a = {f.kind: f for f in facts(left[1], left[0]) if f.kind in dates}
    b = {f.kind: f for f in facts(right[1], right[0]) if f.kind in dates}
    assert set(a) == set(b)
    assert all(agree(a[k], b[k]) for k in a) is same


def test_a_unit_and_a_bound_stand_beside_their_figure() -> None:
    fact = _one("训练用了不到20分钟", "zh")
    assert (fact.unit, fact.bound) == ("minute", "below")
    assert _one("more than 20 hours", "en").unit == "hour"
    assert _one("少なくとも3時間", "ja").bound == "above"


@pytest.mark.parametrize(
    ("text", "language", "bound"),
    [
        ("不超过5天", "zh", "below"), ("不會超過5天", "zh", "below"), ("未超出5天", "zh", "below"), ("至多5天", "zh", "below"),
        ("不足5天", "zh", "below"), ("5天以内", "zh", "below"), ("不低于5天", "zh", "above"), ("不少于5天", "zh", "above"),
        ("超过5天", "zh", "above"), ("不，超过5天", "zh", "above"), ("差不多5天", "zh", "about"), ("不用5天", "zh", ""),
        ("大约是五天", "zh", "about"), ("大約是5天", "zh", "about"), ("大概是5天", "zh", "about"), ("以下是5天", "zh", ""), ("以上是5天", "zh", ""),
        ("5日を超えない", "ja", "below"), ("5日を超えることはない", "ja", "below"), ("5日を超えてはならない", "ja", "below"),
        ("5日未満", "ja", "below"), ("5日以内", "ja", "below"), ("5日以下", "ja", "below"), ("5日以上ではない", "ja", "below"),
        ("5日を超える", "ja", "above"), ("5日以上なら", "ja", "above"), ("20分以内", "ja", "below"), ("3種類以上", "ja", "above"), ("3トン以下", "ja", "below"), ("5日を超えなければ", "ja", "above"),
        ("not more than 5 days", "en", "below"), ("not exceeding 5 days", "en", "below"), ("does not exceed 5 days", "en", "below"),
        ("fewer than 5 days", "en", "below"), ("never over 5 days", "en", "below"), ("not fewer than 5 days", "en", "above"),
        ("It is not easy. More than 5 days", "en", "above"), ("not 5 days", "en", ""),
    ],
)  # fmt: skip
def test_a_bound_that_is_denied_is_the_other_bound(text: str, language: str, bound: str) -> None:
    assert _one(text, language).bound == bound


@pytest.mark.parametrize(
    ("text", "language", "value"),
    [
        ("135\u200f billion weights", "en", 135e9),
        ("13\u200b5B weights", "en", 135e9),
        ("有1350\u200e亿个", "zh", 135e9),
    ],
)
def test_a_mark_nobody_sees_takes_no_magnitude_from_a_figure(text: str, language: str, value: float) -> None:
    fact = _one(text, language)
    assert fact.low == value
    assert text[fact.start : fact.end] == fact.surface, "placed where it stands"
    assert "135" in fact.surface.replace("\u200b", "")


def test_a_mark_between_words_makes_no_figure_of_two() -> None:
    assert [f.low for f in facts("135 \u200fweights and 7 billion", "en")] == [135.0, 7e9]


@pytest.mark.parametrize(
    ("text", "language", "low", "high"),
    [
        ("任何512个用户", "zh", 512.0, 512.0), ("为何512个用户被拒绝", "zh", 512.0, 512.0), ("如何30分钟内完成", "zh", 30.0, 30.0),
        ("為何512個用戶", "zh", 512.0, 512.0), ("任何百人", "zh", 100.0, 199.9), ("行数512", "ja", 512.0, 512.0),
        ("何百人もいる", "ja", 200.0, 999.9), ("何百万人", "ja", 2e6, 9.999e6), ("几百人", "zh", 200.0, 999.9), ("数以百万计", "zh", 2e6, 9.999e6),
    ],
)  # fmt: skip
def test_a_figure_behind_any_why_and_how_is_read_and_some_hundreds_stay_vague(
    text: str, language: str, low: float, high: float
) -> None:
    fact = _one(text, language)
    assert (fact.low, pytest.approx(fact.high)) == (low, high)


@pytest.mark.parametrize(
    ("text", "language", "values"),
    [
        ("4715年6月", "zh", [("number", 4715.0), ("month-of-year", 6.0)]),
        ("3218 年底", "ja", [("number", 3218.0)]),
        ("2031年6月", "zh", [("year", 2031.0), ("month-of-year", 6.0)]),
        ("31年6月", "zh", [("year", 2031.0), ("month-of-year", 6.0)]),
        ("7万2,500円", "ja", [("number", 72_500.0)]),
        ("4億1,200万件", "ja", [("number", 412_000_000.0)]),
        ("7万2千", "ja", [("number", 72_000.0)]),
    ],
)
def test_a_figure_is_read_to_its_end_and_from_its_beginning(
    text: str, language: str, values: list[tuple[str, float]]
) -> None:
    assert [(f.kind, f.low) for f in facts(text, language)] == values

"""A number written in any way of a language is read back as itself."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.case_kinds import english, han, ordinal
from forebear.casefile.facts.fact import Fact, agree
from forebear.casefile.facts.facts import facts

DIGITS = "零一二三四五六七八九"


def _han_section(value: int, language: str) -> str:
    """A number from 1 to 9999 in Han numerals, 零 for a gap in Chinese, no 一 before 百 and 千 in Japanese."""
    written, gap = "", False
    for place, sign in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = value // place % 10
        if not digit:
            gap = bool(written)
            continue
        if gap and language == "zh":
            written += "零"
        gap = False
        bare = digit == 1 and sign and (language == "ja" or (sign == "十" and not written))
        written += ("" if bare else DIGITS[digit]) + sign
    return written


def _han_number(value: int, language: str) -> str:
    high, low = divmod(value, 10_000)
    if not high:
        return _han_section(low, language)
    gap = "零" if language == "zh" and low and low < 1000 else ""
    return _han_section(high, language) + "万" + (gap + _han_section(low, language) if low else "")


def _one(text: str, language: str, kind: str = "number") -> Fact:
    found = [f for f in facts(text, language) if f.kind == kind]
    assert len(found) == 1, (text, found)
    return found[0]


@settings(max_examples=300, deadline=None)
@given(st.integers(11, 99_999_999), st.sampled_from(["zh", "ja"]))
def test_han_numerals(value: int, language: str) -> None:
    fact = _one(
        f"共{_han_number(value, language)}个" if language == "zh" else f"全部で{_han_number(value, language)}個",
        language,
    )
    assert fact.low == value
    assert value <= fact.high < 2 * value  # a bare place (百万) stands for one of it or more


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 999_999_999), st.sampled_from(["zh", "ja", "en"]), st.booleans())
def test_digits_with_and_without_commas_narrow_and_wide(value: int, language: str, wide: bool) -> None:
    written = f"{value:,}" if value % 2 else f"{value}"
    if wide:
        written = written.translate({ord(c): ord(c) + 0xFEE0 for c in "0123456789,"})
    noun = {"zh": "个文件", "ja": "個のファイル", "en": " bytes"}[language]
    assert _one(f"{written}{noun}", language).low == value


@settings(max_examples=200, deadline=None)
@given(st.integers(2, 999))
def test_a_magnitude_is_one_figure_in_every_language(value: int) -> None:
    written = [(f"{value}0亿参数", "zh"), (f"{value}0億パラメータ", "ja"), (f"{value}B", "zh"), (f"{value}Bモデル", "ja"),
               (f"{value} billion parameters", "en"), (f"a {value}B model", "en"), (f"{value}bn tokens", "en"),
               (f"{value}b的模型", "zh"), (f"{value}Bmoe模型", "zh"), (f"{value},000 million", "en")]  # fmt: skip
    assert {_one(text, language).low for text, language in written} == {value * 1e9}


@settings(max_examples=89, deadline=None)
@given(st.integers(11, 99))
def test_words_and_ordinals(value: int) -> None:
    assert _one(f"{english(value)} layers", "en").low == value
    assert _one(f"the {ordinal(value)} layer", "en", "ordinal").low == value
    assert _one(f"第{han(value)}层", "zh", "ordinal").low == value
    assert _one(f"{value}番目の層", "ja", "ordinal").low == value
    assert _one(f"{english(value)} billion", "en").low == value * 1e9


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 9), st.integers(2, 10))
def test_shares(above: int, below: int) -> None:
    if above >= below:
        return
    said = [
        _one(f"{DIGITS[below] if below < 10 else '十'}分之{DIGITS[above]}的人", "zh", "percent"),
        _one(f"{below}分の{above}の人", "ja", "percent"),
    ]
    if below == 10:
        said += [_one(f"{DIGITS[above]}成的人", "zh", "percent"), _one(f"{above}割の人", "ja", "percent"),
                 _one(f"{above}0% of them", "en", "percent"), _one(f"{english(above)} in ten", "en", "percent")]  # fmt: skip
    assert {round(f.low, 9) for f in said} == {round(above / below, 9)}


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (("zh", "一周"), ("en", "7 days")), (("zh", "半年"), ("en", "six months")), (("ja", "1時間半"), ("en", "90 minutes")),
        (("zh", "三年半"), ("en", "three and a half years")), (("zh", "两三天"), ("en", "2 days")),
        (("zh", "几天"), ("en", "a few days")), (("ja", "数か月"), ("en", "several months")), (("zh", "二十二三个"), ("en", "23 of them")),
        (("zh", "24年3月"), ("en", "March '24")), (("zh", "7180亿"), ("en", "718B")), (("zh", "三万五"), ("en", "35,000")),
    ],
)  # fmt: skip
def test_other_ways_of_saying_one_figure(left: tuple[str, str], right: tuple[str, str]) -> None:
    a, b = facts(left[1], left[0]), facts(right[1], right[0])
    assert any(agree(x, y) for x in a for y in b), (a, b)


@pytest.mark.parametrize(
    "text", ["万一", "统一", "一起", "三星", "百姓", "千万别急", "千帆", "百川", "一一", "万分", "七夕", "四方"]
)
def test_a_numeral_without_a_counter_counts_nothing(text: str) -> None:
    assert facts(f"{text}的事。", "zh") == []

"""Errors planted in translations, and the sheet that readers get."""

from __future__ import annotations

from bench.case_plant import KINDS, rules_of, spoil
from bench.case_sheet import items, kappa, score, sheet, statement
from forebear.casefile.checks.findings import rules
from forebear.core.seeds import generator

SAID = "On 14 May the Heron team said that 25 GB cannot be copied before 36 days; perhaps 48 of them are enough for Heron."
ZH = "5月14日，Heron团队说25 GB不能在36天之前复制，可能48个就足够Heron使用，这是最大的一批，也支持导出。"


def test_every_kind_changes_a_sentence_with_a_place_for_it_and_no_other() -> None:
    rng = generator("tests/case_plant", 1)
    for kind in KINDS:
        made = spoil(kind, ZH, "zh", SAID, rng)
        assert made != ZH, kind
        assert (made is None) == (kind == "order"), kind  # six figures: which two would change places
        assert spoil(kind, "好。", "zh", "Well.", rng) is None, kind
        assert all(any(r.startswith(family) for r in rules()) for family in rules_of(kind)), kind


def _finding(number: int, told: bool, rule: str = "number/value") -> dict[str, object]:
    return {
        "case": "c", "left": "en", "right": "zh", "rule": rule, "ground": "", "told": told, "left_quote": "14", "right_quote": "15",
        "left_segments": [number], "right_segments": [number], "original": ["a", f"Take 14 of {number} Herons here.", "b"],
        "translation": ["c", f"在这里拿15个{number}号。", "d"],
    }  # fmt: skip


def test_a_sheet_shows_no_kind_of_item_and_the_key_has_it() -> None:
    found = [_finding(i, i % 2 == 0) for i in range(20)]
    plain = [_finding(100 + i, False) for i in range(20)]
    made = items(found, plain, 15, 5, 3)
    assert [sum(m["kind"] == k for m in made) for k in ("told", "counted", "decoy")] == [10, 5, 5]
    text = sheet(made, 1)
    assert text.count("**Statement:**") == 20
    assert not any(word in text for word in ("decoy", "told", "counted", "number/value"))
    assert items(found, plain, 15, 5, 3) == made
    assert statement(_finding(1, True)) == "The original gives the figure “14”; the translation gives “15” in its place, which is another figure."


def test_the_figures_of_two_readers() -> None:
    kinds = ["told"] * 6 + ["decoy"] * 4
    key = {
        "items": {str(i): {"kind": k, "by": "x", "pair": "en-zh"} for i, k in enumerate(kinds)},
        "segments": {"en-zh": 200}, "told_by_pair": {"en-zh": 12},
    }  # fmt: skip
    one = {str(i): i < 5 for i in range(10)}
    other = {str(i): i < 4 for i in range(10)}
    result = score(key, [one, other])
    assert result["readers"][0]["told"] == {"true": 5, "read": 6}
    assert result["readers"][0]["false_per_100"] == {"en-zh": 1.0}  # one of six false, of twelve told on 200 sentences
    assert result["kappa"] == kappa([True] * 5 + [False] * 5, [True] * 4 + [False] * 6) == 0.8
    assert result["both_true_told"] == 4

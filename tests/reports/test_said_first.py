"""What a report says first, and how names, options and code stand on a page."""

from __future__ import annotations

import pytest

from forebear.casefile.document import again
from forebear.core.documents import thaw
from forebear.library.proving import _words
from forebear.reports.cases.text import count_words, head_words, is_compared, why_said
from forebear.reports.catalogue import LANGUAGES, catalogue
from forebear.reports.inspection import sentence, title
from forebear.reports.library.text import first_words, second_words
from forebear.reports.library.tree import alone_in, merge_words
from forebear.reports.line_breaks import CLOSING, OPENING, wrapped
from forebear.reports.many_first import alike_words, many_first, many_names
from forebear.reports.page import FILTERS
from forebear.reports.recipes.text import parameters
from forebear.reports.show import rendered
from forebear.reports.telling import effect_row, evidence_row
from forebear.reports.tokenizers.page import differing
from forebear.reports.tokenizers.text import alone, cheapest
from forebear.tokens.cost import _cheapest
from tests.reports.documents import demo_comparison, inspection

WORDS = catalogue()


def case(**more: object) -> dict[str, object]:
    return {"sources": [{}, {}], "findings": [], "claims": [], "counted": {}, **more}


def test_a_case_that_was_not_compared_is_not_one_without_departures() -> None:
    bare, held = case(checked=False), case(checked=True)
    assert not is_compared(bare)
    assert is_compared(held)
    assert is_compared(case()), "a document of before does not say, and listed what it found"
    assert "not compared" in count_words(bare, WORDS)
    assert count_words(held, WORDS) == "2 sources, 0 departures listed, 0 claims"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_first_line_of_a_case_counts_its_claims_by_outcome(language: str) -> None:
    words = catalogue(language)
    outcomes = ["borne-out", "contradicted", "borne-out"]
    said = head_words(case(claims=[{"status": s} for s in outcomes]), words)
    assert words("case_page.borne-out") in said
    assert words("case_page.contradicted") in said
    assert "2" in said
    assert head_words(case(), words) == ""


def test_two_forms_of_a_hidden_name_are_not_said_to_differ_from_themselves() -> None:
    why = {"key": "finding.name/homophone", "values": {"left": "“[Person 1]”", "right": "“[Person 1]”"}}
    hidden = {"rule": "name/homophone", "quotes": {"zh": "[Person 1]", "ja": "[Person 1]"}, "why": why}
    assert why_said(hidden, WORDS)[0] == "a hidden name is written in two ways here"
    open_one = {**hidden, "quotes": {"zh": "a", "ja": "b"}}
    assert "same sound" in why_said(open_one, WORDS)[0]


def test_a_command_made_again_keeps_what_was_asked() -> None:
    assert again("seal", "c", "out dir", key=None, report_only=True) == "forebear case seal c 'out dir' --report-only"
    assert again("run", "c", claims=("a", "b"), models=()) == "forebear case run c --claims a --claims b"
    assert again("check", "c", all=False) == "forebear case check c"


def test_names_and_options_with_hyphens_stay_on_one_line_and_are_escaped() -> None:
    assert str(FILTERS["unbroken"]("x a-b <i> --prove")) == (
        'x <span class="nb">a-b</span> &lt;i&gt; <span class="nb">--prove</span>'
    )
    long = "-".join(["name"] * 30)
    assert str(FILTERS["unbroken"](long)) == long, "what is longer than a line may break"
    assert str(FILTERS["coded"]("say `a <b>` now")) == "say <code>a &lt;b&gt;</code> now"


def row(name: str, tokens: int, language: str = "eng", lossless: bool = True) -> dict[str, object]:
    return {
        "tokenizer": name,
        "language": language,
        "tokens": tokens,
        "lossless": lossless,
        "per_1000_characters": tokens / 2,
    }


def pair(a: str, b: str, outcome: str, language: str = "eng") -> dict[str, object]:
    return {"a": a, "b": b, "language": language, "outcome": outcome}


def test_the_cheapest_gives_the_text_back_and_those_not_clearly_above_it_are_named() -> None:
    rows = [row("a", 100), row("b", 101), row("c", 300), row("lossy", 10, lossless=False)]
    pairs = [
        pair("a", "b", "no-clear-difference"), pair("a", "c", "a-fewer"), pair("b", "c", "a-fewer"), pair("a", "lossy", "cannot-tell"),
    ]  # fmt: skip
    assert _cheapest(rows, pairs, []) == [
        {"language": "eng", "tokenizer": "a", "level": ["b"], "per_1000_characters": 50.0}
    ]
    assert _cheapest([row("lossy", 1, lossless=False)], [pair("lossy", "a", "cannot-tell")], []) == []
    assert _cheapest(rows[:1], [], []) == []


def test_a_few_texts_have_a_line_each_and_many_are_counted() -> None:
    found = [{"language": name, "tokenizer": "a", "level": [], "per_1000_characters": 50.0} for name in ("eng", "jpn")]
    two = [{"name": "a", "kind": "bpe"}, {"name": "b", "kind": "bpe"}]
    assert cheapest({"cheapest": found, "tokenizers": two}, WORDS)[1].startswith("Japanese: a needs the fewest tokens, 50")
    beside = [two[0], {"name": "builtin:one-each", "kind": "scheme"}]
    assert cheapest({"cheapest": found, "tokenizers": beside}, WORDS)[1] == "a needs 50 tokens for 1,000 characters of Japanese."
    many = [{**found[0], "tokenizer": "a" if i < 5 else "b"} for i in range(9)]
    assert cheapest({"cheapest": many}, WORDS) == [
        "Fewest tokens, of those that give the text back: a on 5, b on 4 (of 9 texts)."
    ]
    assert cheapest({}, WORDS) == []


def many(relations: dict[tuple[str, str], str], plain: list[dict[str, object]]) -> dict[str, object]:
    names = sorted({name for pair in relations for name in pair})
    return {
        "members": [{"id": f"zoo/{name}", "error": None} for name in names],
        "pairs": [{"subject": f"zoo/{a}", "candidate": f"zoo/{b}", "relation": r} for (a, b), r in relations.items()],
        "plain": plain,
        "tree": {"merges": []},
    }


def said(key: str, *names: str) -> dict[str, object]:
    return {"key": f"plain.{key}", "values": {"names": names, "count": len(names)}}


def test_many_at_once_count_who_belongs_together_who_stands_apart_and_of_whom_it_is_open() -> None:
    none, apart = "no-evidence", {("a", "b"): "related", ("a", "c"): "no-evidence", ("b", "c"): "no-evidence"}
    assert many_first(many(apart, [said("together", "a", "b"), said("apart", "c")]), WORDS) == (
        "2 of 3 models belong together; 1 stands apart."
    )
    unsettled = many(apart | {("b", "c"): "cannot-tell"}, [said("together", "a", "b"), said("apart", "c")])
    assert many_first(unsettled, WORDS) == "2 of 3 models belong together; of 1 it cannot be told."
    assert many_names(unsettled, WORDS)[1] == "Cannot be told: c"
    assert many_first(many({("a", "b"): "related"}, [said("together", "a", "b")]), WORDS) == "All 2 models belong together."
    strangers = many({("a", "b"): none, ("a", "c"): none}, [])
    assert many_first(strangers, WORDS) == "No sign was found that any of these 3 models share weights."
    assert many_first(many({("a", "b"): "cannot-tell"}, []), WORDS) == "", "what is open is counted by pairs"


def test_a_table_of_pairs_has_the_figure_of_the_pair_s_own_first_line() -> None:
    plain = {"key": "plain.related_far", "values": {"subject": "a", "candidate": "b", "cosine": 0.739854}}
    assert alike_words({"plain": plain}, WORDS) == "cosine 0.74"
    assert "cosine of 0.74" in WORDS.text(plain)
    assert alike_words({"plain": {"key": "plain.no-evidence", "values": {}}}, WORDS) == "–"
    assert alike_words({}, WORDS) == "–", "documents of before"


def test_findings_that_are_only_counted_stand_in_the_first_line_by_severity() -> None:
    counted = {"to_look_at": 14, "critical": 4, "major": 6, "minor": 4, "listed": False}
    told = count_words(case(checked=True, counted=counted), WORDS)
    assert told.startswith("2 sources: 14 findings to look at (4 critical, 6 major)")
    assert "no departure" not in told


def test_a_test_of_somebody_s_own_is_not_given_the_chance_of_a_deck() -> None:
    found = {"test": "cubes", "axis": "neurons", "matched": 704, "of": 704, "log10_p": -151.0, "kind": "exact", "decides": False,
             "package": "cubes"}  # fmt: skip
    assert evidence_row(found, WORDS)["figure"] == "704 of 704 counted"
    assert "chance 352" in evidence_row(found | {"expected": 352}, WORDS)["figure"]


def test_weights_of_a_merge_are_shown_by_name_without_the_place_where_a_model_lies() -> None:
    weights = {"/home/me/zoo/chat": {"value": 0.7000000619, "low": 0.69, "high": 0.71}, "code": {"value": 0.3}}
    assert parameters({"method": "linear", "weights": weights}) == "method: linear; weights: chat 0.700, code 0.300"


def test_a_merge_in_a_tree_is_told_with_its_parents() -> None:
    edges = [{"kind": "merge", "ends": ("m", p), "evidence": {"weight": w}} for p, w in (("a", 0.7), ("b", 0.3))]
    names = {"m": "merge", "a": "chat", "b": "code"}
    assert merge_words(edges, names, WORDS) == ["merge is a merge: 0.700 of chat + 0.300 of code"]


def test_a_search_names_those_that_share_weights_and_the_sum_that_gives_the_model() -> None:
    verdict = {"plain": {"key": "plain.related", "values": {"subject": "m", "candidate": "a"}}}
    hits = [{"name": n, "proved": True, "relation": "related", "verdict": verdict} for n in ("a", "b")]
    document = {"subject": {"name": "m"}, "searched": {"screens": 5, "models": 5}, "hits": hits}
    assert first_words(document, WORDS) == "m shares weights with 2 of 5 models: a, b."
    assert second_words(document, WORDS) == "First in the list: m and a share weights."
    parents = {"key": "library.parents", "values": {"names": ["a 0.700", "b 0.300"], "residual": 0.0}}
    assert "a 0.700" in second_words(document | {"parents_words": parents}, WORDS)


@pytest.mark.parametrize(("given", "back", "parts"), [("naïve", "naive", "ï"), ("All", "all", "A"), ("aa", "a", "a"), ("", "", "")])
def test_what_a_tokenizer_changed_is_marked(given: str, back: str, parts: str) -> None:
    first, second = differing(given, back)
    assert ("".join(first), "".join(second)) == (given, back)
    assert first[1] == parts


def test_one_source_is_no_sum_of_these() -> None:
    several = _words([{"name": "a", "weight": 0.7}, {"name": "b", "weight": 0.3}], 0.01)
    alone = _words([{"name": "a", "weight": 1.015}], 0.5895)
    assert (several.key, alone.key) == ("library.parents", "library_sole.parent")
    for language in LANGUAGES:
        said = catalogue(language).text(alone.document())
        assert "a" in said
        assert "1.015" in said
        assert "58.95%" in said
    document = {"subject": {"name": "m"}, "hits": [], "parents_words": alone.document()}
    assert second_words(document, WORDS) == "", "it is said below the table, not as what gives the model"


@pytest.mark.parametrize("distance", [9.53e-5, 0.0143, 1.4142])
def test_text_and_page_round_an_effect_alike(distance: float) -> None:
    document = thaw(demo_comparison(0))
    document["effects"][0]["distance"] = distance
    row = effect_row(document["effects"][0], WORDS)
    assert "e" not in row["distance"]
    assert float(row["distance"]) == pytest.approx(distance, rel=0.06)
    assert f" {row['distance']} " in rendered(document, "text").decode()
    assert f">{row['distance']}<" in rendered(document, "html").decode()


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_tokenizer_alone_begins_with_what_it_needs_and_several_do_not(language: str) -> None:
    words = catalogue(language)
    row = {"language": "eng", "tokenizer": "qwen", "per_1000_characters": 184.92}
    document = {"rows": [row], "reference": "eng", "tokenizers": [{"name": "qwen"}]}
    said = alone(document, words)
    assert "qwen" in said
    assert "185" in said
    title = words("cost_page.title")
    assert alone(document | {"tokenizers": [{"name": "qwen"}, {"name": "b"}]}, words) == title
    assert alone(document | {"reference": None}, words) == said  # a text of one's own
    assert alone(document | {"reference": None, "rows": [row, row | {"language": "jpn"}]}, words) == title


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_inspection_begins_with_a_name_and_a_sentence(language: str) -> None:
    first, second, third = rendered(inspection(False), "text", language).decode().splitlines()[:3]
    assert sentence(inspection(False), catalogue(language)).startswith(second.strip()[:20])
    assert first == title(inspection(False), catalogue(language))
    assert third == ""


@pytest.mark.parametrize("text", ["座標を戻した後（回転は共有トークンの埋め込みから、取り置いたトークン）。", "还原坐标之后（旋转取自共用词元的嵌入）、“留作检验”。"])
def test_no_line_begins_with_a_closing_mark_or_ends_with_an_opening_one(text: str) -> None:
    for width in range(4, 40):
        lines = wrapped(text, width, 1)
        assert "".join(lines) == text
        assert not any(line[0] in CLOSING for line in lines)
        assert not any(line[-1] in OPENING for line in lines)
    assert max(map(len, wrapped("、" * 200, 5, 1))) <= 48
    assert wrapped("", 5, 1) == []


def test_models_without_a_relation_are_listed_as_a_person_counts() -> None:
    nodes = [{"name": name, "family": family} for name, family in (("step-10", None), ("base", None), ("step-9", None), ("kin", 1))]
    assert [node["name"] for node in alone_in({"nodes": nodes})] == ["base", "step-9", "step-10"]

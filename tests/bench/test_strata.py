"""Strata: cooled partners reach more, runs go on where they stopped, tables are the committed documents and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from bench import framed_verb, parts, provenance, strata_table
from bench.audit import share_interval
from bench.checkpoint import replace_json, save
from bench.framed_align import ALIGNERS, layers_of, start_rotation
from bench.framed_anneal import annealed
from bench.framed_cases import OUTPUTS_KEPT, aligned, cases, output_change, rewritten
from bench.parts_cases import expected, part_cases
from bench.shapes import SHAPES, initial
from bench.truth import FRESH, INDEPENDENTS, base, plan
from forebear.recipes.steps.draft import Draft
from forebear.recipes.steps.model import Model
from forebear.stats.joint import align

DATA = Path(__file__).resolve().parent.parent / "data" / "independents"
RESULTS = Path(framed_verb.__file__).parent / "results"
CODE = {"commit": "abc", "forebear": "def"}


@pytest.mark.parametrize(("own", "other"), [("1", "2"), ("3", "0")])
def test_cooled_partners_reach_more_than_turns_of_assignment(own: str, other: str) -> None:
    draft, target = (Draft(Model.load(DATA / n)) for n in (own, other))
    pairs = list(zip(layers_of(draft), layers_of(target), strict=True))
    start = start_rotation(draft, target)
    found = annealed(pairs, start)
    assert found.pooled > 1.02 * align(pairs, start).pooled
    assert np.allclose(found.rotation @ found.rotation.T, np.eye(draft.parts.width), atol=1e-4)


def test_every_independent_meets_the_strongest_aligner_and_all_meet_all(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [(base("llama48", n), base("llama48", 0)) for n in range(4, 20)]
    monkeypatch.setattr("bench.framed_cases._strangers", lambda shape, count: pairs[:count])
    every = list(aligned("llama48", 16, 5))
    assert len(every) == 16 * 5
    assert sum(c.stratum == f"framed, {ALIGNERS[-1]}" for c in every) == 16
    assert {c.stratum.removeprefix("framed, ") for c in every} == set(ALIGNERS)


@pytest.mark.parametrize("shape", FRESH)
def test_names_of_cases_are_distinct(shape: str) -> None:
    framed, by_part = list(cases(shape, 5, 2)), list(part_cases(shape, 5, 2, 1, 1))
    assert len({c.name for c in framed}) == len(framed)
    assert len({c.name for c in by_part}) == len(by_part)


def test_only_layers_that_there_are_must_be_named() -> None:
    assert expected("layers 2 and 3", SHAPES["moe-48"]) == {("experts", (2,)), ("attention", (2,))}
    assert expected("layers 2 and 3", SHAPES["qwen2-80"]) == {("mlp", (2, 3)), ("attention", (2, 3))}


@pytest.mark.parametrize("shape", FRESH)
def test_every_fresh_family_is_rewritten_and_answers_as_before(shape: str, tmp_path: Path) -> None:
    save(tmp_path / "made", initial(SHAPES[shape], 5), SHAPES[shape])
    made = Model.load(tmp_path / "made")
    for how in ("permutations", "all"):
        after = rewritten(made, 1, how)
        assert output_change(after, made) < 10 * OUTPUTS_KEPT, how
        assert not all(n in after.arrays and np.array_equal(after.arrays[n], a) for n, a in made.arrays.items())


def test_fresh_seeds_are_above_all_others() -> None:
    jobs = [j for j in plan() if j.kind == "train"]
    fresh = [j.seed for j in jobs if j.shape in FRESH]
    assert min(fresh) > max(j.seed for j in jobs if j.shape not in FRESH)
    assert len(set(fresh)) == sum(INDEPENDENTS[s] for s in FRESH) >= 100
    assert len({SHAPES[s].width for s in FRESH}) >= 3


def row(stratum: str, relation: str, ratio: float | None, **more: Any) -> dict[str, Any]:
    return {"name": f"{stratum}-{relation}", "stratum": stratum, "truth": "independent", "source": "llama48/independent-004",
            "candidate": "llama48/independent-000", "relation": relation, "said": [], "words": [], "value": 0.3, "ceiling": 0.3,
            "ratio": ratio, "how": "aligned", "heads": {"value": None, "ceiling": None, "ratio": None}, **more}  # fmt: skip


def test_a_result_says_what_it_rests_on_and_names_who_was_accused() -> None:
    rows = [row("framed, joint", "cannot-tell", 1.0), row("framed, annealed", "related", 1.3)]
    made = framed_verb.document("llama48", rows, CODE)
    assert made["summary"]["accused"] == ["framed, annealed-related"]
    assert made["summary"]["say_more_than_is_true"]
    assert made["code"] == CODE
    assert "111000" in made["seeds"]["independents"]
    assert made["null_hypothesis"]
    assert made["assumption"]
    assert made["trained_for_this_run"]
    lines = "\n".join(strata_table.framed_lines({"llama48": made}))
    assert "| llama48, trained for this | 1 | 2 | 1 | 1.00 to 1.30 |" in lines
    assert "rule of three" not in lines


def test_a_part_that_says_too_much_is_named() -> None:
    found = {"name": "x", "stratum": "mixture, 3 %", "truth": "a little of A", "relation": "identical", "right": False,
             "said": ["verdict.identical"], "attention": {"ratio": None}}  # fmt: skip
    made = parts.summary([found])
    assert made["say_more_than_is_true"]["x"]
    assert made["wrong"] == ["x"]


def test_power_is_given_by_bins_and_the_missed_by_name() -> None:
    rows = [{"name": f"a{n}-of-b", "stratum": "further 4x, all", "right": n > 0, "relation": "related" if n else "cannot-tell",
             "neurons": {"ratio": 1.3 if n else 1.1}} for n in range(5)]  # fmt: skip
    lines = strata_table.power_lines({"llama48": {"rows": rows}})
    assert "| 1 to 1.2 | 0 of 1 | 0.00 to 0.79 |" in lines
    assert "| 1.2 to 1.4 | 4 of 4 | 0.51 to 1.00 |" in lines
    assert lines[-1] == "Moved to another answer: llama48, further 4x, all (cannot-tell, s / c 1.1): 1."


def test_an_interval_of_a_share() -> None:
    assert share_interval(9, 10) == pytest.approx((0.5958, 0.9821), abs=1e-3)
    assert share_interval(0, 10)[0] == 0.0


def test_rows_of_an_earlier_run_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.json"
    kept = row("framed, joint", "cannot-tell", 1.0, name="kept")
    replace_json(path, framed_verb.document("llama48", [kept], CODE))
    asked: list[str] = []

    class Fake:
        def __init__(self, name: str) -> None:
            self.name, self.stratum, self.candidate = name, "framed, joint", "made-new"
            self.folder = f"made-{name}"

    monkeypatch.setattr(framed_verb, "cases", lambda *_: [Fake("kept"), Fake("later"), Fake("new")])
    monkeypatch.setattr(
        framed_verb,
        "said",
        lambda c, *_: asked.append(c.name) or row(c.stratum, "cannot-tell", 0.9, name=c.name, seconds=1),
    )
    monkeypatch.setattr("sys.argv", ["framed_verb", "--shape", "llama48", "-o", str(path)])
    framed_verb.main()
    assert asked == ["new", "later"], "what another case is compared with comes first"
    rows = json.loads(path.read_text("utf-8"))["rows"]
    assert [r["name"] for r in rows] == ["kept", "new", "later"]
    assert rows[1]["code"] == provenance.code()["forebear"]


def test_the_tables_of_the_docs_are_the_committed_documents() -> None:
    text = strata_table.PAGE.read_text("utf-8")
    assert strata_table.placed(text, strata_table.body(RESULTS), strata_table.START, strata_table.END) == text, (
        "run python -m bench.strata_table"
    )

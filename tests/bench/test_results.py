"""Audits alarm when they should and name the worst pair; tables count; pages are safe."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from bench import null, power, real_base, table
from bench.command import main
from bench.demo import DEMO_DATA
from bench.operations import NAMED
from bench.pages import draw
from bench.scores import read_rows
from bench.truth import DISTILLED, INDEPENDENT, RELATED, base

SHAPE = "llama64"
RESULTS = Path(__file__).parent.parent.parent / "bench" / "results"


def _rows(rng: np.random.Generator, power_of_p: float = 1.0) -> list[dict[str, Any]]:
    """All pairs of 100 independents with a p that is uniform to the given power, six students, six relatives."""
    rows = []
    for j in range(100):
        for i in range(j):
            p = float(rng.random()) ** power_of_p
            rows.append(
                {
                    "subject": base(SHAPE, j),
                    "candidate": base(SHAPE, i),
                    "truth": INDEPENDENT,
                    "stratum": "independent",
                    "further": 0.0,
                    "score": -np.log10(p),
                    "relation": "no-evidence",
                    "figures": {"test p": [float(np.log10(p)), "p"], "test z": [float(rng.normal()), "z"]},
                }
            )
    for n in range(6):
        common = {"candidate": base(SHAPE, n), "figures": {}, "further": 1.0}
        rows.append(
            common
            | {
                "subject": f"s{n}",
                "truth": DISTILLED,
                "stratum": "student-hidden",
                "score": 0.1,
                "relation": "related" if n == 2 else "no-evidence",
            }
        )
        rows.append(
            common
            | {"subject": f"r{n}", "truth": RELATED, "stratum": "further-other", "score": 99.0, "relation": "related"}
        )
    return rows


def test_an_honest_statistic_passes_its_audit(rng: np.random.Generator) -> None:
    made = null.document("std-curve", SHAPE, _rows(rng))
    assert not any(f["alarm"] for f in made["figures"])
    assert made["independent"]["pairs"] == 4950
    assert made["independent"]["disjoint_pairs"] == 50
    assert made["independent"]["called_related_disjoint"] == "0 of 50 (< 0.06)"


def test_a_p_that_is_too_small_too_often_raises_the_alarm_and_its_worst_pair_is_named(rng: np.random.Generator) -> None:
    rows = _rows(rng, power_of_p=4.0)
    rows[1234]["figures"]["test p"][0] = -60.0
    figure = next(f for f in null.document("std-curve", SHAPE, rows)["figures"] if f["name"] == "test p")
    assert figure["alarm"]
    assert figure["ks"]["p"] < 1e-3
    assert figure["worst"][0] == {
        "subject": rows[1234]["subject"],
        "candidate": rows[1234]["candidate"],
        "value": -60.0,
    }


def test_kolmogorov_is_run_on_disjoint_pairs_only(rng: np.random.Generator) -> None:
    figures = null.document("std-curve", SHAPE, _rows(rng))["figures"]
    assert {(f["pairs"], f["disjoint_pairs"]) for f in figures} == {(4950, 50)}


def test_a_student_called_related_is_counted_and_named(rng: np.random.Generator) -> None:
    stratum = null.document("std-curve", SHAPE, _rows(rng))["strata"][0]
    assert (stratum["stratum"], stratum["called_related"]) == ("student-hidden", 1)
    assert stratum["called_related_words"] == "1 of 6 (0.17)"


def test_a_method_without_verdicts_is_not_praised_for_calling_nobody(rng: np.random.Generator) -> None:
    rows = [r | {"relation": ""} for r in _rows(rng)]
    assert null.document("std-curve", SHAPE, rows)["independent"]["called_related_words"] == "gives no verdict"


def test_auc_of_relatives_is_one_and_of_students_below(rng: np.random.Generator) -> None:
    made = power.document("std-curve", SHAPE, _rows(rng))
    strata = {s["stratum"]: s for s in made["strata"]}
    assert made["related"]["auc"] == 1.0
    assert made["related"]["low"] < 1.0
    assert made["related"]["independent_negatives"] == 50
    assert strata["student-hidden"]["auc"] < 0.5


def test_pairs_that_failed_stand_in_the_documents_and_on_their_pages(rng: np.random.Generator) -> None:
    rows = _rows(rng)
    rows[7] = {k: rows[7][k] for k in ("subject", "candidate", "truth", "stratum", "further")} | {
        "error": "OSError: full"
    }
    for made in (null.document("std-curve", SHAPE, rows), power.document("std-curve", SHAPE, rows)):
        assert made["errors"] == [
            {"subject": rows[7]["subject"], "candidate": rows[7]["candidate"], "error": "OSError: full"}
        ]
        assert "1 pairs failed; the first: OSError: full" in draw(made)


def _cell(seed: int, score: float, relation: str = "", **more: Any) -> dict[str, Any]:
    return {
        "operation": "pruned",
        "further": 0.0,
        "form": "plain",
        "seed": seed,
        "stranger": False,
        "method": "m",
        "score": score,
        "relation": relation,
    } | more


def test_the_table_counts_what_was_found_and_says_what_was_not_done() -> None:
    made = table.summary("m", [_cell(0, 5.0), _cell(1, 1.0), {**_cell(2, 0.0), "refused": "no such family"}], 2.0)
    assert made[0]["found"] == 1
    made = table.summary("m", [_cell(0, 0.0, "related"), _cell(1, 9.0, "no-evidence")], 2.0)
    assert (made[0]["found"], made[0]["of"]) == (1, 2)
    refused = {k: v for k, v in _cell(0, 0.0).items() if k != "score"} | {"refused": "no such family"}
    assert table.summary("m", [refused], None)[0]["not_done"] == ["no such family"]


def test_a_page_is_drawn_without_script_and_escapes_what_it_is_told(rng: np.random.Generator) -> None:
    made = null.document("std-curve", SHAPE, _rows(rng))
    made["strata"][0]["stratum"] = "<script>alert(1)</script>"
    made["figures"][0]["name"] = '"><img src=x>'
    drawn = draw(made)
    assert "<script" not in drawn
    assert "<img" not in drawn
    assert "default-src 'none'" in drawn


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*-*.json")), ids=lambda p: p.stem)
def test_committed_results_open_and_their_pages_are_theirs(path: Path) -> None:
    document = json.loads(path.read_text("utf-8"))
    if document.get("schema") in (
        "forebear-bench/null/1",
        "forebear-bench/run/1",
        "forebear-bench/table/1",
        "forebear-bench/real-base/1",
        "forebear-bench/real-pairs/1",
    ):
        assert path.with_suffix(".html").read_text("utf-8") == draw(document)


def test_a_shape_that_was_not_built_says_what_to_do(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from bench import scores

    monkeypatch.setattr(scores, "chosen", lambda shape, pairs: [])
    assert main(["null", "--method", "std-curve"]) == 3
    assert "build first" in capsys.readouterr().err


def test_query_rows_from_gguf_turn_as_published_ones_do(rng: np.random.Generator) -> None:
    heads, k, width = 3, 8, 5
    q, key = rng.normal(size=(heads * k, width)), rng.normal(size=(heads * k, width))
    x, angles = rng.normal(size=width), rng.uniform(0, 6, k // 2)

    def beside(v: np.ndarray) -> np.ndarray:  # GGUF: dimensions 2i and 2i+1 turn together
        pairs = v.reshape(heads, k // 2, 2)
        c, s = np.cos(angles), np.sin(angles)
        return np.stack([pairs[..., 0] * c - pairs[..., 1] * s, pairs[..., 0] * s + pairs[..., 1] * c], -1).reshape(
            heads, k
        )

    def apart(v: np.ndarray) -> np.ndarray:  # published: dimensions i and i + k/2 turn together
        halves = v.reshape(heads, 2, k // 2)
        c, s = np.cos(angles), np.sin(angles)
        return np.concatenate([halves[:, 0] * c - halves[:, 1] * s, halves[:, 0] * s + halves[:, 1] * c], -1)

    inner = (beside(q @ x) * (key @ x).reshape(heads, k)).sum(-1)
    q_there, key_there = (real_base.published_rows(m.astype(np.float32), heads) for m in (q, key))
    assert (apart(q_there @ x) * (key_there @ x).reshape(heads, k)).sum(-1) == pytest.approx(inner, abs=1e-4)
    assert not np.allclose((apart(q @ x) * (key @ x).reshape(heads, k)).sum(-1), inner, atol=1e-2)


def test_names_from_gguf_become_published_names() -> None:
    assert real_base.published_name("blk.7.attn_k.weight") == "model.layers.7.self_attn.k_proj.weight"
    assert real_base.published_name("token_embd.weight") == "model.embed_tokens.weight"
    with pytest.raises(KeyError):
        real_base.published_name("rope_freqs.weight")


def test_a_cell_of_the_table_is_made_scored_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "WORK", tmp_path / "work")
    made = {name: tmp_path / "truth" / name for name in (base(SHAPE, 0), base(SHAPE, 10))}
    for name, source in ((base(SHAPE, 0), "base"), (base(SHAPE, 10), "independent")):
        made[name].parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(DEMO_DATA / source, made[name])
        (made[name] / "record.json").write_text("{}")
    cells = list(table.cells(SHAPE, [NAMED[1]], tmp_path / "truth"))
    assert [(c.form, c.stranger) for c in cells] == [
        ("plain", False), ("permuted", False), ("reparameterised", False), ("reparameterised", True)]  # fmt: skip
    plain, stranger = (table.score_cell(["forebear"], tmp_path / "truth", c)[0] for c in (cells[0], cells[-1]))
    assert plain["relation"] == "related"
    assert stranger["relation"] == "no-evidence"
    assert not any((tmp_path / "work" / "table").iterdir())


def test_real_rows_of_an_earlier_run_are_kept_and_a_line_cut_short_is_made_again(tmp_path: Path) -> None:
    kept = tmp_path / "rows.jsonl"
    assert read_rows(kept, ("operation", "form")) == {}
    kept.write_text('{"operation": "a", "form": "plain", "refused": "x"}\n{"operation": "b", "form": "pl')
    assert list(read_rows(kept, ("operation", "form"))) == [("a", "plain")]

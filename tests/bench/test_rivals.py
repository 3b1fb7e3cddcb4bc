"""Rivals give what their formulas give by hand, keep what each paper says they keep, and their table is their results."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from bench.demo import DEMO_DATA
from bench.methods import METHODS, awm, ghostspec, huref, mdir, mother, self_fingerprint, tools, zhu
from bench.methods.parts import Block, weights
from bench.rivals import cases, table
from bench.rivals.entries import ENTRIES, Entry
from bench.rivals.score import document, tally
from bench.truth import INDEPENDENT, RELATED
from forebear.recipes.steps.compose import reparameterise
from forebear.recipes.steps.model import Model

BASE, OTHER = DEMO_DATA / "base", DEMO_DATA / "independent"
INDEPENDENTS = Path(__file__).parent.parent / "data" / "independents"
RESULTS = table.ROOT / "bench" / "results"


def rewritten(folder: Path, moves: list[str]) -> Path:
    made: Path = reparameterise(Model.load(BASE), 5, moves).save(folder)
    return made


@pytest.fixture(scope="module")
def channels_moved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rewritten(tmp_path_factory.mktemp("channels"), ["residual-permutation"])


@pytest.fixture(scope="module")
def neurons_moved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rewritten(tmp_path_factory.mktemp("neurons"), ["neuron-permutation"])


@pytest.fixture(scope="module")
def rotated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rewritten(tmp_path_factory.mktemp("rotated"), ["gain-folding", "residual-rotation"])


def block(**changes: Any) -> Block:
    """Two channels, two query heads of one dimension that share a key, one neuron."""
    parts: dict[str, Any] = {
        "q": np.array([[1.0, 0.0], [0.0, 3.0]]),
        "k": np.array([[0.0, 1.0]]),
        "v": np.array([[1.0, 2.0]]),
        "o": np.array([[1.0, 2.0], [4.0, 0.0]]),
        "gate": np.array([[1.0, 1.0]]),
        "up": np.array([[2.0, 3.0]]),
        "down": np.array([[1.0], [0.0]]),
    }
    return Block(**{**parts, **changes}, heads=2, kv_heads=1)


def turned(one: Block, turn: np.ndarray) -> Block:
    """The same layer after the residual stream was turned, gains left alone."""
    return block(q=one.q @ turn, k=one.k @ turn, v=one.v @ turn, o=turn.T @ one.o, gate=one.gate, up=one.up)


TURN = np.array([[0.6, -0.8], [0.8, 0.6]])


# HuRef


def test_the_invariant_terms_of_huref_by_hand() -> None:
    attended, written, fed = huref.invariants(np.eye(2), block())
    assert attended.tolist() == [[0.0, 1.0], [0.0, 3.0]]  # Qᵀ K, the key repeated for both heads
    assert written.tolist() == [[3.0, 4.0], [6.0, 8.0]]  # Vᵀ Oᵀ
    assert fed.tolist() == [[2.0, 0.0], [3.0, 0.0]]  # (G * U)ᵀ Dᵀ
    assert huref.invariants(np.eye(2), block(gate=None))[2].tolist() == [[2.0, 0.0], [3.0, 0.0]]  # the gate is 1 here
    assert huref.standardised(np.array([[1.0, 3.0], [5.0, 5.0]])).tolist() == [[-1.0, 1.0], [0.0, 0.0]]


def test_the_attention_terms_of_huref_survive_a_rotation_and_its_mlp_term_does_not_in_general() -> None:
    before, after = huref.invariants(TURN, block()), huref.invariants(TURN @ TURN, turned(block(), TURN))
    assert np.allclose(before[0], after[0])
    assert np.allclose(before[1], after[1])
    assert not np.allclose(before[2], after[2])


def test_ics_sees_through_reordered_channels_and_neurons_and_pcs_does_not(
    channels_moved: Path, neurons_moved: Path
) -> None:
    assert METHODS["huref-ics"](channels_moved, BASE).score == pytest.approx(1.0, abs=1e-6)
    assert METHODS["huref-ics"](neurons_moved, BASE).score == pytest.approx(1.0, abs=1e-6)
    assert METHODS["huref-ics"](OTHER, BASE).score < 0.1
    assert METHODS["huref-pcs"](BASE, BASE).score == pytest.approx(1.0)
    assert METHODS["huref-pcs"](channels_moved, BASE).score < 0.5


def test_pcs_is_the_cosine_of_all_parameters() -> None:
    a, b = (Model.load(folder).arrays for folder in (OTHER, BASE))
    x, y = (np.concatenate([np.ravel(m[n]) for n in sorted(m)]).astype(np.float64) for m in (a, b))
    assert METHODS["huref-pcs"](OTHER, BASE).score == pytest.approx(float(np.corrcoef([x, y])[0, 1]), abs=0.05)
    assert METHODS["huref-pcs"](OTHER, BASE).score == pytest.approx(x @ y / math.sqrt((x @ x) * (y @ y)))


# AWM


def test_awm_finds_the_order_and_signs_of_channels(rng: np.random.Generator) -> None:
    candidate = rng.standard_normal((40, 6))
    order, signs = np.array([3, 1, 0, 5, 4, 2]), np.array([1, -1, 1, 1, -1, -1])
    subject = np.empty_like(candidate)
    subject[:, order] = candidate * signs
    found, sign = awm.channels(subject, candidate)
    assert found.tolist() == order.tolist()
    assert sign.tolist() == signs.tolist()


def test_the_unbiased_cka_of_awm_is_the_u_statistic(rng: np.random.Generator) -> None:
    n = 9
    x, y = rng.standard_normal((n, 4)), rng.standard_normal((n, 3))
    k, m = x @ x.T * (1 - np.eye(n)), y @ y.T * (1 - np.eye(n))
    one = np.ones(n)

    def hsic(a: np.ndarray, b: np.ndarray) -> float:  # Song et al. 2012, written out
        cross = one @ a @ one * (one @ b @ one) / ((n - 1) * (n - 2))
        return float(np.trace(a @ b) + cross - 2 / (n - 2) * (one @ a @ b @ one))

    assert awm.cka(x, y) == pytest.approx(hsic(k, m) / math.sqrt(hsic(k, k) * hsic(m, m)))
    assert awm.cka(x, x @ np.linalg.qr(rng.standard_normal((4, 4)))[0] * 3.0) == pytest.approx(1.0)


def test_awm_keeps_a_model_whose_channels_and_heads_were_reordered(channels_moved: Path, rotated: Path) -> None:
    assert METHODS["awm"](channels_moved, BASE).score == pytest.approx(1.0, abs=1e-6)
    assert METHODS["awm"](rotated, BASE).score < 0.5
    found = METHODS["awm"](OTHER, BASE)
    expected = (found.score - 0.00375) / 0.0028
    assert found.figures["AWM z, published constants"].value == pytest.approx(expected)


# GhostSpec and SELF


def test_ghostspec_by_hand() -> None:
    queries, values = ghostspec.spectra(block())
    assert queries.tolist() == pytest.approx([math.sqrt(10), 0.0])  # [[0, 1], [0, 3]]
    assert values.tolist() == pytest.approx([math.sqrt(125), 0.0], abs=1e-9)  # [[3, 4], [6, 8]]
    assert ghostspec.scaled(np.array([5.0, 3.0, 1.0]), 3).tolist() == [1.0, 0.5, 0.0]
    a, b = np.array([5.0, 3.0, 1.0]), np.array([9.0, 3.0, 1.0])
    assert ghostspec.distance((a, a), (b, a)) == pytest.approx((0.5 - 0.25) ** 2 / 3 / 2)


def test_ghostspec_aligns_layers_in_order_and_pays_for_gaps() -> None:
    assert ghostspec.along(np.array([[0.0, 9.0], [9.0, 0.0]]), 1.0) == 0.0
    assert ghostspec.along(np.array([[5.0, 0.25]]), 1.0) == 1.25  # one layer left out, the other paired
    assert ghostspec.along(np.array([[9.0, 0.0], [0.0, 9.0]]), 1.0) == 2.0  # crossing is not allowed


def test_self_by_hand() -> None:
    found = self_fingerprint.rows(block())
    assert found[0].tolist() == pytest.approx([math.sqrt(10), 0.0])
    assert found[1].tolist() == pytest.approx([math.sqrt(125), 0.0], abs=1e-9)
    assert found[2].tolist() == pytest.approx([3.0, 0.0])  # W_Q W_Kᵀ is [[0, 0], [3, 3]]
    assert found[3].tolist() == pytest.approx([11.0, 0.0], abs=1e-9)  # W_Oᵀ W_Vᵀ has equal columns (9, 2)
    assert self_fingerprint.distance([np.array([3.0, 4.0])], [np.array([0.0, 2.0])]) == pytest.approx(math.sqrt(0.4))


@pytest.mark.parametrize("name", ["ghostspec", "self"])
def test_spectra_survive_reordering_and_scaling(name: str, channels_moved: Path, rotated: Path) -> None:
    independent = METHODS[name](OTHER, BASE).score
    assert METHODS[name](channels_moved, BASE).score == pytest.approx(0.0, abs=1e-5)
    assert METHODS[name](rotated, BASE).score > independent
    assert independent < -1e-4


# MDIR


def test_the_rate_of_mdir_is_the_legendre_transform_of_the_free_energy() -> None:
    s = np.linspace(0, 60, 600_001)
    free = np.where(s <= 0.5, s * s / 2, s - 3 / 8 - np.log(2 * np.maximum(s, 1e-9)) / 4)
    for t in (0.05, 0.3, 0.5, 0.7, 0.95):
        assert mdir.rate(t) == pytest.approx(float((s * t - free).max()), abs=1e-6)
    assert mdir.rate(-0.2) == 0.0


def test_mdir_gives_random_rotations_no_small_p_and_a_reordering_a_tiny_one(rng: np.random.Generator) -> None:
    n, found = 24, []
    for _ in range(200):
        q, r = np.linalg.qr(rng.standard_normal((n, n)))
        found.append(mdir.log10_p(q * np.sign(np.diag(r))))
    assert sum(p <= -1 for p in found) <= 20
    assert mdir.log10_p(np.eye(n)[rng.permutation(n)]) < -30


def test_the_outer_map_of_mdir_undoes_a_rotation_and_its_trace_does_not(rotated: Path, channels_moved: Path) -> None:
    assert METHODS["mdir-outer"](rotated, BASE).score == pytest.approx(1.0, abs=1e-3)
    assert METHODS["mdir-outer"](OTHER, BASE).score < 0.6
    assert METHODS["mdir"](channels_moved, BASE).score > 23
    assert METHODS["mdir"](rotated, BASE).score < 23
    assert METHODS["mdir"](OTHER, BASE).score < 5


# Zhu et al.


def test_spearman_by_hand_with_two_degrees_of_freedom() -> None:
    identity = np.arange(4)
    assert 10 ** zhu.spearman_log10_p(np.array([0, 1, 3, 2]), identity) == pytest.approx(
        0.1
    )  # r = 0.8, p = (1 - r) / 2
    assert 10 ** zhu.spearman_log10_p(np.array([3, 2, 0, 1]), identity) == pytest.approx(0.9)
    assert zhu.spearman_log10_p(identity, identity) == pytest.approx(-math.log10(24))


def test_fisher_by_hand() -> None:
    assert zhu.fisher_log10_p([-3.0]) == pytest.approx(-3.0)
    both = 1e-2 * 1e-3
    assert zhu.fisher_log10_p([-2.0, -3.0]) == pytest.approx(math.log10(both * (1 - math.log(both))))
    assert zhu.fisher_log10_p([0.0, 0.0]) == 0.0


def test_the_p_values_of_zhu_are_not_small_on_independents() -> None:
    for n in range(1, 5):
        for name in ("zhu-up", "zhu-match"):
            found = METHODS[name](INDEPENDENTS / str(n), INDEPENDENTS / "0").log10_p
            assert found is not None
            assert found > -4


def test_phi_match_survives_reordered_neurons_and_phi_u_does_not(neurons_moved: Path, rotated: Path) -> None:
    assert METHODS["zhu-match"](neurons_moved, BASE).score > 100
    assert METHODS["zhu-match"](rotated, BASE).score > 100
    assert METHODS["zhu-up"](neurons_moved, BASE).score < 4
    assert METHODS["zhu-up"](BASE, BASE).score > 100


def test_phi_match_refuses_an_mlp_without_a_gate(tmp_path: Path) -> None:
    from bench.checkpoint import save
    from bench.shapes import SHAPES, initial

    save(tmp_path / "g", initial(SHAPES["gpt2-64"], 1), SHAPES["gpt2-64"])
    with pytest.raises(ValueError, match="gate"):
        METHODS["zhu-match"](tmp_path / "g", tmp_path / "g")
    found = weights(tmp_path / "g").blocks[0]
    assert found.gate is None
    assert found.up.shape == (256, 64)
    assert found.down.shape == (64, 256)
    for name in ("huref-ics", "awm", "mdir-outer"):
        assert METHODS[name](tmp_path / "g", tmp_path / "g").score == pytest.approx(1.0)


# MoTHer


def test_mother_by_hand() -> None:
    a, b = np.array([[3.0, 0.0]]), np.array([[0.0, 4.0]])
    assert mother.distance(a, a) == 0.0
    assert mother.distance(a, b) == pytest.approx(1.0)
    assert mother.distance(a, 2 * a) == pytest.approx(1 / math.sqrt(5))
    assert METHODS["mother"](BASE, BASE).score == 0.0
    assert METHODS["mother"](OTHER, BASE).score < -0.9


@pytest.mark.parametrize("name", [e.method for e in ENTRIES if e.method not in tools.TOOLS])
def test_every_rival_puts_a_copy_above_an_independent(name: str) -> None:
    assert METHODS[name](BASE, BASE).score > METHODS[name](OTHER, BASE).score


# installed tools


def test_a_tool_that_is_not_installed_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "ENVIRONMENTS", tmp_path)
    with pytest.raises(tools.MissingToolError, match=r"modeldna==0\.1\.0 is not installed: python -m bench\.rivals"):
        tools.answer("modeldna", BASE, OTHER)


def test_a_command_is_called_many_times_in_one_process_and_only_its_own_words_are_kept(tmp_path: Path) -> None:
    installed = tmp_path / "counting-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: counting\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text("[console_scripts]\ncounting = counting:main\n")
    (tmp_path / "counting.py").write_text(
        "import os, sys\ncalls = []\n"
        "def main():\n    calls.append(1)\n    os.write(1, b'noise')\n    print(len(calls), sys.argv[1:])\n    sys.exit(4)\n"
    )
    done = subprocess.run(
        [sys.executable, str(tools.INSIDE), "counting"], input='["a"]\n["b", "c"]\n', capture_output=True, text=True,
        check=True, env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert [json.loads(line)["printed"] for line in done.stdout.splitlines()] == ["1 ['a']\n", "2 ['b', 'c']\n"]


# pairs, counts and tables


@pytest.mark.parametrize("shape", cases.SHAPES)
def test_pairs_are_distinct_and_relatives_are_compared_with_their_own_base(shape: str) -> None:
    every = list(cases.pairs(shape))
    assert len({(p.subject, p.candidate) for p in every}) == len(every)
    related = [p for p in every if p.truth == RELATED]
    assert len(related) == 120
    assert all(p.subject.split("further-")[1].split("-")[0] == str(int(p.candidate[-3:])) for p in related)
    independent = [p for p in every if p.truth == INDEPENDENT]
    assert sum(p.stratum in cases.FORMS for p in independent) == 180
    plain = [frozenset((p.subject, p.candidate)) for p in independent if p.stratum == "plain"]
    assert len(set(plain)) == len(plain) == 60
    assert all(len(pair) == 2 for pair in plain)
    assert {p.stratum for p in independent if p.subject.endswith("joint")} == {"joint"}
    assert all(int(p.candidate[-3:]) < cases.BASES for p in every)


def test_a_subject_is_made_of_the_right_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, source in (("independent-010", OTHER), ("independent-001", BASE)):
        Model.load(source).save(tmp_path / "truth" / "llama64" / name)
    monkeypatch.setattr(cases, "TRUTH", tmp_path / "truth")
    monkeypatch.setattr(cases, "WORK", tmp_path)
    wanted = {p.stratum: p for p in cases.pairs("llama64") if "independent-010" in p.subject}
    made = cases._made(wanted["procrustes and assignment"])
    plain = Model.load(OTHER)
    name = "model.layers.0.mlp.up_proj.weight"
    assert not np.allclose(made.arrays[name], plain.arrays[name], atol=1e-3)
    assert np.linalg.norm(made.arrays[name]) > 0
    moved = cases._made(wanted["permuted"])
    assert np.sort(np.ravel(moved.arrays[name])).tolist() == pytest.approx(
        np.sort(np.ravel(plain.arrays[name])).tolist()
    )


def _rows() -> list[dict[str, Any]]:
    """Relatives at 5, 6, 7 by form, independents from 0 to 5, aligned ones at 6 and 4."""
    rows: list[dict[str, Any]] = []
    for n, form in enumerate(cases.FORMS):
        rows += [{"truth": RELATED, "stratum": form, "score": 5.0 + n, "relation": "", "figures": {}}] * 2
        rows += [{"truth": INDEPENDENT, "stratum": form, "score": v, "relation": "", "figures": {}} for v in (0.0, 5.0)]
    for how, value in zip(cases.ALIGNERS, (6.0, 4.0), strict=True):
        rows.append({"truth": INDEPENDENT, "stratum": how, "score": value, "relation": "", "figures": {}})
    return [*rows, {"truth": RELATED, "stratum": "plain", "error": "ValueError: no"}]


def test_counts_are_above_the_highest_independent_and_by_the_published_rule() -> None:
    found = tally(Entry("x", "X", "x", "nothing", "above 3", published=3.0), _rows())
    assert found["threshold"] == 5.0
    assert [found[f]["found"] for f in cases.FORMS] == [[0, 2], [2, 2], [2, 2]]
    assert found["plain"]["auc"] == 0.75  # ties with the independents at 5 count half
    assert [found[h]["called"] for h in cases.ALIGNERS] == [[1, 1], [0, 1]]
    assert [found[h]["published"] for h in cases.ALIGNERS] == [[1, 1], [1, 1]]
    assert found["independents_published"] == [3, 6]
    assert found["failed"] == 1


def test_a_verdict_that_claims_nothing_ranks_lowest() -> None:
    entry = next(e for e in ENTRIES if e.figure == "verdict")
    row = {"relation": "cannot-tell", "log10_p": -300.0, "score": 300.0}
    assert entry.score(row) == 0.0
    assert not entry.claims(row)
    assert entry.score(row | {"relation": "related"}) == 300.0
    assert entry.claims(row | {"relation": "identical", "log10_p": None})


def test_what_did_not_run_says_so_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    found = tally(ENTRIES[0], [{"error": "RuntimeError: it broke", "truth": RELATED, "stratum": "plain"}])
    assert found == {"not_run": "RuntimeError: it broke"}
    row = table._row(ENTRIES[0], found, {}, (0, 0, 0))
    assert "NOT RUN: RuntimeError: it broke" in row
    gated = document("gpt2-64", 1, ["zhu-match"])["results"]["zhu-match"]
    assert "gated MLPs only" in gated["not_run"]


def test_the_tables_of_readme_and_docs_are_the_committed_results() -> None:
    for page, shapes in table.PAGES.items():
        text = (table.ROOT / page).read_text("utf-8")
        assert table.placed(text, table.body(RESULTS, shapes)) == text, "run python -m bench.rivals table"
        for shape in shapes:
            made = json.loads((RESULTS / f"rivals-{shape}.json").read_text("utf-8"))
            assert set(made["results"]) == {e.key for e in ENTRIES}


def test_a_page_without_markers_is_not_written_to() -> None:
    with pytest.raises(ValueError, match="lacks the line"):
        table.placed("# A page", "a table")
    assert table.placed(f"a\n{table.START}\nold\n{table.END}\nb", "new") == f"a\n{table.START}\nnew\n{table.END}\nb"

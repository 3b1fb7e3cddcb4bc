"""Rivals give their published formulas; every method is blind to names; the bench catches wrong labels and leaks."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from bench import scores
from bench.audit import auc, auc_interval
from bench.blind import LeakError, aliases, leak_check, score_blind, weight_cosine, wrong_labels
from bench.checkpoint import load
from bench.demo import DEMO_DATA
from bench.methods import METHODS, raw_gain_cosine, std_curve
from bench.methods.score import Score
from bench.methods.tools import MissingToolError
from bench.truth import INDEPENDENT, RELATED, Pair

DATA = Path(__file__).parent.parent / "data"
BASE, CHILD, OTHER = (DEMO_DATA / n for n in ("base", "descendant", "independent"))
RIVALS = ["std-curve", "raw-gain-cosine"]


def _std_curve_slowly(left: Path, right: Path) -> float:
    found = []
    (a, shape), (b, _) = load(left), load(right)
    for part in "qkvo":
        names = [f"model.layers.{n}.self_attn.{part}_proj.weight" for n in range(shape.layers)]
        x = [np.asarray(a[n], dtype=np.float64).std() for n in names]
        y = [np.asarray(b[n], dtype=np.float64).std() for n in names]
        found.append(np.corrcoef(x, y)[0, 1])
    return float(np.mean(found))


def test_std_curve_is_the_mean_pearson_correlation_over_parts() -> None:
    assert std_curve.method(BASE, OTHER).score == pytest.approx(_std_curve_slowly(BASE, OTHER), abs=1e-9)
    assert std_curve.method(BASE, BASE).score == pytest.approx(1.0)


def test_std_curve_interpolates_unequal_depths() -> None:
    assert std_curve.correlation(np.array([1.0, 2.0, 3.0]), np.array([5.0, 6.0, 7.0, 8.0, 9.0])) == pytest.approx(1.0)
    assert std_curve.correlation(np.array([1.0, 1.0]), np.array([1.0, 2.0])) == 0.0


def test_raw_gain_cosine_is_not_centred_so_independents_look_alike() -> None:
    a, b = load(BASE)[0], load(OTHER)[0]
    names = sorted(n for n in a if "norm" in n)
    x, y = (np.concatenate([m[n] for n in names]).astype(np.float64) for m in (a, b))
    expected = x @ y / np.linalg.norm(x) / np.linalg.norm(y)
    assert raw_gain_cosine.method(BASE, OTHER).score == pytest.approx(expected, abs=1e-9)
    assert expected > 0.9
    assert abs(np.corrcoef(x, y)[0, 1]) < expected


@pytest.mark.parametrize("name", RIVALS)
def test_a_rival_sees_a_checkpoint_as_its_own_copy(name: str, tmp_path: Path) -> None:
    with aliases(BASE, BASE, tmp_path) as (a, b):
        assert METHODS[name](a, b).score == pytest.approx(1.0)


@pytest.mark.parametrize("name", [m for m in METHODS if m != "forebear"])
def test_a_method_does_not_look_at_names(name: str, tmp_path: Path) -> None:
    try:
        leak_check(METHODS[name], BASE, OTHER, tmp_path)
    except MissingToolError as error:
        pytest.skip(str(error))


def test_what_a_method_sees_tells_no_name_and_no_record(tmp_path: Path) -> None:
    with aliases(BASE, CHILD, tmp_path) as (a, b):
        seen = {p.name for p in (*a.iterdir(), *b.iterdir())}
        words = a.name + b.name
    assert seen == {"model.safetensors", "config.json", "tokenizer.json"}
    assert "base" not in words
    assert "descendant" not in words
    assert not list(tmp_path.iterdir())


def _leaky(subject: Path, candidate: Path) -> Score:
    return Score(float(subject.name == "descendant"))


def _leaky_by_letters(subject: Path, candidate: Path) -> Score:
    return Score(int(hashlib.sha256(subject.name.encode()).hexdigest()[:8], 16) / 2**32)


@pytest.mark.parametrize("method", [_leaky, _leaky_by_letters])
def test_a_leaked_path_is_caught(method: object, tmp_path: Path) -> None:
    with pytest.raises(LeakError, match="different names"):
        leak_check(method, CHILD, BASE, tmp_path)  # type: ignore[arg-type]


def test_a_method_that_reads_names_scores_nothing_when_blind(tmp_path: Path) -> None:
    assert score_blind(_leaky, CHILD, BASE, tmp_path).score == 0.0
    assert _leaky(CHILD, BASE).score == 1.0


def _labelled() -> list[Pair]:
    independents = [
        Pair(f"independents/{b}", f"independents/{a}", INDEPENDENT, "independent") for a in range(6) for b in range(a)
    ]
    return [*independents, Pair("same_seed/b", "same_seed/a", RELATED, "further-other", 1.0)]


def test_right_labels_pass_and_swapped_labels_are_caught() -> None:
    pairs = _labelled()  # two ends of one start share most of their weights: they stand for a related pair here
    assert wrong_labels(pairs, DATA) == []
    swapped = [
        dataclasses.replace(pairs[0], truth=RELATED),
        *pairs[1:-1],
        dataclasses.replace(pairs[-1], truth=INDEPENDENT),
    ]
    assert wrong_labels(swapped, DATA) == [swapped[0], swapped[-1]]
    assert scores.check_labels(pairs, DATA) == len(pairs)
    with pytest.raises(ValueError, match=r"contradict the label 'related' of independents/0"):
        scores.check_labels(swapped, DATA)


def test_weight_cosine_of_a_checkpoint_with_itself_and_with_an_independent() -> None:
    assert weight_cosine(BASE, BASE) == pytest.approx(1.0)
    assert abs(weight_cosine(BASE, OTHER)) < 0.05


def test_random_scores_give_an_auc_of_one_half_within_its_interval(rng: np.random.Generator) -> None:
    outside = 0
    for _ in range(200):
        drawn = rng.random(60).tolist()
        low, high = auc_interval(auc(drawn[:20], drawn[20:]), 20, 40)
        outside += not low <= 0.5 <= high
    assert outside <= 20  # 5 % expected, 10 % allowed


def test_scores_are_kept_and_only_missing_pairs_are_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def counting(subject: Path, candidate: Path) -> Score:
        calls.append(1)
        return Score(0.5, relation="no-evidence")

    monkeypatch.setattr(scores, "METHODS", {"counting": counting})
    monkeypatch.setattr(scores, "WORK", tmp_path)
    pairs, path = _labelled()[:5], tmp_path / "rows.jsonl"
    scores.score_all("counting", pairs[:3], path, workers=1, root=DATA)
    first = len(calls)
    path.write_text(path.read_text() + '{"subject": "cut sho')  # a kill in the middle of a line
    rows = scores.score_all("counting", pairs[:3], path, workers=1, root=DATA)
    assert len(calls) == first
    assert [(r["subject"], r["score"]) for r in rows] == [(p.subject, 0.5) for p in pairs[:3]]


def test_a_pair_that_failed_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = [True]

    def mending(subject: Path, candidate: Path) -> Score:
        if broken and subject.parent == tmp_path / "blind":
            raise RuntimeError("not today")
        return Score(0.5)

    monkeypatch.setattr(scores, "METHODS", {"mending": mending})
    monkeypatch.setattr(scores, "WORK", tmp_path)
    monkeypatch.setattr(scores, "leak_check", lambda *_: None)
    pairs, path = _labelled()[:2], tmp_path / "rows.jsonl"
    assert all("error" in r for r in scores.score_all("mending", pairs, path, workers=1, root=DATA))
    broken.clear()
    assert [r["score"] for r in scores.score_all("mending", pairs, path, workers=1, root=DATA)] == [0.5, 0.5]


def test_a_method_that_fails_leaves_a_row_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(subject: Path, candidate: Path) -> Score:
        raise RuntimeError("cannot")

    monkeypatch.setattr(scores, "METHODS", {"failing": failing})
    monkeypatch.setattr(scores, "WORK", tmp_path)
    assert scores.score_pair("failing", DATA, _labelled()[0])["error"] == "RuntimeError: cannot"


def test_plain_statistics_find_the_same_seed_pair_and_no_independent() -> None:
    found = METHODS["plain-statistics"](DATA / "same_seed" / "b", DATA / "same_seed" / "a")
    assert found.figures["deck/channels matched"].value == 64
    assert found.score > 100
    for n in range(1, 6):
        stranger = METHODS["plain-statistics"](DATA / "independents" / str(n), DATA / "independents" / "0")
        assert stranger.figures["deck/channels matched"].value <= 6
        assert abs(stranger.figures["sign/neurons z"].value) < 4.5
        assert stranger.score < 3


def test_forebear_itself_is_a_method_and_says_related_and_no_evidence() -> None:
    related = METHODS["forebear"](CHILD, BASE)
    assert related.relation == "related"
    assert related.log10_p is not None
    assert related.log10_p < -100
    stranger = METHODS["forebear"](OTHER, BASE)
    assert stranger.relation == "no-evidence"
    assert stranger.score < 9 < related.score
    assert {f.law for f in stranger.figures.values()} >= {"p-bound", "z", "count"}

"""The plan holds every model and pair that the truth sets need, and every label follows from how a model is made."""

from __future__ import annotations

from collections import Counter

from bench.operations import NAMED, undone
from bench.truth import (
    DISTILLED,
    FLAWED_INITS,
    GROWN,
    HELD_OUT,
    INDEPENDENT,
    RELATED,
    SHARED_START,
    STAGES,
    check,
    pairs,
    plan,
)
from forebear.recipes.steps.registry import STEPS


def test_the_plan_is_consistent() -> None:
    check()


def test_two_families_have_a_hundred_independents_and_the_others_twenty() -> None:
    counts = Counter(j.shape for j in plan() if "/independent-" in j.id)
    assert counts["llama64"] >= 100
    assert counts["gpt2-64"] >= 100
    assert counts["qwen2-64"] >= 20
    assert counts["moe-64"] >= 20
    assert counts["llama128"] == 12
    assert counts["llama256"] == 4


def test_independents_of_a_shape_share_text_and_order_but_no_seed() -> None:
    jobs = [j for j in plan() if "/independent-" in j.id]
    assert len({j.seed for j in jobs}) == len(jobs)
    for shape in {j.shape for j in jobs}:
        assert len({j.course for j in jobs if j.shape == shape}) == 1


def test_every_stratum_is_there() -> None:
    strata = {(p.truth, p.stratum) for p in pairs("llama64")}
    assert {(INDEPENDENT, s) for s in (*FLAWED_INITS, "svd-basis", "norm-sorted")} <= strata
    assert {(SHARED_START, f"same-seed-{stage}") for stage in STAGES} <= strata
    assert {(DISTILLED, "student-logits"), (DISTILLED, "student-hidden")} <= strata
    assert {p.further for p in pairs("llama64") if p.truth == RELATED} == {0.25, 1.0, 4.0}


def test_labels_follow_from_seeds_and_parents() -> None:
    jobs = {j.id: j for j in plan()}

    def origin(name: str) -> int:
        job = jobs[name]
        return origin(job.parent) if job.kind in ("further", "rewrite", "grown") else job.seed

    for shape in ("llama64", "gpt2-64", "qwen2-64", "moe-64", *HELD_OUT):
        for pair in pairs(shape):
            same = origin(pair.subject) == origin(pair.candidate)
            assert same == (pair.truth in (RELATED, SHARED_START)), pair


def test_the_table_names_twelve_operations_and_the_registry_knows_them_all() -> None:
    assert len(NAMED) == 12
    assert {o.step for o in NAMED if o.step} <= set(STEPS)
    assert set(GROWN) <= {o.name for o in NAMED}
    assert undone() == []

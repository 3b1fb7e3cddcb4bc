"""Rewritten subjects: masks, copies of experts and drawn rows read although nothing is in place any more (decision 0124)."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from forebear.recipes.detectors.masks import shares, whole_share, zeroed
from forebear.recipes.detectors.side import Side
from forebear.recipes.detectors.sight import Sight
from forebear.recipes.detectors.vocabulary import find as vocabulary
from forebear.recipes.found import Found
from forebear.recipes.replay.held import as_checkpoint
from forebear.recipes.replay.run import run
from forebear.recipes.steps.compose import reparameterise
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.registry import STEPS, apply
from forebear.recipes.told import first_words, told
from forebear.reports.catalogue import LANGUAGES, catalogue
from tests.recipes.arrays import llama

DEMO = Path(str(resources.files("forebear"))) / "demo_data"
MOVES = {name for name, one in STEPS.items() if one.kind == "preserving"}


@pytest.fixture(scope="module")
def base() -> Model:
    model = Model.load(DEMO / "base")
    return Model({n: a.astype(np.float32) for n, a in model.arrays.items()}, model.config)


@pytest.fixture(scope="module")
def experts() -> Model:
    """A small mixture whose experts are unlike: each is another draw, and writes."""
    made, rng = apply("dense-to-moe", llama(124, layers=2, width=48, neurons=40, tokens=256), 124, experts=4), np.random.default_rng(124)
    arrays = {n: rng.normal(0, a.std(), a.shape).astype(np.float32) if "experts" in n else a for n, a in made.arrays.items()}
    return Model(arrays, made.config)


def steps_of(subject: Model, candidate: Model) -> dict[str, Found]:
    return {step.op: step for step in run(Side(as_checkpoint(subject)), candidate).steps if step.op not in MOVES}


@dataclass(frozen=True)
class Piece:
    mine: np.ndarray
    theirs: np.ndarray
    known: np.ndarray | None = None


def masked(values: np.ndarray, share: float) -> np.ndarray:
    made = values.copy()
    made.reshape(-1)[np.argsort(np.abs(values), axis=None)[: round(share * values.size)]] = 0
    return made


@pytest.mark.parametrize("share", [0.1, 0.3, 0.65])
def test_a_mask_is_read_beneath_noise_and_nothing_is_read_without_one(seed, share):
    rng = np.random.default_rng(seed)
    old = rng.normal(0, 0.1, (200, 64)).astype(np.float32)
    noise = rng.normal(0, 0.003, old.shape).astype(np.float32)
    assert zeroed([(masked(old, share) + noise, old)]) == pytest.approx(share, abs=0.03)
    assert zeroed([(old + noise, old)]) is None
    step = np.abs(old).max() / 3
    assert zeroed([((np.rint(old / step) * step).astype(np.float32), old)]) is None  # three bits: small ones are zero, others larger


def test_the_share_of_a_mask_counts_channels_that_are_turned_among_themselves(seed):
    rng = np.random.default_rng(seed)
    whole = np.concatenate([rng.normal(0, 0.1, (300, 64)), rng.normal(0, 0.05, (300, 40))], axis=1).astype(np.float32)
    made = masked(whole, 0.5)
    turn = np.linalg.qr(rng.normal(size=(40, 40)))[0]
    mine = np.concatenate([made[:, :64], (made[:, 64:] @ turn).astype(np.float32)], axis=1)
    known = np.broadcast_to(np.arange(104) < 64, mine.shape)
    piece = Piece(mine, np.where(known, whole, mine), known)
    assert whole_share(piece, float(np.mean(mine[:, :64] == 0))) == pytest.approx(0.5, abs=0.03)


def test_channels_that_may_be_held_twice_leave_the_share_open_with_both(seed):
    rng = np.random.default_rng(seed)
    old = rng.normal(0, 0.1, (100, 32)).astype(np.float32)
    piece = Piece(np.pad(masked(old, 0.4), ((0, 0), (0, 64))), np.pad(old, ((0, 0), (0, 64))))
    said = shares([(piece, 0.4)], False, 2)
    assert said["share"] is None
    assert said["share_one_of"] == pytest.approx([0.4, 0.8], abs=0.01)  # held three times, or once beside empty ones
    assert shares([(piece, 0.4)], True, 2) == {"share": pytest.approx(0.8, abs=0.01)}
    step = Found("pruned-by-size", {"layers": [0]}, said)
    sentences = {language: catalogue(language).text(told(step)[0].document()) for language in LANGUAGES}
    assert all("40" in s and "80" in s for s in sentences.values())
    assert len(set(sentences.values())) == len(LANGUAGES)


def test_an_expert_that_was_picked_is_the_one_whatever_the_order_of_its_neurons(experts, seed):
    subject = reparameterise(apply("moe-to-dense", experts, seed, kind="pick", expert=2), seed)
    found = steps_of(subject, experts)
    assert set(found) == {"moe-to-dense"}
    assert found["moe-to-dense"].parameters["kind"] == "pick"
    assert found["moe-to-dense"].parameters["expert"] == 2


def test_the_mean_of_experts_is_seen_by_tables_alone(experts, seed):
    subject = reparameterise(apply("moe-to-dense", experts, seed, kind="mean"), seed)
    found = steps_of(subject, experts)
    assert set(found) == {"moe-to-dense"}
    assert found["moe-to-dense"].parameters["kind"] == "mean"


def test_copies_of_experts_are_found_in_another_order_with_their_noise(experts, seed):
    subject = reparameterise(apply("experts-collapsed", experts, seed, distinct=3, noise=0.05), seed)
    found = steps_of(subject, experts)
    assert set(found) == {"experts-collapsed"}
    assert found["experts-collapsed"].parameters["distinct"] == 3
    assert found["experts-collapsed"].parameters["noise"] == pytest.approx(0.05, rel=0.1)
    assert not steps_of(reparameterise(experts, seed), experts)


def test_noise_of_an_added_expert_is_read_beneath_a_mask(experts, seed):
    made = apply("experts-added", experts, seed, count=1, noise=0.05)
    found = steps_of(reparameterise(apply("pruned-by-size", made, seed, share=0.5), seed), experts)
    assert found["experts-added"].parameters["noise"] == pytest.approx(0.05, rel=0.15)
    assert found["pruned-by-size"].parameters["share"] == pytest.approx(0.5, abs=0.01)


def test_rows_that_a_step_drew_do_not_make_channels_unknown(base, seed):
    made = [apply("vocabulary-replaced", apply("width-grown", base, 1, factor=2.0), s, rows="drawn") for s in (1, 2)]
    sides = [Side(as_checkpoint(one)) for one in made]
    kept = np.arange(100)
    for side in sides:  # a hundred rows were kept
        side.matrix("embedding")[kept] = sides[0].matrix("embedding")[kept]
    assert Sight(sides[0], sides[0], sides[1]).known_channels[:64].all()


def worn(table: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rows moved so far that one in five is nearer to some other row."""
    return table + rng.normal(0, 1.0, table.shape).astype(np.float32) * table.std() * rng.uniform(0.4, 1.3, (len(table), 1))


def test_rows_worn_beyond_recognition_one_by_one_are_not_told_as_new(base, seed):
    rng, name = np.random.default_rng(seed), "model.embed_tokens.weight"
    table = base.arrays[name]
    new = rng.normal(0, 0.02, (100, table.shape[1])).astype(np.float32)
    for rows, op in ((table, "vocabulary-extended"), (np.concatenate([table[:300], table[:212][::-1]]), "vocabulary-stitched")):
        arrays = {**base.arrays, name: np.concatenate([worn(rows, rng), new]).astype(np.float32)}
        subject = Side(as_checkpoint(Model(arrays, {**base.config, "vocab_size": 612})))
        (found,) = vocabulary(Sight(subject, Side(as_checkpoint(base))))
        assert found.found.op == op


def test_training_is_told_with_what_reads_like_it():
    step = Found("continued-training", {"parts": ["q"]}, {"change": 0.3, "light": False, "frozen": (), "stable_rank": 0.3})
    words = first_words("a", "b", ["related"], [step], None)
    assert not any(one.key == "recipe_unlisted.merge" for one in words)  # nothing was replayed
    words = first_words("a", "b", ["related"], [step], type("Left", (), {"left": 0.1})())
    assert [one.key for one in words] == ["recipe.trained", "recipe_unlisted.merge", "recipe.direction"]
    said = {catalogue(language).text(words[1].document()) for language in LANGUAGES}
    assert len(said) == len(LANGUAGES)

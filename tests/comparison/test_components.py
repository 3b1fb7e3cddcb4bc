"""Parts of different origin in one model: each is named, with what was found and what was not (METHODS §11)."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

import forebear
from forebear.comparison.demo import demo_folder
from forebear.comparison.findings.evidence import Axis, Deck, Evidence, Sign
from forebear.comparison.findings.surveyed import Surveyed
from forebear.comparison.findings.verdict import Component, judge
from forebear.comparison.tests.components import Embedding, components_of, head_seen, through
from forebear.comparison.tests.strength import StrengthOutcome
from forebear.models.checkpoint import open_checkpoint
from forebear.recipes.steps.compose import reparameterise
from forebear.recipes.steps.model import Model
from tests.comparison.variants import load, save
from tests.said import paragraph, said

INDEPENDENTS = Path(__file__).resolve().parent.parent / "data" / "independents"
EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"


def mixed(target, *, embedding, tower, head):
    """A model of three origins, by number of independent."""
    arrays = load(INDEPENDENTS / str(tower))
    arrays[EMBEDDING] = load(INDEPENDENTS / str(embedding))[EMBEDDING]
    arrays[HEAD] = load(INDEPENDENTS / str(head))[HEAD]
    return save(target, arrays, INDEPENDENTS / str(tower))


def looked(subject, candidate):
    document = forebear.compare(subject, [candidate])
    return document, document["verdict"], {c["name"]: c["state"] for c in document["alignment"]["components"]}


BRANCHES = {"mlp", "attention"}


@pytest.fixture(scope="module")
def three_origins(tmp_path_factory):
    return mixed(tmp_path_factory.mktemp("mixed") / "m", embedding=1, tower=2, head=3)


@pytest.mark.parametrize(("donor", "part"), [(1, "embedding"), (2, "layers"), (3, "head")])
def test_each_donor_of_a_mixed_model_is_named_by_its_part_and_no_other(three_origins, donor, part):
    document, verdict, states = looked(three_origins, INDEPENDENTS / str(donor))
    assert verdict["relation"] == ("related" if part == "layers" else "shares-components")
    sentence = "Nothing shared was found in: embedding (replaced," if part == "layers" else f"in some components: {part}"
    assert sentence in paragraph(verdict["words"])
    assert [name for name, state in states.items() if state == "shared" and name not in BRANCHES] == [part]
    assert re.search(rf"component {part}( \(1\.00\))?: shared with the candidate", " ".join(said(document["alignment"]["words"])))


def test_a_model_that_gave_nothing_to_the_mixture_is_no_relation(three_origins):
    _, verdict, states = looked(three_origins, INDEPENDENTS / "4")
    assert verdict["relation"] == "no-evidence"
    assert set(states.values()) == {"not-found"}


def test_an_embedding_copied_into_a_stranger_is_a_component_and_not_a_relation(tmp_path):
    _, verdict, states = looked(mixed(tmp_path / "m", embedding=0, tower=5, head=5), INDEPENDENTS / "0")
    assert verdict["relation"] == "shares-components"
    assert states == {"embedding": "shared", "layers": "not-found", "head": "not-found"}
    assert not verdict["reparameterised"]


def test_an_embedding_that_only_resembles_is_not_called_copied(tmp_path):
    """Rows halfway between a copy and a stranger's: channels agree, as training on the other's vectors makes them."""
    arrays = load(INDEPENDENTS / "5")
    mine, theirs = (a - a.mean(axis=0) for a in (arrays[EMBEDDING], load(INDEPENDENTS / "0")[EMBEDDING]))
    arrays[EMBEDDING] = (mine + theirs).astype(np.float32)
    _, verdict, states = looked(save(tmp_path / "m", arrays, INDEPENDENTS / "5"), INDEPENDENTS / "0")
    assert verdict["relation"] == "related-channels-only"
    assert states["embedding"] == "alike"


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_one_pruning_mask_on_two_strangers_shows_no_relation(tmp_path, share):
    """Means of columns times the mask agree in order at any strength; their signs are each model's own."""
    seed = 20260601
    rng = np.random.default_rng(seed)
    pair = []
    for number in ("0", "5"):
        arrays = load(INDEPENDENTS / number)
        if not pair:
            mask = (rng.random(arrays[EMBEDDING].shape) >= share).astype(np.float32)
        means = rng.choice([-1.0, 1.0], size=(1, mask.shape[1])) * 4.0 * arrays[EMBEDDING].std()
        arrays[EMBEDDING] = ((arrays[EMBEDDING] + means) * mask).astype(np.float32)
        pair.append(save(tmp_path / number, arrays, INDEPENDENTS / number))
    document, verdict, _ = looked(*pair)
    deck = next(e for e in document["evidence"] if (e["test"], e["axis"]) == ("deck", "channels"))
    assert deck["log10_p"] < -50
    assert verdict["relation"] == "cannot-tell"
    assert "pruning mask" in paragraph(verdict["words"])


def test_a_tower_is_found_under_another_embedding_after_every_move(tmp_path):
    arrays, other = load(demo_folder() / "base"), load(demo_folder() / "independent")
    subject = save(tmp_path / "m", arrays | {EMBEDDING: other[EMBEDDING], HEAD: other[HEAD]}, demo_folder() / "base")
    moved = reparameterise(Model.load(subject), 4).save(tmp_path / "moved")
    _, verdict, states = looked(moved, demo_folder() / "base")
    assert (verdict["relation"], verdict["reparameterised"]) == ("related", True)
    assert "Nothing shared was found in: embedding" in paragraph(verdict["words"])
    assert (states["layers"], states["embedding"]) == ("shared", "not-found")


def test_a_rotated_embedding_in_a_stranger_is_told_and_not_decided(tmp_path):
    subject = mixed(tmp_path / "m", embedding=1, tower=2, head=3)
    moved = reparameterise(Model.load(subject), 4).save(tmp_path / "moved")
    _, verdict, states = looked(moved, INDEPENDENTS / "1")
    assert verdict["relation"] == "cannot-tell"
    assert states["embedding"] == "rotated"
    assert "follow one rotation" in paragraph(verdict["words"])


def test_a_new_head_on_a_descendant_is_said_and_changes_no_relation(tmp_path):
    arrays = load(demo_folder() / "descendant")
    arrays[HEAD] = np.random.default_rng(3).standard_normal(arrays[HEAD].shape).astype(np.float32)
    document, verdict, states = looked(
        save(tmp_path / "m", arrays, demo_folder() / "descendant"), demo_folder() / "base"
    )
    assert verdict["relation"] == "related"
    assert states["head"] == "unlike"
    words = " ".join(said(document["alignment"]["words"]))
    assert re.search(r"component head \(-?0\.0\d\): the rows that were compared do not agree", words)


def test_a_descendant_has_all_its_components():
    _, verdict, states = looked(demo_folder() / "descendant", demo_folder() / "base")
    assert verdict["relation"] == "related"
    assert states == dict.fromkeys(["embedding", "layers", "mlp", "attention", "head"], "shared")


@pytest.mark.parametrize(("left", "right"), list(itertools.combinations(range(6), 2))[1::3])
def test_no_component_of_strangers_is_shared(left, right):
    _, verdict, states = looked(INDEPENDENTS / str(left), INDEPENDENTS / str(right))
    assert verdict["relation"] == "no-evidence"
    assert "shared" not in states.values()


def private(test, symmetry, log10_p, component=None, close=0.97):
    figures = Sign(9.0, 9.0) if test == "sign" else Deck(1, median_cosine=close)
    return Evidence(
        test=test, axis=Axis.NEURONS, kind="exact", log10_p=log10_p, decides=True, symmetry=symmetry, private=True,
        matched=40, of=40, figures=figures, component=component,
    )  # fmt: skip


@pytest.mark.parametrize(("main", "vision", "expected"), [
    (-40.0, -40.0, "related"), (-40.0, 0.0, "shares-components"), (0.0, -40.0, "shares-components"),
    (0.0, 0.0, "no-evidence"),
])  # fmt: skip
def test_a_tower_of_vision_speaks_for_itself(main, vision, expected):
    evidence = [
        private(t, s, p, c)
        for p, c in ((main, None), (vision, "vision"))
        for t, s in (("deck", "order"), ("sign", "sign"))
    ]
    components = components_of(evidence, Embedding(None))
    assert [c.name for c in components] == ["layers", "vision layers"]
    verdict = judge(
        evidence, identical=False, shared_start=None, training=None, training_shared=True, power=list, withheld=[],
        components=components, strength=StrengthOutcome(True),
    )  # fmt: skip
    assert verdict.relation == expected


def test_a_tower_no_closer_than_an_aligner_brings_it_is_left_open():
    evidence = [private(t, s, -40.0, "vision", 0.4) for t, s in (("deck", "order"), ("sign", "sign"))]
    assert [c.state for c in components_of(evidence, Embedding(None))] == ["open"]


def test_a_checkpoint_is_seen_through_its_other_tower():
    checkpoint = open_checkpoint(demo_folder() / "base")
    assert through(checkpoint, "main").layers == checkpoint.layers
    checkpoint.close()


def test_a_head_nobody_looked_at_is_not_told():
    assert head_seen([], [Component("layers", "shared")], strong=True) == []


@pytest.mark.parametrize(("cosine", "strong", "state"), [
    (0.9, True, "shared"), (0.9, False, "open"), (0.51, True, "shared"), (0.4, True, "open"), (0.2, True, "unlike"),
])  # fmt: skip
def test_rows_of_a_head_that_agree_as_little_as_those_of_strangers_are_not_told(cosine, strong, state):
    checkpoint = open_checkpoint(demo_folder() / "base")
    piece = checkpoint.piece("head")
    checkpoint.close()
    looked_at = Surveyed(piece, piece, None, None, (cosine, 1.0, 0.0), (8, 512))
    found = head_seen([looked_at], [Component("layers", "shared")], strong=strong)
    assert [(c.name, c.state, c.row_cosine) for c in found] == [("head", state, cosine)]

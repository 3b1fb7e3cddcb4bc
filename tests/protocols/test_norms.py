"""[norms] proved: gains folded as the rule says move no output, and the residual then turns, where the rule says so."""

from __future__ import annotations

import re

import numpy as np
import pytest

from forebear.models.architecture.registry import index, shipped
from forebear.models.architecture.settings import Settings
from tests.protocols.families import CASES, Case
from tests.protocols.folding import folded, rotation, turned, untied
from tests.protocols.proof import Subject, write_subject

pytest.importorskip("torch")
pytest.importorskip("transformers")
STAYS, MOVES = 1e-5, 1e-3
TIED_FOR_GOOD = {"t5"}
"""Cases that scale their outputs when head and embedding are one: the head cannot be given a tensor of its own."""


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.name.replace(" ", "-"))
def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    case: Case = request.param
    return write_subject(case, tmp_path_factory.mktemp("norms") / "model")


def test_folded_gains_move_no_output_and_a_residual_turns_where_the_rule_says_so(subject: Subject) -> None:
    definition = subject.checkpoint().definition
    assert definition is not None
    assert definition.norms is not None
    rule = definition.norms.rule(Settings(subject.config, definition.roots))
    arrays, config = subject.arrays, subject.config
    if not any(p.has("channel") for p in subject.checkpoint().pieces):
        pytest.skip("the main stack is not in this checkpoint")
    if rule.pre_norm and subject.case.name not in TIED_FOR_GOOD:
        arrays, config = untied(subject.checkpoint(), arrays, config)
    whole = Subject(subject.case, subject.folder, arrays, config, subject.outputs)
    checkpoint = whole.checkpoint()
    assert whole.moved(arrays) <= STAYS, "the head was taken apart wrongly"
    made, done = folded(checkpoint, arrays, rule)
    width = checkpoint.width
    if rule.pre_norm:
        assert whole.moved(made) <= STAYS
        gains = [p for p in checkpoint.pieces if p.part == "norm" and p.kind == "gain" and p.atoms == (("channel",),)]
        assert bool(done) == bool(gains)
        if gains and not checkpoint.unclaimed:
            half = {n: made[n] if n in {g.tensor for g in gains} else arrays[n] for n in made}
            assert whole.moved(half) > MOVES, "the gains did not matter"
    if rule.turned and subject.case.name not in TIED_FOR_GOOD:
        assert whole.moved(turned(checkpoint, made, rotation(width, keep_ones=rule.layer_norm))) <= STAYS
        if rule.layer_norm:
            assert whole.moved(turned(checkpoint, made, rotation(width, keep_ones=False))) > MOVES
    else:
        assert whole.moved(turned(checkpoint, made, rotation(width, keep_ones=rule.layer_norm))) > MOVES


def test_every_family_has_a_rule_and_a_reason() -> None:
    for entry in index():
        norms = shipped(entry.family).norms
        assert norms is not None, entry.family
        for rule in (norms.usual, *(rule for _, rule in norms.variants)):
            assert rule.source
            assert rule.turned or re.search("each channel|residual itself", rule.source), entry.family


def test_a_rotation_that_keeps_ones_keeps_them() -> None:
    made = rotation(7, keep_ones=True)
    assert np.allclose(made @ made.T, np.eye(7))
    assert np.allclose(np.ones(7) @ made, np.ones(7))
    assert not np.allclose(np.ones(7) @ rotation(7, keep_ones=False), np.ones(7))

"""Supported architecture: the definition claims every tensor, and every axis it calls exchangeable is exchangeable."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from forebear.models.architecture.parse import parse_definition
from forebear.models.architecture.registry import FOLDER
from forebear.models.checkpoint import open_checkpoint_from
from tests.memory import MemoryContainer
from tests.protocols.families import CASES, MODEL_TYPES, Case, small
from tests.protocols.proof import Subject, actions, everywhere, write_subject
from tests.said import said as english

pytest.importorskip("torch", reason="the proof needs torch")
pytest.importorskip("transformers", reason="the proof needs transformers")

TAKEN_FOR = {"roberta": "bert", "electra": "bert", "gemma": "llama", "gpt_bigcode": "nanogpt"}
"""Families whose names without a configuration are those of another, with the same axes."""
HOLDS = 1e-5
MOVES = 1e-2


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.name.replace(" ", "-"))
def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    case: Case = request.param
    folder: Path = tmp_path_factory.mktemp("proof")
    return write_subject(case, folder / "model")


def test_the_definition_claims_every_tensor_and_has_nothing_to_complain_of(subject: Subject) -> None:
    checkpoint = subject.checkpoint()
    assert checkpoint.family == subject.case.family
    said = [] if subject.case.unnamed else [subject.case.published or MODEL_TYPES[subject.case.config]]
    assert [kind for kind in (subject.config.get("model_type"),) if kind is not None] == said
    assert list(checkpoint.unclaimed) == []
    inferred = f"no configuration names the family: {subject.case.family} inferred from the tensor names"
    assert english(checkpoint.limits) == ([inferred] if subject.case.unnamed else [])
    assert all(0 not in sizes for piece in checkpoint.pieces for sizes in piece.sizes)
    assert sum(piece.parameters for piece in checkpoint.pieces) == sum(array.size for array in subject.arrays.values())


def test_the_definition_allows_exactly_the_axes_that_the_case_lists(subject: Subject) -> None:
    allowed = [
        f"{name}{'±' if axis.sign else ''}" for name, axis in subject.checkpoint().axes.items() if axis.permutation
    ]
    assert sorted(allowed) == sorted(subject.case.allowed.split())


def test_without_a_configuration_the_names_lead_to_this_family_or_to_none(subject: Subject) -> None:
    checkpoint = open_checkpoint_from(MemoryContainer(subject.arrays), {})
    assert checkpoint.limits
    family = subject.case.family
    assert checkpoint.family in ("unknown", family, TAKEN_FOR.get(family))


def test_outputs_stay_under_every_symmetry_the_definition_allows(subject: Subject) -> None:
    checkpoint = subject.checkpoint()
    for name, arrays in actions(checkpoint, subject.arrays).items():
        changed = [key for key in arrays if not np.array_equal(arrays[key], subject.arrays[key])]
        assert changed, f"{name}: nothing was changed, so nothing is proved"
        assert subject.moved(arrays) < HOLDS, name


def test_outputs_move_when_an_axis_without_symmetry_is_shuffled(subject: Subject) -> None:
    checkpoint = subject.checkpoint()
    for axis in subject.case.moves:
        rule = checkpoint.axis(axis)
        assert rule is not None
        assert not rule.permutation
        assert rule.withheld
        assert subject.moved(everywhere(checkpoint, subject.arrays, axis, signs=False)) > MOVES, axis


def test_outputs_move_under_every_sign_the_definition_refuses(subject: Subject) -> None:
    checkpoint = subject.checkpoint()
    refused = [name for name in ("channel", "neuron") if (a := checkpoint.axis(name)) and a.permutation and not a.sign]
    for axis in refused:
        assert subject.moved(everywhere(checkpoint, subject.arrays, axis, signs=True)) > MOVES, axis


FAULTS = {
    "a gain that stays where it was": (
        'dims = [["channel"]]\nsource = "LlamaDecoderLayer.input_layernorm"',
        'dims = [["label"]]\nsource = "LlamaDecoderLayer.input_layernorm"', "channel", False),
    "query heads counted across groups": (
        '["channel"], ["kv_head", "group", "value"]', '["channel"], ["group", "kv_head", "value"]', "kv_head", False),
    "rotary rows called free": (
        'never = "rotary positions give every row its own frequency"', "permutation = true", "rope", False),
    "tokens called free": ('never = "tokens carry meaning"', "permutation = true", "token", False),
    "a gate negated": ('sign_parts = ["up", "down"]', 'sign_parts = ["gate", "down"]', "neuron", True),
    "values negated on one side only": ('sign_parts = ["v", "o"]', 'sign_parts = ["v"]', "value", True),
    "a down projection read across": (
        'part = "down"\ndims = [["channel"], ["neuron"]]', 'part = "down"\ndims = [["neuron"], ["channel"]]', "neuron", False),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_the_proof_fails_for_a_definition_with_a_fault(fault: str, tmp_path: Path) -> None:
    before, after, axis, signs = FAULTS[fault]
    text = (FOLDER / "llama.toml").read_text("utf-8")
    assert before in text
    definition = parse_definition(tomllib.loads(text.replace(before, after)), "llama with a fault")
    # Square matrices, so that shapes alone do not betray a dimension read across.
    case = replace(
        next(case for case in CASES if case.name == "llama"),
        settings=small(num_key_value_heads=2, intermediate_size=24),
    )
    subject = write_subject(case, tmp_path / "model")
    checkpoint = subject.checkpoint(definition)
    assert subject.moved(everywhere(checkpoint, subject.arrays, axis, signs=signs)) > MOVES

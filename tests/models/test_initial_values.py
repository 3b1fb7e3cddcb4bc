"""[init] proved: a model that its class has just made starts as the file of the family says."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forebear.models.architecture.definition import InitRule
from forebear.models.architecture.registry import index, shipped
from forebear.models.architecture.settings import Settings
from forebear.models.checkpoint import Checkpoint, open_checkpoint
from tests.protocols.families import CASES, Case

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

OWN_CODE = {"baichuan", "internlm2", "nanogpt"}
"""Families whose classes are not in transformers: their [init] is what their published code says, and is not proved here."""
STARTING = [case for case in CASES if shipped(case.family).init is not None and not case.published and not case.stacked]
STARTS_AT_TWO = {"nemotron"}
"""The class in transformers stores one for a gain that is one plus what is stored."""
TOWERS = ("vision_tower.", "multi_modal_projector.", "vision_model.")
"""Parts of models with pictures that start otherwise; [init] is about the language model."""


def made(case: Case, folder: Path) -> Checkpoint:
    """What the class starts with, saved as users get it."""
    torch.manual_seed(3)
    config = getattr(transformers, case.config)(**case.settings)
    getattr(transformers, case.model)(config).save_pretrained(folder)
    return open_checkpoint(folder)


def values_by_part(checkpoint: Checkpoint) -> dict[str, np.ndarray]:
    """Every value of the matrices of each part."""
    found: dict[str, list[np.ndarray]] = defaultdict(list)
    for piece in checkpoint.pieces:
        if piece.kind == "matrix" and not any(word in piece.tensor for word in TOWERS):
            values = checkpoint.container.read(piece.tensor)[np.ix_(*(span.positions() for span in piece.spans))]
            found[piece.part].append(np.asarray(values, dtype=np.float64).ravel())
    return {part: np.concatenate(values) for part, values in found.items()}


def expected(rule: InitRule, part: str, checkpoint: Checkpoint) -> float:
    """The standard deviation that the rule gives a part: of a normal law cut at two, 0.8796 of the uncut one."""
    definition = checkpoint.definition
    assert definition is not None
    stated = Settings(checkpoint.config, definition.roots).number(rule.key) if rule.key else None
    depth = float(np.sqrt(2 * checkpoint.layers)) if part in rule.by_depth else 1.0
    return float(stated if stated is not None else rule.std) / depth * (0.8796 if rule.cut == 2 else 1.0)


@pytest.mark.parametrize("case", STARTING, ids=lambda case: case.name.replace(" ", "-"))
def test_matrices_start_with_the_spread_that_the_file_gives_them(case: Case, tmp_path: Path) -> None:
    rule = shipped(case.family).init
    assert rule is not None
    checkpoint = made(case, tmp_path)
    compared = 0
    for part, values in values_by_part(checkpoint).items():
        sinusoids = part == "positions" and case.settings.get("sinusoidal_pos_embds")
        if part in rule.apart or values.size < 400 or sinusoids:
            continue
        doubt = 6 / np.sqrt(2 * values.size)
        assert values.std() == pytest.approx(expected(rule, part, checkpoint), rel=doubt), part
        assert abs(values.mean()) < 6 * values.std() / np.sqrt(values.size), part
        if rule.cut:
            spread = expected(rule, part, checkpoint) / 0.8796
            assert np.abs(values).max() <= rule.cut * spread * 1.0001, part
        compared += 1
    assert compared >= 2, "nothing was compared, so nothing is proved"


@pytest.mark.parametrize("case", STARTING, ids=lambda case: case.name.replace(" ", "-"))
def test_gains_start_at_one(case: Case, tmp_path: Path) -> None:
    checkpoint = made(case, tmp_path)
    definition = checkpoint.definition
    assert definition is not None
    assert definition.norms is not None
    offset = definition.norms.rule(Settings(checkpoint.config, definition.roots)).offset
    for piece in checkpoint.pieces:
        if piece.part == "norm" and piece.kind == "gain" and piece.atoms == (("channel",),):
            gain = checkpoint.container.read(piece.tensor) + offset
            assert np.all(gain == (2 if case.family in STARTS_AT_TWO else 1)), piece.tensor


def test_the_default_of_a_key_is_what_the_class_means_when_it_is_left_out() -> None:
    for case in STARTING:
        rule: Any = shipped(case.family).init
        config = getattr(transformers, case.config)()
        config = getattr(config, "text_config", config)
        assert getattr(config, rule.key) == rule.std, case.name


def test_every_family_with_initial_values_is_proved_or_has_code_of_its_own() -> None:
    proved = {case.family for case in STARTING}
    assert {entry.family for entry in index() if shipped(entry.family).init is not None} - proved == OWN_CODE

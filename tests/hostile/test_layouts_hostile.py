"""Fifteen changes of a sound matrix of every quantised layout: each is refused, left as it is stored, or read in its own shape.

Nothing is decoded by half: what is decoded has the type and the shape it should, whatever way it is read.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from bench.fuzz.weights import Memory
from forebear.core.errors import RefusedError
from forebear.files.base import Container
from forebear.files.formats.safetensors import SafetensorsContainer
from forebear.files.views.quantised import dequantised
from forebear.files.views.quantised_bare import UNSCALED
from tests.hostile.defects_layouts import CHANGES, GOOD, Matrix, cases

ORDER = list(CHANGES)
EXPECTED = {
    #                alone, no, empty, row, dimension, wide, not finite, whole, floats, short, no rows, three, swapped, absurd, kinds
    "MLX":           "s s s s s R d s s s s s s s s",
    "MLX MXFP4":     "s s s s s s d s s s s s s d s",
    "NVFP4":         "s s s s s s d s s s s s R d d",
    "MXFP4":         "s s s s s s d s s s s s s d d",
    "MXFP8":         "s s R R R R d s s d R R s d d",
    "scaled FP8":    "s s R d d R d s s d d d s d d",
    "torchao":       "s s s s s s d s s s s s s d d",
    "quanto":        "s s R R R R d s s d s s s d d",
    "AWQ":           "s s s R s s d s s s s s s d s",
    "AWQ gemv":      "s s s s s s d s s s s s s s R",
    "HQQ":           "s s s s s s d s s R s s s d d",
    "EXL2":          "s s s s s s d s s s s s s d d",
    "GPTQ":          "s s s R s R d s s R s s s d d",
    "ModelOpt 4-bit": "s s s s s s d s s s s s s d d",
    "BitNet":        "s s s s d s d s s d s s s d s",
    "compressed-tensors": "s s s s s R d s s d s s s d d",
    "bitsandbytes":  "s s R R R R d s s d R s s d d",
}  # fmt: skip
"""By layout, in the order of the changes: s left as stored, d decoded, R refused."""


def opened(one: Matrix) -> Container:
    """The matrix's file, recognised."""
    container, _ = dequantised(SafetensorsContainer(Path("m"), file=Memory(one.file(), "m")), one.config)
    return container


def made(container: Container, one: Matrix) -> list[str]:
    """Names of tensors that a decoder makes; what is only said to be codes is none."""
    own = {name: one.tensors.get(name, ("",))[0] for name in container.tensors}
    return [name for name, entry in container.tensors.items() if entry.dtype not in (own[name], own[name] + UNSCALED)]


def outcome(one: Matrix) -> str:
    """s, d or R, for a refusal of a quantised layout that accuses nobody; every tensor is read whole and by rows."""
    try:
        container = opened(one)
    except RefusedError as error:
        said, advice = error.said, error.advice
        plain = said is not None and said.values["what"].key.startswith(("quant.", "quant_modelopt.")) and advice is not None
        return "R" if plain and advice.key == "advice.layout" else str(error)
    for name, entry in container.tensors.items():
        whole = container.read(name)
        assert whole.shape == entry.shape
        if entry.shape and entry.shape[0]:
            last = entry.shape[0] - 1
            np.testing.assert_array_equal(container.take(name, [last, 0]), whole[[last, 0]])
    return "d" if made(container, one) else "s"


@pytest.mark.parametrize("layout", GOOD)
def test_the_matrix_without_a_change_is_decoded(layout: str) -> None:
    container = opened(GOOD[layout])
    (name,) = made(container, GOOD[layout])
    assert np.isfinite(container.read(name)).all()


@pytest.mark.parametrize("layout", GOOD)
def test_every_change_ends_as_it_should_in_little_time(layout: str) -> None:
    began = time.process_time()
    found = {change: outcome(one) for of, change, one in cases() if of == layout}
    assert found == dict(zip(ORDER, EXPECTED[layout].split(), strict=True))
    assert time.process_time() - began < 15


def test_a_matrix_without_its_scales_has_no_values() -> None:
    """Not one of the layouts is decoded from its codes alone, or with whole numbers for scales."""
    for layout, rows in EXPECTED.items():
        told = dict(zip(ORDER, rows.split(), strict=True))
        assert {told[c] for c in ("codes alone", "no scales", "scales of whole numbers", "codes of floats")} == {"s"}, layout

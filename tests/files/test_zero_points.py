"""Which convention of zero points a GPTQ checkpoint has, told from its codes (decision 0020): no wrong answer, few left open."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from forebear.core.seeds import generator
from forebear.files.formats.safetensors import SafetensorsContainer
from forebear.files.views.quantised import dequantised
from forebear.files.views.quantised_find import Recognised
from forebear.files.views.quantised_gptq import zeros_less_one
from tests.files import quantised_make as make
from tests.files.make import encode_arrays, write
from tests.memory import MemoryContainer

GROUP = 32


def packed(codes: np.ndarray, bits: int) -> np.ndarray:
    """Columns of codes as 32-bit words, lowest bits first. Shapes: (n, outputs) -> (n * bits / 32, outputs)."""
    stream = (codes[:, None, :] >> np.arange(bits)[None, :, None] & 1).astype(np.uint8).reshape(-1, codes.shape[1])
    whole = np.ascontiguousarray(np.packbits(np.ascontiguousarray(stream.T), axis=1, bitorder="little"))
    return whole.view("<u4").T.astype(np.uint32)


def quantised(weight: np.ndarray, bits: int, symmetric: bool, less_one: bool) -> dict[str, np.ndarray]:
    """One matrix (outputs, inputs) rounded group by group."""
    groups = weight.T.reshape(-1, GROUP, weight.shape[0])  # (groups, GROUP, outputs)
    top = 2**bits - 1
    if symmetric:
        scale = 2 * np.abs(groups).max(axis=1) / top
        zero = np.full(scale.shape, 2 ** (bits - 1))
    else:
        low, high = np.minimum(groups.min(axis=1), 0), np.maximum(groups.max(axis=1), 0)
        scale = (high - low) / top
        zero = np.clip(np.rint(-low / scale), 0, top).astype(int)
    codes = np.clip(np.rint(groups / scale[:, None]) + zero[:, None], 0, top).astype(int).reshape(-1, weight.shape[0])
    stored = (zero - 1) % (top + 1) if less_one else zero
    zeros = np.ascontiguousarray(packed(np.ascontiguousarray(stored.T), bits).T)
    return {
        "m.qweight": packed(codes, bits).view(np.int32),
        "m.qzeros": zeros.view(np.int32),
        "m.scales": scale.astype(np.float16),
    }


def drawn(seed: int, lean: float) -> tuple[np.ndarray, int, bool]:
    random = generator("tests/files/zero_points", seed)
    bits, symmetric = (2, 3, 4, 8)[seed % 4], bool(seed // 4 % 2)
    shape = (int(random.choice([64, 128, 256])), int(random.choice([64, 128, 256])))
    kind = seed // 8 % 3
    weight = (
        random.normal(size=shape)
        if kind == 0
        else random.uniform(-1, 1, shape)
        if kind == 1
        else random.standard_t(4, shape)
    )
    return weight + lean * random.choice([-1, 1], size=(shape[0], 1)), bits, symmetric


def answer(path: Path, tensors: dict[str, np.ndarray], **settings: object) -> bool | None:
    container = SafetensorsContainer(write(path, encode_arrays(tensors)))
    return zeros_less_one(Recognised(container, {"quantization_config": settings}, lambda name: None))


def told(path: Path, seeds: range, lean: float) -> tuple[list[tuple[int, int]], dict[int, float]]:
    """(seed and bits of wrong answers, share of answers left open by bits)."""
    wrong, left_open = [], Counter[int]()
    for seed in seeds:
        weight, bits, symmetric = drawn(seed, lean)
        for less_one in (True, False):
            found = answer(path, quantised(weight, bits, symmetric, less_one), bits=bits)
            left_open[bits] += found is None
            wrong += [(seed, bits)] if found not in (None, less_one) else []
    return wrong, {bits: left_open[bits] / (len(seeds) / 2) for bits in (2, 3, 4, 8)}


def test_no_convention_is_told_wrongly_and_few_are_left_open(tmp_path: Path) -> None:
    wrong, left_open = told(tmp_path / "m", range(300, 500), 0.2)
    assert not wrong
    assert left_open[2] == 0
    assert left_open[3] <= 0.32
    assert left_open[4] <= 0.6


def test_without_a_lean_hardly_any_of_four_bits_is_left_open(tmp_path: Path) -> None:
    wrong, left_open = told(tmp_path / "m", range(500, 600), 0.0)
    assert not wrong
    assert left_open[4] <= 0.1


@pytest.mark.parametrize("less_one", [True, False])
@pytest.mark.parametrize("stated", ["gptq", "gptq_v2", None])
def test_what_goes_against_the_configuration_is_said(tmp_path: Path, less_one: bool, stated: str | None) -> None:
    weight = generator("tests/files/zero_points", 0).normal(size=(64, 64)).astype(np.float32)
    stored, steps = make.gptq(weight, 4, GROUP, v2=not less_one)
    settings = {"quant_method": "gptq", "bits": 4} | ({"checkpoint_format": stated} if stated else {})
    container = SafetensorsContainer(write(tmp_path / "m", encode_arrays({f"m.{k}": v for k, v in stored.items()})))
    seen, said = dequantised(container, {"quantization_config": settings})
    assert (np.abs(seen.read("m.weight") - weight) <= steps * 0.51 + 1e-6).all()
    against = less_one == (stated == "gptq_v2")
    keys = [one.key for one in said[1:]]
    assert keys == ([f"limit.zeros_{'less_one' if less_one else 'as_stored'}"] if against else [])


@pytest.mark.parametrize("filled", ["zeros", "nothing"])
def test_groups_that_were_never_filled_are_taken_in_order(tmp_path: Path, filled: str) -> None:
    weight = generator("tests/files/zero_points", 1).normal(size=(64, 64)).astype(np.float32)
    stored, steps = make.gptq(weight, 4, GROUP)
    stored["g_idx"] = np.zeros(64 if filled == "zeros" else 0, np.int32)
    container = SafetensorsContainer(write(tmp_path / "m", encode_arrays({f"m.{k}": v for k, v in stored.items()})))
    seen, said = dequantised(container, {"quantization_config": {"bits": 4}})
    assert (np.abs(seen.read("m.weight") - weight) <= steps * 0.51 + 1e-6).all()
    assert [one.key for one in said[1:]] == ["limit.groups_in_order"]


def test_one_group_alone_has_an_index_of_zeros_and_nothing_to_say(tmp_path: Path) -> None:
    weight = generator("tests/files/zero_points", 2).normal(size=(64, 64)).astype(np.float32)
    stored, _ = make.gptq(weight, 4, 64)
    container = SafetensorsContainer(write(tmp_path / "m", encode_arrays({f"m.{k}": v for k, v in stored.items()})))
    assert len(dequantised(container, {"quantization_config": {"bits": 4}})[1]) == 1


def test_without_codes_nothing_is_told() -> None:
    assert (
        zeros_less_one(Recognised(MemoryContainer({"a": np.zeros((2, 2), np.float32)}), {}, lambda name: None)) is None
    )

"""In which order the nibbles of AWQ stand, told from codes and scales (decision 0126): no wrong answer, and what is said of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forebear.core.seeds import generator
from forebear.files.formats.safetensors import SafetensorsContainer
from forebear.files.views.quantised import dequantised
from forebear.files.views.quantised_find import Recognised
from forebear.files.views.quantised_nibbles import order_by_values
from forebear.files.views.quantised_packed import AWQ_ORDER, PLAIN_ORDER
from forebear.models.undecoded import undecoded
from tests.files.make import encode_arrays, write

INTERLEAVED = (0, 2, 4, 6, 1, 3, 5, 7)
Stored = dict[str, np.ndarray]


def packed(codes: np.ndarray, *, plain: bool) -> np.ndarray:
    """Codes (n, outputs) as 32-bit words (n, outputs / 8)."""
    by_word = codes.reshape(len(codes), -1, 8)
    words = np.zeros(by_word.shape[:2], np.uint32)
    for nibble, output in enumerate(range(8) if plain else INTERLEAVED):
        words |= by_word[:, :, output].astype(np.uint32) << np.uint32(4 * nibble)
    return words.view(np.int32)


def quantised(weight: np.ndarray, group: int, *, symmetric: bool = False, clip: float = 1.0) -> Stored:
    """Codes (inputs, outputs), scales and zero points (groups, outputs) of a matrix (outputs, inputs), rounded to nearest."""
    groups = weight.T.reshape(-1, group, weight.shape[0])
    if symmetric:
        scale = np.abs(groups).max(axis=1) / 7.5 * clip
        zero = np.full(scale.shape, 8)
    else:
        low, high = np.minimum(groups.min(axis=1), 0) * clip, np.maximum(groups.max(axis=1), 0) * clip
        scale = (high - low) / 15
        zero = np.clip(np.rint(-low / scale), 0, 15).astype(int)
    codes = np.clip(np.rint(groups / scale[:, None]) + zero[:, None], 0, 15).astype(int)
    return {"codes": codes.reshape(-1, weight.shape[0]), "scales": scale.astype(np.float16), "zeros": zero}


def stored(stem: str, parts: Stored, *, plain: bool) -> Stored:
    return {
        f"{stem}.qweight": packed(parts["codes"], plain=plain),
        f"{stem}.qzeros": packed(parts["zeros"], plain=plain),
        f"{stem}.scales": parts["scales"],
    }


def values(parts: Stored) -> np.ndarray:
    """The matrix that these parts stand for. Shape (outputs, inputs)."""
    group = len(parts["codes"]) // len(parts["scales"])
    scale, zero = (np.repeat(parts[key], group, axis=0) for key in ("scales", "zeros"))
    return ((parts["codes"] - zero) * scale.astype(np.float32)).T.astype(np.float32)


def drawn(seed: int) -> tuple[np.ndarray, int, bool, float]:
    """A matrix, its group, whether it is without zero points, and how far its range is cut."""
    random = generator("tests/files/nibbles", seed)
    group = int(random.choice([32, 64, 128]))
    outputs = int(random.choice([64, 128, 256, 512]))
    shape = (outputs, group * int(random.choice([2, 4, 8, 16])))
    kind = seed % 4
    weight = (
        random.uniform(-1, 1, shape) if kind == 1 else random.standard_t(4, shape) if kind == 2 else random.normal(size=shape)
    )
    if kind == 3:
        weight = weight * np.exp(random.normal(size=(1, shape[1])) * 0.7)
    weight = weight * np.exp(random.normal(size=(outputs, 1)) * 0.5)
    return weight, group, bool(seed // 4 % 2), float(random.choice([1, 1, 0.8]))


def told(path: Path, tensors: Stored) -> bool | None:
    """Whether the values say plain order."""
    container = SafetensorsContainer(write(path, encode_arrays(tensors)))
    order = order_by_values(Recognised(container, {}, lambda name: None))
    return None if order is None else {PLAIN_ORDER: True, AWQ_ORDER: False}[order]


def answers(path: Path, seeds: Iterable[int]) -> Counter[str]:
    found: Counter[str] = Counter()
    for seed in seeds:
        weight, group, symmetric, clip = drawn(seed)
        parts = quantised(weight, group, symmetric=symmetric, clip=clip)
        for plain in (True, False):
            answer = told(path, stored("a", parts, plain=plain))
            found["open" if answer is None else "right" if answer == plain else "wrong"] += 1
    return found


def test_no_order_is_told_wrongly(tmp_path: Path) -> None:
    found = answers(tmp_path / "m", range(1000, 1200))
    assert not found["wrong"]


def opened(path: Path, tensors: Stored, settings: dict[str, Any] | None):
    container = SafetensorsContainer(write(path, encode_arrays(tensors)))
    return dequantised(container, {} if settings is None else {"quantization_config": settings})


AWQ = {"quant_method": "awq", "version": "gemm", "bits": 4, "group_size": 64}
QUARK = {"quant_method": "quark", "export": {"pack_method": "order"}}


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("settings", [AWQ, QUARK, {"quant_method": "quark", "pack_method": "reorder"}, {}, None])
def test_values_decide_and_what_they_contradict_is_said(
    tmp_path: Path, plain: bool, settings: dict[str, Any] | None
) -> None:
    parts = quantised(generator("tests/files/nibbles/told", 0).normal(size=(512, 512)), 64)
    seen, said = opened(tmp_path / "m", stored("a", parts, plain=plain), settings)
    np.testing.assert_allclose(seen.read("a.weight"), values(parts), rtol=1e-5, atol=1e-6)
    against = plain != (settings is QUARK)
    expected = [f"awq.nibbles_{'plain' if plain else 'awq'}"] if against else []
    assert [one.key for one in said[1:]] == expected


@pytest.mark.parametrize(
    ("settings", "plain"),
    [(AWQ, False), (QUARK, True), ({"quant_method": "auto-round", "packing_format": "auto_round:auto_awq"}, False)],
)
def test_where_values_do_not_tell_the_file_does(tmp_path: Path, settings: dict[str, Any], plain: bool) -> None:
    parts = quantised(generator("tests/files/nibbles/told", 1).normal(size=(32, 64)), 64)
    seen, said = opened(tmp_path / "m", stored("a", parts, plain=plain), settings)
    np.testing.assert_allclose(seen.read("a.weight"), values(parts), rtol=1e-5, atol=1e-6)
    assert len(said) == 1


@pytest.mark.parametrize("settings", [None, {}, {"bits": 4}, {"pack_method": 4, "packing_format": None}, {"export": []}])
def test_where_neither_tells_the_codes_stay_codes_with_the_reason(tmp_path: Path, settings: dict[str, Any] | None) -> None:
    parts = quantised(generator("tests/files/nibbles/told", 2).normal(size=(32, 64)), 64)
    seen, said = opened(tmp_path / "m", stored("a", parts, plain=True), settings)
    assert "a.weight" not in seen.tensors
    assert {"a.qweight", "a.qzeros"} <= undecoded(seen.tensors)
    assert [one.key for one in said] == ["awq.nibbles_open"]


def test_equal_scales_tell_nothing(tmp_path: Path) -> None:
    parts = quantised(generator("tests/files/nibbles/told", 3).normal(size=(512, 512)), 64)
    parts["scales"] = np.ones_like(parts["scales"])
    assert told(tmp_path / "m", stored("a", parts, plain=True)) is None

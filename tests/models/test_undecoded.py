"""Codes that no decoder claimed enter no test, no effect and no verdict, whatever they are called and of whatever type."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import load_file

import forebear
from forebear.core.seeds import generator
from forebear.files.base import TensorEntry
from forebear.models.undecoded import stated_method, undecoded
from tests.files.make import encode_arrays, write

TRIED = Path(__file__).resolve().parent.parent / "data" / "tried"
BASE = TRIED / "base"
Arrays = dict[str, np.ndarray]


def saved(folder: Path, tensors: Arrays, **config: Any) -> Path:
    folder.mkdir()
    write(folder / "model.safetensors", encode_arrays(tensors))
    (folder / "config.json").write_text(json.dumps({**json.loads((BASE / "config.json").read_text()), **config}))
    return folder


def recoded(code: Any) -> Arrays:
    """The base changed by a hundredth, every matrix of a layer put through `code`: stem, matrix -> tensors."""
    random = generator("tests/models/undecoded", 2)
    found: Arrays = {}
    for name, values in load_file(BASE / "model.safetensors").items():
        values = (values + 0.01 * values.std() * random.normal(size=values.shape)).astype(np.float32)
        inside = ".layers." in name and values.ndim == 2
        found |= code(name.removesuffix(".weight"), values) if inside else {name: values}
    return found


def words(bits: int, tag: str, last: str) -> Any:
    random = generator("tests/models/undecoded", 0)
    return lambda stem, matrix: {
        f"{stem}.{last}": random.integers(0, 2**bits, size=(matrix.shape[0], matrix.shape[1] // 2)).astype(tag),
        f"{stem}.{last}_extra": np.ones(matrix.shape[0], np.float16),
    }


def unscaled(stem: str, matrix: np.ndarray) -> Arrays:
    step = np.abs(matrix).max() / 448
    return {f"{stem}.weight": (matrix / step).astype(ml_dtypes.float8_e4m3fn), f"{stem}.odd_scale_grid": np.full(7, step, np.float32)}


def bytes_in_place(stem: str, matrix: np.ndarray) -> Arrays:
    return {f"{stem}.weight": np.round(matrix / np.abs(matrix).max() * 127).astype(np.int8)}


KINDS: dict[str, Any] = {
    "words of another name": words(30, "int32", "trellis"),
    "halves of words": words(14, "int16", "trellis"),
    "bytes under the matrix's own name": bytes_in_place,
    "eight-bit floats whose scale nobody knows": unscaled,
}


@pytest.mark.parametrize("kind", KINDS)
def test_codes_that_nobody_reads_give_no_verdict_and_no_effect(tmp_path: Path, kind: str) -> None:
    folder = saved(tmp_path / "m", recoded(KINDS[kind]), quantization_config={"quant_method": "of-tomorrow"})
    found = forebear.compare(folder, BASE)
    assert found["verdict"]["relation"] in ("cannot-tell", "related-channels-only")
    assert {row["part"] for row in found["effects"]} <= {"embedding", "head"}
    said = [limit["values"]["what"] for limit in found["limits"] if limit["key"] == "limit.side"]
    (one,) = [what for what in said if isinstance(what, Mapping) and what["key"] == "limit.undecoded_named"]
    assert one["values"]["method"] == "of-tomorrow"
    assert one["values"]["count"] == 28


def test_nothing_found_in_what_is_left_is_no_absence_of_evidence(tmp_path: Path) -> None:
    """Embedding, head and norms of another seed beside codes: what could not be read may be the candidate's."""
    random = generator("tests/models/undecoded", 1)
    tensors = {n: a if a.dtype.kind == "i" else random.normal(size=a.shape).astype(np.float32)
               for n, a in recoded(bytes_in_place).items()}  # fmt: skip
    found = forebear.compare(saved(tmp_path / "m", tensors), BASE)
    assert found["verdict"]["relation"] == "cannot-tell"
    assert found["verdict"]["words"][0]["key"] == "verdict.codes_unread"


def test_a_file_of_codes_is_identical_to_its_copy(tmp_path: Path) -> None:
    one, two = (saved(tmp_path / n, recoded(KINDS["words of another name"])) for n in "ab")
    (two / "model.safetensors").write_bytes((one / "model.safetensors").read_bytes())
    assert forebear.compare(one, two)["verdict"]["relation"] == "identical"


def entry(name: str, dtype: str, *shape: int) -> tuple[str, TensorEntry]:
    return name, TensorEntry(name, dtype, shape, 0)


def test_small_floats_are_weights_unless_a_scale_is_left_over() -> None:
    plain = dict([entry("a.weight", "F8_E4M3", 4, 4), entry("a.input_scale", "F32"), entry("a.k_scale", "F32")])
    assert undecoded(plain) == frozenset()
    assert undecoded({**plain, **dict([entry("a.scale_of_rows", "F32", 4)])}) == {"a.weight"}
    assert undecoded({**plain, **dict([entry("a.weight_scales", "F32", 4)])}) == {"a.weight"}


def test_a_mask_is_no_undecoded_matrix(tmp_path: Path) -> None:
    """Tables of whole numbers that a family is known to keep are no weights in codes."""
    tensors = load_file(BASE / "model.safetensors")
    tensors |= {f"model.layers.{i}.self_attn.rotary_emb.inv_freq": np.arange(8, dtype=np.int64) for i in range(4)}
    found = forebear.inspect(saved(tmp_path / "m", tensors))
    assert not [said for said in found["limits"] if "codes" in str(said)]
    assert forebear.compare(tmp_path / "m", BASE)["verdict"]["relation"] == "related"


def test_the_layout_is_named_as_the_configuration_names_it() -> None:
    assert stated_method({"quantization_config": {"quant_method": "modelopt", "quant_algo": "NVFP4"}}) == "modelopt NVFP4"
    assert stated_method({"quantization": {"bits": 4}}) == ""
    assert stated_method({"quantization_config": ["exl3"]}) == ""

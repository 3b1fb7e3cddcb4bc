"""Block types of GGUF, written by the quantisers of the gguf package and read back.

Source: the package's own `gguf.quants`, which states bit-exact agreement with llama.cpp's reference rows; extra [gguf].
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from forebear.files.base import Float32
from forebear.files.formats.gguf_types import gguf_modules
from forebear.recipes.rederive.casts import NEAREST
from forebear.recipes.rederive.way import Way


@cache
def written_types() -> tuple[str, ...]:
    """Names of the block types that the installed package can write; none without it."""
    try:
        quants, constants = gguf_modules()
    except ImportError:
        return ()
    found = []
    for kind in constants.GGMLQuantizationType:
        block = constants.GGML_QUANT_SIZES[kind][0]
        try:
            quants.quantize(np.ones((1, block), dtype=np.float32), kind)
        except NotImplementedError:
            continue
        if block > 1:
            found.append(kind.name)
    return tuple(found)


def block_length(name: str) -> int:
    """Values of one block of a type."""
    _, constants = gguf_modules()
    return int(constants.GGML_QUANT_SIZES[constants.GGMLQuantizationType[name]][0])


def through(values: Float32, name: str) -> Float32:
    """Values written in a block type along their last axis and read back. Shapes: (..., n), n whole blocks."""
    quants, constants = gguf_modules()
    kind = constants.GGMLQuantizationType[name]
    with np.errstate(all="ignore"):
        written = quants.quantize(np.ascontiguousarray(values, dtype=np.float32), kind)
        return np.asarray(quants.dequantize(written, kind), dtype=np.float32).reshape(values.shape)


def gguf_ways(shape: tuple[int, ...], dtype: str) -> Iterator[Way]:
    """Ways for a place of this shape: the type its tag names, or every type where the tag names none (values given back).

    A container may hold a matrix turned: then blocks run along the first axis. Weights may have been cast before.
    """
    stated = dtype.split(" ")[0]
    names = [stated] if stated in written_types() else written_types() if dtype in ("F32", "F16", "BF16") else []
    for name in names:
        for turned in (False, True):
            axis = 0 if turned else -1
            if not shape or len(shape) < 2 or shape[axis] % block_length(name):
                continue
            plain = Way("quantised-gguf", _change(name, turned), {"type": name}, "column" if turned else "row")
            yield plain
            yield from (plain.after(cast) for cast in NEAREST)


def _change(name: str, turned: bool) -> Any:
    if turned:
        return lambda values: np.ascontiguousarray(through(np.ascontiguousarray(values.T), name).T)
    return lambda values: through(values, name)

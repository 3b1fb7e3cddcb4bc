"""The number types of a GGUF file: how many values and bytes a block has, and which are read without the extra.

Source: ggml's type enumeration and block structures (ggml.h, ggml-common.h); a test walks the enumeration of the gguf
package against these tables.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebear.core.errors import refusal
from forebear.core.messages import message
from forebear.files.base import Float32
from forebear.files.dtypes import DTYPES, decode

_TYPES = (
    (0, "F32", 1, 4), (1, "F16", 1, 2), (2, "Q4_0", 32, 18), (3, "Q4_1", 32, 20), (6, "Q5_0", 32, 22),
    (7, "Q5_1", 32, 24), (8, "Q8_0", 32, 34), (9, "Q8_1", 32, 40), (10, "Q2_K", 256, 84), (11, "Q3_K", 256, 110),
    (12, "Q4_K", 256, 144), (13, "Q5_K", 256, 176), (14, "Q6_K", 256, 210), (15, "Q8_K", 256, 292),
    (16, "IQ2_XXS", 256, 66), (17, "IQ2_XS", 256, 74), (18, "IQ3_XXS", 256, 98), (19, "IQ1_S", 256, 50),
    (20, "IQ4_NL", 32, 18), (21, "IQ3_S", 256, 110), (22, "IQ2_S", 256, 82), (23, "IQ4_XS", 256, 136),
    (24, "I8", 1, 1), (25, "I16", 1, 2), (26, "I32", 1, 4), (27, "I64", 1, 8), (28, "F64", 1, 8),
    (29, "IQ1_M", 256, 56), (30, "BF16", 1, 2), (34, "TQ1_0", 256, 54), (35, "TQ2_0", 256, 66),
    (39, "MXFP4", 32, 17), (40, "NVFP4", 64, 36), (41, "Q1_0", 128, 18),
)  # fmt: skip
TYPE_NAMES = {number: name for number, name, _, _ in _TYPES}
BLOCKS = {number: (block, size) for number, _, block, size in _TYPES}
NUMBERS = {name: number for number, name, _, _ in _TYPES}
PLAIN = frozenset(name for _, name, block, _ in _TYPES if block == 1)
"""Types whose tag and bytes are those of `files/dtypes.py`: read without the extra."""


def dequantise(raw: NDArray[np.uint8], name: str, where: str) -> Float32:
    """Stored rows of one type as float32.

    Shapes:  raw (rows, row bytes), contiguous; returns rows * width values.
    Raises:  RefusedError when the type needs the [gguf] extra and it is not installed, or nobody can dequantise it.
    """
    if name in PLAIN:
        return decode(raw.reshape(-1), DTYPES[name])
    quants, kind = _extra(name, where)
    with np.errstate(all="ignore"):  # scales of a hostile block may overflow: Inf is what the block says
        try:
            values = quants.dequantize(raw.reshape(1, -1), kind)  # as one row: the package's loop goes by rows
        except NotImplementedError:
            raise refusal(message("gguf.no_values", type=name), where=where, todo=message("advice.requantise")) from None
    return np.ascontiguousarray(values, dtype=np.float32)


@cache
def gguf_modules() -> tuple[Any, Any]:
    """(quants, constants) of the gguf package, and nothing else of it: its vocabularies load other libraries for seconds.

    They are loaded under a name of our own, so that whoever imports gguf beside us gets all of it.
    """
    found = find_spec("gguf")
    if found is None or not found.submodule_search_locations:
        raise ImportError("gguf")
    parent = ModuleType(f"{__name__}.package")
    parent.__path__ = list(found.submodule_search_locations)
    sys.modules[parent.__name__] = parent
    return import_module(f"{parent.__name__}.quants"), import_module(f"{parent.__name__}.constants")


def _extra(name: str, where: str) -> tuple[Any, Any]:
    try:
        quants, constants = gguf_modules()
    except ImportError:
        raise refusal(message("gguf.needs", type=name), where=where, todo=message("advice.install_gguf")) from None
    try:
        return quants, constants.GGMLQuantizationType(NUMBERS[name])
    except ValueError:
        raise refusal(message("gguf.unknown", type=name), where=where, todo=message("advice.newer_gguf")) from None

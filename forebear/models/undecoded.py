"""Stored codes that no decoder claimed are no weights: they enter no test, no effect and no verdict. The one place of that rule.

What is left after every decoder has looked: tensors of whole numbers, bare exponents, and small floats that have scales
nobody applied. A tensor of whole numbers may still play a part that has no axis (a mask, a table of positions).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from forebear.core.errors import printable
from forebear.core.messages import Message, message
from forebear.files.base import TensorEntry
from forebear.files.dtypes import SMALL_FLOATS, WHOLE_NUMBERS
from forebear.files.views.quantised_bare import UNSCALED

SHOWN = 4
_OF_ACTIVATIONS = ("input", "output", "activation", "act", "k", "v", "q", "kv", "prob")
"""What the name of a scale begins with that belongs to values made while the model runs, not to a weight."""
_METHODS = ("quant_method", "quant_algo", "quant_type", "format")
_SECTIONS = ("quantization_config", "compression_config", "quantization")


def undecoded(tensors: Mapping[str, TensorEntry]) -> frozenset[str]:
    """Names of tensors that hold codes: what they stand for is known to no decoder of this version.

    tensors: of a container that every decoder has been through.
    """
    scaled = _scaled_stems(tensors)
    return frozenset(
        name
        for name, entry in tensors.items()
        if entry.dtype in WHOLE_NUMBERS
        or entry.dtype == "F8_E8M0"
        or entry.dtype.endswith(UNSCALED)
        or (entry.dtype in SMALL_FLOATS and (name in scaled or name.rpartition(".")[0] in scaled))
    )


def _scaled_stems(tensors: Iterable[str]) -> set[str]:
    """Modules and tensors that have a scale of their weights among the tensors left over."""
    found: set[str] = set()
    for name in tensors:
        stem, _, last = name.rpartition(".")
        words = last.strip("_").split("_")
        if "scale" in last and words[0] not in _OF_ACTIVATIONS and words[-1] != "input":
            found |= {stem, name.removesuffix(f"_{words[-1]}")}
    return found - {""}


def undecoded_words(
    tensors: Mapping[str, TensorEntry], unclaimed: Iterable[str], config: Mapping[str, Any]
) -> list[Message]:
    """What is said of codes large enough to be weights: how many, their types, examples, and the layout that is stated.

    unclaimed: names that play no part. Nothing is said of vectors, and of what a definition knows to be no weight.
    """
    codes = undecoded(tensors)
    matrices = [tensors[n] for n in unclaimed if n in codes and sum(size > 1 for size in tensors[n].shape) > 1]
    if not matrices:
        return []
    kinds = Counter(entry.dtype for entry in matrices)
    method = stated_method(config)
    return [
        message(
            "limit.undecoded_named" if method else "limit.undecoded",
            count=len(matrices),
            kinds=[kind for kind, _ in kinds.most_common()],
            names=[printable(entry.name, 80) for entry in matrices[:SHOWN]],
            **({"method": method} if method else {}),
        )
    ]


def stated_method(config: Mapping[str, Any]) -> str:
    """The layout that a configuration names ("exl3", "modelopt NVFP4"); "" when it names none."""
    for section in _SECTIONS:
        stated = config.get(section)
        if isinstance(stated, Mapping):
            words = [value for key in _METHODS if isinstance(value := stated.get(key), str)]
            if words:
                return printable(" ".join(dict.fromkeys(words)), 60)
    return ""

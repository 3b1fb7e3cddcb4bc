"""Several models inside one file, each whole: found by the values of their tensors, whatever their names (METHODS §11)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from forebear.core.messages import message
from forebear.files.base import Float32
from forebear.files.digests import value_digest
from forebear.models.checkpoint import Checkpoint
from forebear.recipes.found import Found
from forebear.recipes.placed import PLAIN_NUMBERS

TURNED_VALUES = 2**24
"""Largest matrix that is also looked for turned: exporters store the matrices of products so."""
LEAST_TENSORS = 3
"""Fewest tensors of a candidate, not constant, that must all be in the subject."""


def joined(subject: Checkpoint, candidates: Sequence[Checkpoint], ids: Sequence[str]) -> list[Found]:
    """The candidates of which every tensor that is not constant is in the subject, value for value; [] for fewer than two.

    Each tensor of the subject is one candidate's alone. Grade `re-derived`: these candidates side by side give those tensors bit
    for bit; what is left of the subject is counted.
    Raises: RefusedError when a file cannot be read.
    """
    left = _digests(subject, turned=False)
    total = len(left)
    rows = []
    for name, candidate in zip(ids, candidates, strict=True):
        mine = _digests(candidate, turned=True)
        found = {tensor: next((one for one in forms if one in left), None) for tensor, forms in mine.items()}
        if len(found) < LEAST_TENSORS or None in found.values():
            continue
        rows.append({"id": name, "tensors": len(found)})
        for one in found.values():
            left.pop(str(one), None)
    if len(rows) < 2:
        return []
    said = (message("rederive.joined", places=total - len(left), of=total), message("rederive.direction"))
    return [Found("models-joined", {}, {"models": rows, "left": len(left)}, None, "re-derived", said)]


def _digests(side: Checkpoint, *, turned: bool) -> dict[str, tuple[str, ...]]:
    """Of a subject: digest -> (name,). Of a candidate: name -> digests of its values as they are and, of a matrix, turned."""
    found: dict[str, tuple[str, ...]] = {}
    for name, entry in side.container.tensors.items():
        if entry.dtype in PLAIN_NUMBERS or entry.parameters < 2:
            continue
        small = len(entry.shape) == 2 and entry.parameters <= TURNED_VALUES
        values = side.container.read(name) if small else None
        if values is not None:
            if (values == values.flat[0]).all():
                continue
            forms: tuple[str, ...] = (_digest(values), _digest(values.T)) if turned else (_digest(values),)
        else:
            one = value_digest(side.container, name)
            if one.constant:
                continue
            forms = (one.digest,)
        if turned:
            found[name] = forms
        else:
            found[forms[0]] = (name,)
    return found


def _digest(values: Float32) -> str:
    """SHA-256 of shape and values; minus zero counts as zero."""
    clean = np.ascontiguousarray(values + np.float32(0))
    return hashlib.sha256(f"{clean.shape}".encode() + clean.tobytes()).hexdigest()

"""Names that tell nothing: pair tensors with a named checkpoint's by shape and content, and count that as looking."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from math import lgamma, log, log10

import numpy as np
from numpy.typing import NDArray

from forebear.core.messages import Message, message
from forebear.core.spacing import evenly
from forebear.files.base import Container
from forebear.files.view import Look, View, renamed
from forebear.models.checkpoint import Checkpoint, open_checkpoint_from
from forebear.models.undecoded import undecoded
from forebear.stats.alignment import assign

SAMPLE_ROWS = 8
SAMPLE_FEATURES = 1024
MAX_SAME_SHAPE = 400
LOWEST_COSINE = 0.05
"""Two tensors are paired when their sampled rows agree at least this much and more than any other pair of theirs."""


def borrow_names(nameless: Checkpoint, named: Checkpoint) -> tuple[Checkpoint, float, list[Message]] | None:
    """The nameless checkpoint read under the names of tensors it resembles.

    Returns: (checkpoint, log10 of the assignments that were possible, what to report), or None when nothing
             resembles anything. Every later p-value is multiplied by the assignments, so choosing them by content is fair.
    """
    container, names, looks = _as_stored_or_turned(nameless.container, named.container)
    if not names:
        return None
    config = dict(named.config)
    names |= _vectors(container, named.container, names)
    checkpoint = open_checkpoint_from(View(container, renamed(names)), config)
    if checkpoint.definition is None:
        return None
    checkpoint = replace(checkpoint, folder=nameless.folder, inner_vocabulary=nameless.inner_vocabulary)
    of = len(nameless.container.tensors)
    said = [message("names.inferred", count=len(names), of=of, looks_log10=looks)]
    return checkpoint, looks, said


def _as_stored_or_turned(nameless: Container, named: Container) -> tuple[Container, dict[str, str], float]:
    """Names for tensors as they are stored, or for every matrix transposed where the other side has that shape too.

    ONNX keeps a linear layer as (inputs, outputs); which of the two holds is one more thing looked at.
    Returns: (container, new name -> old name, log10 of what was looked at).
    """
    names, looks = _by_content(nameless, named)
    shapes = {entry.shape for entry in named.tensors.values()}
    turned = {
        name: Look(name, transposed=len(entry.shape) == 2 and entry.shape[::-1] in shapes)
        for name, entry in nameless.tensors.items()
    }
    if not any(look.transposed for look in turned.values()):
        return nameless, names, looks
    view = View(nameless, turned)
    others, more = _by_content(view, named)
    looks = max(looks, more) + log10(2)
    return (view, others, looks) if len(others) > len(names) else (nameless, names, looks)


def _by_content(nameless: Container, named: Container) -> tuple[dict[str, str], float]:
    names: dict[str, str] = {}
    looks = 0.0
    for shape, (left, right) in _classes(nameless, named).items():
        looks += lgamma(max(len(left), len(right)) + 1) / log(10)
        if len(shape) >= 2:
            names |= _pair_class(nameless, left, named, right)
    return names, looks


def _vectors(nameless: Container, named: Container, names: dict[str, str]) -> dict[str, str]:
    """New name -> old name for vectors: those of the same name, and those between the same two matrices in the file.

    Their place is fixed before their values are looked at, so gains may be compared.
    """
    found = {
        name: name
        for name, entry in nameless.tensors.items()
        if len(entry.shape) == 1 and name in named.tensors and named.tensors[name].shape == entry.shape
    }
    own = _runs(nameless, {old: new for new, old in names.items()})
    theirs = _runs(named, {new: new for new in names})
    for place, left in own.items():
        right = theirs.get(place, [])
        if [nameless.tensors[n].shape for n in left] == [named.tensors[n].shape for n in right]:
            found |= {new: old for new, old in zip(right, left, strict=True) if new not in found}
    return found


def _runs(container: Container, labels: dict[str, str]) -> dict[tuple[str, str], list[str]]:
    """Vectors of a file by the labelled matrices before and after them; a matrix without a label hides its neighbours."""
    runs: dict[tuple[str, str], list[str]] = {}
    before, run = "", list[str]()
    for name, entry in container.tensors.items():
        if len(entry.shape) == 1:
            run.append(name)
            continue
        label = labels.get(name, "?")
        if run and "?" not in (before, label):
            runs[before, label] = run
        before, run = label, []
    if run and before != "?":
        runs[before, ""] = run
    return runs


def _classes(a: Container, b: Container) -> dict[tuple[int, ...], tuple[list[str], list[str]]]:
    """Tensors of equal shape on both sides; matrices that differ only in their rows are matched when alone in their width."""
    left: dict[tuple[int, ...], list[str]] = defaultdict(list)
    right: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for side, container in ((left, a), (right, b)):
        codes = undecoded(container.tensors)
        for name, entry in container.tensors.items():
            if entry.parameters and name not in codes:
                side[entry.shape].append(name)
    found = {shape: (left[shape], right[shape]) for shape in left if shape in right}
    rest_a = [s for s in left if s not in right and len(s) == 2 and len(left[s]) == 1]
    rest_b = [s for s in right if s not in left and len(s) == 2 and len(right[s]) == 1]
    for shape in rest_a:
        partners = [s for s in rest_b if s[1] == shape[1]]
        if len(partners) == 1:
            found[shape] = (left[shape], right[partners[0]])
    return {s: pair for s, pair in found.items() if max(len(pair[0]), len(pair[1])) <= MAX_SAME_SHAPE}


def _pair_class(a: Container, left: list[str], b: Container, right: list[str]) -> dict[str, str]:
    """New name -> old name for tensors of one shape whose samples agree best in both directions."""
    if len(left) == len(right) == 1:
        return {right[0]: left[0]}
    together = max(a.grain_bytes, b.grain_bytes) > 1
    one, other = _samples(a, left, together), _samples(b, right, together)
    cosine = one @ other.T
    scores = cosine.astype(np.float64)
    if len(left) <= len(right):
        pairs = list(enumerate(assign(scores).tolist()))
    else:
        pairs = [(i, j) for j, i in enumerate(assign(scores.T).tolist())]
    return {right[j]: left[i] for i, j in pairs if cosine[i, j] >= LOWEST_COSINE}


def _samples(container: Container, names: list[str], together: bool) -> NDArray[np.float32]:
    """A few rows of each, spread; together: the first ones, where a side is at an address."""
    out = []
    counts = [container.tensors[name].shape[0] for name in names]
    first = [np.arange(min(SAMPLE_ROWS, rows), dtype=np.intp) for rows in counts]
    if together:
        container.prefetch(zip(names, first, strict=True))
    for name, rows, begin in zip(names, counts, first, strict=True):
        index = begin if together else evenly(rows, SAMPLE_ROWS)
        block = container.take(name, index).reshape(len(index), -1)[:, :SAMPLE_FEATURES]
        flat = np.where(np.isfinite(block), block, 0).ravel().astype(np.float32)
        norm = float(np.linalg.norm(flat.astype(np.float64)))
        with np.errstate(over="ignore"):  # a length past float32 leaves zeros, which are like nothing
            out.append(flat / norm if norm > 0 else flat)
    return np.stack(out)

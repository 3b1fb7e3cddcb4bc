"""Changes of kind: positions, norms, biases, a head of its own, modules beside the published architecture (METHODS §12)."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from forebear.recipes.detectors.side import Side
from forebear.recipes.detectors.sight import Proposal, Sight
from forebear.recipes.found import Found

ALIKE = 0.25
"""Difference of the sizes of two parts' biases, as a share, up to which they count as one size."""


REPLACED = 0.6
"""What is left of the rows that are nearest to the candidate's, over these, from which all rows are others."""
ONE = 0.05
"""Size of what a map of neurons has beside the identity, over the identity's, up to which it wrote nothing of its own at first."""


def find(sight: Sight) -> list[Proposal]:
    """Positions learned or rotary, LayerNorm or RMSNorm, biases, the head, extra modules."""
    positions = _positions(sight)
    untied = any(one.found.parameters["keep_mean"] for one in positions)  # that step gives the head a tensor of its own
    return [*positions, *_norms(sight), *_biases(sight), *([] if untied else _head(sight)), *_modules(sight)]


def _positions(sight: Sight) -> list[Proposal]:
    a, b = sight.subject, sight.state
    if a.positions or not b.positions or a.width < b.width:
        return []
    table, mine, theirs = b.matrix("positions"), a.matrix("embedding"), b.matrix("embedding")
    theta = float(a.config.get("rope_theta") or 10000.0)
    kept: bool | None = False
    if table is not None and mine is not None and theirs is not None and len(mine) == len(theirs):
        apart = mine[:, : b.width] - theirs  # of some rows there may be nothing left
        each = [np.linalg.norm(m, axis=1) for m in (apart - table.mean(axis=0), apart)]
        kept = bool(np.quantile(each[0], 0.1) < np.quantile(each[1], 0.1))
        sizes = np.maximum(1e-30, np.linalg.norm(theirs - theirs.mean(axis=0), axis=1))
        if min(float(np.quantile(one / sizes, 0.1)) for one in each) > REPLACED:
            own = a.matrix("head") is not None or sight.fitted is not None  # adding the mean gives the head a tensor of its own
            kept = None if own else False
    return [Proposal(Found("positions-to-rotary", {"parts": ["positions"]}, {"theta": theta, "keep_mean": kept}))]


def _norms(sight: Sight) -> list[Proposal]:
    a, b = sight.subject, sight.state
    if not b.layer_norm or a.layer_norm:
        return []
    gains = [a.vector("gain", "norm", i, role=role) for i in range(a.layers) for role in ("attention", "mlp")]
    known = [g for g in gains if g is not None]
    exact = bool(known) and all(np.ptp(g) < 1e-6 for g in known)
    return [Proposal(Found("layernorm-to-rmsnorm", {"parts": ["norm"]}, {"exact": exact}))]


def _biases(sight: Sight) -> list[Proposal]:
    """Biases of maps inside layers that one side alone has; MoE hosts and other families carry theirs along."""
    mine, theirs = sight.subject.biases(), sight.state.biases()
    if theirs and not mine:
        return [Proposal(Found("biases-dropped", {"parts": sorted({p.part for p in theirs})}))]
    new = {p.part for p in mine} - {p.part for p in theirs}
    if not new:
        return []
    attention, mlp = bool(new & set("qkvo")), bool(new & {"gate", "up", "down"})
    values = []
    a, b = sight.subject, sight.state
    merged = np.sqrt(2) if 2 * a.heads == b.heads else 1.0  # what the mean of two heads' biases lost
    shared = np.sqrt(b.kv_heads / a.kv_heads) if a.heads == b.heads and 0 < a.kv_heads < b.kv_heads else merged
    for part in sorted(new):
        places = [(p.part, p.layer, p.expert) for p in mine if p.part == part]
        listed = [v for place in places for v in (sight.subject.vector("bias", *place),) if v is not None]
        one = np.concatenate(listed).astype(np.float64)
        lost = {"q": merged, "k": shared, "v": shared}.get(part, 1.0)
        values.append(one[one != 0] * lost)  # of channels and neurons added since there is nothing
    sizes = [float(np.sqrt(np.mean(one**2))) if one.size else 0.0 for one in values]
    middle = float(np.sort(sizes)[(len(sizes) - 1) // 2])  # value and output biases may have been exchanged since, heads merged
    alike = [one for one, size in zip(values, sizes, strict=True) if one.size and abs(size - middle) <= ALIKE * middle]
    size = float(np.sqrt(np.mean(np.concatenate(alike) ** 2))) if alike else 0.0
    where = "all" if attention and mlp else "attention" if attention else "mlp"
    return [Proposal(Found("biases-added", {"parts": sorted(new)}, {"size": float(f"{size:.4g}"), "where": where}))]


def _head(sight: Sight) -> list[Proposal]:
    mine, theirs = sight.subject.matrix("head"), sight.state.matrix("head")
    if mine is None or theirs is not None or sight.state.matrix("embedding") is None:
        return []
    return [Proposal(Found("embeddings-untied", {"parts": ["head"]}))]


def _modules(sight: Sight) -> list[Proposal]:
    """Matrices of layers that no part of the architecture claims, told by their shapes."""
    a = sight.subject
    extra = extra_matrices(a)
    known = extra_matrices(sight.state)
    layers = sorted(set(extra) - set(known))
    if not layers:
        return []
    shapes = [shape for _, shape in extra[layers[0]]]
    kind = _kind(shapes, a.width, a.neurons)
    if not kind:
        return []
    last = a.checkpoint.container.read(extra[layers[0]][-1][0])
    writes = [a.checkpoint.container.read(name) for name, shape in extra[layers[0]] if shape[0] == a.width] or [last]
    apart = float(np.linalg.norm(last - np.eye(len(last)))) if kind == "activation" else 0.0
    silent = not writes[0].any() if kind != "activation" else apart < ONE * float(np.sqrt(len(last)))
    said: dict[str, object] = {"kind": kind, "silent": silent}
    if kind == "branch":
        said["rank"] = min(min(shape) for shape in shapes)
    where = {"layers": layers, "parts": ["side"]}
    return [Proposal(Found("side-modules-added", where, said), {"layers": layers})]


def extra_matrices(side: Side) -> Mapping[int, list[tuple[str, tuple[int, ...]]]]:
    """Layer -> names and shapes of matrices that no rule claims."""
    found: dict[int, list[tuple[str, tuple[int, ...]]]] = {}
    for name in side.checkpoint.unclaimed:
        match, shape = re.search(r"\.(\d{1,4})\.", name), side.checkpoint.container.tensors[name].shape
        if match and len(shape) == 2:
            found.setdefault(int(match.group(1)), []).append((name, shape))
    return found


def _kind(shapes: list[tuple[int, ...]], width: int, neurons: int) -> str:
    if len(shapes) == 2 and all(width in shape for shape in shapes) and shapes[0] == shapes[1][::-1]:
        return "branch"
    if shapes == [(width, width)]:
        return "shortcut"
    return "activation" if shapes == [(neurons, neurons)] else ""

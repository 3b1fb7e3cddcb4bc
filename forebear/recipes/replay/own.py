"""What steps found have as their own: noise, maps fitted to worn rows; and what of it is not known (decision 0095)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from forebear.recipes.detectors.readings import MORE_NOISE, OF_EXPERTS, ON_ALL, TWO_KINDS, Both, changes, relative
from forebear.recipes.detectors.remains import NO_GAIN, OPEN
from forebear.recipes.detectors.sight import FITTED, Proposal
from forebear.recipes.found import Found

REPLAYED = 2e-3
"""What may be left of what a step made, as a share, for the grade `replayed` (decision 0034)."""
UNTYING = ("residual-rotation", "residual-scale", "gain-folding", "gain-replacement", "layernorm-to-rmsnorm")
"""Steps that give the head a tensor of its own where it had none."""
COPIES = ("experts-added", "experts-collapsed")
NOISY = ("width-grown", "dense-to-moe", "experts-added", "experts-collapsed")


def absorbed(
    proposals: Sequence[tuple[Proposal, list[Both]]], pieces: Sequence[Both] = (), fitted: frozenset[str] = frozenset()
) -> list[tuple[Proposal, list[Both]]]:
    """Without noise that a step before it has as its own parameter, on the parts that this step made.

    pieces: what replay left; where it left something that is not told as noise, a step's own noise is not known: None, with what it
    is at most. fitted: parts that were put back by fitted maps, which say nothing of it.
    """
    untying = any(p.found.op in UNTYING for p, _ in proposals)
    proposals = [pair for pair in proposals if not (untying and pair[0].found.op == "embeddings-untied")]
    kept: list[tuple[Proposal, list[Both]]] = []
    noise: dict[int, float] = {}
    for proposal, before in proposals:
        at = _owner(proposal.found, kept)
        proposal = _parted(proposal, kept, noise)
        if at is None:
            kept.append((proposal, before))
        elif proposal.found.op == "noise-added":
            noise[at] = float(proposal.found.parameters["size"])
            if proposal.found.parameters.get("empty"):
                kept[at] = _told(kept[at], kind="zeros")
        elif "noise" in kept[at][0].found.parameters:
            noise[at] = float(kept[at][0].found.parameters["noise"])
    _own_noise(kept, noise, pieces, fitted)
    return kept


def _own_noise(
    kept: list[tuple[Proposal, list[Both]]], noise: dict[int, float], pieces: Sequence[Both], fitted: frozenset[str]
) -> None:
    """Write down of every step that has noise of its own what it is, or is at most. noise: by step, as far as it was read."""
    mapped = fitted | {part for p, _ in kept for part in FITTED.get(p.found.op, ())}
    free = [b for b in pieces if b.part not in mapped and b.kind == "matrix"]
    for at, (proposal, _) in enumerate(kept):
        if proposal.found.op in COPIES and (size := _of_copies(kept, at, pieces, mapped, at in noise, bool(fitted))) is not None:
            noise[at] = size
        if "noise" in proposal.found.parameters and proposal.found.op in NOISY:
            beside = max(noise.values(), default=0.0)
            most = 0.0 if at in noise else _at_most(proposal.found, [p.found for p, _ in kept], free, beside)
            if most > 0:
                kept[at] = _told(kept[at], noise=None, noise_at_most=float(f"{most:.2g}"))
                if fitted and proposal.found.parameters.get("kind") == "drawn":
                    kept[at] = _told(kept[at], kind=None, kind_one_of=["zeros", "drawn"])  # empty ones with noise look so
            else:
                size = noise.get(at, 0.0)
                kept[at] = _told(kept[at], noise=float(f"{size:.3g}") if size > QUIET else 0.0)


SEEN, NO_MORE = 0.02, 1.2
"""Size of noise up to which none is told where noise that is told hides no more; what is left, over noise that is told, up to which
there is no other."""

EVEN = 2.0
"""The largest of what is left of experts, over the median, up to which the same was done to all."""
QUIET = 1e-3
"""Size of noise from which it is told: below it casts and factors that are a little off leave as much."""


def _of_copies(
    kept: Sequence[tuple[Proposal, list[Both]]], at: int, pieces: Sequence[Both], mapped: frozenset[str] | set[str], read: bool,
    fitted: bool,
) -> float | None:
    """Noise of copies of experts, by the experts that are no copies; None where nothing shows it. read: whether it was read before.

    Rows that the rotation of a wider subject was fitted to lack noise that the fit took for its own; what experts write does not.
    """
    size = None if read else _beneath(kept[at + 1 :], mapped)
    if size is not None or not fitted:
        return size
    part = "down" if any(p.found.op == "width-grown" for p, _ in kept) else "gate"
    return _beyond([b for b in pieces if b.part == part], relative)


def _beneath(later: Sequence[tuple[Proposal, list[Both]]], mapped: frozenset[str] | set[str]) -> float | None:
    """Noise of experts that were made before a mask or a grid: what is left on them over what is left on others that are as they
    were, on values the mask kept. None where experts are not of two kinds."""
    at = next(((p.found.op, pieces) for p, pieces in later if p.found.op in ON_ALL), None)
    if at is None:
        return None
    masked = at[0].startswith("pruned")
    return _beyond([b for b in at[1] if b.part in OF_EXPERTS and b.part not in mapped], lambda b: _kept_change(b, masked))


def _beyond(pieces: Sequence[Both], size_of: Callable[[Both], float]) -> float | None:
    """What copies of experts have beyond the others; None where experts are not of two kinds."""
    own = [b for b in pieces if b.expert is not None and b.kind == "matrix" and (b.known is None or b.known.any())]
    sizes = np.array([size_of(b) for b in own])
    if not sizes.size or sizes.max() < TWO_KINDS * sizes.min():
        return None
    made = sizes > (sizes.min() + sizes.max()) / 2
    return float(np.sqrt(np.median(sizes[made]) ** 2 - np.median(sizes[~made]) ** 2))


def _kept_change(b: Both, masked: bool) -> float:
    """Size of a piece's changes over its spread; under a mask, of values well above what it took."""
    change, old = b.mine.astype(np.float64) - b.theirs, np.abs(b.theirs)
    kept = b.mine != 0 if masked else np.ones(old.shape, dtype=bool)
    if masked and kept.any():
        kept &= old >= np.median(old[kept])
    return float(np.sqrt(np.mean(change[kept] ** 2))) / max(1e-30, float(b.theirs.std())) if kept.any() else 0.0


def _told(pair: tuple[Proposal, list[Both]], **said: object) -> tuple[Proposal, list[Both]]:
    found = pair[0].found
    return replace(pair[0], found=replace(found, parameters={**found.parameters, **said})), pair[1]


def _at_most(found: Found, every: Sequence[Found], pieces: Sequence[Both], beside: float) -> float:
    """The most noise that a step may have had of which none was read, 0 where that is too little to ask about: what other noise
    hides, or what replay left. beside: noise of another step."""
    hidden = float(np.sqrt(MORE_NOISE**2 - 1))
    later = [float(one.parameters["size"]) for one in every if one.op == "noise-added"]
    if later:
        return hidden * max(later) if hidden * max(later) > SEEN else 0.0
    made = set(found.where.get("experts", ()))
    older = [relative(b) for b in pieces if b.expert is not None and b.expert not in made and not b.same and b.layer is not None]
    even = bool(older) and max(older) < EVEN * float(np.median(older))  # else copies and what they are copies of changed places
    if made and even:  # what was done to all experts is on those as well that this step did not make
        pieces, beside = [b for b in pieces if b.expert in made], max(beside, float(np.median(older)))
    tables = [b for b in pieces if b.part in NO_GAIN and changes(b).size] if found.op == "width-grown" else []  # of one size
    left = [relative(b) for b in tables or concerned(found, pieces) or pieces if not b.same and changes(b).size]
    most = float(np.quantile(left, 0.9 if older and not even else 0.5)) if left else 0.0
    if beside and not tables and most <= NO_MORE * beside:
        return hidden * beside if hidden * beside > SEEN else 0.0
    return most if most > REPLAYED else 0.0


def _parted(proposal: Proposal, kept: Sequence[tuple[Proposal, list[Both]]], noise: dict[int, float]) -> Proposal:
    """Noise without the part of it that a growth before it had added; that part is written down in `noise`."""
    if "before" not in proposal.found.parameters:
        return proposal
    said = dict(proposal.found.parameters)
    noise[next(i for i, (p, _) in enumerate(kept) if p.found.op == "width-grown")] = float(said.pop("before"))
    return replace(proposal, found=replace(proposal.found, parameters=said))


def _owner(found: Found, before: Sequence[tuple[Proposal, list[Both]]]) -> int | None:
    """Which of the steps before has what was found as its own: noise, neurons drawn anew, or maps fitted to worn rows."""
    if found.op not in ("noise-added", "continued-training", OPEN):
        return None
    parts = set(found.where.get("parts", ()))
    for at, (proposal, _) in enumerate(before):
        made = proposal.found
        given = made.parameters.get("noise") or made.parameters.get("redrawn") or found.op == "noise-added"
        if made.op in NOISY[1:] and given and parts <= {*made.where.get("parts", ()), "shared_gate", "shared_up", "shared_down"}:
            return at
    for at, (proposal, _) in enumerate(before):
        made = proposal.found
        own = set(made.where.get("parts", ()))
        if made.op == "width-grown" and found.op == "noise-added" and not parts & {"norm"}:
            return at
        if made.parameters.get("unsolved") and parts <= {"embedding", "head"}:
            return at
        if made.op in MAPPED and parts <= own and float(found.parameters.get("change", 1.0)) < MISFIT:
            return at
    return None


MAPPED = ("neuron-scaling", "value-mixing", "head-rotation", "query-key-mixing")
"""Maps inside heads are fitted to rows as they are now: of rows that were pruned or quantised since, something is left."""
MISFIT = 0.3


def concerned(found: Found, pieces: Sequence[Both]) -> list[Both]:
    """The pieces that an operation made."""
    parts, layers = found.where.get("parts"), found.where.get("layers")
    if found.op == "layers-dropped":
        layers = None
    return [
        b
        for b in pieces
        if (parts is None or "all" in parts or b.part in parts)
        and (layers is None or b.layer is None or b.layer in layers)
        and (layers is None or b.layer is not None or found.op == "quantised-int8")
    ]

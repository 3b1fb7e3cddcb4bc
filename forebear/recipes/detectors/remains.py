"""What steps leave: noise of a growth read off tables, training where it shows as training, else several causes that are not told
apart (METHODS §12, decision 0095)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from forebear.recipes.detectors.blurred import read_blurred
from forebear.recipes.detectors.how_far import how_far
from forebear.recipes.detectors.readings import (
    BESIDE,
    LOUD,
    MORE_NOISE,
    OF_EXPERTS,
    PUT_BACK,
    Both,
    blocks,
    changes,
    gaussian,
    loudest,
    read_noise,
    spread,
    white,
)
from forebear.recipes.detectors.sight import FITTED, Proposal, Sight
from forebear.recipes.detectors.trained import read_training
from forebear.recipes.found import Found

OPEN = "values-changed"
"""The step that names what is left and what it may be: no operation is told by it."""
CAUSES = ("continued-training", "noise-added", "low-rank-merged", "pruned", "quantised", "resaved")
"""What can leave a difference that no reading fits, in the order they are listed."""
WHITE = 0.8
"""Stable rank of a change, as a share of that of white noise, from which it is not told as training (decision 0095)."""
CLEAR = 0.02
"""Change of a subject that was put back from which training is told: below it a fit and a cast leave as much."""
MASKED = -0.5
"""What changed values lost, as a share of the squared change, below which they were made smaller rather than trained."""
ALIKE = 0.2
"""Cosine of matrices in place from which they are still the candidate's, trained on."""
TABLES = frozenset(("vocabulary-replaced", "vocabulary-stitched", "vocabulary-extended", "rows-from-donor", "positions-to-rotary"))
"""Steps on tables of tokens, after which a change of tables alone is not told as training."""
NO_GAIN = ("embedding", "positions")
"""Tables that no gain stands before: noise of a growth has one size on them whatever gains were replaced since."""
AS_LOUD = 1.2
"""Size of new channels over that of the noise on old ones up to which nothing was drawn in them."""


def remaining(sight: Sight, pieces: list[Both]) -> list[Proposal]:
    """Training where it shows as training; where something else leaves as much, what it may be. Nothing where all that differs is
    what rounding or maps that were not found leave of a subject that was put back."""
    if sight.fitted is not None:
        pieces = [b for b in pieces if b.change < FOREIGN]
        if all(b.same for b in pieces) or ("width-grown" in sight.told and gaussian(pieces)):
            return []  # what a fit to noisy rows leaves; whether there was more is not seen
    found = read_training(pieces)
    change = float(found[0].found.parameters["change"]) if found else 0.0
    if sight.fitted is not None and change <= PUT_BACK:
        return []
    if not _as_training(sight, pieces, found[0].found, change):
        grown = sight.fitted is not None and "width-grown" in sight.told
        if grown and (said := read_blurred(pieces, sight.subject.layer_norm)):
            return said
        return _open(pieces, found[0].found)
    still = {b.part for b in pieces if b.kind == "matrix"} & set(found[0].found.parameters["frozen"])
    plain = sight.fitted is None and not sight.told and not still
    return [replace(found[0], found=replace(found[0].found, said=(how_far(change),)))] if plain else found


FOREIGN = 1.0
"""What is left of a part, as a share, from which it has nothing of the candidate's in its place."""


def _as_training(sight: Sight, pieces: list[Both], found: Found, change: float) -> bool:
    """Whether a change is structured as training leaves it: in layers, not only where maps were fitted, of low stable rank."""
    if not _alike(pieces) or (sight.told & TABLES and all(b.same for b in pieces if b.layer is not None)):
        return False
    rank = found.parameters.get("stable_rank")
    mapped = {part for op in sight.told for part in FITTED.get(op, ())} | (sight.fitted or frozenset())
    if mapped and not any(not b.same for b in pieces if b.layer is not None and b.part not in mapped):
        return False
    if rank is not None and float(rank) > WHITE:
        return False
    if sight.fitted is None:
        return True
    return change > CLEAR and "width-grown" not in sight.told and _lost(pieces) > MASKED


def _alike(pieces: list[Both]) -> bool:
    """Whether matrices are still those of the candidate: of others, that are in other places, nothing is known."""
    known = [(b, slice(None) if b.known is None else b.known) for b in blocks(pieces) if b.theirs.any()]
    found = [(b.mine[at].astype(np.float64), b.theirs[at].astype(np.float64)) for b, at in known]
    cosines = [float((a * b).sum()) / max(1e-30, float(np.linalg.norm(a) * np.linalg.norm(b))) for a, b in found]
    return not cosines or float(np.median(cosines)) > ALIKE


def _lost(pieces: list[Both]) -> float:
    """The change along the values, over its square: -1 where values were zeroed, about 0 where they were moved."""
    inner = [b for b in blocks(pieces) if not b.same]
    pairs = [((b.mine - b.theirs).astype(np.float64), b.theirs.astype(np.float64)) for b in inner]
    size = sum(float((c**2).sum()) for c, _ in pairs)
    return sum(float((c * old).sum()) for c, old in pairs) / size if size else 0.0


def _open(pieces: list[Both], found: Found) -> list[Proposal]:
    """What is known of a change that no reading fits: its size, its parts, and what it may be."""
    moved = [b for b in pieces if not b.same]
    said = {"change": found.parameters["change"], "one_of": list(CAUSES)}
    return [Proposal(Found(OPEN, {"parts": sorted({b.part for b in moved})}, said), replays=False)]


def of_growth(sight: Sight, pieces: list[Both]) -> list[Proposal]:
    """Noise of a growth of a subject that was put back, by the tables that no gain stands before; beside it what experts made since
    have more, and what layers have more, which is not told apart."""
    if "width-grown" not in sight.told:
        return []
    tables = [b for b in pieces if b.part in NO_GAIN and b.kind == "matrix" and not b.same and changes(b).size >= 1024]
    sizes = [float(np.sqrt((changes(b) ** 2).mean())) / max(1e-30, spread(b)) for b in tables]
    if not tables or not gaussian(tables) or not white(tables) or not 0 < max(sizes) < LOUD:
        return []
    if max(sizes) > (1 + BESIDE) * min(sizes):
        return []
    size = float(np.average(sizes, weights=[changes(b).size for b in tables]))
    said = {"size": float(f"{size:.4g}"), "tensors": "*"}
    if _empty(tables[0]):
        said["empty"] = True
    first = Proposal(Found("noise-added", {"parts": sorted({b.part for b in tables})}, said), replays=False)
    inner = [b for b in blocks(pieces) if not b.same and changes(b).size]
    own = [b for b in inner if sight.made_experts and b.part in OF_EXPERTS]
    rest = [b for b in inner if b not in own]
    found = [first]
    if own and (more := read_noise(sight, loudest(own))):
        found += _beside(more[0], size)
    elif own and _median(own) > MORE_NOISE * size:
        rest = inner
    if rest and _median(rest) > (1 + LEFT) * size:
        found += read_blurred(rest, sight.subject.layer_norm) or _open(rest, read_training(rest)[0].found)
    return found


LEFT = 0.2
"""What layers have more than the noise of a growth, as a share of it, from which something was done to them besides."""


def _median(pieces: list[Both]) -> float:
    return float(np.median([float(np.sqrt((changes(b) ** 2).mean())) / max(1e-30, spread(b, True)) for b in pieces]))


def _beside(more: Proposal, least: float) -> list[Proposal]:
    """Noise of experts made after a growth, without the growth's own; nothing where they have no more."""
    most = float(more.found.parameters["size"])
    if most < MORE_NOISE * least:
        return []
    own = {**more.found.parameters, "size": float(f"{np.sqrt(most**2 - least**2):.4g}")}
    return [replace(more, found=replace(more.found, parameters=own))]


def _empty(table: Both) -> bool:
    """Whether channels that a step drew hold no more than the noise on the others: then nothing was drawn in them."""
    if table.known is None:
        return False
    new = ~table.known.any(axis=0)
    if not new.any():
        return False
    drawn = table.mine[:, new].astype(np.float64)
    return float(np.sqrt((drawn**2).mean())) < AS_LOUD * float(np.sqrt((changes(table) ** 2).mean()))

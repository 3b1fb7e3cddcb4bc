"""Replay: the steps found, applied to the candidate in order; what is left of the subject grades each (METHODS §12)."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from forebear.core.errors import RefusedError
from forebear.core.progress import tell
from forebear.recipes.coordinates.undo import undone
from forebear.recipes.detectors.readings import Both, everything
from forebear.recipes.detectors.registry import DETECTORS
from forebear.recipes.detectors.side import Side
from forebear.recipes.detectors.sight import FITTED, Proposal, Sight
from forebear.recipes.found import Found, Grade
from forebear.recipes.replay.back import BACK, refined, taken_back
from forebear.recipes.replay.held import as_checkpoint, as_model, narrower_type
from forebear.recipes.replay.moves import MOVES, grid_tables, moved
from forebear.recipes.replay.own import REPLAYED, UNTYING, absorbed, concerned
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.registry import apply, step
from forebear.recipes.steps.storage import Array

SEEDS = ("replay/1", "replay/2")
"""Two seeds: where the two replays differ, a step drew values, and these are left out of what is measured."""
PARTLY = 0.95
MOST_ROUNDS = 4
"""Operations on values looked for one after the other."""
VALUES = "values"
AGAIN = ("experts", "neurons", "attention", VALUES)
"""Detectors asked again after each answer: what lies inside heads, or under one reading of values, shows only then."""


@dataclass
class Stage:
    """The candidate after some steps, made with both seeds; steps: what was done, in order."""

    models: tuple[Model, Model]
    steps: tuple[Proposal, ...] = ()
    masks: Mapping[str, Array] | None = None
    """Tensor -> 1 where a step drew values that are the subject's own now; None before `filled`."""
    fitted: frozenset[str] | None = None
    """Parts of the subject that were put back by fitted maps; None where nothing was put back."""
    spelt: NDArray[np.intp] | None = None
    stored: str = ""

    def sight(self, subject: Side) -> Sight:
        """What detectors are handed."""
        one = Side(as_checkpoint(self.models[0]))
        other = one if self.models[1] is self.models[0] else Side(as_checkpoint(self.models[1]))
        sight = Sight(subject, one, other, bool(self.steps))
        sight.fitted, sight.spelt, sight.stored = self.fitted, self.spelt, self.stored
        if self.masks:
            model = self.models[0]
            marks = {name: self.masks.get(name, np.zeros_like(values)) for name, values in model.arrays.items()}
            sight.drawn = Side(as_checkpoint(Model(marks, model.config)))
        return sight

    def filled(self, subject: Side) -> Stage:
        """The stage with the subject's own values where steps drew theirs, so that what was done to all can be repeated."""
        one, other = self.models
        if one is other:
            return replace(self, masks={})
        arrays, rest, masks = dict(one.arrays), dict(other.arrays), {}
        tensors = subject.checkpoint.container.tensors
        for name, values in one.arrays.items():
            drawn = _with_columns(values != other.arrays[name])
            if drawn.any() and name in tensors and tensors[name].shape == values.shape:
                own = subject.checkpoint.container.read(name).reshape(values.shape)
                arrays[name] = rest[name] = np.where(drawn, own, values).astype(values.dtype)
                masks[name] = drawn.astype(np.float32)
        first = replace(one, arrays=arrays)
        whole = all(name in masks or np.array_equal(values, other.arrays[name]) for name, values in one.arrays.items())
        return replace(self, models=(first, first if whole else replace(other, arrays=rest)), masks=masks)

    def after(self, proposal: Proposal) -> Stage | None:
        """The next stage; None where no forward step repeats the operation here."""
        try:
            made = [repeated(proposal, model, seed) for model, seed in zip(self.models, SEEDS, strict=True)]
        except (RefusedError, np.linalg.LinAlgError):
            return None
        same = all(np.array_equal(a, made[1].arrays[n]) for n, a in made[0].arrays.items())
        return replace(self, models=(made[0], made[0] if same else made[1]), steps=(*self.steps, proposal))


def _with_columns(drawn: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Values that a step drew; of channels that a growth drew all rows are, also those that a step after it gave other values."""
    if drawn.ndim != 2 or not drawn.any():
        return drawn
    partly = drawn.any(axis=1) & ~drawn.all(axis=1)
    return drawn | drawn[partly].all(axis=0) if partly.any() else drawn


def repeated(proposal: Proposal, model: Model, seed: str) -> Model:
    """A model after one operation.

    Raises: RefusedError where the forward step refuses.
    """
    found = proposal.found
    if found.op in MOVES:
        return moved(found.op, model, proposal.exact, seed)
    known = step(found.op).parameters
    given = {**found.parameters, **proposal.exact}
    made = apply(found.op, model, seed, **{name: value for name, value in given.items() if name in known})
    tables = list(proposal.exact.get("tables", ()))
    return grid_tables(made, tables, int(given["bits"])) if tables else made


@dataclass(frozen=True)
class Replayed:
    """What replay gave. steps: graded. left: ||subject - replayed|| / ||subject||, None where nothing could be compared.
    pieces: how far every piece is from the replayed candidate, for pictures. said: operations that replay could not repeat."""

    steps: tuple[Found, ...]
    left: float | None
    before: float | None
    pieces: tuple[Both, ...]
    stage: Stage
    missing: int


def run(subject: Side, candidate: Model, spelt: NDArray[np.intp] | None = None) -> Replayed:
    """What leads from the candidate to the subject. spelt: the candidate's row of the token of each of the subject's rows, by the
    tokenizers (recipes/spelling.py); None without. A subject whose residual stream was turned is put back first, then what was
    moved inside its layers; operations are asked about on what it was before, and the moves follow them."""
    whole = as_model(subject.checkpoint, 2**62)  # its size was checked
    fixed = undone(whole, candidate, (subject, Side(as_checkpoint(candidate))))
    if fixed is None:
        return _asked(subject, candidate, spelt=spelt)[0]
    stored = narrower_type(whole, candidate)
    first, done = _asked(Side(as_checkpoint(fixed.model)), candidate, spelt=spelt, stored=stored)
    inner = [(proposal, before) for proposal, before in done if proposal.found.op in BACK]
    try:
        before = taken_back(fixed.model, inner)
    except RefusedError:
        return _with_moves(first, fixed.moves)
    fitted = frozenset(part for proposal, _ in inner for part in FITTED.get(proposal.found.op, ()))
    second, again = _asked(Side(as_checkpoint(before)), candidate, fitted, spelt, stored)
    state = next((model for proposal, model in again if proposal.found.op == "low-rank-merged"), second.stage.models[0])
    if (exact := refined(before, state, [proposal.found.op for proposal, _ in inner])) is not None:
        second, again = _asked(Side(as_checkpoint(exact)), candidate, fitted, spelt, stored)
    known = {proposal.found.op for proposal, _ in again}
    return _with_moves(second, [*fixed.moves, *(p.found for p, _ in inner if p.found.op not in known)])


def _with_moves(replayed: Replayed, moves: Sequence[Found]) -> Replayed:
    """Steps with the moves that follow them: as sure as what is left after everything."""
    near = replayed.left is not None and replayed.left <= REPLAYED
    sure: Grade = "replayed" if near else "partly"
    turned = any(found.op in UNTYING for found in moves)  # which gives the head a tensor of its own
    steps = [found for found in replayed.steps if not (turned and found.op == "embeddings-untied")]
    noise = max((float(found.parameters["size"]) for found in steps if found.op == "noise-added"), default=0.0)
    moves = [found for found in moves if not (found.op == "gain-replacement" and _by_noise(found, noise))]
    return replace(replayed, steps=(*steps, *(replace(found, grade=sure) for found in moves)))


def _by_noise(gains: Found, noise: float) -> bool:
    """Whether noise that was told makes gains that were all one differ as far as these do."""
    return not gains.parameters["flip"] and float(gains.parameters["spread"]) <= AS_NOISE * np.sqrt(3) * noise


AS_NOISE = 1.3
"""Spread of gains over that of noise up to which noise alone explains it."""
Done = list[tuple[Proposal, Model]]


def _asked(
    subject: Side, candidate: Model, fitted: frozenset[str] | None = None, spelt: NDArray[np.intp] | None = None,
    stored: str = "",
) -> tuple[Replayed, Done]:
    """Ask every detector in turn; after each answer the candidate is what the step makes of it.

    fitted: parts of the subject that were put back by maps fitted to their values. stored: see Sight.
    Returns: what replay gave, and the proposals that were replayed, each with the candidate as it was before.
    """
    stage = Stage((candidate, candidate), fitted=fitted, spelt=spelt, stored=stored)
    done: Done = []
    sight = stage.sight(subject)
    proposals: list[tuple[Proposal, list[Both]]] = []
    start = everything(sight)
    filled = stage
    for at, (name, find) in enumerate(DETECTORS.items()):
        tell(at, 4 * len(DETECTORS), name)  # the last, that of values, takes the longest
        if name == VALUES:
            stage = filled = stage.filled(subject)
            sight = stage.sight(subject)
        for _ in range(MOST_ROUNDS if name in AGAIN else 1):
            told = {p.found.op for p, _ in proposals}
            sight.told = frozenset(told)
            found = [p for p in find(sight) if name not in AGAIN or p.found.op not in told]
            grown = False
            for proposal in found:
                before = everything(sight)
                following = stage.after(proposal) if proposal.replays else None
                seen = following.sight(subject) if following is not None else sight
                if proposal.found.op in MOVES and proposal.found.op not in BY_SPACES and _worse(before, everything(seen)):
                    continue
                proposals.append((proposal if following is not None else replace(proposal, replays=False), before))
                if following is not None:
                    done.append((proposal, stage.models[0]))
                    stage, sight, grown = following, seen, True
            if not grown:
                break
    stage, sight = _best_order(subject, filled, stage, sight)
    pieces = everything(sight)
    proposals = absorbed(proposals, pieces, fitted or frozenset())
    steps = tuple(_graded(proposal, before, pieces, sight) for proposal, before in proposals)
    missing = sum(1 for p in subject.pieces if p.kind == "matrix") - sum(1 for b in pieces if b.kind == "matrix")
    return Replayed(steps, share_left(pieces), share_left(start), tuple(pieces), stage, missing), done


def _worse(before: Sequence[Both], after: Sequence[Both]) -> bool:
    """Whether a move left more of the subject than there was: it was fitted to something else."""
    old, new = share_left(before), share_left(after)
    return len(before) == len(after) and old is not None and new is not None and new > old + WORSE


WORSE = 0.02
BY_SPACES = ("kv-group-permutation", "query-head-permutation")
"""Moves found by the spaces that rows of heads span: values agree only once the mixture inside heads, asked next, is undone."""


def _best_order(subject: Side, filled: Stage, stage: Stage, sight: Sight) -> tuple[Stage, Sight]:
    """Two operations on values may have been done in either order: the one that leaves least."""
    ops = ("pruned-by-size", "pruned-in-groups", "quantised-int8", "quantised-int4", "quantised-fp8", "resaved")
    done = stage.steps[len(filled.steps) :]
    at = [i for i, p in enumerate(done) if p.found.op in ops]
    if len(at) < 2:
        return stage, sight
    best, least = (stage, sight), share_left(everything(sight)) or 0.0
    for order in itertools.permutations(at):
        steps: list[Proposal] = list(done)
        for place, source in zip(at, order, strict=True):
            steps[place] = done[source]
        tried: Stage | None = filled
        for proposal in steps:
            tried = tried.after(proposal) if tried is not None else None
        if tried is None:
            continue
        seen = tried.sight(subject)
        rest = share_left(everything(seen))
        if rest is not None and rest < least:
            best, least = (tried, seen), rest
    return best


def share_left(pieces: Sequence[Both]) -> float | None:
    """||subject - state|| / ||subject|| over pieces that both have."""
    size = sum(float(np.linalg.norm(b.mine.astype(np.float64)) ** 2) for b in pieces)
    rest = sum(float(np.linalg.norm(b.mine.astype(np.float64) - b.theirs) ** 2) for b in pieces)
    return float(np.sqrt(rest / size)) if size else None


def _graded(proposal: Proposal, before: list[Both], after: list[Both], sight: Sight) -> Found:
    """A found operation with its grade and what it explains."""
    found = proposal.found
    if not proposal.replays:
        return replace(found, grade="partly" if found.op in ("continued-training", "noise-added") else "hint")
    mine = concerned(found, after) or after
    rest = share_left(mine)
    size = sum(float(np.linalg.norm(b.mine.astype(np.float64)) ** 2) for b in mine)
    explained = None
    if rest is not None and size:
        old = {(b.name, b.part, b.layer, b.expert, b.role): b for b in before}
        apart = 0.0
        for b in mine:
            was = None if found.op == "layers-inserted" else old.get((b.name, b.part, b.layer, b.expert, b.role))
            apart += float(
                np.linalg.norm(
                    b.mine.astype(np.float64)
                    - (was.theirs if was is not None and was.theirs.shape == b.mine.shape else 0)
                )
                ** 2
            )
        explained = round(max(0.0, 1 - rest**2 * size / apart), 6) if apart else 1.0
    drawn = sight.other is not sight.state or any(b.known is not None and not b.known.all() for b in mine)
    equal = all(b.equal for b in mine)
    if equal and not drawn:
        return replace(found, grade="re-derived", explains=explained)
    if rest is not None and rest <= REPLAYED:
        return replace(found, grade="replayed", explains=explained)
    return replace(found, grade="partly" if rest is not None and rest < PARTLY else "hint", explains=explained)

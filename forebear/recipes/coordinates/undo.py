"""A subject whose residual stream was turned, scaled and given other gains, put back into the candidate's (METHODS §9)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from forebear.core.errors import RefusedError
from forebear.recipes.coordinates.exact import exact
from forebear.recipes.coordinates.invariants import Floats, Folded, folded
from forebear.recipes.coordinates.rotation import Turn, turned
from forebear.recipes.detectors.channels import placed_or_ordered
from forebear.recipes.detectors.side import Side
from forebear.recipes.found import Found
from forebear.recipes.steps.draft import Draft, times
from forebear.recipes.steps.layout import Linear, Norm, setting, setting_key, spread
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.norms import fold_gains, rescale_norm
from forebear.recipes.steps.registry import step
from forebear.recipes.steps.residual import move_residual, residual_norms

ROUNDED = 1e-5
"""Size, as a share of a matrix's root mean square, below which a value that was turned back is the zero it was before."""
SAME = 1e-4
"""Relative difference up to which two tensors are one that was turned twice; also of the head and the table it was."""
SCALED = 0.03
MOST_OF = 1.5
"""Channels that one is made of up to which a fit is an order."""
AS_STATED = 0.15
"""Difference, as a logarithm, up to which the factor that epsilon states is the one of the weights: pruning makes them smaller."""
EMPTY = 0.05
"""Size of what a wider subject holds beyond the candidate's channels, as a share of these, from which channels were empty."""


@dataclass(frozen=True)
class Undone:
    """model: the subject in the candidate's coordinates. moves: what was undone, in the order it was done."""

    model: Model
    moves: tuple[Found, ...]


@dataclass(frozen=True)
class _Sizes:
    """residual: what embeddings and writers were multiplied by. gains: what a grown width divided gains by (1: nothing).
    copies: how often a wider subject holds every channel, where empty ones are not allowed."""

    residual: float
    gains: float
    copies: int = 1


def undone(subject: Model, candidate: Model, sides: tuple[Side, Side]) -> Undone | None:
    """The subject in the candidate's coordinates; None where its channels are in place or in another order, or no rotation fits.

    sides: subject and candidate as detectors see them.
    Null: none; it decides how steps are told, never whether two models are related.
    """
    if not all(step("residual-rotation").applies_to(model) for model in (subject, candidate)) or placed_or_ordered(*sides):
        return None
    try:
        mine, theirs = folded(subject), folded(candidate)
        turn = turned(mine, theirs)
        if turn is None:
            return None
        turn = exact(mine, candidate, theirs, turn)
        of = _made_of(turn.carried)
        if of > MOST_OF * mine.width / theirs.width:
            return _undone(subject, candidate, (mine, theirs), turn)
        return _reordered(subject, turn) if of < MOST_OF else None
    except (RefusedError, np.linalg.LinAlgError):
        return None  # the detectors say what they can of it as it is


def _made_of(carried: Floats) -> float:
    """How many of the subject's channels one of the candidate's is made of: 1 where a fit only reorders and negates, as many as
    channels were repeated, about a third of all where they were turned."""
    return float(np.median(1 / np.maximum(1e-30, (carried**4).sum(axis=0))))


def _reordered(subject: Model, turn: Turn) -> Undone | None:
    """The subject with its channels in the candidate's order and signs, where tables of tokens do not tell these."""
    first = np.abs(turn.carried).argmax(axis=0)
    if len(np.unique(first)) < len(first):
        return None
    order = np.concatenate([first, np.setdiff1d(np.arange(len(turn.carried)), first)])
    draft, signs = Draft(subject), np.ones(len(order), dtype=np.float32)
    signs[: len(first)] = np.sign(turn.carried[first, np.arange(len(first))])
    move_residual(draft, lambda values: np.take(values, order, axis=-1) * signs.astype(values.dtype))
    for norm in residual_norms(draft):
        for name in (norm.gain, norm.bias):
            if name:
                draft.set_vector(name, draft.arrays[name][order])
    moved, negated = int((order != np.arange(len(order))).sum()), int((signs < 0).sum())
    where = {"parts": ["all"], "channels": len(order)}
    moves = [Found("residual-permutation", where, {"moved": moved})] if moved else []
    moves += [Found("residual-signs", where, {"negated": negated})] if negated else []
    return Undone(draft.finish(), tuple(moves))


def _undone(subject: Model, candidate: Model, forms: tuple[Folded, Folded], turn: Turn) -> Undone:
    wide = Model({n: np.asarray(a, dtype=np.float64) for n, a in subject.arrays.items()}, subject.config, subject.tokenizer)
    draft, other = Draft(wide), Draft(candidate)
    gains = [draft.arrays[norm.gain] for norm, _ in draft.parts.read_through()]
    sizes = _sizes(forms, turn, (subject, candidate))
    draft.untie()
    fold_gains(draft)
    back = _whole(turn.carried, draft.parts.mean_subtracted, sizes.copies)
    move_residual(draft, lambda values: times(values, back))
    for norm in residual_norms(draft):
        if norm.bias:
            draft.set_vector(norm.bias, times(draft.arrays[norm.bias][None], back)[0])
    _unscaled(draft, sizes.residual)
    _regained(draft, other, turn, sizes)
    _retied(draft, other)
    made = draft.finish()
    arrays = {name: snapped(values).astype(np.float32) for name, values in made.arrays.items()}
    moves = [Found("residual-rotation", {"parts": ["all"]}, {"fit": round(turn.fit, 4)})]
    if abs(np.log(sizes.residual)) > SCALED:
        factor = {"factor": round(sizes.residual, 6)}
        moves.append(Found("residual-scale", {"parts": ["embedding", "o", "down"]}, factor))
    if any(float(np.ptp(gain)) > SAME for gain in gains):
        logs = np.concatenate([np.log(np.maximum(1e-6, np.abs(gain))) for gain in gains])
        flips = float(np.mean(np.concatenate([gain < 0 for gain in gains])))
        said = {"spread": round(float(np.std(logs) * np.sqrt(3)), 3), "flip": flips > 0.1}
        where = {"layers": [layer.index for layer in draft.parts.layers], "parts": ["norm"]}
        moves.append(Found("gain-replacement", where, said))
    return Undone(replace(made, arrays=arrays, dtypes={}), tuple(moves))


def snapped(values: Floats) -> Floats:
    """Values with those that rounding left of a zero as zeros."""
    size = float(np.sqrt(np.mean(values.astype(np.float64) ** 2))) if values.size else 0.0
    return np.where(np.abs(values) < ROUNDED * size, 0.0, values)


def _whole(carried: Floats, mean_subtracted: bool, copies: int) -> Floats:
    """(d', d') orthogonal: the candidate's channels first, the rest of the subject's space after them.

    mean_subtracted: the vector of ones is carried to itself, as LayerNorm needs it. copies: channels are held so many times.
    """
    width, kept = carried.shape
    rest = np.linalg.svd(carried, full_matrices=True)[0][:, kept:]
    if copies > 1:
        even = np.linalg.qr(np.concatenate([np.ones((copies, 1)), np.eye(copies)[:, 1:]], axis=1))[0].T
        even *= np.sign(even[0, 0])
        return np.asarray(np.concatenate([carried, rest], axis=1) @ np.kron(even, np.eye(kept)))
    if mean_subtracted and width > kept:
        sums, ones = rest.sum(axis=0), np.ones(width - kept)
        axis = sums / max(1e-30, float(np.linalg.norm(sums))) - ones / np.linalg.norm(ones)
        if float(axis @ axis) > 1e-20:
            rest = rest - 2 * np.outer(rest @ axis, axis) / (axis @ axis)
    return np.concatenate([carried, rest], axis=1)


def _sizes(forms: tuple[Folded, Folded], turn: Turn, models: tuple[Model, Model]) -> _Sizes:
    """Factors of the residual and of gains, from rows of the table in place, and from forms of layers that were paired."""
    mine, theirs = forms
    wider, gains = mine.width > theirs.width, 1.0
    ratios: dict[str, list[float]] = {}
    for i, j in turn.pairs if mine.wide else ():
        for name, form in mine.forms[i].items():
            if name in ("gate", "mlp") and len(mine.neurons[i]) != len(theirs.neurons[j]):
                continue  # sums over more neurons are larger for that
            a, b = turn.carried.T @ form @ turn.carried, theirs.forms[j][name]
            if float((a * b).sum()) > 0.9 * float(np.linalg.norm(a) * np.linalg.norm(b)):
                ratios.setdefault(name, []).append(float((a * b).sum() / (b * b).sum()))
    rest = mine.embedding - (mine.embedding @ turn.carried) @ turn.carried.T
    eps = [float(setting(model.config, "eps", 0.0) or 0.0) for model in models]
    stated = float(np.sqrt(eps[0] / eps[1])) if min(eps) > 0 else 1.0
    drawn = spread(models[1].config) * stated * np.sqrt(len(rest) * max(0, mine.width - theirs.width))
    empty = wider and float(np.linalg.norm(rest)) < max(drawn / 2, EMPTY * float(np.linalg.norm(mine.embedding)))
    copies = mine.width // theirs.width if empty and Draft(models[1]).parts.mean_subtracted else 1
    readers = [np.sqrt(r) for name in ("gate", "keys") for r in ratios.get(name, ()) if r > 0]
    if empty and readers and copies == 1:
        kept = float(np.sqrt(theirs.width / mine.width))
        gains = kept if abs(np.log(np.median(readers) / kept)) < abs(np.log(np.median(readers))) else 1.0
    writers = [r / gains for name in ("mlp", "values") for r in ratios.get(name, ())]
    seen = float(np.median(writers)) if writers else None
    count = min(len(mine.embedding), len(theirs.embedding))
    a, b = mine.embedding[:count] @ turn.carried, theirs.embedding[:count]
    lengths = [max(1e-30, float(np.median(np.linalg.norm(m, axis=1)))) for m in (a, b)]
    if empty and not readers and copies == 1:  # experts and heads say nothing: the factor that the table bears out
        kept, ratio = float(np.sqrt(theirs.width / mine.width)), lengths[0] / lengths[1]
        gains = min((1.0, kept), key=lambda one: abs(np.log(stated / one / ratio)))
    if any(abs(np.log(stated / gains / one)) < AS_STATED for one in (seen, lengths[0] / lengths[1] / np.sqrt(copies)) if one):
        return _Sizes(stated / gains, gains, copies)
    centre = b.mean(axis=0)
    near = _near(a, b, centre) & (np.linalg.norm(b, axis=1) > 0)
    if float(near.mean()) > 0.3:
        seen = float(np.median(np.linalg.norm(a[near], axis=1) / np.linalg.norm(b[near], axis=1))) / np.sqrt(copies)
    elif seen is None:
        seen = stated / gains
    return _Sizes(seen if abs(np.log(seen)) > SCALED else 1.0, gains, copies)


def _near(a: Floats, b: Floats, centre: Floats) -> np.ndarray:
    """Rows that are each other's but for one factor, the mean taken off."""
    factor = float(np.median(np.linalg.norm(a, axis=1)) / max(1e-30, float(np.median(np.linalg.norm(b, axis=1)))))
    x, y = a - factor * centre, b - centre
    sizes = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
    return np.asarray(np.einsum("ij,ij->i", x, y) > 0.8 * np.maximum(sizes, 1e-30))


def _unscaled(draft: Draft, factor: float) -> None:
    if factor == 1.0:
        return
    parts = draft.parts
    for name in (parts.embedding, *parts.tables):
        draft.set_vector(name, draft.arrays[name] / factor)
    for layer in parts.layers:
        for writer in layer.writers:
            draft.set_weight(writer, draft.weight(writer) / factor)
            if (bias := draft.bias(writer)) is not None:
                draft.set_bias(writer, bias / factor)
    draft.config[setting_key(draft.config, "eps")] = float(setting(draft.config, "eps")) / factor**2


def _regained(draft: Draft, other: Draft, turn: Turn, sizes: _Sizes) -> None:
    """The candidate's gains, by paired layers, and biases of norms where they were folded; one where there is no pair."""
    sources, factor, copies = dict(turn.pairs), sizes.gains, sizes.copies
    theirs = list(other.parts.read_through())
    for at, (norm, readers) in enumerate(draft.parts.read_through()):
        final = at >= 2 * len(draft.parts.layers)
        source = sources.get(at // 2) if not final else 0
        old = None if source is None else theirs[-1 if final else 2 * source + at % 2][0]
        size = draft.arrays[norm.gain].size
        gain = np.ones(size)
        if old is not None:
            own = np.tile(np.asarray(other.arrays[old.gain], dtype=np.float64) * factor, copies)
            gain[: len(own)] = own
        rescale_norm(draft, norm, readers, np.where(gain == 0, 1.0, gain))
        if old is not None and norm.bias and old.bias and all(one.bias for one in readers) and readers:
            _rebiased(draft, norm, readers, np.tile(np.asarray(other.arrays[old.bias], dtype=np.float64), copies) * factor)


def _rebiased(draft: Draft, norm: Norm, readers: tuple[Linear, ...], bias: Floats) -> None:
    """A bias of a norm that had been folded into the readers' biases, taken out of them again."""
    shift = np.zeros(draft.arrays[norm.bias].size)
    shift[: len(bias)] = bias
    for linear in readers:
        before = draft.bias(linear)
        assert before is not None
        draft.set_bias(linear, before - draft.weight(linear) @ shift)
    draft.set_vector(norm.bias, draft.arrays[norm.bias] + shift)


def _retied(draft: Draft, other: Draft) -> None:
    """The head left out again where the candidate has none of its own and the subject's is its table."""
    if other.parts.head is not None or draft.parts.head is None:
        return
    head, table = draft.weight(draft.parts.head), draft.arrays[draft.parts.embedding]
    if head.shape == table.shape and float(np.linalg.norm(head - table)) < SAME * float(np.linalg.norm(table)):
        del draft.arrays[draft.parts.head.weight]
        draft.config["tie_word_embeddings"] = True
        draft.reread()

"""The rotation that carries a subject's residual channels to the candidate's, wider ones too (METHODS §9).

Two starts: rows of the tables in place; eigenvectors of matrices that nothing inside a layer changes, which need no table. Both are
refined on rows of tables and neurons that name each other, the worst left out, and the one that carries neurons best is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from forebear.recipes.coordinates.invariants import Floats, Folded

INTACT = 0.15
"""Relative difference of eigenvalues up to which a form is used as a start (decision 0064)."""
PAIRED = 0.5
"""Cosine of forms, one carried over, from which two layers are paired."""
NAMED = 0.6
"""Cosine from which a row that is named mutually counts in the fit."""
CARRIED = 0.7
"""Upper quartile of the best cosines of neurons, or of layers' forms, from which a rotation is accepted."""
BY_TABLES = 0.98
"""Median cosine of rows of the table in place from which they alone tell a rotation."""
TURNS, LEAST = 8, 1e-6
"""Most rounds of a fit to a wider subject; curvature of it, as a share of the largest, below which it is not followed."""
IN_PLACE, ROW, MOST_ROWS = 0.3, 0.9, 8192
"""Share of rows in place below which rows are looked for elsewhere; cosine from which one counts; most rows searched."""
LAYERS, NEURONS, ROUNDS = 6, 2048, 8
WEIGHTED, SETTLED, EXACT = 12, 1e-9, 1e-7
"""Most rounds of a weighted fit; change of it from which it has settled; distance of a row from which it counts as exact."""
Pairs = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Turn:
    """carried: (d', d), columns orthonormal: subject rows @ carried are rows on the candidate's channels.

    fit: upper quartile of best cosines of neurons, or of forms of layers, after it. pairs: (subject layer, candidate layer).
    """

    carried: Floats
    fit: float
    pairs: Pairs


def turned(subject: Folded, candidate: Folded) -> Turn | None:
    """The best rotation; None where none carries the neurons over, or the subject is narrower."""
    if subject.width < candidate.width:
        return None
    best: Turn | None = None
    for start in _starts(subject, candidate):
        found = _refined(subject, candidate, start)
        if found is not None and (best is None or found.fit > best.fit + 1e-6):
            best = found
    return best if best is not None and best.fit >= CARRIED else _by_tables(subject, candidate)


def _by_tables(subject: Folded, candidate: Folded) -> Turn | None:
    """The rotation that rows of the table in place agree on, where layers show none: of experts made one no neuron is left."""
    count, same = min(len(subject.embedding), len(candidate.embedding)), len(subject.neurons) == len(candidate.neurons)
    if not same or count <= 2 * subject.width:
        return None
    carried = _trimmed(subject.embedding[:count], candidate.embedding[:count])
    near = _cosines(subject.embedding[:count] @ carried, candidate.embedding[:count])
    fit = float(np.median(near))
    return Turn(carried, fit, tuple((i, i) for i in range(len(subject.neurons)))) if fit > BY_TABLES else None


def _starts(subject: Folded, candidate: Folded) -> Iterator[Floats]:
    count = min(len(subject.embedding), len(candidate.embedding))
    if count > 2 * candidate.width:
        yield _trimmed(subject.embedding[:count], candidate.embedding[:count])
    spectral = _spectral(subject, candidate)
    if spectral is not None:
        yield spectral
        yield -spectral


def polar(matrix: Floats) -> Floats:
    """The nearest matrix with orthonormal columns. Shapes: (n, m), n >= m."""
    left, _, right = np.linalg.svd(matrix, full_matrices=False)
    return np.asarray(left @ right)


def fitted(mine: Floats, theirs: Floats, start: Floats | None = None) -> Floats:
    """Rows of the subject onto rows of the candidate: C with orthonormal columns, mine C near theirs.

    A wider subject holds something else beside, which is unknown: nothing, or values that were drawn. Both, and noise on all, by
    one likelihood: theirs plus noise of variance s inside the candidate's channels, draws of variance t in the others, so that
    ||mine C - theirs||² - (s / t) ||mine C||² is least. s / t, 1 where the others hold noise alone, is read off the last fit.
    Fits inside the candidate's channels (closed) and into the others (Newton, a Sylvester equation) take turns.
    """
    if mine.shape[1] == theirs.shape[1] or len(mine) <= mine.shape[1]:
        return polar(mine.T @ theirs)
    gram, cross = mine.T @ mine, mine.T @ theirs
    carried = polar(cross) if start is None else start
    for _ in range(TURNS):
        last, rest = carried, np.linalg.qr(carried, mode="complete")[0][:, carried.shape[1] :]
        other = rest.T @ gram @ rest
        inside = float(np.linalg.norm(mine @ carried - theirs) ** 2) / carried.shape[1]
        beside = float(np.trace(other)) / rest.shape[1]
        free = max(0.0, 1 - inside / max(beside, 1e-30))
        own = carried.T @ cross
        p, u = np.linalg.eigh(free * other)
        q, v = np.linalg.eigh((own + own.T) / 2 - free * (carried.T @ gram @ carried))
        pull = u.T @ (rest.T @ (cross - free * (gram @ carried))) @ v
        carried = polar(carried + rest @ (u @ (pull / np.maximum(p[:, None] + q[None, :], LEAST * p[-1] + 1e-30)) @ v.T))
        carried = carried @ polar(carried.T @ cross)
        if float(np.linalg.norm(carried - last)) < SETTLED * np.sqrt(carried.size):
            break
    return carried


def _trimmed(mine: Floats, theirs: Floats, share: float = 0.6) -> Floats:
    """The fit to the share of rows that it fits best; found by fitting, keeping these, and fitting again."""
    sizes = np.maximum(np.linalg.norm(theirs, axis=1, keepdims=True), 1e-12)
    mine, theirs = mine / sizes, theirs / sizes
    kept = np.arange(len(mine))
    for _ in range(ROUNDS):
        carried = fitted(mine[kept], theirs[kept])
        kept = np.argsort(-_cosines(mine @ carried, theirs))[: max(int(share * len(mine)), 1)]
    return carried


def _cosines(a: Floats, b: Floats) -> Floats:
    sizes = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.asarray(np.einsum("ij,ij->i", a, b) / np.maximum(sizes, 1e-12))


def _spectrum(form: Floats, width: int) -> Floats:
    """Eigenvalues of a form of norm one, zeros added up to `width`, in order."""
    values = np.linalg.eigvalsh(form) / max(1e-30, float(np.linalg.norm(form)))
    return np.sort(np.concatenate([values, np.zeros(width - len(values))]))


def _spectral(subject: Folded, candidate: Folded) -> Floats | None:
    """From eigenvectors of sums of forms whose eigenvalues agree; signs by what the single forms say of them."""
    if not subject.wide or not candidate.wide:
        return None
    chosen = _intact(subject, candidate)
    if not chosen:
        return None
    mine = [form / np.linalg.norm(form) for form, _, _ in chosen]
    theirs = [form / np.linalg.norm(form) for _, form, _ in chosen]
    weights = [(1 + (0.618034 * k) % 1) / max(apart, 1e-4) for k, (_, _, apart) in enumerate(chosen)]
    a, b = (sum(w * form for w, form in zip(weights, forms, strict=True)) for forms in (mine, theirs))
    ours, vectors = np.linalg.eigh(np.asarray(a))
    _, basis = np.linalg.eigh(np.asarray(b))
    kept = np.sort(np.argsort(-np.abs(ours))[: candidate.width])  # a wider subject has nothing in the others
    vectors = vectors[:, kept]
    agree = np.zeros((candidate.width, candidate.width))
    for weight, one, other in zip(weights, mine, theirs, strict=True):
        agree += weight * (vectors.T @ one @ vectors) * (basis.T @ other @ basis)
    np.fill_diagonal(agree, 0.0)
    signs = np.where(np.linalg.eigh(agree)[1][:, -1] < 0, -1.0, 1.0)
    return np.asarray(vectors * signs @ basis.T)


def _intact(subject: Folded, candidate: Folded) -> list[tuple[Floats, Floats, float]]:
    """(subject's form, candidate's, distance of eigenvalues): of every form the nearest, where it is near."""
    width = subject.width
    found: list[tuple[Floats, Floats, float]] = []
    for name, form in subject.wide.items():
        if (other := candidate.wide.get(name)) is not None:
            apart = float(np.linalg.norm(_spectrum(form, width) - _spectrum(other, width)))
            found.append((form, other, apart))
    spectra = [{name: _spectrum(form, width) for name, form in forms.items()} for forms in candidate.forms]
    for forms in subject.forms:
        for name, form in forms.items():
            own = _spectrum(form, width)
            apart, j = min((float(np.linalg.norm(own - spectra[j][name])), j) for j in range(len(spectra)))
            found.append((form, candidate.forms[j][name], apart))
    return [one for one in found if one[2] < INTACT]


def paired(subject: Folded, candidate: Folded, carried: Floats) -> tuple[Pairs, float]:
    """Layers of the subject with the candidate's layer they are most like, by the form that is most alike; and how alike."""
    if not subject.wide:
        same = len(subject.neurons) == len(candidate.neurons)
        return tuple((i, i) for i in range(len(subject.neurons))) if same else (), 0.0
    found, best = [], []
    for i, forms in enumerate(subject.forms):
        mine = {name: _unit(carried.T @ form @ carried) for name, form in forms.items()}
        alike = [max(float((mine[n] * _unit(other[n])).sum()) for n in mine) for other in candidate.forms]
        if max(alike) > PAIRED:
            found.append((i, int(np.argmax(alike))))
            best.append(max(alike))
    return tuple(found), float(np.quantile(best, 0.75)) if best else 0.0


def _unit(form: Floats) -> Floats:
    off = form - np.diag(np.diag(form))
    return np.asarray(off / max(1e-30, float(np.linalg.norm(off))))


def _refined(subject: Folded, candidate: Folded, carried: Floats) -> Turn | None:
    """The fit on rows of tables in place and on neurons that name each other, the worst left out."""
    pairs: Pairs = ()
    for step in range(ROUNDS):
        if step < 3:
            pairs, _ = paired(subject, candidate, carried)
            if not pairs:
                return None
        mine, theirs = rows(subject, candidate, carried, pairs)
        if len(mine) < max(subject.width, 32):
            return None
        carried = fitted(mine, theirs) if step < 3 else agreed(mine, theirs, carried)
    fits = [best(subject, candidate, carried, pair)[1] for pair in some(pairs)]
    pairs, alike = paired(subject, candidate, carried)
    return Turn(carried, max(alike, float(np.quantile(np.concatenate(fits), 0.75))), pairs) if pairs else None


def agreed(mine: Floats, theirs: Floats, carried: Floats) -> Floats:
    """The fit that most rows agree on: each row weighs the inverse of how far the last fit leaves it, so that rows that no
    operation changed are met exactly, however many others there are up to about as many."""
    for _ in range(WEIGHTED):
        apart = np.linalg.norm(mine @ carried - theirs, axis=1)
        weight = 1 / np.sqrt(np.maximum(apart, max(EXACT, float(np.quantile(apart, 0.02)))))[:, None]
        last, carried = carried, fitted(mine * weight, theirs * weight, carried)
        if float(np.linalg.norm(carried - last)) < SETTLED * np.sqrt(carried.size):
            break
    return carried


def some(pairs: Pairs) -> Pairs:
    return tuple(pairs[int(i)] for i in np.unique(np.linspace(0, len(pairs) - 1, min(LAYERS, len(pairs))).astype(np.intp)))


def best(subject: Folded, candidate: Folded, carried: Floats, pair: tuple[int, int]) -> tuple[np.ndarray, Floats, np.ndarray]:
    """For neurons of the subject, spread evenly: (mutual partner or -1, cosine of the best, which were looked at)."""
    mine, theirs = subject.neurons[pair[0]], candidate.neurons[pair[1]]
    looked = np.unique(np.linspace(0, len(mine) - 1, min(NEURONS, len(mine))).astype(np.intp))
    a = mine[looked] @ carried
    a /= np.maximum(np.linalg.norm(a, axis=1, keepdims=True), 1e-12)
    table = a @ (theirs / np.maximum(np.linalg.norm(theirs, axis=1, keepdims=True), 1e-12)).T
    best, back = table.argmax(axis=1), table.argmax(axis=0)
    mutual = np.where(back[best] == np.arange(len(best)), best, -1)
    return mutual, table.max(axis=1), looked


def _named(a: Floats, b: Floats) -> tuple[np.ndarray, np.ndarray]:
    """For every row of A the row of B that it names, and whether that one names it back and is near; the mean of B taken off."""
    centre = b.mean(axis=0)
    x, y = a - centre * float(np.linalg.norm(a) / max(1e-30, float(np.linalg.norm(b)))), b - centre
    x, y = (m / np.maximum(np.linalg.norm(m, axis=1, keepdims=True), 1e-12) for m in (x, y))
    table = x @ y.T
    best = table.argmax(axis=1)
    return best, (table.argmax(axis=0)[best] == np.arange(len(a))) & (table.max(axis=1) > ROW)


def rows(subject: Folded, candidate: Folded, carried: Floats, pairs: Pairs) -> tuple[Floats, Floats]:
    """Rows of both that correspond now, each block in units of the candidate's own row."""
    blocks = []
    tables = [(subject.embedding, candidate.embedding)]
    if subject.head is not None and candidate.head is not None:
        tables.append((subject.head, candidate.head))
    for mine, theirs in tables:
        count = min(len(mine), len(theirs))
        near = _cosines(mine[:count] @ carried, theirs[:count]) > NAMED
        blocks.append((mine[:count][near], theirs[:count][near]))
        if float(near.mean()) < IN_PLACE and max(len(mine), len(theirs)) <= MOST_ROWS:  # tokens may have other numbers
            partner, sure = _named(mine @ carried, theirs)
            blocks[-1] = (mine[sure], theirs[partner[sure]])
    for pair in some(pairs):
        partner, cosines, looked = best(subject, candidate, carried, pair)
        sure = (partner >= 0) & (cosines > NAMED)
        blocks.append((subject.neurons[pair[0]][looked[sure]], candidate.neurons[pair[1]][partner[sure]]))
    mine_rows, their_rows = [], []
    for mine, theirs in blocks:
        if not len(mine):
            continue
        sizes = np.maximum(np.linalg.norm(theirs, axis=1, keepdims=True), 1e-12)
        scale = float(np.median(np.einsum("ij,ij->i", mine @ carried, theirs) / sizes[:, 0] ** 2))
        mine_rows.append(mine / sizes / max(scale, 1e-12))
        their_rows.append(theirs / sizes)
    if not mine_rows:
        return np.zeros((0, subject.width)), np.zeros((0, candidate.width))
    return np.concatenate(mine_rows), np.concatenate(their_rows)

"""A tree of similarity by average linkage; drawn for any set of models, it shows no descent (docs/architecture.md#interface)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Merge = tuple[int, int, float]


def average_linkage(similarity: NDArray[np.float64]) -> list[Merge]:
    """Join the two most alike groups until one is left.

    Shapes:  similarity (n, n), symmetric; the diagonal is not looked at.
    Returns: n − 1 merges (left, right, similarity): groups below n are members, group n + i is what merge i made. The similarity
             of two groups is the mean over pairs of their members; ties go to the groups made first.
    """
    count = len(similarity)
    table = similarity.astype(np.float64).copy()
    np.fill_diagonal(table, -np.inf)
    names, sizes = list(range(count)), [1] * count
    merges: list[Merge] = []
    while len(names) > 1:
        a, b = sorted(int(v) for v in np.unravel_index(int(np.argmax(table)), table.shape))
        merges.append((names[a], names[b], float(table[a, b])))
        joined = (table[a] * sizes[a] + table[b] * sizes[b]) / (sizes[a] + sizes[b])
        keep = [i for i in range(len(names)) if i != b]
        table[a], table[:, a] = joined, joined
        table[a, a] = -np.inf
        names[a], sizes[a] = count + len(merges) - 1, sizes[a] + sizes[b]
        table = table[np.ix_(keep, keep)]
        names, sizes = [names[i] for i in keep], [sizes[i] for i in keep]
    return merges

"""What became of embedding rows where the vocabulary changed: kept, new and dropped tokens. Describes, never decides."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebear.comparison.reading.allowance import row_bytes
from forebear.comparison.reading.pair import Pair
from forebear.comparison.reading.vocabulary import SharedRows
from forebear.core.messages import Message, message
from forebear.core.spacing import evenly
from forebear.files.base import Float32
from forebear.models.checkpoint import Checkpoint
from forebear.stats.effect import row_cosines
from forebear.tokens.rows import fates

MOST_NEW = 256
"""New tokens whose rows are read, evenly over all of them."""


def tell_fates(alignment: dict[str, Any], pair: Pair, rows: SharedRows) -> None:
    """Put the fates of rows beside the tokens of an alignment, and say them.

    Kept rows are those already read. New rows are read from local files within the budget, with the candidate's rows under
    the same ids: where dropped tokens stood, an untouched row is left as it was (METHODS §12).
    """
    found = row_fates(pair, rows)
    alignment["tokens"]["rows"] = found
    alignment["words"] += _words(found)


def row_fates(pair: Pair, rows: SharedRows) -> dict[str, Any]:
    """Counts of kept, new and dropped rows, and how the rows that were read look (see forebear.tokens.rows.Fates)."""
    sides = ((pair.subject, rows.pieces[0].tensor), (pair.candidate, rows.pieces[1].tensor))
    totals = [side.container.tensors[name].shape[0] for side, name in sides]
    new, under = _new_rows(pair, sides, rows, totals)
    width = min(rows.a.shape[1], rows.b.shape[1])
    a, b = rows.a[:, :width], rows.b[:, :width]
    kept = np.arange(len(a), dtype=np.intp)
    seen = fates(np.concatenate([a, new[:, :width]]), b, kept, kept)
    replaced = _replaced(a, b, new[under >= 0][:, :width], sides[1], under)
    return {
        "kept": len(rows.matched[0]),
        "kept_read": len(a),
        "kept_equal": seen.equal,
        "kept_cosine": _rounded(seen.kept_cosine),
        "new": totals[0] - len(rows.matched[0]),
        "new_read": len(new),
        "new_norm_ratio": None if seen.norm_ratio is None else round(seen.norm_ratio, 4),
        "new_cosine_to_mean": None if seen.new_to_mean is None else round(seen.new_to_mean, 4),
        "dropped": totals[1] - len(rows.matched[1]),
        "replaced_read": 0 if replaced is None else int((under >= 0).sum()),
        "replaced_cosine": replaced,
    }


Side = tuple[Checkpoint, str]


def _new_rows(
    pair: Pair, sides: tuple[Side, Side], rows: SharedRows, totals: list[int]
) -> tuple[Float32, NDArray[np.intp]]:
    """Rows of new tokens, shape (k, d), and for each the dropped token's id that is its own, or -1; none from an address."""
    nothing = rows.a[:0], np.zeros(0, dtype=np.intp)
    if not pair.plan.reads_new_rows:
        return nothing
    new = np.setdiff1d(np.arange(totals[0]), rows.matched[0])
    ids = new[evenly(len(new), min(len(new), MOST_NEW))] if len(new) else new
    dropped = np.setdiff1d(np.arange(totals[1]), rows.matched[1])
    under = np.where(np.isin(ids, dropped), ids, -1)
    cost = len(ids) * row_bytes(*sides[0]), int((under >= 0).sum()) * row_bytes(*sides[1])
    if not pair.allowance.allows(*cost, message("budget.new_rows")):
        return nothing
    return (sides[0][0].container.take(sides[0][1], ids), under) if len(ids) else nothing


def _replaced(a: Float32, b: Float32, new: Float32, side: Side, under: NDArray[np.intp]) -> list[float] | None:
    """Quantiles (5, 50, 95 %) of the cosine of new rows with the dropped rows under the same ids, both less the mean kept row."""
    ids = under[under >= 0]
    if not len(ids):
        return None
    old = side[0].container.take(side[1], ids)[:, : new.shape[1]]
    cosines = row_cosines(new - a.mean(axis=0), old - b.mean(axis=0))
    sound = cosines[np.isfinite(cosines)]
    return _rounded(tuple(np.quantile(sound, [0.05, 0.5, 0.95]).tolist())) if len(sound) else None


def _rounded(values: tuple[float, ...] | None) -> list[float] | None:
    return None if values is None or not np.isfinite(values).all() else [round(float(v), 4) for v in values]


def _words(found: dict[str, Any]) -> list[Message]:
    said = []
    if found["kept_cosine"] is not None:
        low, middle, high = found["kept_cosine"]
        kept = {"equal": found["kept_equal"], "read": found["kept_read"]}
        said.append(message("tokens.rows_kept", **kept, low=low, middle=middle, high=high))
    if found["new_norm_ratio"] is not None:
        ratio, mean = found["new_norm_ratio"], found["new_cosine_to_mean"]
        said.append(message("tokens.rows_new", new=found["new"], ratio=ratio, mean=mean))
    if found["replaced_cosine"] is not None:
        middle = found["replaced_cosine"][1]
        said.append(message("tokens.rows_dropped", dropped=found["dropped"], middle=middle))
    return said

"""Vocabulary surgery read off the rows: kept, dropped, appended, replaced, reordered, and how new rows began (METHODS §12, §15)."""

from __future__ import annotations

from typing import Any

import numpy as np

from forebear.recipes.detectors.kept_rows import BLOCK, OWN_ROW, SAMPLE, between, in_order, map_of, nearest
from forebear.recipes.detectors.new_rows import begun
from forebear.recipes.detectors.side import unit
from forebear.recipes.detectors.sight import Proposal, Sight
from forebear.recipes.found import Found
from forebear.stats.alignment import assign
from forebear.stats.arrays import F32

FOUND = 0.85
"""Share of the subject's rows that must be found elsewhere for the table to be called trimmed or reordered."""
FOREIGN, MANY = 0.35, 0.05
WORN = 0.7
LEAST_KEPT = 0.03
FAR = 4.0
"""1 - cosine of a row to the one in its place, over that of most kept rows, up to which wear may have taken it nearer to a twin."""
ROUNDED = 1e-5
"""1 - cosine that float32 leaves of rows that are equal but for rounding."""
STILL = 4.0
"""Likeness of rows in place above that out of place, in standard errors, from which they are the candidate's, worn."""
LEAST_ROWS = 16
"""Rows that were kept from which they say how worn a table is."""
MASKED = 0.05
"""Share of zeros in a matrix from which it was pruned."""
COLUMN_ROWS = 8192
"""Rows that are looked at to tell whether two channels are one."""
BORNE_OUT = 0.5
"""Share of the rows whose tokens both tokenizers have that must be the candidate's for the tokenizers to be followed."""
MOST_SEARCHED = 120_000
"""Rows of a table that are searched for partners anywhere; of longer tables those that were kept in their order are found."""


def find(sight: Sight) -> list[Proposal]:
    """One proposal for the table of tokens, none where every row is in its place."""
    both = sight.both("embedding")
    if both is None or both[0].shape[1] != both[1].shape[1]:
        return []
    known = sight.known_channels
    mine, theirs = (np.ascontiguousarray(table[:, known]) for table in both)
    named = None if sight.spelt is None else by_names(mine, theirs, sight.spelt)
    partner = partners(mine, theirs) if named is None else named
    count = min(len(mine), len(theirs))
    kept = partner >= 0
    if len(mine) == len(theirs) and kept.all() and (partner == np.arange(count)).all():
        return []
    return _named(sight, mine, theirs, partner)


def by_names(mine: F32, theirs: F32, spelt: np.ndarray) -> np.ndarray | None:
    """The same by the tokens of rows, where rows bear it out: a row whose token both have and that is another's now has no partner.

    spelt: (tokens,) see Sight. Rows of other tokens keep their place where they are alike, or the order of rows around them: a new
    token may have kept an old row.
    Returns: None where most rows are not those of their tokens: tables then say what they can by themselves.
    """
    count = min(len(mine), len(spelt))
    partner = np.full(len(mine), -1, dtype=np.intp)
    partner[:count] = np.where(spelt[:count] < len(theirs), spelt[:count], -1)
    named, place = partner >= 0, np.arange(len(mine))
    if not named.any():
        return None
    free = ~named & (place < len(theirs)) & ~np.isin(place, partner[named])
    partner = np.where(named, partner, np.where(free, place, -1))
    own = np.flatnonzero(partner >= 0)
    centre = theirs.mean(axis=0)
    near = np.einsum("ij,ij->i", unit(mine[own] - centre), unit(theirs[partner[own]] - centre))
    alike = (mine[own] == theirs[partner[own]]).all(axis=1) | (near > OWN_ROW)
    if float(np.mean(alike[named[own]])) < BORNE_OUT:
        return None
    alike &= near > WORN * float(np.median(near[alike]))
    partner[own[~alike]] = -1
    usual = float(np.median(near[alike]))
    least = max(WORN * usual, 1 - FAR * (1 - usual + ROUNDED))
    return np.where(named, partner, between(unit(mine - centre), unit(theirs - centre), partner, least))


def partners(mine: F32, theirs: F32) -> np.ndarray:
    """For every row of the subject the row of the candidate it is, -1 for none.

    Rows in place first: equal, or nearer to the row there than to any of a sample of others that is not alike to that row itself
    (a worn row may come nearer to a neighbour of the row it was, decision 0113). Where these are few, rows are looked for
    everywhere: equal ones, then those that name each other; that counts only if nearly all are found, since a new row may well be
    like some old one.
    Shapes: (n, d), (m, d) -> (n,).
    """
    centre = theirs.mean(axis=0)
    a, b = unit(mine - centre), unit(theirs - centre)
    partner = _in_place(mine, theirs, a, b)
    if float(np.mean(partner >= 0)) > 0.98:
        return partner
    large = max(len(mine), len(theirs)) > MOST_SEARCHED
    everywhere = in_order(a, b) if large else _everywhere(mine, theirs, a, b)
    shared = float(np.mean(everywhere >= 0))
    return _completed(everywhere, a, b) if shared > FOUND and shared > float(np.mean(partner >= 0)) + 0.05 else partner


def _in_place(mine: F32, theirs: F32, a: F32, b: F32) -> np.ndarray:
    count = min(len(mine), len(theirs))
    sample = np.unique(np.linspace(0, len(theirs) - 1, min(SAMPLE, len(theirs))).astype(np.intp))
    equal = (mine[:count] == theirs[:count]).all(axis=1)
    here = np.einsum("ij,ij->i", a[:count], b[:count])
    rest = np.flatnonzero(~equal & (here > OWN_ROW))
    nearer, rivalled = np.zeros((2, count), dtype=bool)
    for start in range(0, len(rest), BLOCK):
        rows = rest[start : start + BLOCK]
        others = (a[rows] @ b[sample].T > here[rows, None]) & (rows[:, None] != sample[None, :])
        nearer[rows] = others.any(axis=1)
        rivalled[rows] = (others & (b[rows] @ b[sample].T < here[rows, None])).any(axis=1)
    stays = equal | ((here > OWN_ROW) & ~nearer)
    if stays.any():  # worn rows may be nearer to a twin: none that is worn far more than those which are not
        usual = 1 - float(np.median(here[stays]))
        stays |= (here > OWN_ROW) & ~rivalled & (1 - here < FAR * usual)
    if stays.any():  # rows of one history are worn alike: far less alike than most is another history
        stays &= equal | (here > WORN * float(np.median(here[stays])))
    partner = np.full(len(mine), -1, dtype=np.intp)
    if float(np.mean(stays)) > LEAST_KEPT:
        partner[:count][stays] = np.flatnonzero(stays)
    return partner


def _everywhere(mine: F32, theirs: F32, a: F32, b: F32) -> np.ndarray:
    partner = np.full(len(mine), -1, dtype=np.intp)
    known: dict[bytes, list[int]] = {}
    for at, row in enumerate(theirs):
        known.setdefault(row.tobytes(), []).append(at)
    for at, row in enumerate(mine):
        if places := known.get(row.tobytes()):
            partner[at] = places.pop(0)
    rest = np.flatnonzero(partner < 0)
    free = np.setdiff1d(np.arange(len(theirs)), partner[partner >= 0])
    if len(rest) and len(free):
        best, value = nearest(a[rest], b[free])
        back, _ = nearest(b[free], a[rest])
        sure = (value > OWN_ROW) & (back[best] == np.arange(len(rest)))
        partner[rest[sure]] = free[best[sure]]
    return partner


def _completed(partner: np.ndarray, a: F32, b: F32) -> np.ndarray:
    """Rows left over by assignment to rows left over, where they are few."""
    rest = np.flatnonzero(partner < 0)
    free = np.setdiff1d(np.arange(len(b)), partner[partner >= 0])
    if 0 < len(rest) <= len(free) and len(free) <= BLOCK:
        partner[rest] = free[assign(a[rest] @ b[free].T)]
    return partner


def _foreign(mine: F32, theirs: F32, new: np.ndarray) -> bool:
    """Whether rows have nothing of those in their places; rows that training moved far still have."""
    centre = theirs.mean(axis=0)
    here = np.einsum("ij,ij->i", unit(mine[new] - centre), unit(theirs[new] - centre))
    return float(np.median(here)) < FOREIGN and len(new) > MANY * len(mine)


def _well_kept(mine: F32, theirs: F32, kept: np.ndarray) -> bool:
    """Whether the rows that stayed are near enough to what they were that others stand out as put in."""
    centre = theirs.mean(axis=0)
    near = np.einsum("ij,ij->i", unit(mine[kept] - centre), unit(theirs[kept] - centre))
    return float(np.median(near)) > WORN


def _worn(sight: Sight, mine: F32, theirs: F32, partner: np.ndarray) -> float:
    """How far rows that were kept, or else the first layers' matrices, have moved since, as a share of their size."""
    kept = np.flatnonzero(partner >= 0)
    if len(kept) >= LEAST_ROWS:
        a, b = mine[kept], theirs[partner[kept]]
        return float(np.median(np.linalg.norm(a - b, axis=1) / np.maximum(1e-30, np.linalg.norm(b, axis=1))))
    found = [1.0]
    for i, j in sight.layers[:2]:
        for part in ("q", "k", "v", "gate", "up"):
            both = sight.both(part, (i, j), sight.subject.places(i)[0] if part in ("gate", "up") else None)
            if both is None or both[0].shape[1] != both[1].shape[1]:
                continue
            a, b = (sight.known_part(m) for m in both)
            if a.shape == b.shape and float(np.mean(a == 0)) > MASKED:  # what a mask took says nothing of how far values moved
                found.append(float(np.linalg.norm((a - b)[a != 0]) / max(1e-30, float(np.linalg.norm(b[a != 0])))))
            grams = a.T @ a, b.T @ b  # the same in whatever order neurons are
            for one, other in ((a, b), grams) if a.shape == b.shape else (grams,):
                found.append(float(np.linalg.norm(one - other) / max(1e-30, float(np.linalg.norm(other)))))
    return min(found)


def _own_channels(table: F32) -> np.ndarray:
    """Channels that are neither empty nor those of another one again: of a residual stream that was grown, the old ones."""
    _, first = np.unique(table[:: -(-len(table) // COLUMN_ROWS)], axis=1, return_index=True)
    first = np.sort(first)
    return np.asarray(first[table[:, first].any(axis=0)])


def _by_wear(last: int, kept: int) -> int:
    """The longest run of rows at the end that wear explains as it does the others that were not recognised: at most one time in a
    thousand longer by chance."""
    share = 1 - kept / last
    return int(np.log(1e-3) / np.log(share)) if 0 < share < 1 else 0


def _still(mine: F32, theirs: F32, places: np.ndarray) -> bool:
    """Whether rows are, all together, those in their places, worn beyond recognition one by one: tokens that come late
    are rare. Null hypothesis: rows that were put in have nothing of those in their places, so that likeness in place is no larger
    than out of it; by the spread of the latter, one time in some ten thousand."""
    places = places[:: max(1, len(places) // BLOCK)]
    a, b = mine[places], theirs[places]
    if len(a) < 2:
        return False
    table = unit(a - a.mean(axis=0)) @ unit(b - b.mean(axis=0)).T
    out = table[~np.eye(len(a), dtype=bool)]
    return float(np.diag(table).mean() - out.mean()) > STILL * float(out.std()) / float(np.sqrt(len(a)))


def _named(sight: Sight, mine: F32, theirs: F32, partner: Any) -> list[Proposal]:
    kept = np.flatnonzero(partner >= 0)
    new = np.flatnonzero(partner < 0)
    full = _own_channels(theirs)
    mine, theirs = np.ascontiguousarray(mine[:, full]), np.ascontiguousarray(theirs[:, full])
    in_place = len(kept) and (partner[kept] == kept).all()
    worn = _worn(sight, mine, theirs, partner)
    rows = {"kept": len(kept), "new": len(new), "dropped": len(theirs) - len(kept)}
    where = {"parts": ["embedding", "head"], "rows": rows}
    if not len(kept):
        how = begun(mine, theirs, sight.state.config, worn)
        said = {"size": len(mine), "rows": how.name}
        return [Proposal(Found("vocabulary-replaced", where, {**said, **how.said}), how.exact)]
    if len(new) == 0:
        if len(mine) == len(theirs):
            moved = int((partner != np.arange(len(mine))).sum())
            return [Proposal(Found("token-ids-reordered", _with_map(where, partner), {"moved": moved}), {"order": partner})]
        return [Proposal(Found("vocabulary-trimmed", _with_map(where, partner), {"keep": len(kept)}), {"keep": partner})]
    first = int(new[0])
    if in_place and len(kept) >= len(theirs) * 0.98 and len(mine) > len(theirs) and first >= 0.9 * len(theirs):
        new = np.arange(len(theirs), len(mine))
        how = begun(mine[new], theirs, sight.state.config, worn)
        where["rows"] = {"kept": len(theirs), "new": len(new), "dropped": 0}
        said = {"count": len(new), "rows": how.name}
        return [Proposal(Found("vocabulary-extended", where, {**said, **how.said}), how.exact)]
    if in_place and len(mine) == len(theirs) and len(new) > 1 and float(np.mean(np.diff(new) == 1)) < 0.9:
        if not _foreign(mine, theirs, new) or not _well_kept(mine, theirs, kept):
            return []
        share = round(len(new) / len(mine), 4)
        return [Proposal(Found("rows-from-donor", where, {"share": share}), {"ids": new})]
    if (found := _at_the_end(sight, mine, theirs, partner)) is not None:
        return found
    said = {"keep": len(kept), "count": len(new), "rows": begun(mine[new], theirs, sight.state.config, worn).name}
    return [Proposal(Found("vocabulary-stitched", _with_map(where, partner), said), replays=False)]


def _with_map(where: dict[str, Any], partner: Any) -> dict[str, Any]:
    return {**where, "rows": {**where["rows"], "map": map_of(partner)}}


def _at_the_end(sight: Sight, mine: F32, theirs: F32, partner: Any) -> list[Proposal] | None:
    """Kept rows first, new ones after them; None where kept ones stand among others."""
    kept = np.flatnonzero(partner >= 0)
    in_place = (partner[kept] == kept).all()
    last = int(np.argmax(np.cumsum(np.where(partner >= 0, 1, -1)))) + 1
    lost = np.flatnonzero(partner[: min(last, len(theirs))] < 0)
    few = int((partner[:last] >= 0).sum()) < 0.9 * max(last, len(kept))
    if few and not (in_place and last <= len(theirs) and _still(mine, theirs, lost)):
        return None
    if last == len(mine) == len(theirs):  # rows that are nearer to some other row by chance: none is new, none is gone
        return []
    if last < len(theirs) < len(mine) and in_place:  # wear may explain those at the end
        worn = len(theirs) - _by_wear(last, len(kept)) <= last
        last = len(theirs) if worn or _still(mine, theirs, np.arange(last, len(theirs))) else last
    new = np.arange(last, len(mine))
    how = begun(mine[new], theirs, sight.state.config, _worn(sight, mine, theirs, partner))
    where = {"parts": ["embedding", "head"], "rows": {"kept": last, "new": len(new), "dropped": len(theirs) - last}}
    if last == len(theirs) and in_place:
        return [Proposal(Found("vocabulary-extended", where, {"count": len(new), "rows": how.name, **how.said}), how.exact)]
    ids = np.where(partner[:last] >= 0, partner[:last], np.arange(last))
    said = {"keep": last, "count": len(new), "rows": how.name}
    return [Proposal(Found("vocabulary-stitched", _with_map(where, ids), {**said, **how.said}), {"keep": ids, **how.exact})]

"""Which models of a library may be kin of which: equal tensors, screens and geometries that agree; proposals, no verdicts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebear.core.errors import RefusedError, refusal
from forebear.core.messages import Message, message
from forebear.library.anchors import agreement
from forebear.library.evening import ANCHOR_NUMBERS
from forebear.library.figures import corrected
from forebear.library.ledger import state_of, unchanged
from forebear.library.prints import SCREEN_NUMBERS, Print
from forebear.library.proving import weights_of
from forebear.library.search import ANCHOR, EQUAL, SKETCH, like_by_code
from forebear.library.store import Store
from forebear.library.thresholds import ANCHOR_AGREEMENT, DISPERSION, LEVEL_LOG10
from forebear.library.tree.thresholds import MOST_MODELS, NEIGHBOURS
from forebear.models.checkpoint import Place

BLOCK = 512
MOST_NAMES = 20
FIRST_SIGNS_ALIKE = 0.35
"""Likeness of the signs of two anchor codes below which their geometries are not held against each other: where those agree at
ANCHOR_AGREEMENT, it was 0.54 or more (decision 0136)."""
MOST_OWNERS = 64
"""Models of one tensor that are paired with each other; of more, each with the first."""


@dataclass(frozen=True)
class Member:
    """A model of the library. where: its weights, "" where they are not at hand; bases: what its card or configuration claims."""

    id: str
    name: str
    names: tuple[str, ...]
    bases: tuple[str, ...]
    where: Place
    kind: str
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Proposal:
    """Two models that may be kin. by: what proposes them; p: after all pairs that were looked at, None where it is no test."""

    by: str
    cosine: float = 0.0
    p: float | None = None
    shared: int = 0
    anchors: float | None = None


@dataclass
class Read:
    """Everything that is kept of a library's prints at once."""

    members: list[Member] = field(default_factory=list)
    screens: list[NDArray[np.int8]] = field(default_factory=list)
    codes: list[NDArray[np.int8]] = field(default_factory=list)
    owners: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    limits: list[Message] = field(default_factory=list)


def read_prints(store: Store, *, weights: bool = False) -> Read:
    """Every print once. weights: look whether those at hand are still the ones that were printed; others count as not at hand.

    Raises: RefusedError for more models than a tree is drawn of.
    """
    if (count := store.count()) > MOST_MODELS:
        said = message("library_refused.large_tree", count=count, most=MOST_MODELS)
        raise refusal(said, where="library tree", todo=message("library_advice.smaller"))
    found = Read()
    for ident in store.idents():
        try:
            one = store.get(ident)
        except RefusedError as error:
            found.limits.append(message("library.print_unread", why=error.message()))
            continue
        for value in one.arrays["digests"].reshape(-1).tolist():
            found.owners[value].append(len(found.members))
        names = tuple(one.entry.get("names") or [one.name])[:MOST_NAMES]
        kind = "about" if one.weightless else "quick" if one.quick else "whole"
        about = {key: one.about[key] for key in ("family", "layers", "width", "parameters")}
        bases = tuple(one.entry.get("bases") or ())[:MOST_NAMES]
        where = weights_of(store, ident) or ""
        if weights and where and not _as_printed(one, where):
            found.limits.append(message("tree.changed", name=one.name))
            where = ""
        found.members.append(Member(ident, one.name, names, bases, where, kind, about))
        found.screens.append(
            one.arrays["screen"][0] if len(one.arrays["screen"]) else np.zeros(SCREEN_NUMBERS, np.int8)
        )
        found.codes.append(one.arrays["anchors"][0] if len(one.arrays["anchors"]) else np.zeros(ANCHOR_NUMBERS, np.int8))
    return found


def _as_printed(one: Print, where: Place) -> bool:
    """Whether what lies at a path is what was printed, by size, time and header; an address is taken at its word."""
    known = next((source for source in one.entry.get("sources", ()) if source.get("where") == str(where)), None)
    if known is None or "://" in str(where) or one.weightless:
        return True
    try:
        return unchanged(known, state_of(where, None))
    except RefusedError:
        return False
    except KeyError:  # an entry of an earlier kind, without sizes
        return True


def proposals(store: Store, found: Read) -> dict[tuple[int, int], Proposal]:
    """Pairs that may be kin, each of at most NEIGHBOURS of either side by screens, those of equal tensors and of anchors besides.

    Null hypothesis and assumption of p: those of a search (decision 0040), multiplied by all pairs of screens.
    """
    pairs: dict[tuple[int, int], Proposal] = {}
    for owners in found.owners.values():
        few = list(dict.fromkeys(owners))
        near = [
            (a, b) for at, b in enumerate(few) for a in (few[:at] if len(few) <= MOST_OWNERS else few[:1]) if a != b
        ]
        for pair in near:
            pairs.setdefault(pair, Proposal(EQUAL)).shared += 1
    if found.members:
        _by_screens(np.stack(found.screens), pairs)
        _by_anchors(store, found, pairs)
    return pairs


def _by_screens(screens: NDArray[np.int8], pairs: dict[tuple[int, int], Proposal]) -> None:
    count = int(screens.any(axis=1).sum())
    comparisons = max(1, count * (count - 1) // 2)
    table = screens.astype(np.float32)
    length = np.maximum(np.linalg.norm(table, axis=1), 1e-9)
    for start in range(0, len(table), BLOCK):
        some = table[start : start + BLOCK]
        product, square = some @ table.T, (some**2) @ (table**2).T
        with np.errstate(divide="ignore", invalid="ignore"):
            z = np.nan_to_num(product / np.sqrt(square))
        cosines = product / (length[start : start + BLOCK, None] * length)
        for row in range(len(some)):
            cosines[row, start + row] = -1
            for other in np.argsort(-cosines[row], kind="stable")[:NEIGHBOURS].tolist():
                figure = float(z[row, other])
                p = corrected(-((figure / DISPERSION) ** 2) / 2 / float(np.log(10)) if figure > 0 else 0.0, comparisons)
                pair = (min(start + row, other), max(start + row, other))
                if p <= LEVEL_LOG10:
                    pairs.setdefault(pair, Proposal(SKETCH)).p = p
                if pair in pairs:
                    pairs[pair].cosine = float(cosines[row, other])


def _by_anchors(store: Store, found: Read, pairs: dict[tuple[int, int], Proposal]) -> None:
    """Rewritten copies: geometries of anchor tokens that agree, where nothing else proposes the pair."""
    codes = np.stack(found.codes)
    held: dict[int, Print] = {}
    for a in np.flatnonzero(codes.any(axis=1)).tolist():
        near = np.flatnonzero(like_by_code(codes[:a], codes[a], None) > FIRST_SIGNS_ALIKE)
        for b in near[:NEIGHBOURS].tolist():
            if (b, a) in pairs:
                continue
            one, other = (_held(store, found, held, at) for at in (a, b))
            alike = agreement(one.arrays["geometry"], other.arrays["geometry"])
            if alike is not None and alike >= ANCHOR_AGREEMENT:
                pairs[b, a] = Proposal(ANCHOR, anchors=alike)


def _held(store: Store, found: Read, held: dict[int, Print], at: int) -> Print:
    if at not in held:
        if len(held) > 2 * NEIGHBOURS:
            held.clear()
        held[at] = store.get(found.members[at].id)
    return held[at]


def order_of(pair: tuple[int, int], proposal: Proposal) -> Sequence[float]:
    """Which pairs are compared first: those whose screens agree most, then equal tensors, then anchors."""
    return (-proposal.cosine, -proposal.shared, -(proposal.anchors or 0.0), *pair)


__all__ = ["Member", "Proposal", "Read", "order_of", "proposals", "read_prints"]

"""One model against all of a library: equal tensors, screens that agree, geometries that agree; candidates, not verdicts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebear.core.errors import RefusedError
from forebear.core.messages import Message, message
from forebear.core.threads import one_thread, usable_cores
from forebear.library.anchors import agreement
from forebear.library.evening import ANCHOR_NUMBERS, CODE_BITS, likeness, projected
from forebear.library.figures import corrected, screen_figure
from forebear.library.layers import layer_map
from forebear.library.prints import SCREEN_NUMBERS, Print
from forebear.library.signs import ANCHOR_TIMES
from forebear.library.store import Indexed, Near, Rows, Store
from forebear.library.thresholds import ANCHOR_AGREEMENT, LEVEL_LOG10

SAME, EQUAL, SKETCH, ANCHOR, RANKED, NOTHING = (
    "same-values", "equal-tensors", "candidate-by-sketch", "candidate-by-anchors", "ranked-by-anchors", "no-candidate",
)  # fmt: skip
FIRST_COSINE = 4.0 / np.sqrt(SCREEN_NUMBERS)
"""Screens below this are not looked at closer: even of one screen searched a z of 4.5 is asked (decision 0040)."""
FIRST_SIGNS = 3.0 / np.sqrt(CODE_BITS)
"""Anchor codes that agree less in their signs are not held against the subject's sums: three standard deviations of strangers'."""
FIRST_LIKENESS = 0.5
"""Likeness by code below which a geometry is not looked at closer where ANCHOR_AGREEMENT is asked of it: where that was reached it
was 0.76 or more (decision 0136)."""
TILE = 256
"""Rows made float32 at once: 0.9 MB, which a core's cache holds; four times as fast as a block as a whole."""
MOST_CLOSER = 512
"""Models looked at closer by their screens, and as many by their anchors, the best first."""
MOST_RANKED = 1024
"""Models looked at closer by their anchors where a ranking by them is asked for (decision 0136)."""


@dataclass
class Hit:
    """A model of the library that the subject may be kin of.

    relation: SAME, EQUAL, SKETCH or ANCHOR: what proposed it, the strongest first; RANKED: only among the nearest by anchors,
              which is no statement. figure: cosine, z, effective dimension, agreement of anchors,
              likeness of evened ones, shared tensors, layers.
    corrected_log10_p: None where what proposed it is no test.
    """

    id: str
    name: str
    relation: str
    figure: dict[str, Any]
    corrected_log10_p: float | None
    layers: list[dict[str, Any]] = field(default_factory=list)
    proved: bool = False
    verdict: dict[str, Any] | None = None


@dataclass
class Searched:
    """What a search found, and how much it looked at. screens: comparisons that every p-value was multiplied by."""

    hits: list[Hit]
    models: int
    screens: int
    limits: list[Message]
    itself: list[str] | None = None
    """The names of the model left out, if the library has it."""


@one_thread()
def search_store(
    store: Store, subject: Print, top: int, *, rewritten: bool = False, without: str | None = None
) -> Searched:
    """The models of a store that may be the subject's kin, the surest first, at most `top`.

    rewritten: list also the models nearest by anchors, as a ranking. without: the id of a model to leave out (the subject itself).
    Source:    METHODS §14, §18; thresholds: decision 0040.
    """
    limits: list[Message] = []
    models, screens = store.count(), store.count(screened=True)
    shared = store.by_digest(subject.arrays["digests"]) if len(subject.arrays["digests"]) else {}
    hits: list[Hit] = []
    itself = None
    same = [ident for ident in store.named(subject.id) if ident == subject.id]
    near, passed = _near(store, subject, rewritten)
    if passed:
        limits.append(message("library_index.passed", count=passed, most=MOST_CLOSER))
    for ident in dict.fromkeys([*same, *shared, *near]):
        try:
            one = store.get(ident)
        except RefusedError as error:
            limits.append(message("library.print_unread", why=error.message()))
            continue
        if ident == without:
            itself = list(one.entry.get("names") or [one.name])
            continue
        hits.append(_hit(subject, one, shared.get(ident, set()), screens))
    ranked = sorted(
        (hit for hit in hits if hit.relation == NOTHING and hit.figure["evened"] is not None), key=_likeness
    )
    found = sorted((hit for hit in hits if hit.relation != NOTHING), key=_sureness)
    if len(found) > top:
        limits.append(message("library.more_hits", count=len(found) - top))
    if rewritten:
        found = found[:top] + ranked[: max(0, top - len(found))]
        for hit in found:
            hit.relation = RANKED if hit.relation == NOTHING else hit.relation
    for hit in found[:top]:
        hit.layers = layer_map(subject, store.get(hit.id)) if hit.relation in (SAME, EQUAL, SKETCH) else []
    return Searched(found[:top], models, screens, limits, itself)


def _likeness(hit: Hit) -> tuple[float, str]:
    return (-float(hit.figure["evened"]), hit.id)


def _sureness(hit: Hit) -> tuple[int, float, float, str]:
    """The same values first, then by p where there is one, then by agreement; what anchors alone propose comes last."""
    tested = hit.relation != ANCHOR
    p = hit.corrected_log10_p if hit.corrected_log10_p is not None else 0.0
    closeness = float(hit.figure["cosine"]) if tested else float(hit.figure["anchors"] or 0)
    return (0 if hit.relation == SAME else 1 if tested else 2, p, -closeness, hit.id)


def _hit(subject: Print, one: Print, shared: set[int], screens: int) -> Hit:
    """What the prints themselves say: every figure is made again from the print, whose digest was checked."""
    own = {int(value) for value in one.arrays["digests"].reshape(-1)} & shared
    figure = screen_figure(_only(subject.arrays["screen"]), _only(one.arrays["screen"]))
    p = corrected(figure.log10_p, screens)
    anchors = agreement(subject.arrays["geometry"], one.arrays["geometry"])
    even = likeness(subject.arrays["evened"], one.arrays["evened"])
    found: dict[str, Any] = {
        "cosine": round(figure.cosine, 4),
        "z": round(figure.z, 2),
        "effective": round(figure.effective, 1),
        "log10_p": figure.log10_p,
        "shared_tensors": len(own),
        "tensors": len(subject.arrays["digests"]),
        "anchors": None if anchors is None else round(anchors, 4),
        "evened": None if even is None else round(even, 4),
    }
    relation = NOTHING
    if anchors is not None and anchors >= ANCHOR_AGREEMENT:
        relation = ANCHOR
    if p <= LEVEL_LOG10:
        relation = SKETCH
    if own:
        relation = EQUAL
    if one.id == subject.id:
        relation = SAME
    return Hit(one.id, one.name, relation, found, p if p <= LEVEL_LOG10 else None)


def _only(array: NDArray[Any]) -> NDArray[Any]:
    return array[0] if len(array) else np.zeros(SCREEN_NUMBERS, np.int8)


def _near(store: Store, subject: Print, rewritten: bool) -> tuple[list[str], int]:
    """Models whose screens or geometries are worth a closer look; how many screens an index looked through for it."""
    if not len(subject.arrays["screen"]):
        return [], 0
    indexed = _indexed(store, subject)
    screen, anchors = (subject.arrays[name][0] for name in ("screen", "anchors"))
    sums = projected(subject.arrays["evened"]) if anchors.any() and len(subject.arrays["evened"]) else None
    blocks = store.rows() if indexed is None else indexed.rows
    rows, cosine, like = _all_against(blocks, screen, anchors, sums)
    passed = 0 if indexed is None else indexed.passed
    close = _best(cosine, FIRST_COSINE)
    near = _best(like, 0.0, MOST_RANKED) if rewritten else _best(like, FIRST_LIKENESS)
    found = [store.ident(int(rows[at])) for at in dict.fromkeys([*close.tolist(), *near.tolist()])]
    return [ident for ident in found if ident is not None], passed


def nearest_rows(store: Store, screen: NDArray[np.int8], anchors: NDArray[np.int8], most: int) -> Rows:
    """The rows of a store that a search would look at closer, for one that searches several stores. Shapes: (847,), (160,)."""
    _, cosine, like = _all_against(store.rows(), screen, anchors, None)
    places = np.union1d(_best(cosine, FIRST_COSINE)[:most], _best(like, 0.0, ANCHOR_TIMES * most))
    kept: list[Rows] = []
    first = 0
    for rows in store.rows():
        here = places[(places >= first) & (places < first + len(rows.handles))] - first
        kept.append(Rows(rows.handles[here], rows.screens[here], rows.anchors[here], rows.norms[here]))
        first += len(rows.handles)
    if not kept:
        return Rows(np.zeros(0, np.int64), np.zeros((0, SCREEN_NUMBERS), np.int8), np.zeros((0, ANCHOR_NUMBERS), np.int8),
                    np.zeros(0, np.float32))  # fmt: skip
    return Rows(*(np.concatenate([getattr(rows, name) for rows in kept]) for name in Rows._fields))


def _all_against(
    blocks: Iterable[Rows], screen: NDArray[np.int8], anchors: NDArray[np.int8], sums: NDArray[np.float32] | None
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
    """Handles, cosines of screens and likenesses by anchor codes of all rows.

    sums: what the subject's own code is the signs of; None: likeness is counted from the signs of both, which is coarser.
    Shapes: (847,), (160,), (CODE_BITS,); returns (n,) each.
    """
    own = screen.astype(np.float32)
    found: list[tuple[NDArray[Any], ...]] = [(np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros(0, np.float32))]
    with ThreadPoolExecutor(workers := min(4, usable_cores())) as pool:
        found += in_order(pool, blocks, lambda rows: _against(rows, own, anchors, sums), workers + 1)
    handles, cosines, likenesses = (np.concatenate(column) for column in zip(*found, strict=True))
    return handles, cosines, likenesses


def _indexed(store: Store, subject: Print) -> Near | None:
    """What the store's index proposes, if it has one."""
    if not isinstance(store, Indexed):
        return None
    return store.near(subject.arrays["screen"][0], subject.arrays["anchors"][0], MOST_CLOSER)


def _best(values: NDArray[Any], least: float, most: int = MOST_CLOSER) -> NDArray[np.intp]:
    """Places of the largest values above `least`, at most so many, the largest first."""
    places = np.flatnonzero(values > least)
    if len(places) > most:
        places = places[np.argpartition(-values[places], most)[:most]]
    return places[np.argsort(-values[places], kind="stable")]


def in_order(pool: ThreadPoolExecutor, rows: Iterable[Rows], work: Callable[[Rows], Any], most: int) -> Iterator[Any]:
    """What work makes of each block, in order, with at most `most` blocks alive at once."""
    waiting: deque[Future[Any]] = deque()
    for block in rows:
        waiting.append(pool.submit(work, block))
        if len(waiting) >= most:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _against(
    rows: Rows, screen: NDArray[Any], anchors: NDArray[np.int8], sums: NDArray[np.float32] | None
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Handles, cosines of screens, likenesses by anchor codes, for a block; zero where one has none."""
    count = len(rows.handles)
    cosine, like = np.zeros(count, np.float32), np.zeros(count, np.float32)
    own = np.linalg.norm(screen)
    with np.errstate(divide="ignore", invalid="ignore"):
        for start in range(0, count, TILE):
            here = slice(start, start + TILE)
            np.divide(rows.screens[here].astype(np.float32) @ screen, rows.norms[here] * own, out=cosine[here])
            if anchors.any():
                like[here] = like_by_code(rows.anchors[here], anchors, sums)
    np.nan_to_num(cosine, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    return rows.handles, cosine, like


def like_by_code(codes: NDArray[np.int8], own: NDArray[np.int8], sums: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """Likeness of codes to a subject's: from the signs of both, and where those agree, from its sums and their signs.

    The second is an estimate of the cosine of evened geometries, with a standard deviation of 0.035 among strangers.
    Shapes: (n, 160), (160,), (CODE_BITS,); returns (n,).
    """
    words = np.ascontiguousarray(codes).view(np.uint64)
    differ = np.bitwise_count(words ^ own.view(np.uint64)).sum(axis=1)
    like = np.where(words.any(axis=1), 1.0 - differ / (CODE_BITS / 2), 0.0).astype(np.float32)  # zero where there is no code
    if sums is None:
        return like
    closer = np.flatnonzero(like >= FIRST_SIGNS)
    signs = 2.0 * np.unpackbits(codes[closer].view(np.uint8), axis=1, bitorder="little").astype(np.float32) - 1.0
    like = np.where(like == 0, 0.0, (1.0 + like) / 1000).astype(np.float32)  # after all that are held against the sums
    like[closer] = signs @ sums / np.float32(np.linalg.norm(sums) * np.sqrt(2 / np.pi * CODE_BITS))
    return like

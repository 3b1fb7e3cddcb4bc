"""Candidates compared on their weights, so that a proposal becomes a relation or goes (METHODS §11)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forebear.comparison.compare import Asked, compare_pair
from forebear.core.documents import thaw
from forebear.core.errors import RefusedError
from forebear.core.messages import Message, message
from forebear.core.progress import within
from forebear.library.search import SAME, Hit, Searched
from forebear.library.store import Store
from forebear.models.checkpoint import OnBase, Place, open_checkpoint
from forebear.recipes.mixtures import parents
from forebear.recipes.mixtures.thresholds import NEAR_WHOLE

KEPT = ("relation", "direction", "reparameterised", "kind", "log10_p", "test", "assumption", "words")
"""Of a comparison's verdict, kept with the hit."""


def prove(store: Store, subject: Place | None, found: Searched) -> list[Message]:
    """Compare the subject with every hit whose weights can be reached; what could not be done.

    Each p-value is multiplied by the number of models searched, since the search chose the pair.
    Changes: the hits' `relation`, `corrected_log10_p`, `proved` and `verdict`.
    """
    limits: list[Message] = []
    if subject is None:
        return [message("library.subject_elsewhere")]
    for at, hit in enumerate(found.hits):
        with within(at, len(found.hits), f"candidate {at + 1} of {len(found.hits)}, {hit.name}"):
            said = _prove_one(store, subject, hit, max(1, found.models))
        limits += [] if said is None else [said]
    return limits


def _prove_one(store: Store, subject: Place, hit: Hit, looks: int) -> Message | None:
    """Compare the subject with one hit; what could not be done. looks: models that the pair was chosen from."""
    where = weights_of(store, hit.id)
    if where is None:
        return message("library.weights_elsewhere", name=hit.name)
    try:
        document = compare_pair(subject, where, Asked().options(str(subject), [str(where)]), looks=looks)
    except RefusedError as error:
        return message("library.not_compared", name=hit.name, why=error.message())
    verdict: Any = document["verdict"]
    hit.relation, hit.proved, hit.corrected_log10_p = str(verdict["relation"]), True, verdict["log10_p"]
    hit.verdict = thaw({**{key: verdict[key] for key in KEPT}, "plain": document["plain"]})
    return None


Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Summed:
    """Which hits a weighted sum needs.

    rows: a row for each with weight and interval (see `forebear.recipes.mixtures`), None where fewer than two hits are proven.
    words: the same as a statement. first: the first line of a report, where they are two or more and leave what a merge may leave.
    said: what could not be done or has to be known.
    """

    rows: Rows | None = None
    words: Message | None = None
    first: Message | None = None
    said: Sequence[Message] = ()


def parent_set(store: Store, subject: Place, name: str, found: Searched) -> Summed:
    """Which of the hits proven to share weights a weighted sum needs to give the subject (METHODS §20), and what it promises.

    A row is no direction: one of them may descend from the subject.
    """
    proven = [hit for hit in found.hits if hit.proved and hit.relation in ("identical", "related")]
    places = [place for hit in proven if (place := weights_of(store, hit.id)) is not None]
    if len(proven) < 2 or len(places) < len(proven):
        return Summed(said=[message("library.no_parents")])
    try:
        with ExitStack() as opened:
            sides = [opened.enter_context(closing(open_checkpoint(place))) for place in (subject, *places)]
            chosen = parents(sides[0], sides[1:])
    except RefusedError as error:
        return Summed(said=[message("library.parents_unread", why=error.message())])
    if chosen.fit is None:
        return Summed(said=chosen.said)
    listed = chosen.fit.document([proven[place].id for place in chosen.related])["parents"]
    rows = [
        {**listed[chosen.related.index(place)], "name": proven[place].name} for place in chosen.places
    ]
    words = _words(rows, chosen.fit.residual)
    if len(rows) < 2 or chosen.fit.unexplained > NEAR_WHOLE / len(rows):
        return Summed(rows, words, said=chosen.said)
    heaviest = [f"{row['name']} {row['weight']:.3f}" for row in sorted(rows, key=lambda row: -row["weight"])]
    first = message("library_sum.first", subject=name, names=heaviest, residual=chosen.fit.residual)
    return Summed(rows, words, first, chosen.said)


def _words(rows: Rows, residual: float) -> Message:
    """What the sum leaves of the subject; of one source alone, without speaking of a sum."""
    if len(rows) == 1:
        return message("library_sole.parent", name=rows[0]["name"], weight=rows[0]["weight"], residual=residual)
    shown = [f"{row['name']} {row['weight']:.3f}" for row in rows]
    return message("library.parents", names=shown, residual=residual)


def ordered(hits: Sequence[Hit], parents: Rows | None) -> list[Hit]:
    """Hits after proof: equal values first, then the parents of a sum by their weights, then kin by p and, of one p, the nearest by
    their screens; what was not compared keeps its place behind them, and what comparing found nothing of comes last."""
    weights = {str(row["id"]): float(row["weight"]) for row in parents or ()}

    def place(hit: Hit) -> tuple[float, ...]:
        if hit.relation in (SAME, "identical"):
            return (0,)
        if not hit.proved:
            return (4,)
        if hit.relation != "related":
            return (5 if hit.relation in ("no-evidence", "cannot-tell") else 3,)
        if hit.id in weights:
            return (1, -weights[hit.id])
        return (2, hit.corrected_log10_p or 0.0, -float(hit.figure["cosine"]))

    return sorted(hits, key=place)


def weights_of(store: Store, ident: str) -> Place | None:
    """Where the weights of a print can be read: a path that is still there, or an address; an adapter on the base it was given."""
    for source in store.get(ident).entry.get("sources", ()):
        where = str(source.get("where", ""))
        base = str(source.get("base", ""))
        if where and all("://" in one or Path(one).exists() for one in (where, base) if one):
            return OnBase(where, base) if base else where
    return None

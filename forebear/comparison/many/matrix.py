"""Many at once: which pairs to compare, what a damaged member does, and the document of all pairs with its tree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from forebear.comparison.many.linkage import average_linkage
from forebear.core.bounded import refuse_os_error
from forebear.core.errors import Reason, RefusedError, UsageError
from forebear.core.messages import Message, message
from forebear.core.progress import within
from forebear.files.sources import open_container, resolve

MAX_MEMBERS = 150
KEPT_PAIRS = 12
"""With more pairs than these a document keeps each verdict and its evidence, not the whole comparison."""

KEPT_KEYS = (
    "test", "axis", "kind", "log10_p", "corrected_log10_p", "decides", "withheld", "matched", "of", "expected", "package", "z",
    "max_z", "rho", "mean_cosine", "component", "everywhere",
)  # fmt: skip
"""Keys of evidence that stay where the whole comparison does not."""

Document = Mapping[str, Any]
Pairs = Sequence[tuple[str, str]]
Runner = Callable[[Pairs], Iterable[tuple[Document | None, Reason | None]]]
"""Pairs in; for each in turn its document, or why it could not be compared."""


def members_in(path: str | Path) -> list[str]:
    """The checkpoints directly inside a folder that is none itself, by name; empty when it is one, or holds none.

    Raises: UsageError when it holds more than MAX_MEMBERS; RefusedError when it cannot be looked into.
    """
    try:
        found = [str(model) for model in resolve(path).models()] if Path(path).is_dir() else []
    except OSError as error:
        raise refuse_os_error(error, path) from error
    if len(found) > MAX_MEMBERS:
        raise UsageError(
            f"holds {len(found)} models, more than {MAX_MEMBERS}", where=str(path), todo="Compare them in parts."
        )
    return found


def split_members(paths: Sequence[str | Path], max_header: int | None) -> tuple[list[str], dict[str, Reason]]:
    """Members that open, in order and each once; and those that do not, with the reason."""
    good: list[str] = []
    damaged: dict[str, Reason] = {}
    for path in dict.fromkeys(str(p) for p in paths):
        try:
            open_container(path, max_header=max_header).close()
            good.append(path)
        except RefusedError as error:
            damaged[path] = error.reason()
    return good, damaged


def all_pairs(members: Sequence[str]) -> list[tuple[str, str]]:
    """Every two members once, the earlier as subject."""
    return list(combinations(members, 2))


def matrix_body(
    members: Sequence[str], damaged: Mapping[str, Reason], pairs: Pairs, run: Runner, *, tree: bool
) -> tuple[dict[str, Any], list[Message]]:
    """The body of a forebear/matrix/2 document, and its limits.

    tree:   whether the pairs are all pairs of the members, so that a tree can be drawn.
    Raises: RefusedError when no pair could be compared.
    """
    limits = [message("limit.member", member=member, why=reason.said) for member, reason in damaged.items()]
    rows: list[dict[str, Any]] = []
    known: dict[str, Mapping[str, Any]] = {}
    for (subject, candidate), (document, error) in zip(pairs, _told(pairs, run), strict=True):
        if error is not None:
            limits.append(message("limit.pair", subject=subject, candidate=candidate, why=error.said))
        rows.append(_row(subject, candidate, document, error, kept=len(pairs) <= KEPT_PAIRS))
        if document is not None:
            known |= {subject: document["subject"], candidate: document["candidate"]}
    if not any(row["relation"] for row in rows):
        reasons = [r["error"] for r in rows if r["error"]] or [r.english for r in damaged.values()] or ["there are fewer than two"]
        raise RefusedError(f"none of {len(rows)} pairs could be compared; the first reason: {reasons[0]}")
    if len(pairs) > KEPT_PAIRS:
        limits.append(message("limit.kept", count=KEPT_PAIRS))
    body: dict[str, Any] = {
        "plain": _groups(members, rows) if tree else [],
        "members": [
            _member(m, known.get(m), damaged.get(m)) for m in [*members, *(d for d in damaged if d not in members)]
        ],
        "pairs": rows,
        "tree": _tree(members, rows) if tree else None,
    }
    return body, limits


def _groups(members: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> list[Message]:
    """Which members belong together, each sharing weights with another of its group, and which stand apart."""
    group = {member: {member} for member in members}
    for row in rows:
        if row["relation"] in ("identical", "related") and group[row["subject"]] is not group[row["candidate"]]:
            both = group[row["subject"]] | group[row["candidate"]]
            group |= dict.fromkeys(both, both)
    known = {row[side] for row in rows if row["relation"] for side in ("subject", "candidate")}
    distinct_groups = {id(one): sorted(one, key=members.index) for one in group.values()}.values()
    said = [message("plain.together", names=_names(one), count=len(one)) for one in distinct_groups if len(one) > 1]
    apart = [one[0] for one in distinct_groups if len(one) == 1 and one[0] in known]
    if said and apart:
        said.append(message("plain.apart", names=_names(apart), count=len(apart)))
    return said


def _names(members: Sequence[str]) -> list[str]:
    short = [PurePath(member).name for member in members]
    return short if len(set(short)) == len(short) else list(members)


def _told(pairs: Pairs, run: Runner) -> Iterator[tuple[Document | None, Reason | None]]:
    results = iter(run(pairs))
    for at, (subject, candidate) in enumerate(pairs):
        with within(at, len(pairs), f"pair {at + 1} of {len(pairs)}, {Path(subject).name} / {Path(candidate).name}"):
            found = next(results)
        yield found


def _member(name: str, party: Mapping[str, Any] | None, error: Reason | None) -> dict[str, Any]:
    keys = ("family", "layers", "width", "parameters")
    return {"id": name, **{k: None if party is None else party[k] for k in keys}, **_why(error)}


def _row(subject: str, candidate: str, document: Document | None, error: Reason | None, *, kept: bool) -> dict[str, Any]:
    verdict = document["verdict"] if document is not None else {}
    evidence = document["evidence"] if document is not None else ()
    plain = [{k: e[k] for k in KEPT_KEYS if k in e} for e in evidence]
    return {
        "subject": subject,
        "candidate": candidate,
        "relation": verdict.get("relation"),
        "direction": verdict.get("direction"),
        "reparameterised": verdict.get("reparameterised"),
        "log10_p": verdict.get("log10_p"),
        "effect": None if document is None else effect_of(document),
        "plain": None if document is None else document.get("plain"),
        "words": verdict.get("words"),
        "evidence": [] if kept else plain,
        "comparison": document if kept else None,
        **_why(error),
    }


def _why(error: Reason | None) -> dict[str, Any]:
    return {"error": None, "why": None} if error is None else {"error": error.english, "why": error.said}


def effect_of(document: Document) -> float | None:
    """How alike a pair is in place: mean over parts of the median cosine; 1 for identical, None where nothing is comparable."""
    if document["verdict"]["relation"] == "identical":
        return 1.0
    cosines = [e["cosine"] for e in document["effects"]]
    return round(float(np.mean(cosines)), 6) if cosines else None


def _tree(members: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Average linkage over effects; pairs without an effect count as not alike."""
    place = {member: i for i, member in enumerate(members)}
    similarity = np.zeros((len(members), len(members)))
    for row in rows:
        a, b = place[row["subject"]], place[row["candidate"]]
        similarity[a, b] = similarity[b, a] = max(0.0, row["effect"] or 0.0)
    merges = average_linkage(similarity)
    return {
        "linkage": "average",
        "by": "mean cosine of sampled rows in place",
        "merges": [{"left": a, "right": b, "similarity": round(s, 6)} for a, b, s in merges],
    }

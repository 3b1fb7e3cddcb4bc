"""The first line of many at once: how many belong together, how many stand apart, of how many it cannot be told; names below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from forebear.reports.catalogue import Catalogue

Document = Mapping[str, Any]
KNOWN = frozenset({"identical", "related", "no-evidence"})
"""Relations after which it is said whether weights are shared; every other one leaves it open."""

ALIKE = {
    "plain.identical": "many_alike.identical", "plain.related_hardly": "many_alike.related_hardly",
    "plain.related_by": "many_alike.related_by", "plain.related_far": "many_alike.related_far",
    "concentrated.in": "many_alike.concentrated", "concentrated.whole": "many_alike.related_by",
    "concentrated.most": "many_alike.related_by", "plain.rewritten_by": "many_alike.rewritten_by",
    "plain_start.related_hardly": "many_alike.related_hardly", "plain_start.related_by": "many_alike.related_by",
    "plain_start.related_far": "many_alike.related_far", "plain_start.rewritten_by": "many_alike.rewritten_by",
    "plain_start.in": "many_alike.concentrated", "plain_start.whole": "many_alike.related_by",
    "plain_start.most": "many_alike.related_by",
}  # fmt: skip
"""First lines that hold a figure, and how a table says it."""


def many_first(document: Document, words: Catalogue) -> str:
    """One sentence; empty where the document does not say which models belong together."""
    together, apart, unsettled = _parts(document)
    compared = [m["id"] for m in document["members"] if not m.get("error")]
    if not document.get("tree"):
        return ""
    if not together:
        found = {pair["relation"] for pair in document["pairs"]}
        return words("many_first.none", total=len(compared)) if found == {"no-evidence"} else ""
    members = [name for names in together for name in names]
    if not together[1:]:
        key = "together" if apart or unsettled else "all"
        said = [words(f"many_first.{key}", together=len(members), total=len(compared))]
    else:
        said = [words("many_first.groups", together=len(members), total=len(compared), groups=len(together))]
    said += [words("many_first.apart", count=len(apart))] if apart else []
    said += [words("many_first.open", count=len(unsettled))] if unsettled else []
    return words("found.joint").join(said) + words("found.stop")


def many_names(document: Document, words: Catalogue) -> list[str]:
    """Who they are, a line each group."""
    together, apart, unsettled = _parts(document)
    said = [words("many_first.group_names", names=words("many.joint").join(names)) for names in together]
    said += [words("many_first.apart_names", names=words("many.joint").join(apart))] if apart else []
    return said + ([words("many_first.open_names", names=words("many.joint").join(unsettled))] if unsettled else [])


def _parts(document: Document) -> tuple[list[Sequence[str]], list[str], list[str]]:
    """Names of each group that belongs together, of those that no pair connects, and of those of whom a pair leaves it open."""
    plain = document.get("plain")
    said = [one for one in plain if isinstance(one, Mapping)] if isinstance(plain, list | tuple) else []
    together = [one["values"]["names"] for one in said if one["key"] == "plain.together"]
    alone = [name for one in said if one["key"] == "plain.apart" for name in one["values"]["names"]]
    doubtful = [pair for pair in document["pairs"] if pair["relation"] not in KNOWN]
    left_open = {pair[side] for pair in doubtful for side in ("subject", "candidate")}
    names = left_open | {PurePath(member).name for member in left_open}
    return together, [n for n in alone if n not in names], [n for n in alone if n in names]


def alike_words(pair: Mapping[str, Any], words: Catalogue) -> str:
    """How alike the weights of a pair are, by the figure of its own first line; a dash where that holds none."""
    plain = pair.get("plain") or {}
    key = ALIKE.get(plain.get("key", ""))
    return words(key, **plain["values"]) if key else "–"

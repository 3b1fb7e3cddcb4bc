"""The tree of a library as a forebear/tree/1 document."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from forebear.core.documents import finish
from forebear.core.messages import Message, message
from forebear.core.natural import natural
from forebear.library.store import Store
from forebear.library.thresholds import LEVEL_LOG10
from forebear.library.tree.candidates import Member, Proposal, order_of, proposals, read_prints
from forebear.library.tree.claims import Shown, judged, meant, pairs_of
from forebear.library.tree.directions import Dated, Pointed, dates_of, oldest, pointed, pointed_merge
from forebear.library.tree.families import Family, family_of
from forebear.library.tree.layout import rows_of, top_of
from forebear.library.tree.proof import KIN, Prover, joined
from forebear.library.tree.shape import Edge, Groups
from forebear.library.tree.thresholds import UNPROVEN_COSINE

Document = Mapping[str, Any]
Pairs = dict[Edge, Proposal]


def tree(
    store: Store, words: Sequence[str], *, prove: bool = False, comparisons: int = 1000, dates: Path | None = None
) -> Document:
    """See `forebear.library_tree`."""
    started = time.perf_counter()
    found = read_prints(store, weights=prove)
    members, limits = found.members, list(found.limits)
    dated = dates_of(dates, members) if dates is not None else {}
    pairs = proposals(store, found)
    screens = sum(bool(screen.any()) for screen in found.screens)
    looks = max(1, len(members) * (len(members) - 1) // 2)
    prover = Prover(members, looks, comparisons, len(pairs)) if prove else None
    families = _proven(store, members, pairs, prover) if prover is not None else []
    loose = _loose(members, pairs, families, prover)
    _invite(families, loose)
    families += [family_of(store, members, group, loose, None) for group in _groups(members, loose, families)]
    claims = meant(members)
    if prover is not None:
        for pair in pairs_of(claims):
            prover.relation(pair)
    drawn = [_drawn(number, family, members, pairs, prover, dated) for number, family in enumerate(families, 1)]
    shown = _shown(families, drawn, members)
    body = {
        "proved": prove,
        "nodes": _nodes(members, families, drawn, dated),
        "edges": [edge for one in drawn for edge in one["edges"]],
        "families": [{key: value for key, value in one.items() if key != "edges"} for one in drawn],
        "claims": judged(members, claims, shown, prover),
        "compared": _compared(members, prover, drawn),
        "searched": {"models": len(members), "screens": screens, "proposed": len(pairs), "pairs": looks,
                     "comparisons": len(prover.made) if prover is not None else 0},
        "level": {"log10_p": LEVEL_LOG10, "unproven_cosine": UNPROVEN_COSINE},
    }  # fmt: skip
    limits += _limits(members, families, prover, prove)
    seconds = {"seconds": round(time.perf_counter() - started, 3)}
    return finish(
        "forebear/tree/1", body, limits=limits, read=seconds, reproduce=shlex.join(["forebear", "library", *words])
    )


def _proven(store: Store, members: Sequence[Member], pairs: Pairs, prover: Prover) -> list[Family]:
    """Families of models that comparisons of weights join."""
    groups = [group for group in joined(prover, pairs).all() if len(group) > 1]
    return [family_of(store, members, group, pairs, prover) for group in groups]


def _loose(members: Sequence[Member], pairs: Pairs, families: Sequence[Family], prover: Prover | None) -> Pairs:
    """Proposals that may be drawn without proof: of screens and equal tensors, nothing that a comparison refuted, and only where
    weights of one side are not at hand or nothing was to be compared."""
    inside = {member: number for number, family in enumerate(families) for member in family.members}
    kept = {}
    for pair, proposal in pairs.items():
        strong = proposal.cosine >= UNPROVEN_COSINE and (proposal.p is not None or proposal.shared)
        one = inside.get(pair[0], -1) == inside.get(pair[1], -2)
        asked = prover is not None and (pair in prover.made or all(members[end].where for end in pair))
        if strong and not one and not asked:
            kept[pair] = proposal
    return kept


def _groups(members: Sequence[Member], loose: Pairs, families: Sequence[Family]) -> list[list[int]]:
    """Models that only proposals join, none of them in a proven family."""
    inside = {member for family in families for member in (*family.members, *family.guests)}
    free = Groups(member for member in range(len(members)) if member not in inside)
    for a, b in loose:
        if a not in inside and b not in inside:
            free.join(a, b)
    return [group for group in free.all() if len(group) > 1]


def _invite(families: Sequence[Family], loose: Pairs) -> None:
    """Join models whose weights are not at hand to the proven family that prints propose for them, the surest pair first.

    Changes: `guests` and `proposed` of the families.
    """
    home = {member: family for family in families for member in family.members}
    for pair in sorted(loose, key=lambda one: tuple(order_of(one, loose[one]))):
        for guest, host in (pair, pair[::-1]):
            if guest not in home and host in home:
                home[guest] = home[host]
                home[host].guests.append(guest)
                home[host].proposed.append(pair)


def _drawn(
    number: int,
    family: Family,
    members: Sequence[Member],
    pairs: Pairs,
    prover: Prover | None,
    dates: Mapping[int, Dated],
) -> dict[str, Any]:
    """A family as the document holds it, with its edges."""
    everybody = [*family.members, *family.guests]
    names = {member: members[member].id for member in everybody}
    proven = {edge for edge in family.edges if prover is not None and prover.made.get(edge, {}).get("relation") in KIN}
    hidden = {edge: place for place, junction in enumerate(family.junctions) for edge in junction}
    edges: list[dict[str, Any]] = []
    for edge in (*family.edges, *family.proposed):
        if edge in hidden:
            continue
        way = pointed(edge, family, members, dates) if edge in proven else Pointed()
        edges.append(_edge(number, edge, way, members, _evidence(edge, family, pairs, prover), edge in proven))
    for place, junction in enumerate(family.junctions, 1):
        ident = f"unknown-{number}-{place}"
        names[-place] = ident
        for at, end in enumerate(sorted({end for edge in junction for end in edge})):
            edges.append(
                _bare(number, [members[end].id, ident], "unknown", [message("tree.unknown_ancestor")] if not at else [])
            )
    for merge, made in family.merges:
        grade = str((made or {}).get("grade", ""))
        sure, said = pointed_merge(merge, grade, dates)
        rows = {row["id"]: row for row in (made or {}).get("parents", ())}
        for parent in merge.parents:
            pair = (min(parent, merge.child), max(parent, merge.child))
            way = Pointed(
                parent if sure else None,
                merge.child if sure else None,
                (said,) if sure else (),
                () if sure else (said,),
            )
            row = rows.get(members[parent].id, {})
            more = {"weight": row.get("weight"), "low": row.get("low"), "high": row.get("high"), "grade": grade,
                    "method": (made or {}).get("method")}  # fmt: skip
            evidence = {**_evidence(pair, family, pairs, prover), **more}
            edges.append(_edge(number, (merge.child, parent), way, members, evidence, True) | {"kind": "merge"})
    root = oldest(family, dates) if proven else None
    listed = sorted(names, key=lambda one: natural(members[one].name))
    top = top_of([names[one] for one in listed], edges, None if root is None else members[root].id)
    return {
        "number": number, "members": [members[one].id for one in everybody], "name": _name(top, members), "top": top,
        "root": None if root is None else members[root].id,
        "branches": 0 if root is None else sum(root in edge for edge in family.edges),
        "proved": bool(proven), "weighed": family.weighed,
        "unknown": [f"unknown-{number}-{place}" for place in range(1, len(family.junctions) + 1)],
        "merges": [members[merge.child].id for merge, _ in family.merges],
        "rows": rows_of(top, edges), "edges": edges,
    }  # fmt: skip


def _name(top: str, members: Sequence[Member]) -> str:
    return next((member.name for member in members if member.id == top), "")


def _bare(number: int, ends: list[str], kind: str, said: Sequence[Message]) -> dict[str, Any]:
    return {
        "family": number, "ends": ends, "parent": None, "child": None, "kind": kind, "relation": None, "direction": "not-shown",
        "proved": False, "evidence": {}, "said": list(said), "hints": [],
    }  # fmt: skip


def _edge(
    number: int, edge: Edge, way: Pointed, members: Sequence[Member], evidence: dict[str, Any], proved: bool
) -> dict[str, Any]:
    ends = [members[end].id for end in edge]
    made = _bare(number, ends, "next" if proved else "proposed", way.said)
    direction = "not-shown"
    if way.parent is not None:
        direction = "subject-from-candidate" if way.child == edge[0] else "candidate-from-subject"
    parent = None if way.parent is None else members[way.parent].id
    child = None if way.child is None else members[way.child].id
    relation = evidence.pop("relation", None)
    return made | {
        "parent": parent, "child": child, "relation": relation, "direction": direction, "proved": proved, "evidence": evidence,
        "hints": list(way.hints),
    }  # fmt: skip


def _evidence(edge: Edge, family: Family, pairs: Pairs, prover: Prover | None) -> dict[str, Any]:
    """What an edge rests on: the comparison where there is one, what proposed the pair, and the way between the two."""
    pair = (min(edge), max(edge))
    proposal = pairs.get(pair)
    way = family.measured.way(*pair) if family.measured is not None and family.measured.has(*pair) else None
    made = prover.made.get(pair, {}) if prover is not None else {}
    return {
        "relation": made.get("relation"), "log10_p": made.get("log10_p"), "kind": made.get("kind"), "test": made.get("test"),
        "assumption": made.get("assumption"), "words": made.get("words") or [], "reparameterised": made.get("reparameterised"),
        "proposed_by": None if proposal is None else proposal.by,
        "cosine": None if proposal is None else round(proposal.cosine, 4),
        "screen_log10_p": None if proposal is None else proposal.p,
        "shared_tensors": 0 if proposal is None else proposal.shared,
        "way": None if way is None or not way.shared else {"weak": way.weak, "whole": way.whole, "matrices": way.shared},
    }  # fmt: skip


def _shown(families: Sequence[Family], drawn: Sequence[Mapping[str, Any]], members: Sequence[Member]) -> Shown:
    place = {member.id: at for at, member in enumerate(members)}
    edges = [edge for one in drawn for edge in one["edges"] if edge["kind"] != "unknown"]

    def pair(edge: Mapping[str, Any]) -> Edge:
        a, b = sorted(place[end] for end in edge["ends"])
        return a, b

    meet: dict[str, list[int]] = {}
    for edge in (edge for one in drawn for edge in one["edges"] if edge["kind"] == "unknown"):
        meet.setdefault(edge["ends"][1], []).append(place[edge["ends"][0]])
    return Shown(
        {
            member: number
            for number, family in enumerate(families)
            if drawn[number]["proved"]
            for member in family.members
        },
        frozenset(pair(edge) for edge in edges if edge["proved"]),
        frozenset((place[edge["parent"]], place[edge["child"]]) for edge in edges if edge["parent"] is not None),
        frozenset(pair(edge) for edge in edges if not edge["proved"]),
        frozenset((a, b) for group in meet.values() for a in group for b in group if a < b),
    )


def _nodes(
    members: Sequence[Member],
    families: Sequence[Family],
    drawn: Sequence[Mapping[str, Any]],
    dates: Mapping[int, Dated],
) -> list[dict[str, Any]]:
    number = {member: at for at, family in enumerate(families, 1) for member in (*family.members, *family.guests)}
    nodes = []
    for at, member in enumerate(members):
        dated = dates.get(at, Dated())
        nodes.append({
            "id": member.id, "name": member.name, "names": list(member.names), "kind": member.kind, **member.about,
            "architecture": member.about["family"], "family": number.get(at), "at_hand": bool(member.where),
            "there_by": None if dated.there_by is None else dated.there_by.isoformat(),
            "not_before": None if dated.not_before is None else dated.not_before.isoformat(),
        })  # fmt: skip
    unknown = [(ident, one["number"]) for one in drawn for ident in one["unknown"]]
    blank: dict[str, Any] = {"names": [], "architecture": None, "layers": None, "width": None, "parameters": None, "at_hand": False,
             "there_by": None, "not_before": None}  # fmt: skip
    return nodes + [{"id": ident, "name": None, "kind": "unknown", "family": at, **blank} for ident, at in unknown]


def _compared(
    members: Sequence[Member], prover: Prover | None, drawn: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Pairs that were compared and are no edge: what was found of them."""
    edges = {frozenset(edge["ends"]) for one in drawn for edge in one["edges"]}
    rows = []
    for (a, b), made in sorted(prover.made.items()) if prover is not None else ():
        one, other = members[b], members[a]
        if frozenset((one.id, other.id)) not in edges and made["relation"] not in ("", "no-evidence", *KIN):
            rows.append({"ends": [one.id, other.id], "names": [one.name, other.name], "relation": made["relation"],
                         "log10_p": made["log10_p"], "words": made["words"]})  # fmt: skip
    return rows


def _not_laid(edge: Edge, family: Family, prover: Prover | None) -> bool:
    """Whether nothing shows that the ends of an edge are next to each other: no matrix of both, or one of them rewritten."""
    rewritten = prover is not None and bool(prover.made.get(edge, {}).get("reparameterised"))
    return rewritten or (family.measured is not None and not family.measured.way(*edge).shared)


def _limits(
    members: Sequence[Member], families: Sequence[Family], prover: Prover | None, prove: bool
) -> list[Message]:
    said: list[Message] = []
    away = sum(not member.where for member in members if member.kind != "about")
    if not prove:
        said.append(message("tree.not_proven"))
    elif away:
        said.append(message("tree.away", count=away))
    if prover is not None:
        said += prover.limits
        if prover.not_made:
            said.append(message("tree.used_up", count=len(prover.made), left=prover.not_made))
    said += [one for family in families for one in family.limits]
    apart = [edge for family in families for edge in family.edges if _not_laid(edge, family, prover)]
    said += [message("tree.not_laid", one=members[a].name, other=members[b].name) for a, b in apart]
    if any(family.junctions for family in families):
        said.append(message("tree.about_unknown"))
    if any(family.edges for family in families):
        said.append(message("tree.about_nearness"))
        said.append(message("tree.about_pull"))
    return said


__all__ = ["tree"]

"""The tree of a library of thirty against its known truth: edges, directions, strangers, missing models, claims of cards.

    python -m bench.library_tree --root FOLDER --case llama64/mixed/1 --case gpt2-64/stars/1

Null hypothesis: two models without a common ancestor share nothing, also where one was rewritten to look like the other.
Assumption: the library's strangers are those of `bench.library_tree_models`: independents, and independents aligned to a member.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import forebear
from bench.build import RESULTS
from bench.checkpoint import kept_rows, replace_json
from bench.library_tree_models import LAYOUTS, Node, made
from bench.provenance import code

FIRST = date(2024, 1, 1)
FRAMED = ("framed",)
Pair = frozenset[str]


def dates(nodes: Sequence[Node], path: Path) -> Path:
    """A file of dates: every model was there from its day on."""
    lines = []
    for node in nodes:
        day = (FIRST + timedelta(days=node.day)).isoformat()
        lines += (
            []
            if node.hidden
            else ["[[model]]", f'name = "{node.name}"', f"there_by = {day}", f"not_before = {day}", ""]
        )
    path.write_text("\n".join(lines), "utf-8")
    return path


def above(nodes: Sequence[Node]) -> dict[str, set[str]]:
    """Every model with everything it was made from, itself counted."""
    by_name = {node.name: node for node in nodes}
    found: dict[str, set[str]] = {}
    for node in nodes:
        found[node.name] = {node.name}.union(*(found[parent] for parent in by_name[node.name].parents))
    return found


def scored(document: Mapping[str, Any], nodes: Sequence[Node]) -> dict[str, Any]:
    """What the document says, beside the truth.

    Edges of the truth: every model and each parent; one of a hidden model counts as found when a missing model is drawn in which
    only neighbours of the hidden one meet, this one among them. One with two neighbours is an edge between them.
    """
    names = {node["id"]: node["name"] or node["id"] for node in document["nodes"]}
    ancestors, hidden = above(nodes), {node.name for node in nodes if node.hidden}
    parents = {node.name: set(node.parents) for node in nodes}
    truth = _without_passages({frozenset((node.name, parent)) for node in nodes for parent in node.parents}, hidden)
    plain = [edge for edge in document["edges"] if edge["kind"] != "unknown"]
    drawn = {frozenset(names[end] for end in edge["ends"]): edge for edge in plain}
    meets = _meets(document, names)
    seen = [pair for pair in truth if not pair & hidden]
    unseen = [pair for pair in truth if pair & hidden]
    met = [pair for pair in unseen if any(_explained(pair, hidden, group, truth) for group in meets)]
    strangers = [pair for pair in drawn if not set.intersection(*(ancestors[name] for name in pair))]
    pointed = [(names[edge["parent"]], names[edge["child"]]) for edge in document["edges"] if edge["parent"]]
    wrong = [(a, b) for a, b in pointed if a not in ancestors[b]]
    framed = {node.name for node in nodes if node.kind in FRAMED or ancestors[node.name] & _framed(nodes)}
    families = [{names[one] for one in family["members"]} for family in document["families"]]
    return {
        "truth": len(truth), "seen": len(seen), "found": sum(pair in drawn for pair in seen), "hidden": len(unseen),
        "met": len(met),
        "drawn": len(drawn), "right": sum(pair in truth for pair in drawn),
        "missed": sorted("-".join(sorted(pair)) for pair in seen if pair not in drawn),
        "wrong": sorted("-".join(sorted(pair)) for pair in drawn if pair not in truth),
        "strangers_joined": sorted("-".join(sorted(pair)) for pair in strangers),
        "missing_drawn": len(meets), "missing_right": sum(_true_meeting(group, hidden, nodes) for group in meets),
        "directions": len(pointed), "directions_wrong": [f"{a}>{b}" for a, b in wrong],
        "directions_of_parents": sum(a in parents[b] for a, b in pointed),
        "framed_in_other_families": sorted(
            name for name in framed for family in families
            if name in family and any(not ancestors[name] & ancestors[other] for other in family)
        ),
        "roots": [names[family["root"]] for family in document["families"] if family["root"]],
        "claims": _claims(document, ancestors),
        "unproven": sum(not edge["proved"] for edge in document["edges"] if edge["kind"] != "unknown"),
    }  # fmt: skip


def _without_passages(truth: set[Pair], hidden: set[str]) -> set[Pair]:
    """The truth where a hidden model with two neighbours is a step on an edge between them, and with one is nothing.

    Nothing can show such a model: its two neighbours are next to each other.
    """
    found = set(truth)
    for name in sorted(hidden):
        near = [pair for pair in found if name in pair]
        if len(near) > 2:
            continue
        found -= set(near)
        ends = {end for pair in near for end in pair} - {name}
        found |= {frozenset(ends)} if len(ends) == 2 else set()
    return found


def _framed(nodes: Sequence[Node]) -> set[str]:
    return {node.name for node in nodes if node.kind in FRAMED}


def _meets(document: Mapping[str, Any], names: Mapping[str, str]) -> list[set[str]]:
    """For every missing model that is drawn, the models that meet in it."""
    found: dict[str, set[str]] = {}
    for edge in document["edges"]:
        if edge["kind"] == "unknown":
            found.setdefault(edge["ends"][1], set()).add(names[edge["ends"][0]])
    return list(found.values())


def _explained(pair: Pair, hidden: set[str], group: set[str], truth: set[Pair]) -> bool:
    """Whether a missing model stands for the hidden end of a pair: what meets in it are neighbours of the hidden one alone."""
    (missing,) = pair & hidden or {""}
    near = {name for other in truth if missing in other for name in other} - {missing}
    return bool(pair - hidden) and (pair - hidden) <= group and group <= near


def _true_meeting(group: set[str], hidden: set[str], nodes: Sequence[Node]) -> bool:
    """Whether some hidden model is next to all that meet in a missing model."""
    near = {name: {name} for name in hidden}
    for node in nodes:
        for parent in node.parents:
            for one, other in ((node.name, parent), (parent, node.name)):
                if one in near:
                    near[one].add(other)
    return any(group <= one for one in near.values())


def _claims(document: Mapping[str, Any], ancestors: Mapping[str, set[str]]) -> dict[str, int]:
    """Claims by whether they are true and what the tree says of them."""
    found: dict[str, int] = {}
    for row in document["claims"]:
        true = row["claim"] in ancestors[row["name"]]
        key = f"{'true' if true else 'false'}: {row['outcome']}"
        found[key] = found.get(key, 0) + 1
    return dict(sorted(found.items()))


def case(
    root: Path, shape: str, layout: str, seed: int, *, prove: bool = True, kept: Path | None = None
) -> dict[str, Any]:
    """One library made, read and scored. kept: see `made`."""
    home, nodes = made(root, shape, layout, seed, kept)
    library = home / "library"
    forebear.library_add([home / "models"], into=library)
    began, spent = time.perf_counter(), time.process_time()
    document = forebear.library_tree(library=library, prove=prove, dates=dates(nodes, home / "dates.toml"))
    document.save(home / "tree.json")
    took = {
        "seconds": round(time.perf_counter() - began, 1),
        "processor_seconds": round(time.process_time() - spent, 1),
    }
    return {"case": f"{shape}/{layout}/{seed}", "proved": prove, **scored(document, nodes), **took,
            "comparisons": document["searched"]["comparisons"]}  # fmt: skip


def summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """All cases together."""
    keys = (
        "truth",
        "seen",
        "found",
        "hidden",
        "met",
        "drawn",
        "right",
        "directions",
        "directions_of_parents",
        "unproven",
        "missing_drawn",
        "missing_right",
    )
    added = {key: sum(int(row.get(key, 0)) for row in rows) for key in keys}
    return {
        "libraries": len(rows), **added,
        "edges_found": round((added["found"] + added["met"]) / max(1, added["truth"]), 4),
        "seen_edges_found": round(added["found"] / max(1, added["seen"]), 4),
        "edges_right": round(added["right"] / max(1, added["drawn"]), 4),
        "directions_wrong": sum(len(row["directions_wrong"]) for row in rows),
        "strangers_joined": sum(len(row["strangers_joined"]) for row in rows),
        "framed_in_other_families": sum(len(row["framed_in_other_families"]) for row in rows),
    }  # fmt: skip


def main() -> None:
    """Measure the cases that are not in the result yet, and write it after each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--case", action="append", default=[], help=f"shape/layout/seed; layouts: {', '.join(LAYOUTS)}")
    parser.add_argument("--out", type=Path, default=RESULTS / "library-tree-seen.json")
    parser.add_argument("--siblings", type=Path, help="folder of bench.mixtures_models")
    parser.add_argument("--prints", action="store_true", help="proposals alone, nothing compared")
    chosen = parser.parse_args()
    stated, rows = code(), kept_rows(chosen.out)
    for name in chosen.case:
        if any(row["case"] == name for row in rows):
            continue
        shape, layout, seed = name.split("/")
        rows.append(case(chosen.root, shape, layout, int(seed), prove=not chosen.prints, kept=chosen.siblings))
        document = {"schema": "forebear-bench/library-tree/1", "code": stated, "summary": summary(rows), "rows": rows}
        replace_json(chosen.out, document)
        print(rows[-1], flush=True)


if __name__ == "__main__":
    main()

"""The tables of README and docs, from the committed documents and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.audit import none_of
from bench.rivals.cases import ALIGNERS, FORMS, SHAPES
from bench.rivals.entries import ENTRIES, Entry
from bench.rivals.score import result_path

ROOT = Path(__file__).resolve().parent.parent.parent
START, END = "<!-- rivals: written by python -m bench.rivals table -->", "<!-- end of rivals -->"
Document = dict[str, Any]


def lines(shape: str, made: Document, cost: Document) -> list[str]:
    """One table: a heading line that counts the pairs, then a row an entry."""
    pairs = made["pairs"]
    related, independent = ([pairs[k][form] for form in FORMS] for k in ("related", "independent"))
    aligned = [pairs["aligned"][how] for how in ALIGNERS]
    further = ", ".join(f"{n} after {share}x" for share, n in made["further"].items())
    out = [
        f"`{shape}`: {related[0]} relatives ({further} of their base's compute), {independent[0]} pairs of "
        f"{made['independent_models']} independents, each plain, permuted and rewritten; {aligned[0]} independents aligned to "
        f"the candidate by each of two aligners (0 of {aligned[0]} still allows {none_of(aligned[0]):.0%}, 0 of "
        f"{independent[0]} pairs {none_of(independent[0]):.0%}). Seconds: {cost.get('pair', 'not measured')}.",
        "",
        f"| method | AUC | found of {related[0]}, no independent above | aligned called related then, of {aligned[0]} | "
        f"by its own rule: found · independents of {sum(independent)} called · aligned called | seconds, MB | made for |",
        "|---|---|---|---|---|---|---|",
    ]
    most = (related[0], aligned[0], sum(independent))
    return out + [_row(entry, made["results"].get(entry.key), cost, most) for entry in ENTRIES]


def _share(counts: list[int], most: int) -> str:
    """How many; with how many were tried where that is not all the heading says."""
    return str(counts[0]) if counts[1] == most else f"{counts[0]} of {counts[1]}"


def _row(entry: Entry, found: Document | None, cost: Document, most: tuple[int, int, int]) -> str:
    if found is None or "not_run" in found:
        why = found["not_run"] if found else "not in this run"
        return f"| {entry.title} | NOT RUN: {why} | | | | | {entry.made_for} |"
    auc = " / ".join(f"{found[f]['auc']:.2f}" for f in FORMS)
    above = " / ".join(_share(found[f]["found"], most[0]) for f in FORMS)
    called = " / ".join(_share(found[how]["called"], most[1]) for how in ALIGNERS)
    failed = f" ({found['failed']} pairs failed)" if found["failed"] else ""
    cells = (entry.title + failed, auc, above, called, _by_rule(entry, found, most), _cost(entry, cost), entry.made_for)
    return "| " + " | ".join(cells) + " |"


def _by_rule(entry: Entry, found: Document, most: tuple[int, int, int]) -> str:
    if entry.published is None:
        return entry.words
    kin = " / ".join(_share(found[f]["published"], most[0]) for f in FORMS)
    aligned = " / ".join(_share(found[how]["published"], most[1]) for how in ALIGNERS)
    return f"{entry.words}: {kin} · {_share(found['independents_published'], most[2])} · {aligned}"


def _cost(entry: Entry, cost: Document) -> str:
    found = cost.get("methods", {}).get(entry.method)
    if not found or "not_run" in found:
        return found["not_run"] if found else "not measured"
    return f"{found['seconds']:g} s, {found['mb']} MB"


def body(results: Path, shapes: tuple[str, ...]) -> str:
    """The text between the markers for these shapes."""
    cost_file = results / "rivals-cost.json"
    cost = json.loads(cost_file.read_text("utf-8")) if cost_file.exists() else {}
    blocks = [
        "\n".join(lines(s, json.loads(result_path(results, s).read_text("utf-8")), cost))
        for s in shapes
        if result_path(results, s).exists()
    ]
    return "\n\n".join(blocks)


def placed(text: str, inside: str, start: str = START, end: str = END) -> str:
    """A page with what stands between its markers replaced. Raises: ValueError where a marker is missing."""
    before, found, rest = text.partition(start)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"the page lacks the line {end if found else start}")
    return f"{before}{start}\n{inside}\n{end}{after}"


PAGES = {"README.md": SHAPES[:1], "docs/benchmark.md": SHAPES}
"""Page -> shapes whose tables it shows."""


def write(results: Path) -> None:
    """Rewrites what stands between the markers of every page."""
    for page, shapes in PAGES.items():
        path = ROOT / page
        path.write_text(placed(path.read_text("utf-8"), body(results, shapes)), "utf-8")

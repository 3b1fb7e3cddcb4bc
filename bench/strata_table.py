"""The tables of docs/benchmark.md on framed independents, parts and power, from the committed documents and nothing else.

python -m bench.strata_table
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from bench.audit import none_of, share_interval
from bench.build import RESULTS
from bench.framed_verb import ACCUSES
from bench.rivals.table import ROOT, placed
from bench.truth import FRESH

START, END = "<!-- strata: written by python -m bench.strata_table -->", "<!-- end of strata -->"
PAGE = ROOT / "docs" / "benchmark.md"
BINS = (0.0, 0.8, 1.0, 1.2, 1.4, 1.7, 2.0, 2.5, 4.0, 16.0)
"""Edges of s / c of relatives."""
Row = dict[str, Any]


def documents(kind: str, results: Path = RESULTS) -> dict[str, dict[str, Any]]:
    """Shape -> document, those looked at before first."""
    found = {d["shape"]: d for p in sorted(results.glob(f"{kind}-*.json")) for d in [json.loads(p.read_text("utf-8"))]}
    return dict(sorted(found.items(), key=lambda item: item[0] in FRESH))


def _span(values: Iterable[float | None]) -> str:
    known = [v for v in values if v is not None]
    return f"{min(known):.2f} to {max(known):.2f}" if known else ""


def _measured(rows: Sequence[Row]) -> list[Row]:
    return [r for r in rows if r["ceiling"] is not None and r.get("how") != "far"]


def _aligned(row: Row) -> bool:
    return str(row["stratum"]).startswith("framed") and "then" not in row["stratum"]


def _accused(rows: Sequence[Row]) -> int:
    return sum(r["relation"] in ACCUSES for r in rows)


def framed_lines(found: dict[str, dict[str, Any]]) -> list[str]:
    """Independents by aligners, a line a shape, then what both halves come to."""
    out = [
        "| framed | independents | pairs | accused | s / c | ceiling of neurons | ceiling of heads |",
        "|---|---|---|---|---|---|---|",
    ]
    halves: dict[bool, list[Row]] = {False: [], True: []}
    for shape, made in found.items():
        rows = [r for r in made["rows"] if _aligned(r)]
        halves[shape in FRESH] += rows
        out.append(_framed_line(f"{shape}{', trained for this' if shape in FRESH else ''}", rows))
    for fresh, rows in halves.items():
        out.append(_framed_line("**all trained for this**" if fresh else "all looked at before", rows))
    fresh_rows = halves[True]
    if fresh_rows and not _accused(fresh_rows):
        subjects = len({r["source"] for r in fresh_rows})
        by_pair, by_subject = none_of(len(fresh_rows)), none_of(subjects)
        pairs = f"0 of {len(fresh_rows)} allow a share of {by_pair:.1%} (rule of three)"
        out += ["", f"{pairs}, 0 of {subjects} independents {by_subject:.1%}: the pairs share subjects and candidates."]
    return out


def _framed_line(title: str, rows: Sequence[Row]) -> str:
    known, heads = _measured(rows), [r["heads"]["ceiling"] for r in rows if "heads" in r]
    cells = (
        title, len({r["source"] for r in rows}), len(rows), _accused(rows), _span(r["ratio"] for r in known),
        _span(r["ceiling"] for r in known), _span(heads),
    )  # fmt: skip
    return "| " + " | ".join(map(str, cells)) + " |"


def ceiling_lines(framed: dict[str, dict[str, Any]], parts: dict[str, dict[str, Any]]) -> list[str]:
    """The ceiling of every part that has one, by quantiles, over all verdicts in which it was measured."""
    out = [
        "| ceiling | shape | verdicts | smallest | lower quarter | middle | upper quarter | largest |",
        "|---" * 8 + "|",
    ]
    for shape in dict.fromkeys((*framed, *parts)):
        rows, own = framed.get(shape, {}).get("rows", []), parts.get(shape, {}).get("rows", [])
        neurons = [r["ceiling"] for r in _measured(rows)]
        neurons += [
            n["ceiling"] for r in own if (n := r.get("neurons", {})).get("ceiling") is not None and n["how"] != "far"
        ]
        heads = [r["heads"]["ceiling"] for r in rows if "heads" in r] + [r["attention"]["ceiling"] for r in own]
        for part, values in (
            ("neurons", neurons),
            ("heads", heads),
            ("heads of the first layer (alone where measured)", [r["lone_ceiling"] for r in own]),
        ):
            known = [v for v in values if v is not None]
            if known:
                five = " | ".join(f"{v:.2f}" for v in np.quantile(known, (0.0, 0.25, 0.5, 0.75, 1.0)))
                out.append(f"| {part} | {shape} | {len(known)} | {five} |")
    return [
        *out,
        "",
        "Embedding, LM head and towers have no ceiling: nothing of theirs does not belong together (decision 0016).",
    ]


def by_aligner(found: dict[str, dict[str, Any]]) -> list[str]:
    """Each aligner on what was trained for this."""
    rows = [r for s, d in found.items() if s in FRESH for r in d["rows"] if _aligned(r)]
    out = ["| aligner | pairs | accused | s / c, middle | s / c, largest |", "|---|---|---|---|---|"]
    for stratum in sorted({r["stratum"] for r in rows}):
        own = [r for r in rows if r["stratum"] == stratum]
        ratios = [r["ratio"] for r in _measured(own) if r["ratio"] is not None]
        both = f"{np.median(ratios):.2f} | {max(ratios):.2f}" if ratios else " | "
        out.append(f"| {stratum.removeprefix('framed, ')} | {len(own)} | {_accused(own)} | {both} |")
    return out


def strata_lines(found: dict[str, dict[str, Any]]) -> list[str]:
    """Every other stratum of what was trained for this: relations that were said."""
    fresh = [r for s, d in found.items() if s in FRESH for r in d["rows"]]
    rows = [r for r in fresh if not _aligned(r) and not r["stratum"].startswith("further")]
    out = ["| stratum | truth | pairs | said |", "|---|---|---|---|"]
    for stratum in sorted({r["stratum"] for r in rows}):
        own = [r for r in rows if r["stratum"] == stratum]
        out.append(f"| {stratum} | {own[0]['truth']} | {len(own)} | {_said(own)} |")
    return out


def _said(rows: Sequence[Row]) -> str:
    return ", ".join(f"{word} {n}" for word, n in sorted(Counter(r["relation"] for r in rows).items()))


def _grid(rows: dict[str, list[Row]], strata: Sequence[str], right: Callable[[Row], bool]) -> list[str]:
    """A line a stratum, a column a shape: how many of how many."""
    out = ["| | " + " | ".join(rows) + " |", "|---" * (1 + len(rows)) + "|"]
    for stratum in strata:
        cells = [[r for r in own if r["stratum"] == stratum] for own in rows.values()]
        words = [f"{sum(map(right, cell))} of {len(cell)}" if cell else "" for cell in cells]
        out.append(f"| {stratum} | " + " | ".join(words) + " |")
    return out


def _strata(rows: dict[str, list[Row]]) -> list[str]:
    return sorted(
        {r["stratum"] for own in rows.values() for r in own}, key=lambda s: (s.split(",")[0].split()[0], _amount(s), s)
    )


def _amount(stratum: str) -> float:
    word = stratum.split(",")[0].split()[-1].removesuffix("x")
    return float(word) if word.replace(".", "").isdigit() else 0.0


def parts_lines(found: dict[str, dict[str, Any]]) -> list[str]:
    """Parts, mixtures and attention of independents: named rightly."""
    rows = {s: [r for r in d["rows"] if not r["stratum"].startswith("further")] for s, d in found.items()}
    return _grid(rows, _strata(rows), lambda r: bool(r["right"]))


def power_lines(found: dict[str, dict[str, Any]]) -> list[str]:
    """Relatives that were found, by amount and form, then by bins of s / c, then the missed by name."""
    rows = {s: own for s, d in found.items() if (own := [r for r in d["rows"] if r["stratum"].startswith("further")])}
    every = [r for own in rows.values() for r in own]
    out = [*_grid(rows, _strata(rows), lambda r: bool(r["right"])), ""]
    until = [r for r in every if _amount(r["stratum"]) <= 4]
    if until:
        low, high = share_interval(sum(r["right"] for r in until), len(until))
        out += [
            f"Up to 4x: {sum(r['right'] for r in until)} of {len(until)} found (95 %: {low:.3f} to {high:.3f}).",
            "",
        ]
    out += ["| s / c | found | 95 % |", "|---|---|---|", *_binned(every), ""]
    missed = Counter(
        f"{shape}, {r['stratum']} ({r['relation']}{_beside(r)})"
        for shape, own in rows.items()
        for r in own
        if not r["right"]
    )
    named = "; ".join(f"{name}: {n}" for name, n in sorted(missed.items())) or "none"
    return [*out, f"Moved to another answer: {named}."]


def _beside(row: Row) -> str:
    ratio = row["neurons"]["ratio"]
    return ", no ceiling measured" if ratio is None else f", s / c {ratio:.1f}"


def _binned(rows: Sequence[Row]) -> list[str]:
    known = [r for r in rows if r.get("neurons", {}).get("ratio") is not None]
    out = []
    for low, high in pairwise(BINS):
        own = [r for r in known if low <= r["neurons"]["ratio"] < high]
        if own:
            count = sum(r["right"] for r in own)
            both = share_interval(count, len(own))
            out.append(f"| {low:g} to {high:g} | {count} of {len(own)} | {both[0]:.2f} to {both[1]:.2f} |")
    lone = [r for r in rows if r.get("neurons", {}).get("ratio") is None]
    return out + ([f"| no ceiling measured | {sum(r['right'] for r in lone)} of {len(lone)} | |"] if lone else [])


def body(results: Path = RESULTS) -> str:
    """All tables."""
    framed, parts = documents("framed-verb", results), documents("parts", results)
    blocks = (
        framed_lines(framed), by_aligner(framed), strata_lines(framed), ceiling_lines(framed, parts), parts_lines(parts),
        power_lines(parts),
    )  # fmt: skip
    return "\n\n".join("\n".join(lines) for lines in blocks)


def main() -> None:
    """Rewrites what stands between the markers."""
    PAGE.write_text(placed(PAGE.read_text("utf-8"), body(), START, END), "utf-8")


if __name__ == "__main__":
    main()

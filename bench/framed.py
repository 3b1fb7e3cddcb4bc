"""The adversarial stratum, measured (METHODS §17).

    python -m bench.framed --shape llama64 --pairs 40 -o FILE

Every model is made from the truth set, kept under the bench's work folder, and measured: strength s, ceiling c, s / c.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bench.build import machine
from bench.framed_align import layers_of, start_rotation
from bench.framed_cases import Case, candidate_of, cases, subject_of
from bench.rows import options_of, write_rows
from forebear.core.errors import IncomparableError
from forebear.core.seeds import generator
from forebear.recipes.steps.draft import Draft
from forebear.stats.ceiling import compare_strength, lone_ceiling
from forebear.stats.joint import align


def measured(case: Case) -> dict[str, Any]:
    """s and c of one case: in place, and after the aligner on the layers that belong together, for what was rewritten."""
    subject, candidate = subject_of(case), candidate_of(case)
    a, b = Draft(candidate), Draft(subject)
    mine, theirs = layers_of(a), layers_of(b)
    starts = [start_rotation(a, b, head) for head in ((False, True) if b.parts.head and a.parts.head else (False,))]
    row: dict[str, Any] = {"name": case.name, "stratum": case.stratum, "truth": case.truth, "candidate": case.candidate}
    belong = [(i, i) for i in range(len(mine))]
    began = time.process_time()
    try:
        found = compare_strength(mine, theirs, belong, starts, np.inf, generator("bench/framed"))
    except IncomparableError as error:
        return {**row, "why": str(error)}
    if found.ceiling is None:
        return {**row, "s": round(found.value, 4), "why": "no layers that do not belong together"}
    seconds = time.process_time() - began
    lone = [lone_ceiling(mine, theirs, belong, starts, k, generator("bench/framed")) for k in range(len(belong))]
    moved = max(align([(mine[i], theirs[i]) for i in range(len(mine))], s).pooled for s in starts)
    quick = compare_strength(mine, theirs, belong, starts, 0.0, generator("bench/framed"))
    assert quick.ceiling is not None
    return {
        **row,
        "s": round(found.value, 4),
        "by_layer": [round(v, 4) for v in found.by_layer],
        "c": round(found.ceiling.value, 4),
        "by_map": [round(v, 4) for v in found.ceiling.by_map],
        "ratio": round(found.ratio or 0.0, 4),
        "lone": [round(v, 4) for v in lone],
        "lone_ratio": round(max(s / c for s, c in zip(found.by_layer, lone, strict=True)), 4),
        "aligned": round(moved, 4),
        "aligned_ratio": round(moved / found.ceiling.value, 4),
        "sample_c": round(quick.ceiling.value, 4),
        "sample_ratio": round(quick.ratio or 0.0, 4),
        "seconds": round(seconds, 3),
    }


def summary(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Per stratum: how many, smallest, middle and largest s, c and s / c."""
    out = []
    for stratum in dict.fromkeys(r["stratum"] for r in rows):
        every = [r for r in rows if r["stratum"] == stratum]
        own = [r for r in every if "ratio" in r]
        line: dict[str, Any] = {"stratum": stratum, "count": len(own), "without_ceiling": len(every) - len(own)}
        if not own:
            out.append(line)
            continue
        for key in ("s", "c", "ratio", "aligned_ratio", "lone_ratio"):
            values = np.array([r[key] for r in own])
            line[key] = [round(float(v), 3) for v in (values.min(), np.median(values), values.max())]
        out.append(line)
    return out


def main() -> None:
    """One shape, one document; rows are kept as they come, those that are there are not made again."""
    parser = options_of(__doc__)
    parser.add_argument("--pairs", type=int, default=40, help="strangers that are aligned")
    parser.add_argument("--few", type=int, default=6, help="strangers of the other strata")
    options = parser.parse_args()
    every = cases(options.shape, options.pairs, options.few)
    shown = ("stratum", "s", "c", "ratio", "name")
    write_rows(options, every, measured, document, stream="bench/framed/order", shown=shown)


def document(shape: str, rows: Sequence[dict[str, Any]], made_by: Mapping[str, str]) -> dict[str, Any]:
    """Rows with their summary, the machine and the versions."""
    return {
        "schema": "forebear-bench/framed/1",
        "shape": shape,
        "machine": machine(),
        "code": dict(made_by),
        "summary": summary(rows),
        "rows": list(rows),
    }


if __name__ == "__main__":
    main()

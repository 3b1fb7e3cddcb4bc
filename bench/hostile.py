"""Hostile pairs through the public verb: what `forebear.compare` says of every case, read against what is true of it.

python -m bench.hostile --shape llama64 --made FOLDER -o FILE
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import forebear
from bench.allowed import said as said_in
from bench.allowed import violations
from bench.corpus import WORK
from bench.framed_cases import FORMULA, INDEPENDENT
from bench.framed_verb import ACCUSES
from bench.hostile_cases import Hostile, cases
from bench.hostile_held import HELD, attention, relatives
from bench.hostile_spectra import cases as spectra
from bench.provenance import provenance
from bench.rows import options_of, write_rows
from forebear.recipes.steps.model import Model


def folder_of(made: Path, name: str, side: str, make: Callable[[], Model]) -> Path:
    """Where a side lies; made and saved the first time."""
    folder = made / hashlib.sha256(f"{name}/{side}".encode()).hexdigest()[:16]
    if not (folder / "model.safetensors").exists():
        make().save(folder)
    return folder


def measured(case: Hostile, made: Path) -> dict[str, Any]:
    """One row: relation, figures, every message of the verdict and those that claim too much."""
    sides = [
        folder_of(made, case.name, side, make)
        for side, make in (("subject", case.subject), ("candidate", case.candidate))
    ]
    began = time.process_time()
    document = forebear.compare(*sides)
    verdict = document["verdict"]
    strengths: dict[str, Any] = {e["axis"]: e for e in document["evidence"] if e["test"] == "strength"}
    keys = list(dict.fromkeys(said_in(verdict["words"])))
    return {
        "name": case.name,
        "stratum": case.stratum,
        "truth": case.truth,
        "relation": verdict["relation"],
        "log10_p": verdict["log10_p"],
        "shared": [c["name"] for c in document["alignment"].get("components", ()) if c["state"] == "shared"],
        "neurons": {k: strengths.get("neurons", {}).get(k) for k in ("value", "ceiling", "ratio", "how")},
        "heads": {k: strengths.get("heads", {}).get(k) for k in ("value", "ceiling", "ratio")},
        "said": keys,
        "too_much": violations(case.truth, verdict["relation"], keys),
        "seconds": round(time.process_time() - began, 2),
    }


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Relations by stratum, pairs without a copied weight that were accused, and what claims too much."""
    nothing = [r for r in rows if r["truth"] in (INDEPENDENT, FORMULA)]
    return {
        "pairs": len(rows),
        "strata": {
            s: dict(Counter(r["relation"] for r in rows if r["stratum"] == s))
            for s in dict.fromkeys(r["stratum"] for r in rows)
        },
        "without_a_copied_weight": len(nothing),
        "accused": [r["name"] for r in nothing if r["relation"] in ACCUSES],
        "say_more_than_is_true": {r["name"]: r["too_much"] for r in rows if r["too_much"]},
    }


def document(shape: str, rows: Sequence[dict[str, Any]], made_by: Mapping[str, str]) -> dict[str, Any]:
    """Rows with their summary, and what they rest on."""
    seeds = {
        "changes": "the names of a pair's models (bench/hostile_cases.py)",
        "order of cases": f"bench/hostile, {shape}",
    }
    return {
        "schema": "forebear-bench/hostile/1",
        **provenance(shape, seeds, made_by),
        "summary": summary(rows),
        "rows": list(rows),
    }


def main() -> None:
    """One shape, one document; rows are kept as they come."""
    parser = options_of(__doc__)
    parser.add_argument("--pairs", type=int, default=3, help="pairs of strangers under one change")
    parser.add_argument("--few", type=int, default=2, help="strangers that are aligned; a third of them are trained")
    parser.add_argument("--made", type=Path, default=WORK / "hostile", help="a folder for what is made")
    parser.add_argument("--spectra", action="store_true", help="only strangers whose layers differ in kind (decision 0131)")
    options = parser.parse_args()
    write_rows(
        options,
        spectra(options.shape, options.few)
        if options.spectra
        else chain(
            cases(options.shape, options.pairs, options.few),
            (*attention(options.shape, options.few), *relatives(options.shape)) if options.shape in HELD else (),
        ),
        lambda case: measured(case, options.made),
        document,
        stream="bench/hostile",
        shown=("relation", "stratum", "shared", "neurons", "too_much", "name"),
    )


if __name__ == "__main__":
    main()

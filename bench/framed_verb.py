"""The adversarial stratum through the public verb: what `forebear.compare` says of every case (METHODS §17).

    python -m bench.framed_verb --shape llama64 -o FILE

Cases are those of bench.framed; what is not made yet is made only with --make. Per stratum: how often each relation was said,
and how often one that accuses was said of an independent.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import forebear
from bench.allowed import said as said_in
from bench.allowed import violations
from bench.build import TRUTH
from bench.checkpoint import write_json
from bench.framed_align import ALIGNERS
from bench.framed_cases import INDEPENDENT, MADE, Case, candidate_of, cases, subject_of
from bench.provenance import provenance
from bench.rows import options_of, write_rows
from bench.truth import base, plan
from forebear.core.documents import thaw

ACCUSES = ("identical", "related", "shares-components", "shared-start")


def folders(case: Case, make: bool) -> tuple[Path, Path] | None:
    """Where subject and candidate lie; None where one is not there and is not to be made."""
    subject = case.folder if not case.name.endswith("-plain") else TRUTH / case.source
    subject = subject if case.source or case.folder.exists() else case.folder
    candidate = Path(case.candidate) if case.candidate.startswith(str(MADE)) else TRUTH / case.candidate
    if "@" in case.candidate:
        candidate = MADE / "pruned" / case.candidate.replace(":", "of")
    if not (subject / "model.safetensors").exists():
        if not make:
            return None
        subject_of(case)
    if not (candidate / "model.safetensors").exists():
        if not make:
            return None
        candidate_of(case).save(candidate)
    return subject, candidate


def said(case: Case, make: bool, keep: Path | None = None) -> dict[str, Any] | None:
    """One row: the relation, both figures, processor seconds. keep: a folder that gets the first verdict of each stratum."""
    both = folders(case, make)
    if both is None:
        return None
    began = time.process_time()
    document = forebear.compare(both[0], both[1])
    place = None if keep is None else keep / (re.sub(r"[^a-z0-9]+", "-", case.stratum.lower()).strip("-") + ".json")
    if place is not None and not place.exists():
        write_json(place, {"stratum": case.stratum, "truth": case.truth, "verdict": thaw(document["verdict"])})
    strengths: dict[str, Any] = {e["axis"]: e for e in document["evidence"] if e["test"] == "strength"}
    first: dict[str, Any] = next(iter(strengths.values()), {})
    return {
        "name": case.name,
        "stratum": case.stratum,
        "truth": case.truth,
        "source": case.source,
        "candidate": case.candidate.removeprefix(str(MADE)),
        "relation": document["verdict"]["relation"],
        "log10_p": document["verdict"]["log10_p"],
        "rewritten": document["verdict"]["reparameterised"],
        "words": [w["key"] for w in document["verdict"]["words"]],
        "said": list(dict.fromkeys(said_in(document["verdict"]["words"]))),
        **{k: first.get(k) for k in ("value", "ceiling", "ratio", "how")},
        "heads": {k: strengths.get("heads", {}).get(k) for k in ("value", "ceiling", "ratio")},
        "seconds": round(time.process_time() - began, 2),
    }


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Relations by stratum, and independents that were accused."""
    strata = dict.fromkeys(r["stratum"] for r in rows)
    independent = [r for r in rows if r["truth"] == INDEPENDENT]
    accused = [r["name"] for r in independent if r["relation"] in ACCUSES]
    too_much = {r["name"]: violations(r["truth"], r["relation"], r["said"]) for r in rows}
    framed = [r for r in rows if r["stratum"].startswith("framed")]
    return {
        "strata": {s: dict(Counter(r["relation"] for r in rows if r["stratum"] == s)) for s in strata},
        "framed": len(framed),
        "strangers": len({r["source"] for r in framed}),
        "independents": len(independent),
        "accused": accused,
        "say_more_than_is_true": {name: found for name, found in too_much.items() if found},
        "ceilings": {s: quantiles(r for r in rows if r["stratum"] == s) for s in strata},
        "ceilings_by_part": {
            "neurons": quantiles(rows),
            "heads": quantiles(r["heads"] | {"how": ""} for r in rows if "heads" in r),
        },
    }


def quantiles(rows: Iterable[dict[str, Any]]) -> dict[str, list[float]]:
    """Smallest, lower quarter, middle, upper quarter and largest ceiling and s / c, of verdicts that were measured."""
    known = [r for r in rows if r["ceiling"] is not None and r["ratio"] is not None and r["how"] != "far"]
    shares = (0.0, 0.25, 0.5, 0.75, 1.0)
    return {k: [round(float(v), 3) for v in np.quantile([r[k] for r in known], shares)]
            for k in ("ceiling", "ratio") if known}  # fmt: skip


def main() -> None:
    """One shape, one document; rows are kept as they come, those that are there are not made again."""
    parser = options_of(__doc__)
    parser.add_argument("--pairs", type=int, default=40, help="strangers that are aligned")
    parser.add_argument("--few", type=int, default=4, help="strangers of the other strata")
    parser.add_argument(
        "--each", type=int, default=len(ALIGNERS), help="aligners of a stranger: the strongest, others in turn"
    )
    parser.add_argument("--make", action="store_true", help="make what is not there")
    parser.add_argument("--keep", type=Path, help="a folder for the first verdict of each stratum")
    options = parser.parse_args()
    every = cases(options.shape, options.pairs, options.few, options.each)
    write_rows(
        options,
        every,
        lambda case: said(case, options.make, options.keep),
        document,
        stream="bench/framed_verb",
        shown=("stratum", "relation", "how", "value", "ceiling", "seconds", "name"),
        last=_is_no_candidate,
    )


def _is_no_candidate(case: Case, wanted: Sequence[Case]) -> bool:
    """Whether no other case is compared with this one, which is made before those that are."""
    return str(case.folder) not in {c.candidate for c in wanted}


def document(shape: str, rows: Sequence[dict[str, Any]], made_by: Mapping[str, str]) -> dict[str, Any]:
    """Rows with their summary, and what they rest on."""
    seeds = {
        "independents": f"{_first_seed(shape)} and on, in the order of their numbers (bench/truth.py)",
        "aligners": "the place of an independent among those of its shape (bench/framed_cases.py)",
        "order of cases": f"bench/framed_verb, {shape}",
    }
    return {
        "schema": "forebear-bench/framed-verb/3",
        **provenance(shape, seeds, made_by),
        "summary": summary(rows),
        "rows": list(rows),
    }


def _first_seed(shape: str) -> int:
    """The seed of the first independent: of the plan, else as its record says, of a shape that the plan does not have.

    Raises: FileNotFoundError where neither knows it.
    """
    name = base(shape, 0)
    planned = [j.seed for j in plan() if j.id == name]
    return planned[0] if planned else int(json.loads((TRUTH / name / "record.json").read_text("utf-8"))["job"]["seed"])


if __name__ == "__main__":
    main()

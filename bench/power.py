"""How well a method tells relatives from independents: AUC by stratum, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.audit import auc, auc_interval, share_words
from bench.build import machine
from bench.null import ACCUSATIONS, failures
from bench.scores import Row, disjoint_names, rows_of, version_of
from bench.truth import DISTILLED, RELATED, SHARED_START


def auc_row(positives: Sequence[Row], negatives: Sequence[Row], apart: set[tuple[str, str]]) -> dict[str, Any]:
    """AUC over all pairs; its interval counts disjoint negatives and distinct candidates only, since the others repeat
    models and would make it too narrow."""
    value = auc([r["score"] for r in positives], [r["score"] for r in negatives])
    own = sum((r["subject"], r["candidate"]) in apart for r in negatives)
    bases = len({r["subject"] for r in positives})
    low, high = auc_interval(value, max(1, bases), max(1, own))
    return {
        "auc": round(value, 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "positives": len(positives),
        "negatives": len(negatives),
        "independent_positives": bases,
        "independent_negatives": own,
    }


def document(method: str, shape: str, rows: Sequence[Row]) -> dict[str, Any]:
    """The committed result: by text and amount of further training, and how the other strata rank."""
    negatives, apart = rows_of(rows), disjoint_names(shape)
    groups: dict[tuple[str, str, float], list[Row]] = {}
    for row in rows:
        if row["truth"] in (RELATED, SHARED_START, DISTILLED) and "error" not in row:
            groups.setdefault((row["truth"], row["stratum"], row["further"]), []).append(row)
    listed = []
    for (truth, stratum, further), members in sorted(groups.items()):
        called = sum(r["relation"] in ACCUSATIONS for r in members)
        listed.append(
            {
                "truth": truth,
                "stratum": stratum,
                "further": further,
                "called_related": share_words(called, len(members)) if any(r["relation"] for r in members) else None,
                "scores": sorted(round(r["score"], 4) for r in members),
                **auc_row(members, negatives, apart),
            }
        )
    related = [r for (truth, _, _), members in groups.items() if truth == RELATED for r in members]
    return {
        "schema": "forebear-bench/run/1",
        "method": method,
        "method_version": version_of(method),
        "shape": shape,
        "machine": machine(),
        "related": auc_row(related, negatives, apart) if related else None,
        "strata": listed,
        "errors": failures(rows),
    }

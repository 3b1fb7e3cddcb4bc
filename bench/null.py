"""The null audit: what a method's statistics do where nothing is shared (METHODS §13)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.audit import ALARM, Values, histogram, ks_p, levels, none_of, normal_cdf, share_words
from bench.provenance import code, provenance
from bench.scores import Row, disjoint_names, rows_of, version_of
from bench.truth import DISTILLED, INDEPENDENT, RELATED, SHARED_START

ACCUSATIONS = ("related", "identical", "shares-components")
"""Verdicts that say weights are shared: right for a descendant, wrong for a stranger and for a student."""
WORST = 3


def figure_names(rows: Sequence[Row]) -> list[str]:
    """Every figure that occurs, in a fixed order."""
    return sorted({name for r in rows for name in r["figures"]})


def audit_figure(name: str, rows: Sequence[Row], apart: set[tuple[str, str]]) -> dict[str, Any]:
    """One statistic over independent pairs: histogram of all, tests on disjoint pairs only, the worst named.

    apart: (subject, candidate) of pairs that use no model twice.
    """
    having = [r for r in rows if name in r["figures"]]
    values = np.array([float(r["figures"][name][0]) for r in having])
    law = having[0]["figures"][name][1]
    own = np.array([float(r["figures"][name][0]) for r in having if (r["subject"], r["candidate"]) in apart])
    order = np.argsort(values if law in ("p", "p-bound") else -np.abs(values), kind="stable")[:WORST]
    entry: dict[str, Any] = {
        "name": name,
        "law": law,
        "pairs": len(values),
        "disjoint_pairs": len(own),
        "histogram": histogram(values),
        "mean": _number(values.mean()),
        "sd": _number(values.std()),
        "least": _number(values.min()),
        "median": _number(np.median(values)),
        "most": _number(values.max()),
        "worst": [
            {"subject": having[i]["subject"], "candidate": having[i]["candidate"], "value": _number(values[i])}
            for i in order
        ],
        "ks": None,
        "levels": None,
        "alarm": False,
    }
    if len(own):
        _judge(entry, law, own)
    return entry


def _judge(entry: dict[str, Any], law: str, own: Values) -> None:
    if law in ("p", "z"):
        distance, p = ks_p(own, normal_cdf(own) if law == "z" else 10.0**own)
        entry["ks"] = {"distance": _number(distance), "p": _number(p)}
        entry["alarm"] = p < ALARM
    if law in ("p", "p-bound"):
        entry["levels"] = levels(own)
        entry["alarm"] = entry["alarm"] or any(level["alarm"] for level in entry["levels"])


def _number(value: Any) -> float:
    return float(f"{float(value):.6g}")


def called_words(called: int, rows: Sequence[Row]) -> str:
    """Count and share called related; a method without verdicts of its own calls nobody, which is no merit."""
    return share_words(called, len(rows)) if any(r["relation"] for r in rows) else "gives no verdict"


def stratum_entry(truth: str, stratum: str, rows: Sequence[Row]) -> dict[str, Any]:
    """What the method said of one stratum: verdicts counted, the pair with the largest score named."""
    called = sum(r["relation"] in ACCUSATIONS for r in rows)
    worst = max(rows, key=lambda r: r["score"])
    return {
        "stratum": stratum,
        "truth": truth,
        "pairs": len(rows),
        "relations": dict(Counter(r["relation"] for r in rows)),
        "called_related": called,
        "called_related_words": called_words(called, rows),
        "largest_score": {
            "subject": worst["subject"],
            "candidate": worst["candidate"],
            "score": _number(worst["score"]),
            "relation": worst["relation"],
        },
        "scores": {
            "least": _number(min(r["score"] for r in rows)),
            "most": _number(worst["score"]),
            "median": _number(np.median([r["score"] for r in rows])),
        },
    }


def failures(rows: Sequence[Row]) -> list[dict[str, str]]:
    """Pairs on which the method failed, and how."""
    return [{k: r[k] for k in ("subject", "candidate", "error")} for r in rows if "error" in r]


def document(method: str, shape: str, rows: Sequence[Row]) -> dict[str, Any]:
    """The committed result of one method on one shape."""
    independent = rows_of(rows)
    apart = disjoint_names(shape)
    own = [r for r in independent if (r["subject"], r["candidate"]) in apart]
    own_called = sum(r["relation"] in ACCUSATIONS for r in own)
    seen = dict.fromkeys((r["truth"], r["stratum"]) for r in rows if r["truth"] != RELATED)
    return {
        "schema": "forebear-bench/null/1",
        "method": method,
        "method_version": version_of(method),
        **provenance(shape, {"models": "as their numbers (bench/truth.py)"}, code()),
        "alarm_chance": ALARM,
        "models": len({name for r in independent for name in (r["subject"], r["candidate"])}),
        "independent": stratum_entry(INDEPENDENT, "independent", independent)
        | {
            "disjoint_pairs": len(own),
            "called_related_disjoint": called_words(own_called, own),
            "upper_95": none_of(len(own)) if own_called == 0 else None,
        },
        "figures": [audit_figure(name, independent, apart) for name in figure_names(independent)],
        "strata": [
            stratum_entry(t, s, chosen)
            for t, s in seen
            if s != "independent" and t in (INDEPENDENT, SHARED_START, DISTILLED) and (chosen := rows_of(rows, t, s))
        ],
        "errors": failures(rows),
        "seconds": round(sum(r.get("seconds", 0.0) for r in rows), 1),
    }

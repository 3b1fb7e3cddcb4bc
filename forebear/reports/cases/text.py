"""A case document in words: sources, alignments, findings by category, claims with their status."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from forebear.reports.lines import Line, bullet, footer, safe, table, wrap

SHOWN_FINDINGS = 20


def case_lines(document: Mapping[str, Any]) -> list[Line]:
    """Text report of a forebear/case/1 document; the page shows the texts side by side."""
    lines = [
        Line(
            f"{len(document['sources'])} sources, {len(document['findings'])} findings, {len(document['claims'])} claims"
        )
    ]
    rows = [
        (s.get("id", "-"), s.get("role", "-"), s.get("language", "-"), s.get("script", "") or "-")
        for s in document["sources"]
    ]
    lines += [Line(""), Line("Sources", "bold"), *table(("source", "role", "language", "script"), rows)] if rows else []
    counts = Counter((f["category"], f["severity"]) for f in document["findings"])
    if counts:
        lines += [Line(""), Line("Findings", "bold")]
        lines += table(("category", "severity", "findings"), [(c, s, n) for (c, s), n in sorted(counts.items())])
        for finding in document["findings"][:SHOWN_FINDINGS]:
            quotes = "; ".join(f"{safe(k)}: {safe(v, 80)}" for k, v in finding["quotes"].items())
            lines += wrap(f"[{finding['rule']}] {safe(finding['why'], 200)} ({quotes})")
        rest = len(document["findings"]) - SHOWN_FINDINGS
        lines += [Line(f"  … and {rest} more (--format json)", "dim")] if rest > 0 else []
    claims = [(c["id"], c["kind"], c["basis"], c["status"]) for c in document["claims"]]
    lines += [Line(""), Line("Claims", "bold"), *table(("claim", "kind", "basis", "status"), claims)] if claims else []
    if document["limits"]:
        lines += [Line(""), Line("What could not be done", "bold"), *bullet(document["limits"])]
    return lines + footer(document)

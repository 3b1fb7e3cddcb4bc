"""A case document in words: sources, alignments, findings by category, claims with their status."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from forebear.reports.catalogue import catalogue
from forebear.reports.lines import Line, bullet, footer, safe, table, wrap

SHOWN_FINDINGS = 20


def case_lines(document: Mapping[str, Any]) -> list[Line]:
    """Text report of a forebear/case/1 document; the page shows the texts side by side."""
    if "sealed" in document or "changes" in document:
        return [*_seal_lines(document), *_limits(document), *footer(document, catalogue())]
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
            lines += wrap(f"[{finding['rule']}] {safe(finding['why'], 400)} ({quotes})")
        rest = len(document["findings"]) - SHOWN_FINDINGS
        lines += [Line(f"  … and {rest} more (--format json)", "dim")] if rest > 0 else []
    claims = [(c["id"], c["kind"], c["basis"], c["status"]) for c in document["claims"]]
    lines += [Line(""), Line("Claims", "bold"), *table(("claim", "kind", "basis", "status"), claims)] if claims else []
    return [*lines, *_limits(document), *footer(document, catalogue())]


def _limits(document: Mapping[str, Any]) -> list[Line]:
    said = document["limits"]
    return [Line(""), Line("What could not be done", "bold"), *bullet(said)] if said else []


def _seal_lines(document: Mapping[str, Any]) -> list[Line]:
    """What was sealed, or what of a seal was altered; and by whose key."""
    if "sealed" in document:
        lines = [Line(f"{len(document['sealed'])} files sealed")]
    elif document["intact"]:
        lines = [Line("Nothing was altered")]
    else:
        rows = [(c["file"], c["what"], _places(c["ranges"])) for c in document["changes"]]
        lines = [Line(f"{len(rows)} files differ from the seal"), *table(("file", "what", "bytes"), rows)]
    told = {"not checked": "Signature not checked", "wrong": "The signature does not fit"}
    signed = f"Signed: ed25519 {document['public_key']}" if document["signed"] else ""
    return [*lines, Line(signed or told.get(document.get("signature", ""), "Not signed"))]


def _places(ranges: Sequence[Sequence[int]]) -> str:
    shown = ", ".join(f"{a}-{b - 1}" for a, b in ranges[:5])
    return f"{shown} and {len(ranges) - 5} more" if len(ranges) > 5 else shown or "-"

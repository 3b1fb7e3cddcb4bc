"""A report's exchange files: TMX 1.4b, JSON, and CSV of findings and claims; made from the document alone."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from forebear.core.documents import canonical_json

Say = Callable[[Any], str]
"""Words of a message: handed in by those who have a catalogue."""


def by_key(said: Any) -> str:
    """A message by its key and values, for those who have no catalogue."""
    if not isinstance(said, Mapping):
        return str(said)
    return f"{said['key']} ({', '.join(f'{name} = {_value(value)}' for name, value in said['values'].items())})"


def _value(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(_value(v) for v in value)
    return by_key(value)


def exports(document: Mapping[str, Any], say: Say = by_key) -> dict[str, bytes]:
    """case.json, findings.csv, claims.csv and one TMX per aligned pair, by the name they get in report/."""
    files: dict[str, bytes] = {
        "case.json": canonical_json(document),
        "findings.csv": findings_csv(document, say),
        "claims.csv": claims_csv(document, say),
    }
    for alignment in document["alignments"]:
        files[f"{alignment['left']}--{alignment['right']}.tmx"] = tmx(document, alignment)
    return files


def findings_csv(document: Mapping[str, Any], say: Say = by_key) -> bytes:
    """One row a finding; formulas are defused for spreadsheets."""
    rows: list[Sequence[Any]] = [
        ("rule", "category", "severity", "deviates", "why", "left", "left_quote", "right", "right_quote", "id", "ruling",
         "ruling_why")
    ]
    for f in document["findings"]:
        sides = [*f["quotes"].items(), ("", ""), ("", "")][:2]
        verdict = f["ruling"] or {"ruling": "", "why": ""}
        ruled = (f["id"], verdict["ruling"], verdict["why"])
        rows.append((f["rule"], f["category"], f["severity"], f["deviates"], say(f["why"]), *sides[0], *sides[1], *ruled))
    return _csv(rows)


def claims_csv(document: Mapping[str, Any], say: Say = by_key) -> bytes:
    """One row a claim."""
    rows: list[Sequence[Any]] = [("id", "kind", "basis", "status", "statement", "why", "command", "replies")]
    for c in document["claims"]:
        statement = c["statement"].get("en") or next(iter(c["statement"].values()), "")
        why = " ".join(say(one) for one in c["why"])
        rows.append((c["id"], c["kind"], c["basis"], c["status"], statement, why, c["command"], len(c["replies"])))
    return _csv(rows)


def _csv(rows: Sequence[Sequence[Any]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for row in rows:
        writer.writerow([f"'{c}" if isinstance(c, str) and c.startswith(("=", "+", "-", "@", "\t", "\r")) else c for c in row])
    return out.getvalue().encode("utf-8", "backslashreplace")


def tmx(document: Mapping[str, Any], alignment: Mapping[str, Any]) -> bytes:
    """Translation memory of one pair: every link with both sides is a unit."""
    tags = {
        s["id"]: f"{s['language']}-{s['script']}" if s["script"] in ("Hans", "Hant") else s["language"]
        for s in document["sources"]
    }
    left, right = alignment["left"], alignment["right"]
    segments = document["segments"]
    units = []
    for link in alignment["links"]:
        if link["left"] and link["right"]:
            sides = [(tags[n], _joined(segments[n], link[side])) for n, side in ((left, "left"), (right, "right"))]
            body = "".join(
                f"<tuv xml:lang={quoteattr(_clean(tag))}><seg>{_xml(text)}</seg></tuv>" for tag, text in sides
            )
            units.append(f"<tu>{body}</tu>")
    about = 'creationtool="forebear" creationtoolversion="1" segtype="sentence" o-tmf="forebear" adminlang="en"'
    head = f'<header {about} datatype="plaintext" srclang={quoteattr(_clean(tags[left]))}/>'
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<tmx version="1.4">{head}<body>\n'
        + "\n".join(units)
        + "\n</body></tmx>\n"
    )
    return text.encode("utf-8", "replace")


def _joined(segments: Sequence[Mapping[str, Any]], indices: Sequence[int]) -> str:
    return " ".join(str(segments[i]["text"]) for i in indices)


def _xml(text: str) -> str:
    return escape(_clean(text))


def _clean(text: str) -> str:
    """Without the characters XML 1.0 does not have."""
    return "".join(
        c
        for c in text
        if c in "\t\n" or (ord(c) >= 32 and not 0xD800 <= ord(c) < 0xE000 and ord(c) not in (0xFFFE, 0xFFFF))
    )

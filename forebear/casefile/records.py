"""What verbs leave in a case folder for each other: alignments, findings, outcomes; one strict reader a kind."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forebear.casefile.bitext.align import Link
from forebear.casefile.bitext.bitext import Text
from forebear.casefile.checks.findings import SEVERITIES, Finding, rules
from forebear.casefile.claims.claims import STATUSES
from forebear.casefile.claims.run import Outcome
from forebear.casefile.folder.folder import digest
from forebear.casefile.folder.model import CaseFile
from forebear.casefile.folder.place import check_plain, exists_inside, inside, read_inside, write_inside
from forebear.core.bounded import parse_json
from forebear.core.documents import canonical_json, thaw
from forebear.core.errors import RefusedError
from forebear.core.strict import read_table

MAX_RECORD_BYTES = 128 * 2**20
"""Largest file of alignments, findings or evidence that is read."""
MAX_OUTCOMES = 10_000
AGAIN = "Run `forebear case {}` again."


@dataclass(frozen=True)
class _Alignment:
    left: str
    right: str
    left_text: str
    right_text: str
    links: tuple[Link, ...]


def _read(folder: Path, name: str) -> Any:
    return parse_json(read_inside(folder, name, MAX_RECORD_BYTES), where=str(folder / name))


def save_alignment(folder: Path, left: Text, right: Text, links: Sequence[Link]) -> None:
    """Write alignments/LEFT--RIGHT.json with the digests of the texts it belongs to."""
    record = {
        "left": left.source.id, "right": right.source.id, "left_text": digest(left.extract.text.encode()),
        "right_text": digest(right.extract.text.encode()),
        "links": [{"left": list(k.left), "right": list(k.right), "score": k.score, "by": k.by} for k in links],
    }  # fmt: skip
    write_inside(folder, f"alignments/{left.source.id}--{right.source.id}.json", canonical_json(record))


def load_alignment(folder: Path, left: Text, right: Text) -> list[Link] | None:
    """The links of a pair as `case align` wrote them; None when it has not run.

    Raises: RefusedError when the texts changed since, or the links do not cover every segment of both texts once.
    """
    name = f"alignments/{left.source.id}--{right.source.id}.json"
    if not exists_inside(folder, name):
        return None
    where, again = str(folder / name), AGAIN.format("align")
    record = read_table(_Alignment, _read(folder, name), where)
    if (record.left, record.right) != (left.source.id, right.source.id):
        raise RefusedError("belongs to another pair of texts", where=where, todo=again)
    if (record.left_text, record.right_text) != tuple(digest(t.extract.text.encode()) for t in (left, right)):
        raise RefusedError("the texts changed since they were aligned", where=where, todo=again)
    for side, text in (("left", left), ("right", right)):
        groups = [getattr(link, side) for link in record.links]
        if any(list(g) != sorted(set(g)) for g in groups):
            raise RefusedError(f"a link does not count the {side} segments upwards", where=where, todo=again)
        if sorted(i for g in groups for i in g) != list(range(len(text.segments))):
            raise RefusedError(
                f"its links do not cover the {len(text.segments)} {side} segments once each", where=where, todo=again
            )
    for link in record.links:
        if not (link.left or link.right) or not 0 <= link.score <= 1 or link.by not in ("rule", "hand"):
            raise RefusedError("a link is empty, or its score or maker is none", where=where, todo=again)
    return list(record.links)


def save_findings(folder: Path, found: Sequence[Finding]) -> None:
    """Write findings/findings.json."""
    write_inside(folder, "findings/findings.json", canonical_json([dataclasses.asdict(f) for f in found]))


def load_findings(folder: Path, case: CaseFile, texts: Mapping[str, Text]) -> list[Finding]:
    """Findings as `case check` wrote them; none when it has not run.

    Raises: RefusedError when they are not findings of this version, or point past the texts.
    """
    name = "findings/findings.json"
    if not exists_inside(folder, name):
        return []
    where, sources = str(folder / name), {s.id for s in case.source}
    entries = _read(folder, name)
    if not isinstance(entries, list):
        raise RefusedError("is no list of findings of this version", where=where, todo=AGAIN.format("check"))
    found = [read_table(Finding, entry, f"{where}: [{i}]") for i, entry in enumerate(entries)]
    for i, finding in enumerate(found):
        why = _wrong(finding, sources, texts)
        if why:
            raise RefusedError(
                f"{why}: no finding of this version", where=f"{where}: [{i}]", todo=AGAIN.format("check")
            )
    return found


def _wrong(finding: Finding, sources: set[str], texts: Mapping[str, Text]) -> str:
    """What a finding says that these texts and rules do not have; "" when nothing."""
    if finding.rule not in rules() or finding.severity not in SEVERITIES:
        return "its rule or severity is unknown"
    if not {finding.left, finding.right, finding.deviates, *finding.witnesses} <= sources | {""}:
        return "it names a source that is not there"
    for name, span, indices in (
        (finding.left, finding.left_span, finding.left_segments),
        (finding.right, finding.right_span, finding.right_segments),
    ):
        text = texts.get(name)
        size, count = (len(text.extract.text), len(text.segments)) if text else (0, 0)
        if not 0 <= span[0] <= span[1] <= size or any(not 0 <= i < count for i in indices):
            return "it points past a text"
    return ""


def save_outcome(folder: Path, outcome: Outcome) -> None:
    """Write evidence/CLAIM.json: the outcome, and the document it rests on."""
    plain = dataclasses.replace(outcome, document=thaw(outcome.document), evidence=thaw(outcome.evidence))
    write_inside(folder, f"evidence/{outcome.claim}.json", canonical_json(dataclasses.asdict(plain)))


def load_outcomes(folder: Path) -> dict[str, Outcome]:
    """Outcomes by claim.

    Raises: RefusedError when a file of evidence/ is no outcome of this version.
    """
    place = inside(folder, "evidence")
    names = sorted(p.name for p in place.iterdir() if p.name.endswith(".json")) if place.is_dir() else []
    if len(names) > MAX_OUTCOMES:
        raise RefusedError(f"holds more than {MAX_OUTCOMES:,} files", where=str(place))
    found = {}
    for name in names:
        where = f"{place / name}"
        outcome = read_table(Outcome, _read(folder, f"evidence/{name}"), where)
        check_plain("claim id", outcome.claim, where)
        if outcome.status not in STATUSES:
            raise RefusedError(f"status {outcome.status[:40]!r} is none of {', '.join(STATUSES)}", where=where)
        found[outcome.claim] = outcome
    return found

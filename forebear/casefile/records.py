"""What verbs leave in a case folder for each other: alignments, findings, outcomes; one strict reader a kind."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forebear.casefile.bitext.align import Link
from forebear.casefile.bitext.bitext import Text
from forebear.casefile.checks.findings import SEVERITIES, Finding, ours, reason, rules
from forebear.casefile.claims.claims import STATUSES
from forebear.casefile.claims.run import Outcome
from forebear.casefile.folder.folder import digest
from forebear.casefile.folder.model import CaseFile
from forebear.casefile.folder.place import check_plain, exists_inside, inside, read_inside, write_inside
from forebear.core.bounded import parse_json
from forebear.core.documents import canonical_json, thaw
from forebear.core.errors import refusal
from forebear.core.messages import Message, message
from forebear.core.strict import read_table

MAX_RECORD_BYTES = 128 * 2**20
"""Largest file of alignments, findings or evidence that is read."""
MAX_OUTCOMES = 10_000
LONGEST_FACTOR = 400
"""Most digits of a factor that are read."""
HABITS = ("habit.again", "habit.again_at")
_ROUNDED = ("omission/part", "addition/part", "manner/free", "manner/apart")
_WITHOUT_SLOTS = ("omission/sentence", "addition/sentence", "note/front-matter")


@dataclass(frozen=True)
class _Alignment:
    left: str
    right: str
    left_text: str
    right_text: str
    links: tuple[Link, ...]
FINDINGS = "findings/findings.json"


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
    where, again = str(folder / name), message("case_advice.again", verb="align")
    record = read_table(_Alignment, _read(folder, name), where)
    if (record.left, record.right) != (left.source.id, right.source.id):
        raise refusal(message("case_refused.other_pair"), where=where, todo=again)
    if (record.left_text, record.right_text) != tuple(digest(t.extract.text.encode()) for t in (left, right)):
        raise refusal(message("case_refused.texts_changed"), where=where, todo=again)
    for side, text in (("left", left), ("right", right)):
        groups = [getattr(link, side) for link in record.links]
        if any(list(g) != sorted(set(g)) for g in groups):
            raise refusal(message("case_refused.link_order", side=side), where=where, todo=again)
        if sorted(i for g in groups for i in g) != list(range(len(text.segments))):
            raise refusal(
                message("case_refused.link_cover", count=len(text.segments), side=side),
                where=where,
                todo=again,
            )
    for link in record.links:
        if not (link.left or link.right) or not 0 <= link.score <= 1 or link.by not in ("rule", "model", "hand"):
            raise refusal(message("case_refused.link_empty"), where=where, todo=again)
    return list(record.links)


def save_findings(folder: Path, found: Sequence[Finding]) -> None:
    """Write findings/findings.json."""
    write_inside(folder, FINDINGS, canonical_json([dataclasses.asdict(f) for f in found]))


def is_checked(folder: Path) -> bool:
    """Whether `case check` has looked for findings."""
    return exists_inside(folder, FINDINGS)


def load_findings(folder: Path, case: CaseFile, texts: Mapping[str, Text]) -> list[Finding]:
    """Findings as `case check` wrote them; none when it has not run.

    Raises: RefusedError when they are not findings of this version, or point past the texts.
    """
    name = FINDINGS
    if not exists_inside(folder, name):
        return []
    where, sources = str(folder / name), {s.id for s in case.source}
    entries = _read(folder, name)
    if not isinstance(entries, list):
        raise refusal(
            message("case_refused.no_findings"),
            where=where,
            todo=message("case_advice.again", verb="check"),
        )
    found = [_finding(entry, f"{where}: [{i}]") for i, entry in enumerate(entries)]
    for i, finding in enumerate(found):
        why = _wrong(finding, sources, texts)
        if why:
            raise refusal(
                message(f"case_refused.{why}"),
                where=f"{where}: [{i}]",
                todo=message("case_advice.again", verb="check"),
            )
    return found


def _finding(entry: Any, where: str) -> Finding:
    """A finding as `case check` wrote it; one of an earlier version has an English sentence, and its slots beside it."""
    if isinstance(entry, dict):
        entry = {key: value for key, value in entry.items() if key != "sure"}
    if not isinstance(entry, dict) or not isinstance(entry.get("why"), str):
        return read_table(Finding, entry, where)
    slots = {key: entry[key] for key in ("why", "rule", "words", "ours", "repeats", "repeated") if key in entry}
    old = read_table(_Said, slots, where)
    rest = {key: value for key, value in entry.items() if key not in ("words", "ours", "repeated")}
    return dataclasses.replace(read_table(Finding, rest, where), why=old.today())


@dataclass(frozen=True)
class _Said:
    """What a finding of an earlier version says: `words` fill the rule's sentence, `ours` of them are words of ours."""

    why: str
    rule: str = ""
    words: dict[str, str] = field(default_factory=dict)
    ours: tuple[str, ...] = ()
    repeats: int = 0
    repeated: tuple[str, ...] = ()

    def today(self) -> Message | str:
        """The message of today; the English sentence where it holds figures that were rounded, or no slots."""
        if self.rule in _ROUNDED or not (self.words or self.rule in _WITHOUT_SLOTS):
            return self.why
        slots = {name: self._slot(name, word) for name, word in self.words.items()}
        if self.rule == "control/characters":
            slots = {"codes": self.words.get("right", "").split()}
        what = reason(self.rule, **slots)
        if not self.repeats:
            return what
        if not self.repeated:
            return message("habit.again", what=what, count=self.repeats)
        return message("habit.again_at", what=what, count=self.repeats, pairs=list(self.repeated))

    def _slot(self, name: str, word: str) -> Any:
        if name in self.ours:
            level = word.removeprefix("a heading of level ")
            return message("ours.heading", level=int(level)) if level != word and level.isdecimal() else ours(word)
        if name == "factor" and word.replace(",", "").isdecimal():
            return int(word.replace(",", "")[:LONGEST_FACTOR])
        return word


def _wrong(finding: Finding, sources: set[str], texts: Mapping[str, Text]) -> str:
    """Key of what a finding says that these texts and rules do not have; "" when nothing."""
    if finding.rule not in rules() or finding.severity not in SEVERITIES:
        return "finding_rule"
    if isinstance(finding.why, Message) and finding.why.key not in (f"finding.{finding.rule}", *HABITS):
        return "finding_says"
    if not {finding.left, finding.right, finding.deviates, *finding.witnesses} <= sources | {""}:
        return "finding_source"
    for name, span, indices in (
        (finding.left, finding.left_span, finding.left_segments),
        (finding.right, finding.right_span, finding.right_segments),
    ):
        text = texts.get(name)
        size, count = (len(text.extract.text), len(text.segments)) if text else (0, 0)
        if not 0 <= span[0] <= span[1] <= size or any(not 0 <= i < count for i in indices):
            return "finding_past"
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
        raise refusal(message("case_refused.many_files", most=MAX_OUTCOMES), where=str(place))
    found = {}
    for name in names:
        where = f"{place / name}"
        record = _read(folder, f"evidence/{name}")
        if isinstance(record, dict) and isinstance(record.get("why"), str):
            record = {**record, "why": [record["why"]]}  # of an earlier version
        outcome = read_table(Outcome, record, where)
        check_plain("claim id", outcome.claim, where)
        if outcome.status not in STATUSES:
            raise refusal(
                message("case_refused.none_of", what="status", value=repr(outcome.status[:40]), known=", ".join(STATUSES)),
                where=where,
            )
        found[outcome.claim] = outcome
    return found

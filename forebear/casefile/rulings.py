"""Rulings on findings: kept by what a finding says, never by its number, and found again when a text changes a little."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from forebear.casefile.bitext.bitext import Text
from forebear.casefile.checks.findings import Finding
from forebear.casefile.folder.folder import digest
from forebear.casefile.folder.place import exists_inside, read_inside, write_inside
from forebear.casefile.folder.toml import MAX_TOML_BYTES, as_table, load_toml, written
from forebear.core.errors import UsageError, refusal
from forebear.core.messages import message
from forebear.core.strict import read_table

FILE = "rulings.toml"
RULINGS = ("accepted", "dismissed")
MAX_RULINGS = 2_000
MOST_ALIKE = 20
"""Findings with the same quoted words among which the nearest is looked for; of more none is."""
LONGEST_WHY = 2_000
"""Most characters of a reason."""
LONGEST_TEXT = 1_000
"""Characters of each side that a ruling keeps, by which its finding is found again."""
ALIKE = 0.8
"""Share of character pairs that two pairs of sentences have in common at least (Dice) to be the same, changed a little."""
_ID_DIGITS = 10
_SHORTEST_ID = 4
_HEAD = "Rulings on findings of this case. The reasons and the sentences may hold names: keep this file with the case."


@dataclass(frozen=True)
class Content:
    """What a finding says and where: the rule, the two sources, the quoted words, and the sentences these stand in."""

    rule: str
    left: str
    right: str
    left_quote: str
    right_quote: str
    left_text: str
    right_text: str

    def id(self) -> str:
        """Ten hexadecimal digits of a digest of all of it; white space counts for nothing."""
        parts = (self.rule, self.left, self.right, *map(_bare, (self.left_quote, self.right_quote, *self.texts())))
        return digest("\x1f".join(parts).encode("utf-8", "surrogatepass"))[:_ID_DIGITS]

    def texts(self) -> tuple[str, str]:
        """The sentences of both sides."""
        return self.left_text, self.right_text


@dataclass(frozen=True)
class Ruling:
    """One entry of rulings.toml: accepted or dismissed, why, and of what."""

    ruling: str
    why: str
    of: Content


@dataclass(frozen=True)
class _File:
    ruling: tuple[Ruling, ...] = ()


def content_of(finding: Finding, texts: Mapping[str, Text]) -> Content:
    """What a finding says, with the sentences around its quotations."""
    sides = ((finding.left, finding.left_segments), (finding.right, finding.right_segments))
    left, right = (texts[name].joined(indices) if name in texts else "" for name, indices in sides)
    return Content(
        finding.rule, finding.left, finding.right, finding.left_quote[:LONGEST_TEXT], finding.right_quote[:LONGEST_TEXT],
        left[:LONGEST_TEXT], right[:LONGEST_TEXT],
    )  # fmt: skip


def load_rulings(folder: Path) -> list[Ruling]:
    """Rulings as `case rule` wrote them; none when it has not run.

    Raises: RefusedError on an unknown key or ruling, a reason that is empty, or too many of them.
    """
    if not exists_inside(folder, FILE):
        return []
    where = str(folder / FILE)
    found = read_table(_File, load_toml(folder, FILE), where).ruling
    if len(found) > MAX_RULINGS:
        raise refusal(message("case_refused.many_rulings", most=MAX_RULINGS), where=where)
    for ruling in found:
        if ruling.ruling not in RULINGS:
            raise refusal(
                message("case_refused.none_of", what="ruling", value=repr(ruling.ruling[:40]), known=", ".join(RULINGS)),
                where=where,
            )
        if not ruling.why.strip() or len(ruling.why) > LONGEST_WHY:
            raise refusal(message("case_refused.no_reason", most=LONGEST_WHY), where=where)
    return list(found)


def rule(
    folder: Path, findings: Sequence[Finding], texts: Mapping[str, Text], asked: str, ruling: str, why: str
) -> str:
    """Write a ruling on the finding whose id begins with `asked`; one before it is replaced. Findings of the same words are one.

    Returns: the whole id.
    Raises:  UsageError when no finding or several have such an id, the ruling is none, or the reason is empty or too long.
    """
    if ruling not in RULINGS:
        raise UsageError(f"{ruling[:40]!r} is no ruling", todo=f"Say {' or '.join(RULINGS)}.")
    why = _bare(why)
    if not why or len(why) > LONGEST_WHY or not why.isprintable():
        raise UsageError(
            f"a ruling needs a reason of at most {LONGEST_WHY:,} characters, without control characters",
            todo="Give it by --why.",
        )
    known = {one.id(): one for one in (content_of(f, texts) for f in findings)}
    key = _asked(asked.strip().lower(), known, folder)
    before = load_rulings(folder)
    old = {i for i, now in enumerate(_match(before, list(known.values()))) if now is not None and now.id() == key}
    kept = [one for i, one in enumerate(before) if i not in old]
    if len(kept) >= MAX_RULINGS:
        raise refusal(message("case_refused.full_rulings", most=MAX_RULINGS), where=str(folder / FILE))
    data = read_inside(folder, FILE, MAX_TOML_BYTES) if exists_inside(folder, FILE) else b""
    table = as_table(_File((*kept, Ruling(ruling, why, known[key]))))
    table["ruling"] = [{**entry, "of": as_table(entry["of"])} for entry in table["ruling"]]
    write_inside(folder, FILE, written(table, data, _HEAD))
    return key


def _asked(asked: str, known: Mapping[str, Content], folder: Path) -> str:
    """The one id that begins so."""
    again = f"`forebear case check {folder} --all` lists every finding with its id."
    if not known:
        raise UsageError("this case has no findings to rule on", todo="Run `forebear case check` first.")
    if len(asked) < _SHORTEST_ID:
        raise UsageError(f"{asked!r} is too short for the id of a finding", todo=f"Give {_SHORTEST_ID} letters or more: {again}")
    found = [key for key in known if key.startswith(asked)]
    if not found:
        raise UsageError(f"no finding {asked[:40]!r}", todo=again)
    if len(found) > 1:
        raise UsageError(f"{len(found)} findings begin with {asked!r}", todo=f"Give more of one: {', '.join(found[:5])}.")
    return found[0]


def ruled_on(
    rulings: Sequence[Ruling], findings: Sequence[Finding], texts: Mapping[str, Text]
) -> tuple[list[Ruling | None], int]:
    """The ruling on each finding or None, and how many rulings found none, or more than one that is as near."""
    if not rulings:
        return [None] * len(findings), 0
    now = [content_of(f, texts) for f in findings]
    matched = _match(rulings, now)
    by_id = {one.id(): ruling for ruling, one in zip(rulings, matched, strict=True) if one is not None}
    return [by_id.get(one.id()) for one in now], sum(one is None for one in matched)


def _match(rulings: Sequence[Ruling], now: Sequence[Content]) -> list[Content | None]:
    """What each ruling is of today: the same words, else the one finding that says the same in sentences changed a little."""
    exact = {one.id(): one for one in now}
    taken = {ruling.of.id() for ruling in rulings}
    near: dict[tuple[str, ...], dict[str, Content]] = {}
    for key, one in exact.items():
        if key not in taken:
            near.setdefault(_kernel(one), {})[key] = one
    return [exact.get(r.of.id()) or _nearest(r.of, list(near.get(_kernel(r.of), {}).values())) for r in rulings]


def _nearest(old: Content, candidates: Sequence[Content]) -> Content | None:
    """The one candidate both of whose sentences are alike enough; None without one, and when a second is as near."""
    if len(candidates) > MOST_ALIKE:
        return None
    scored = [(min(map(_alike, old.texts(), one.texts())), one) for one in candidates]
    best = max((score for score, _ in scored), default=0.0)
    first = [one for score, one in scored if score == best]
    return first[0] if best >= ALIKE and len(first) == 1 else None


def _kernel(one: Content) -> tuple[str, ...]:
    """What may not change: the rule, the sources, the quoted words, and every figure of the sentences."""
    words = (_letters(one.left_quote), _letters(one.right_quote))
    figures = (" ".join(re.findall(r"\d+", _plain(text))) for text in one.texts())
    return (one.rule, one.left, one.right, *words, *figures)


def _alike(one: str, other: str) -> float:
    """Dice's share of common pairs of characters."""
    a, b = (Counter(pairwise(t)) for t in (_letters(one), _letters(other)))
    total = a.total() + b.total()
    return 2 * (a & b).total() / total if total else float(_letters(one) == _letters(other))


def _letters(text: str) -> str:
    return "".join(c for c in _plain(text) if c.isalnum())


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _bare(text: str) -> str:
    return " ".join(text.split())

"""A card put right as a whole: what is contradicted has the figure of the files in its place, and the evidence beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from forebear.core.errors import printable
from forebear.reports.catalogue import Catalogue, catalogue
from forebear.reports.verification.text import evidence_words

_FENCE = re.compile(r"\s*(```|~~~)")
_VALUES = {"shown.layers": "counts", "shown.vocabulary": "counts", "shown.width": "count", "shown.digest": "digest"}
"""Evidence that holds what is right, and the value of it that does."""


def whole_card(text: str, document: Mapping[str, Any], name: str, language: str = "en") -> bytes:
    """The card of a forebear/verification document put right: its lines as they are, but for those on which a claim stands that is
    contradicted, and a comment on each such line and on each that deserves a look.

    text: the card; name: of its file in the document. A line of front matter that is contradicted and has no one right value
    becomes a comment. Nothing is taken out of the body, and no comment of a stranger's words can end itself.
    """
    words = catalogue(language)
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    noted: dict[int, list[Mapping[str, Any]]] = {}
    for claim in document["claims"]:
        at = claim["source"]["line"]
        if claim["source"]["file"] == name and (claim["outcome"] == "contradicted" or claim["flagged"]) and 0 < at <= len(lines):
            noted.setdefault(at, []).append(claim)
    end = _front(lines)
    written = [*_in_front(lines[:end], noted, words), *_in_body(lines, end, noted, words)]
    return "\n".join(written).encode("utf-8", "backslashreplace")


def _front(lines: Sequence[str]) -> int:
    """Lines of the front matter with its dashes, 0 where there is none."""
    if lines[:1] != ["---"]:
        return 0
    return next((at + 1 for at, line in enumerate(lines[1:], 1) if line.startswith("---")), 0)


def _in_front(lines: Sequence[str], noted: Mapping[int, Sequence[Mapping[str, Any]]], words: Catalogue) -> Iterator[str]:
    """The front matter: comments above a line, and a contradicted one with what is right, else as a comment."""
    for number, line in enumerate(lines, 1):
        claims = noted.get(number, ())
        yield from (f"# {_said(claim, words)}" for claim in claims)
        put = _put_right(line, claims)
        wrong = any(claim["outcome"] == "contradicted" for claim in claims) and put == line
        alone = re.fullmatch(r"[\w\-]+:\s*[^\s|>&{\[].*", line) is not None  # a key whose whole value stands on its line
        yield f"# {line}" if wrong and alone else put


def _in_body(
    lines: Sequence[str], start: int, noted: Mapping[int, Sequence[Mapping[str, Any]]], words: Catalogue
) -> Iterator[str]:
    """What is below it: comments at the end of a line, of lines between fences behind the fence."""
    fence, waiting = "", list[Mapping[str, Any]]()
    for number, line in enumerate(lines[start:], start + 1):
        claims = noted.get(number, ())
        mark = found[1] if (found := _FENCE.match(line)) else ""
        closes = mark == fence != ""
        if fence and not closes:
            waiting += claims
            yield line
            continue
        yield line if mark else _commented(_put_right(line, claims), claims, words)
        if closes:
            yield from (_comment(claim, words) for claim in waiting)
            fence, waiting = "", []
        elif mark:
            fence = mark
    yield from (_comment(claim, words) for claim in waiting)


def _commented(line: str, claims: Iterable[Mapping[str, Any]], words: Catalogue) -> str:
    """A line with its comments; those of a row of a table stand in its last cell."""
    said = " ".join(_comment(claim, words) for claim in claims)
    if not said:
        return line
    row = line.rstrip()
    return f"{row[:-1].rstrip()} {said} |" if row.startswith("|") and row.endswith("|") and len(row) > 1 else f"{row} {said}"


def _put_right(line: str, claims: Iterable[Mapping[str, Any]]) -> str:
    """A line with the figures of the files in place of those that are contradicted, where one figure alone is right."""
    for claim in claims:
        right, stated = _right(claim), claim["stated"]
        if claim["outcome"] == "contradicted" and right and stated:
            line = re.sub(rf"(?<![\w.,]){re.escape(stated)}(?![\w]|[.,]\d)", lambda _: right, line, count=1)  # noqa: B023
    return line


def _right(claim: Mapping[str, Any]) -> str:
    """What is right in place of a contradicted value; "" where the files leave more than one, or none."""
    if claim["kind"] == "parameters":
        total = claim["figures"].get("total")
        return f"{total:,}" if isinstance(total, int) else ""
    for one in claim["evidence"]:
        value = one["values"].get(_VALUES[one["key"]]) if one["key"] in _VALUES else None
        if isinstance(value, str | int):
            return str(value)
        if isinstance(value, Sequence) and len(value) == 1:
            return str(value[0])
    return ""


def _comment(claim: Mapping[str, Any], words: Catalogue) -> str:
    """A comment of HTML: no text in it can end it."""
    return f"<!-- {re.sub('-(?=-)', '- ', _said(claim, words).replace('>', ' '))} -->"


def _said(claim: Mapping[str, Any], words: Catalogue) -> str:
    """A claim, its outcome and the evidence, on one printable line."""
    outcome = "verify_outcome." + claim["outcome"]
    text = words("whole_card.said", claim=words.text(claim["claim"]), outcome=words(outcome), evidence=evidence_words(claim, words))
    return printable(" ".join(f"forebear: {text}".split()), 600)

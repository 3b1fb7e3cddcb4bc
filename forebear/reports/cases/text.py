"""A case document in words: sources, alignments, findings by category, claims with their status; and its rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from forebear.reports.cases.first import case_today
from forebear.reports.catalogue import Catalogue, catalogue
from forebear.reports.lines import Line, bullet, footer, safe, table, wrap

SHOWN_FINDINGS = 20
SHOWN_RANGES = 5
APART = "note/front-matter"
"""Rule of what was kept apart from a testimony: told with its source, and no departure of a text from another."""
Segments = Mapping[str, Sequence[Mapping[str, Any]]]
_SIGNATURES = {"not checked": "signature_unchecked", "wrong": "signature_wrong"}
_FINDING_ROWS = (
    "rule", "category", "severity", "deviates", "key", "left", "left_quote", "right", "right_quote", "id", "ruling", "ruling_why",
)  # fmt: skip


def case_lines(document: Mapping[str, Any], language: str = "en") -> list[Line]:
    """Text report of a forebear/case document; the page shows the texts side by side."""
    words, document = catalogue(language), case_today(document)
    if short := answer_lines(document, words):
        limits = [] if {"linked", "ruled_on"} & document.keys() else _limits(document, words)
        return [*short, *limits, *footer(document, words)]
    standing, dismissed = apart(document["findings"])
    first = [said for said in (head_words(document, words), count_words(document, words)) if said]
    lines = [line for said in first for line in wrap(said, indent="", style="bold")]
    lines += _sources(document["sources"], words)
    segments = document.get("segments", {})
    lines += [*_findings(standing, words, segments), *_dismissed(dismissed, words), *_counted(document, words)]
    lines += _claims(document["claims"], words)
    return [*lines, *_limits(document, words), *footer(document, words)]


def answer_lines(document: Mapping[str, Any], words: Catalogue) -> list[Line]:
    """What a verb did that is no `case check`, `case report` or `case add`, and no more; none of those three."""
    if "sealed" in document or "changes" in document:
        return _seal_lines(document, words)
    if "waiting" in document:
        return _name_lines(document, words)
    if "proposed" in document:
        return _proposed_lines(document, words)
    if "linked" in document:
        return [line for row in document["linked"] for line in wrap(words("case_later.linked", **row), indent="")]
    if "ruled_on" in document:
        return _each(document["findings"], words)
    if "ran" in document:
        return _claims([claim for claim in document["claims"] if claim["id"] in document["ran"]], words)
    return []


def head_words(document: Mapping[str, Any], words: Catalogue) -> str:
    """The result of a case in one sentence: how its claims came out; "" where it holds none."""
    counts = Counter(claim["status"] for claim in document["claims"])
    shown = [words("case_head.count", count=n, status=words.name("case_page", status)) for status, n in counts.most_common()]
    return words("case_head.claims", counts=words("many.joint").join(shown)) if shown else ""


def is_compared(document: Mapping[str, Any]) -> bool:
    """Whether its texts were held beside each other; documents that do not say are of versions that listed what they found."""
    return bool(document.get("checked", True) or document["findings"])


def count_words(document: Mapping[str, Any], words: Catalogue) -> str:
    """How much there is of what a case holds: departures that are listed, and how many are only counted, by severity."""
    if not is_compared(document):
        return words("case_head.not_compared", sources=len(document["sources"]), claims=len(document["claims"]))
    standing = [finding for finding in apart(document["findings"])[0] if finding["rule"] != APART]
    counts = {"sources": len(document["sources"]), "findings": len(standing), "claims": len(document["claims"])}
    if not counted(document, words):
        return words("page_case.counts", **counts)
    more = {key: document["counted"][key] for key in ("to_look_at", "critical", "major")}
    return words("page_case.counts_more" if standing else "page_case.counts_none", **counts, **more)


def case_rows(document: Mapping[str, Any]) -> list[list[Any]]:
    """One row a finding; what it says is its key."""
    rows: list[list[Any]] = [list(_FINDING_ROWS)]
    for finding in case_today(document)["findings"]:
        sides = [*finding["quotes"].items(), ("", ""), ("", "")][:2]
        why = finding["why"] if isinstance(finding["why"], str) else finding["why"]["key"]
        verdict = finding.get("ruling") or {"ruling": "", "why": ""}
        ruled = (finding.get("id", ""), verdict["ruling"], verdict["why"])
        rows.append([*(finding[key] for key in _FINDING_ROWS[:4]), why, *sides[0], *sides[1], *ruled])
    return rows


def _title(key: str, words: Catalogue) -> list[Line]:
    return [Line(""), Line(words(f"case_page.{key}"), "bold")]


def _columns(words: Catalogue, *keys: str) -> tuple[str, ...]:
    return tuple(words(f"case_page.{key}") for key in keys)


def _sources(sources: Sequence[Mapping[str, Any]], words: Catalogue) -> list[Line]:
    rows = [
        (s.get("id", "-"), words.name("source_role", s.get("role", "-")), s.get("language", "-"), s.get("script", "") or "-")
        for s in sources
    ]
    header = _columns(words, "source", "role", "language", "script")
    return [*_title("sources", words), *table(header, rows)] if rows else []


def _findings(findings: Sequence[Mapping[str, Any]], words: Catalogue, segments: Segments) -> list[Line]:
    if not findings:
        return []
    counts = Counter((f["category"], f["severity"]) for f in findings)
    rows = [(words.name("mqm", c), words.name("severity", s), n) for (c, s), n in sorted(counts.items())]
    lines = [*_title("findings", words), *table(_columns(words, "category", "severity", "number"), rows)]
    return [*lines, *_each(findings, words, segments)]


def _finding(finding: Mapping[str, Any], words: Catalogue) -> list[Line]:
    """A finding with its id, what it says, what it quotes, and the ruling on it."""
    quotes = "; ".join(f"{safe(k)}: {safe(v, 80)}" for k, v in finding["quotes"].items() if v)
    name = f"{finding['id']} " if finding.get("id") else ""
    said = f"{name}[{finding['rule']}] {safe(why_said(finding, words)[0], 400)}" + (f" ({quotes})" if quotes else "")
    ruling = finding.get("ruling")
    return wrap(said + (f" · {verdict(ruling, words)}" if ruling else ""))


def why_said(finding: Mapping[str, Any], words: Catalogue) -> tuple[str, str]:
    """Why a finding is listed, and in which language that is; where both sides show one pseudonym, that the hidden name has two
    forms and not that a pseudonym differs from itself."""
    quotes = finding["quotes"].values()
    if finding["rule"].startswith("name/") and len(quotes) != len(set(quotes)):
        return words("case_head.hidden_forms"), words.language
    return words.say(finding["why"])


def verdict(ruling: Mapping[str, Any], words: Catalogue) -> str:
    """A ruling in words, with its reason."""
    return words(f"case_rulings.{ruling['ruling']}", why=safe(ruling["why"], 400))


def apart(findings: Sequence[Mapping[str, Any]]) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """Findings that stand, and those that were dismissed."""
    sides: tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]] = [], []
    for finding in findings:
        sides[is_dismissed(finding)].append(finding)
    return sides


def is_dismissed(finding: Mapping[str, Any]) -> bool:
    """Whether somebody ruled that the texts do not depart there."""
    ruling = finding.get("ruling") or {}
    return bool(ruling.get("ruling") == "dismissed")


def _dismissed(findings: Sequence[Mapping[str, Any]], words: Catalogue) -> list[Line]:
    if not findings:
        return []
    return [Line(""), Line(words("case_rulings.folded", count=len(findings)), "bold"), *_each(findings, words)]


def _each(findings: Sequence[Mapping[str, Any]], words: Catalogue, segments: Segments = MappingProxyType({})) -> list[Line]:
    """The first findings one by one, each with the sentences it stands in, and how many there are."""
    lines = []
    for finding in findings[:SHOWN_FINDINGS]:
        lines += [*_finding(finding, words), *_sentences(finding, words, segments)]
    if findings[SHOWN_FINDINGS:]:
        lines.append(Line(f"  {words('case_page.more', shown=SHOWN_FINDINGS, count=len(findings))}", "dim"))
    return lines


def _sentences(finding: Mapping[str, Any], words: Catalogue, segments: Segments) -> list[Line]:
    """The sentence of each side in which a finding stands."""
    lines = []
    for source, indices in finding.get("segments", {}).items():
        for index in indices[:1]:
            sentence = safe(segments[source][index]["text"], 100) if source in segments else ""
            said = words("case_more.sentence", source=source, sentence=sentence)
            lines += wrap(said, indent="      ", style="dim") if sentence else []
    return lines


def _counted(document: Mapping[str, Any], words: Catalogue) -> list[Line]:
    """What is counted and not listed, and how to see it: no finding is no sign that the texts agree."""
    said = counted(document, words)
    figures = document.get("figures_to_look_at", ())
    shown = [*wrap(words("case_figures.title")), *_each(figures, words)] if said and figures else []
    return [Line(""), *wrap(said, style="bold"), *shown] if said else []


def counted(document: Mapping[str, Any], words: Catalogue) -> str:
    """How many findings are only counted, in words; "" where none is, or where they are listed."""
    counts = document.get("counted", {})
    return words("case_rulings.counted", **counts) if counts.get("to_look_at") and not counts["listed"] else ""


def _claims(claims: Sequence[Mapping[str, Any]], words: Catalogue) -> list[Line]:
    if not claims:
        return []
    rows = [(c["id"], *(words.name("case_page", c[key]) for key in ("kind", "basis", "status"))) for c in claims]
    lines = [*_title("claims", words), *table(_columns(words, "claim", "kind", "basis", "status"), rows)]
    for claim in claims:
        lines += wrap(f"{safe(claim['id'])}: {safe(words.statements(claim['why']), 1000)}")
    return lines


def _limits(document: Mapping[str, Any], words: Catalogue) -> list[Line]:
    said = document["limits"]
    return [*_title("limits", words), *bullet(words.text(one) for one in said)] if said else []


def _seal_lines(document: Mapping[str, Any], words: Catalogue) -> list[Line]:
    """What was sealed, or what of a seal was altered; and by whose key."""
    if "sealed" in document:
        lines = [Line(words("case_page.sealed", count=len(document["sealed"])))]
    elif document["intact"]:
        lines = [Line(words("case_page.intact"))]
    else:
        rows = [(c["file"], words.text(c["what"]), _places(c["ranges"])) for c in document["changes"]]
        header = _columns(words, "file", "change", "ranges")
        lines = [Line(words("case_page.differ", count=len(rows))), *table(header, rows)]
    if document["signed"]:
        return [*lines, Line(words("case_page.signed", key=document["public_key"]))]
    state = _SIGNATURES.get(document.get("signature", ""), "signature_none")
    return [*lines, Line(words(f"case_page.{state}"))]


def _name_lines(document: Mapping[str, Any], words: Catalogue) -> list[Line]:
    """How many names have which ruling, and those that wait for one: for the owner of the case."""
    ruled = document["ruled"]
    lines = [Line(words("case_names.ruled", private=ruled["private"], public=ruled["public"], none=ruled["not-a-name"]))]
    lines += [*_guessed_lines(document, words), *_covered_lines(document, words), *_across_lines(document, words)]
    if not document["waiting"]:
        return [*lines, Line(words("case_names.done")), *_withheld_lines(document, words)]
    grouped = {name for person in document["people"] for name in (*person["names"], *person["shared"])}
    count = Line(words("case_names.waiting", count=len(document["waiting"])))
    people = [line for person in document["people"] for line in _person_lines(person, words)]
    rows = [(n["name"], n["of"] or "-") for n in document["waiting"] if n["name"] not in grouped]
    rest = table((words("case_names.name"), words("case_names.of")), rows) if rows else []
    how = [Line(words(key), "dim") for key in ("case_people.how", "case_names.how", "case_kinds.how")]
    return [*lines, count, *people, *rest, *_kind_lines(document, words), *how]


def _kind_lines(document: Mapping[str, Any], words: Catalogue) -> list[Line]:
    """Waiting names that the texts show to be of organisations, products or places."""
    lines = []
    for kind in ("organisation", "product", "place"):
        found = [safe(n["name"]) for n in document["waiting"] if n.get("kind") == kind]
        lines += wrap(f"{words(f'case_kinds.{kind}')}: {' | '.join(found)}") if found else []
    return lines


def _guessed_lines(document: Mapping[str, Any], words: Catalogue) -> list[Line]:
    """Names that a ruling took in without being asked for each of them: none is cut off, since one may name nobody."""
    rows = document.get("guessed", ())
    if not rows:
        return []
    shown = " | ".join(f"{safe(row['name'])} ({safe(row['person'])})" for row in rows)
    return [*wrap(f"{words('case_guessed.list')}: {shown}"), Line(words("case_guessed.how"), "dim")]


def _covered_lines(document: Mapping[str, Any], words: Catalogue) -> list[Line]:
    """Forms that the texts hold and a report hides though no entry is written so."""
    rows = document.get("covered", ())
    shown = "; ".join(f"{safe(row['person'])}: {' | '.join(map(safe, row['forms']))}" for row in rows)
    return wrap(f"{words('case_later.covered')} {shown}") if rows else []


def _across_lines(document: Mapping[str, Any], words: Catalogue) -> list[Line]:
    """Names that stand in each other's place and stay two people's, since nothing says that they are one's."""
    shown = " | ".join(" / ".join(map(safe, pair)) for pair in document.get("across", ()))
    return [*wrap(f"{words('case_across.list')}: {shown}"), Line(words("case_across.how"), "dim")] if shown else []


def _withheld_lines(document: Mapping[str, Any], words: Catalogue) -> list[Line]:
    """Words that a report withholds until somebody rules on them."""
    rows = document.get("withheld", ())
    if not rows:
        return []
    shown = " | ".join(f"{safe(row['word'])} ({row['count']})" for row in rows)
    return [*wrap(f"{words('case_withheld.list')}: {shown}"), Line(words("case_withheld.how"), "dim")]


def _person_lines(person: Mapping[str, Any], words: Catalogue) -> list[Line]:
    """Every form of one person: none is cut off, since each may be ruled on."""
    label = f"{safe(person['person'])}: " if person["person"] else ""
    lines = bullet([label + " | ".join(map(safe, person["names"]))])
    if person["shared"]:
        lines += wrap(f"{words('case_people.shared')}: {' | '.join(map(safe, person['shared']))}", indent="      ")
    return lines


def _proposed_lines(document: Mapping[str, Any], words: Catalogue) -> list[Line]:
    """Claims proposed from the texts, each with the command that would show it."""
    rows = document["proposed"]
    if not rows:
        return [Line(words("case_claims.none"))]
    lines = [Line(words("case_claims.proposed", count=len(rows)))]
    for row in rows:
        basis = words.name("case_page", row["basis"]) if row.get("known") else "?"
        lines.append(Line(f"{row['id']}  {words.name('case_page', row['kind'])} ({basis}): {row['statement']}"))
        lines.append(Line(f"    {row['command']}", "dim"))
    return [*lines, Line(words("case_claims.how"), "dim")]


def _places(ranges: Sequence[Sequence[int]]) -> str:
    shown = ", ".join(f"[{first}, {stop})" for first, stop in ranges[:SHOWN_RANGES])
    return f"{shown}, …" if ranges[SHOWN_RANGES:] else shown or "-"

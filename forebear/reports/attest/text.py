"""Commitments, records and attestations in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from forebear.reports.catalogue import Catalogue, catalogue, power_of_ten
from forebear.reports.lines import Line, bullet, footer, safe, table, wrap

Document = Mapping[str, Any]
COLUMNS = ("record", "step", "shown", "share", "expected", "cosine", "pace", "p")
STYLES = {
    "start-proven": "bold green",
    "start-known": "bold",
    "start-not-proven": "bold",
    "unexplained": "bold",
    "contradicted": "bold yellow",
}


def commitment_lines(document: Document, language: str = "en") -> list[Line]:
    """Text report of a forebear/commitment document."""
    words = catalogue(language)
    lines = wrap(commitment_headline(document, words), indent="", style="bold")
    lines.append(Line(f"  {document['announcement']}"))
    for said in commitment_said(document, words):
        lines += wrap(said)
    return lines + _limits(document, words) + footer(document, words)


def commitment_headline(document: Document, words: Catalogue) -> str:
    """What a commitment is good for: to be announced, to start from, or nothing, since its seed was public before it."""
    source, known = document["seed_source"], document["seed"] is not None
    if source["kind"] == "file":
        key = "attest_round.head_file"
    elif not source["in_the_future"]:
        key = "attest_round.head_past"
    else:
        key = "attest_round.head_start" if known else "attest.commit_head"
    return words(key, published=source.get("published", ""))


def commitment_said(document: Document, words: Catalogue) -> list[str]:
    """What stands in a commitment: its program, and its seed or where that is going to come from."""
    source, seed, made = document["seed_source"], document["seed"], document["initialiser"]["name"]
    found = [words("attest.commit_program", name=made, digest=document["configuration"]["sha256"])]
    if seed is not None:
        found.append(words("attest.commit_seed", seed=seed["seed"], root=document["start"]["root"]))
    elif source["kind"] == "beacon":
        beacon = safe(source["title"])
        found.append(words("attest.commit_later", round=source["round"], beacon=beacon, published=source["published"]))
    return found


def record_lines(document: Document, language: str = "en") -> list[Line]:
    """Text report of a forebear/chain document."""
    words = catalogue(language)
    head, publish = record_said(document, words)
    lines = [*wrap(head, indent="", style="bold"), *wrap(publish), Line(f"  {document['record']['line_sha256']}")]
    return lines + _limits(document, words) + footer(document, words)


def record_brief(document: Document, language: str = "en") -> list[Line]:
    """What became of a chain, the digest to publish, and what can be put right now: all that is said but the line on clocks."""
    words = catalogue(language)
    head, publish = record_said(document, words)
    lines = [*wrap(head, indent="", style="bold"), *wrap(publish), Line(f"  {document['record']['line_sha256']}")]
    noted = [words.text(one) for one in document["limits"] if one["key"] != "attest.limit_clock"]
    return lines + bullet(noted)


def record_said(document: Document, words: Catalogue) -> list[str]:
    """What became of a chain: its headline, and that its digest is to be published."""
    record = document["record"]
    return [
        words("attest.record_head", number=record["number"], step=record["step"], count=document["records"]),
        words("attest.record_publish"),
    ]


def record_facts(document: Document, words: Catalogue) -> list[tuple[str, str]]:
    """What the line that was added to a chain holds, by name."""
    record = document["record"]
    log = words("record_page.no_log")
    if record["log_sha256"]:
        log = words("record_page.log_size", bytes=record["log_bytes"], digest=record["log_sha256"])
    facts = {
        "number": str(record["number"]), "step": f"{record['step']:,}", "recorded": record["recorded"],
        "checkpoint": record["content"]["root"], "log": log, "previous": record["previous"] or words("record_page.first"),
    }  # fmt: skip
    return [(words(f"record_page.{key}"), safe(value, 200)) for key, value in facts.items()]


def attestation_lines(document: Document, language: str = "en") -> list[Line]:
    """Text report of a forebear/attestation document."""
    words = catalogue(language)
    lines = wrap(headline(document, words), indent="", style=STYLES[document["conclusion"]["outcome"]])
    for said in names_said(document, words):
        lines += wrap(said)
    for title, several in sections(document, words):
        if several:
            lines += [Line(""), Line(title, "bold"), *bullet(several)]
    lines += [Line(""), Line(words("attest.events"), "bold"), *bullet(event_words(document, words))]
    header = tuple(words(f"attest.column_{name}") for name in COLUMNS)
    lines += [Line(""), Line(words("attest.records"), "bold"), *table(header, rows(document, words))]
    return lines + _limits(document, words) + footer(document, words)


def brief_lines(document: Document, language: str = "en") -> list[Line]:
    """The conclusion of a forebear/attestation document alone."""
    return wrap(headline(document, catalogue(language)), indent="")


def headline(document: Document, words: Catalogue) -> str:
    """The one conclusion."""
    conclusion = document["conclusion"]
    if (outcome := conclusion["outcome"]) == "unexplained" and set(conclusion[outcome]) == {"log-file"}:
        return words("attest_first.logs")
    if outcome in ("contradicted", "unexplained"):
        names = words("many.joint").join(dict.fromkeys(words.name("attest_line", n) for n in conclusion[outcome]))
        return words("attest.head_contradicted" if outcome == "contradicted" else "attest_open.head", lines=names)
    if outcome == "start-not-proven":
        return words("attest.head_not")
    p, count = conclusion["log10_p"], conclusion["open_count"]
    if outcome == "start-known":
        said = words("attest_known.head", p=power_of_ten(p), records=conclusion["open_links"], count=count)
    else:
        said = words("attest_page.head_exact") if p is None else words("attest.head_proven", p=power_of_ten(p))
    chosen = any(line["line"] == "source" for line in document["does_not_prove"])
    return words("attest_known.source", first=said) if chosen else said


def names_said(document: Document, words: Catalogue) -> list[str]:
    """Which run and which final model the conclusion is about; nothing where the document names none."""
    if "run" not in document:
        return []
    final = document.get("final")
    ending = words("attest_page.no_final") if final is None else words("attest_page.of_final", final=safe(final))
    return [words("attest_page.of_run", run=safe(document["run"])), ending]


def sections(document: Document, words: Catalogue) -> list[tuple[str, list[str]]]:
    """What contradicts, what is unexplained, what is proven, what is not, each with its lines."""
    titles = ("attest.contradicts", "attest_open.title", "attest.proves", "attest.does_not")
    return [(words(title), _said(lines, words)) for title, lines in zip(titles, _parts(document), strict=True)]


def _parts(document: Document) -> list[list[Mapping[str, Any]]]:
    """The lines of a document by their state, in the order of `sections`."""
    other = document["does_not_prove"]
    against, open_ones, rest = (
        [ln for ln in other if ln["state"] == state] for state in ("contradicted", "unexplained", "not-proven")
    )
    return [against, open_ones, document["proves"], rest]


def told(document: Document, words: Catalogue) -> list[list[dict[str, str]]]:
    """The lines of `sections`: what each is called, what it says, its null hypothesis or assumption."""
    return [
        [
            {
                "name": words.name("attest_line", ln["line"]),
                "said": words.text(ln["said"]),
                "rests": words.name("attest_assumes", ln["line"]),
            }
            for ln in lines
        ]
        for lines in _parts(document)
    ]


def _said(lines: Sequence[Mapping[str, Any]], words: Catalogue) -> list[str]:
    return [f"{words.name('attest_line', ln['line'])}: {words.text(ln['said'])}" for ln in lines]


def event_words(document: Document, words: Catalogue) -> list[str]:
    """Rollbacks and warm restarts; a sentence that there are none."""
    return [words.text(event) for event in document["events"]] or [words("attest.no_events")]


def rows(document: Document, words: Catalogue) -> list[tuple[object, ...]]:
    """The table of records."""
    return [
        (
            row["record"],
            row["step"],
            words("attest.yes") if row["shown"] else words("attest.no"),
            _figure(row["start_share"]),
            _figure(row["expected_share"]),
            _figure(row["cosine"]),
            _figure(row["pace"]),
            "–" if row["log10_p"] is None else power_of_ten(row["log10_p"]),
        )
        for row in document["chain"]
    ]


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _limits(document: Document, words: Catalogue) -> list[Line]:
    said = bullet(words.text(limit) for limit in document["limits"])
    return [Line(""), Line(words("page.limits"), "bold"), *said] if said else []


def attestation_rows(document: Document) -> list[list[Any]]:
    """The records as rows for CSV."""
    names = list(document["chain"][0]) if document["chain"] else []
    return [names, *([row[name] for name in names] for row in document["chain"])]

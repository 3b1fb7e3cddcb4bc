"""What a case keeps on disk between verbs (alignments, findings, outcomes), and the one document made of it."""

from __future__ import annotations

import dataclasses
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from forebear.casefile.bitext.align import Link
from forebear.casefile.bitext.bitext import Text, read_text
from forebear.casefile.checks.conversion import can_convert
from forebear.casefile.checks.findings import SEVERITIES, Finding, rules
from forebear.casefile.checks.name_checks import can_sound, holds
from forebear.casefile.checks.names import undecided, with_pseudonyms
from forebear.casefile.checks.pair import Knowledge
from forebear.casefile.claims.claims import Claim, cited
from forebear.casefile.claims.run import Outcome, command_of
from forebear.casefile.folder.add import Addition, read_source
from forebear.casefile.folder.model import CaseFile, Source
from forebear.casefile.privacy.identify import identifying_spans
from forebear.casefile.privacy.search import Search, search_of
from forebear.casefile.privacy.withheld import Withheld, withhold
from forebear.casefile.records import load_alignment, load_findings
from forebear.casefile.rulings import Ruling, content_of
from forebear.casefile.text.selectors import cite
from forebear.core.documents import finish
from forebear.core.errors import refusal
from forebear.core.messages import Message, message

SCHEMA = "forebear/case/2"
Ruled = tuple[Finding, Ruling | None]
"""A finding and the ruling on it."""
FIGURES, MOST_FIGURES = frozenset({"number/value", "number/magnitude"}), 10
"""Kinds of which `case check` shows some places though they are only counted, and how many."""
MAX_PAIRS = 500
"""Most pairs of texts of one case: 32 translations into one language make 496."""


def read_texts(folder: Path, case: CaseFile) -> dict[str, Text]:
    """Every source that can be read as text, by id."""
    found = {}
    for source in case.source:
        extract = read_source(folder, source)
        if extract.blocks:
            found[source.id] = read_text(source, extract)
    return found


def pair_names(case: CaseFile, texts: Mapping[str, Text]) -> list[tuple[str, str]]:
    """Pairs to align: each translation with what it was made from, then translations of one language with each other."""
    made = [
        s for s in case.source if s.of in texts and s.id in texts and s.role in ("translation", "machine-conversion")
    ]
    pairs = [(s.of, s.id) for s in made]
    for i, one in enumerate(made):
        for other in made[i + 1 :]:
            if (one.of, one.language) == (other.of, other.language) and "machine-conversion" not in (
                one.role,
                other.role,
            ):
                pairs.append((one.id, other.id))
        if len(pairs) > MAX_PAIRS:
            raise refusal(message("case_refused.many_pairs", most=MAX_PAIRS), where="case.toml")
    return pairs


def load_alignments(
    folder: Path, case: CaseFile, texts: Mapping[str, Text], missing_ok: bool = False
) -> dict[tuple[str, str], list[Link]]:
    """Links of every pair, as written by `case align`.

    Raises: RefusedError when a pair was not aligned (unless missing_ok) or its texts changed since.
    """
    found = {}
    for left, right in pair_names(case, texts):
        links = load_alignment(folder, texts[left], texts[right])
        if links is not None:
            found[left, right] = links
        elif not missing_ok:
            raise refusal(
                message("case_refused.not_aligned", left=left, right=right),
                where=str(folder),
                todo=message("case_advice.align_first"),
            )
    return found


def linked_as(left: str, right: str, links: Sequence[Link]) -> dict[str, Any]:
    """What `case align` made of two texts: how many links have both sides, and how many sentences of either text have none."""
    both = sum(bool(k.left and k.right) for k in links)
    return {"left": left, "right": right, "links": both, "left_alone": sum(len(k.left) for k in links if not k.right),
            "right_alone": sum(len(k.right) for k in links if not k.left)}  # fmt: skip


def findings_today(folder: Path, case: CaseFile, texts: Mapping[str, Text]) -> tuple[list[Finding], list[Message]]:
    """Findings as `case check` wrote them, without those on names that do not hold under the rulings of today; and a limit that
    says how many wait for one."""
    found, known = load_findings(folder, case, texts), Knowledge(case.name, case.alias)
    kept = [f for f in found if holds(f, texts.get(f.left), texts.get(f.right), known)]
    waiting = len(found) - len(kept) if undecided(case) else 0
    return kept, [message("case_later.names_wait", count=waiting)] if waiting else []


def case_document(
    case: CaseFile, texts: Mapping[str, Text], links: Mapping[tuple[str, str], Sequence[Link]], found: Sequence[Ruled],
    claims: Sequence[Claim], outcomes: Mapping[str, Outcome], *, limits: Sequence[Message | str], seconds: float, reproduce: str,
    full: bool, language: str, extra: Mapping[str, Any], search: Search | None = None, every: bool = False,
    shown: Withheld | None = None, compared: bool = False,
) -> Mapping[str, Any]:  # fmt: skip
    """The forebear/case/2 document; private names are replaced in all of it. full: for a report, with the segments.

    found:  all findings; every: list what is only counted as to look at as well.
    search: the forms of the private names of the case, when the caller has it at hand.
    shown:  what of the texts is shown, where it is not all but private names; compared: whether this tells how the texts
            agree.
    """
    case = with_pseudonyms(case)
    search = search or search_of(case)
    listed = by_severity([one for one in found if every or told(one)])
    body: dict[str, Any] = {
        "title": case.title, "language": language, "sources": [_source(s, texts) for s in case.source],
        "alignments": [
            {"left": a, "right": b, "links": [{"left": list(k.left), "right": list(k.right), "score": k.score,
            "by": k.by} for k in ls]}
            for (a, b), ls in links.items()
        ],
        "findings": [_finding(one, texts, search if full else None) for one in listed],
        "counted": counted(found, every),
        "figures_to_look_at": [] if full or every else [_finding(one, texts, None) for one in unlisted_figures(found)],
        "claims": [_claim(c, case, outcomes, list(texts.values())) for c in claims],
        "names": _names(case, full),
        # what may tell who a witness is, is for the owner of the case
        "identifying": [] if full else identifying_spans(texts.values()),
        **extra,
    }  # fmt: skip
    if full:
        body["segments"] = {
            name: [{"paragraph": s.paragraph, "kind": s.kind, "text": s.text} for s in text.segments]
            for name, text in texts.items()
        }
        _scrub(body)
        _withhold(body, texts, search)
        for source in body["sources"]:
            # who obtained a source, when and where may lead to the witness: it stays in case.toml
            source.pop("obtained")
        if shown:
            withhold(body, shown)
    body = search.masked(body)
    read = {"bytes": sum(s.bytes for s in case.source), "seconds": round(seconds, 3)}
    standing = () if {"sealed", "changes"} & extra.keys() else _standing_limits(case, compared)
    limits = [*limits, *(shown.told() if shown else [])]
    limits = [*limits, *([] if every else to_look_at(found)), *limits_of([f for f, _ in listed]), *standing]
    return finish(SCHEMA, body, limits=search.masked(limits), read=read, reproduce=search.masked(reproduce))


def _withhold(body: dict[str, Any], texts: Mapping[str, Text], search: Search) -> None:
    """Take out of a report what would let a reader try names: digests of texts that hold one, names cut in two by a quotation."""
    spans = {name: [(h.start, h.end) for h in search.hits(text.extract.text)] for name, text in texts.items()}
    for source in body["sources"]:
        text = texts.get(source["id"])
        if spans.get(source["id"]) or (text and any(search.hits(r.begins) for r in text.extract.removed)):
            source["sha256"] = ""
            source["notes"] = [*source["notes"], message("case.withheld").document()]
    for finding in body["findings"]:
        _whole_names(finding, texts, spans, search)
    targets = [t for f in body["findings"] for t in f["targets"]]
    targets += [t for c in body["claims"] for t in (*c["spans"], *(r["target"] for r in c["replies"]))]
    for target in targets:
        if len(target["selector"]) == 2:
            quote, place = target["selector"]
            names = spans.get(target["source"], [])
            size = len(quote["prefix"])
            quote["prefix"] = _uncut(quote["prefix"], place["start"] - size, names, search)
            quote["suffix"] = _uncut(quote["suffix"], place["end"], names, search)


def _whole_names(
    finding: dict[str, Any], texts: Mapping[str, Text], names: Mapping[str, Sequence[tuple[int, int]]], search: Search
) -> None:
    """Where a finding quotes a part of a hidden name (jun of Jun-hong), its pseudonym stands there, and no place is given."""
    instead: dict[str, str] = {}
    for name, (start, end) in finding["spans"].items():
        cut = [(a, b) for a, b in names.get(name, ()) if a < start < b or a < end < b]
        if cut:
            whole = texts[name].extract.text[min(start, *(a for a, _ in cut)) : max(end, *(b for _, b in cut))]
            instead[finding["quotes"][name]] = search.replaced(whole)
    if instead:
        finding["quotes"] = {name: instead.get(quote, quote) for name, quote in finding["quotes"].items()}
        finding["why"] = _said_instead(finding["why"], instead)
        finding["targets"], finding["id"] = [], ""


def _said_instead(value: Any, instead: Mapping[str, str]) -> Any:
    """A message whose words are those of the document, others where they hold what is not to be shown."""
    if isinstance(value, Mapping):
        return {key: v if key == "key" else _said_instead(v, instead) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_said_instead(v, instead) for v in value]
    if isinstance(value, str) and any(part and part in value for part in instead):
        return instead.get(value, "…")
    return value


def _uncut(words: str, start: int, names: Sequence[tuple[int, int]], search: Search) -> str:
    """The words before or behind a quotation, without what is there of a name that is cut off at either end, and without what
    only the cut makes a form of a name (Wei of Weihong)."""
    first, last = start, start + len(words)
    for a, b in names:
        if a < first < b:
            first = b
        if a < last < b:
            last = a
    while first < last:
        shown = words[first - start : last - start]
        made = [h for h in search.hits(shown) if not any(a < first + h.end and first + h.start < b for a, b in names)]
        if not made:
            return shown
        if made[0].start <= len(shown) - made[-1].end:
            first += made[0].end
        else:
            last = first + made[-1].start
    return ""


def _scrub(body: dict[str, Any]) -> None:
    """Take out of a report what a source says of its making: front matter, comments, page heads may name an author."""
    for source in body["sources"]:
        source["removed"] = [{**r, "begins": ""} for r in source["removed"]]
    for finding in body["findings"]:
        if finding["rule"] == "note/front-matter":
            lines = sum(len(quote.splitlines()) for quote in finding["quotes"].values())
            finding["why"] = message("case.front_matter_kept", what=finding["why"], lines=lines).document()
            finding["quotes"], finding["targets"] = dict.fromkeys(finding["quotes"], ""), []
            finding["id"] = ""


def _source(source: Source, texts: Mapping[str, Text]) -> dict[str, Any]:
    text = texts.get(source.id)
    removed = [dataclasses.asdict(r) for r in text.extract.removed] if text else []
    return {
        "id": source.id, "sha256": source.sha256, "bytes": source.bytes, "media": source.media, "language": source.language,
        "script": source.script, "role": source.role, "of": source.of, "version": source.version, "date": source.date,
        "conversion": source.conversion,
        "obtained": {"by": source.obtained_by, "when": source.obtained_when, "where": source.obtained_where},
        "segments": len(text.segments) if text else 0, "removed": removed,
        "notes": [*source.notes, *(seen.said() for seen in source.seen)],
    }  # fmt: skip


def _finding(one: Ruled, texts: Mapping[str, Text], hide: Search | None) -> dict[str, Any]:
    """A finding; hide: names whose finding has no id in a report: a digest of few words lets a reader try which name fits."""
    finding, ruling = one
    targets = []
    for name, span in ((finding.left, finding.left_span), (finding.right, finding.right_span)):
        if name in texts and span[1] > span[0]:
            targets.append(cite(name, texts[name].extract.text, *span).as_json())
    verdict = {"ruling": ruling.ruling, "why": ruling.why} if ruling else None
    words = content_of(finding, texts)
    key = "" if hide and any(map(hide.hits, dataclasses.astuple(words))) else words.id()
    extra = {"id": key, "told": told(one), "ruling": verdict, "targets": targets}
    return {**finding.as_json(), **extra}


def _claim(claim: Claim, case: CaseFile, outcomes: Mapping[str, Outcome], texts: Sequence[Text]) -> dict[str, Any]:
    # the command shown is ours: one that a file of evidence offers is not passed on
    outcome = outcomes.get(claim.id) or Outcome(claim.id, "not-tested", (message("tested.not_run"),))
    status = outcome.status
    if claim.kind == "conduct" and status in ("borne-out", "contradicted"):
        status = "not-testable"  # weights say nothing of conduct, whatever an evidence file says
    replies = [{"by": r.by, "says": r.says, "words": r.exact, "target": cited(r, texts)} for r in claim.reply]
    return {
        "id": claim.id, "kind": claim.kind, "basis": claim.basis, "status": status, "why": list(outcome.why),
        "statement": dict(claim.statement), "spans": [cited(s, texts) for s in claim.span], "subject": claim.subject,
        "candidates": list(claim.candidates), "if_true": claim.if_true, "if_false": claim.if_false,
        "command": command_of(case, claim), "evidence": list(outcome.evidence),
        "corroborates": list(claim.corroborates), "contradicts": list(claim.contradicts), "replies": replies,
    }  # fmt: skip


def _names(case: CaseFile, full: bool) -> list[dict[str, Any]]:
    if full:
        return [{"name": n.pseudonym if n.ruling == "private" else n.text, "ruling": n.ruling} for n in case.name
                if n.ruling in ("public", "private")]  # fmt: skip
    return [{"name": n.pseudonym if n.ruling == "private" else n.text, "ruling": n.ruling} for n in case.name]


def by_severity(found: Sequence[Ruled]) -> list[Ruled]:
    """Findings in one order: critical, major, minor, neutral; within each as they stand in the texts."""
    return sorted(found, key=lambda one: -SEVERITIES.index(one[0].severity))


def told(one: Ruled) -> bool:
    """Whether a finding is told one by one: its kind is (decision 0076), or somebody ruled on it."""
    return one[0].told or one[1] is not None


def counted(found: Sequence[Ruled], every: bool) -> dict[str, Any]:
    """How many findings are told, ruled on, and only counted as to look at, these also by severity; listed: with the others."""
    rest = Counter(f.severity for f, ruling in found if not told((f, ruling)))
    ruled = Counter(ruling.ruling for _, ruling in found if ruling)
    shown = sum(told(one) for one in found) - ruled["dismissed"]
    return {
        "told": shown, "accepted": ruled["accepted"], "dismissed": ruled["dismissed"], "to_look_at": rest.total(),
        "critical": rest["critical"], "major": rest["major"], "minor": rest["minor"], "listed": every,
    }  # fmt: skip


def unlisted_figures(found: Sequence[Ruled]) -> list[Ruled]:
    """The first figures that differ among what is only counted, the gravest first: quick to look at, grave where true."""
    return by_severity([one for one in found if not told(one) and one[0].rule in FIGURES])[:MOST_FIGURES]


def to_look_at(found: Sequence[Ruled]) -> list[Message]:
    """How many findings are of kinds that are too often false to be told, or were not measured, by kind, as a limit."""
    counts = Counter(f.rule for f, ruling in found if not told((f, ruling)))
    kinds = [message("case.to_look_kind", rule=rule, count=count) for rule, count in counts.most_common()]
    return [message("case.to_look_at", count=counts.total(), kinds=kinds)] if counts else []


def limits_of(found: Sequence[Finding]) -> list[Message]:
    """What was left out of a pair of texts because of the manner of its translation, as limits."""
    return [
        message("case.of_pair", left=f.left, right=f.right, what=f.why) for f in found if f.rule.startswith("manner/")
    ]


def _standing_limits(case: CaseFile, compared: bool) -> list[Message]:
    """What holds of any case; compared: of one whose texts were held beside each other too."""
    said = [message("case.by_form", count=sum(r.kind == "rule" for r in rules().values()))] if compared else []
    if not can_sound():
        said.append(message("case.no_readings"))
    if not can_convert() and any(s.conversion for s in case.source):
        said.append(message("case.no_conversion"))
    return said


def again(verb: str, *words: object, **options: object) -> str:
    """The command that does the same again, with the options that were given: left out, one may mean another thing."""
    found = ["forebear", "case", verb, *map(str, words)]
    for name, given in options.items():
        flag = "--" + name.replace("_", "-")
        if given is True:
            found.append(flag)
        elif given:
            several = given if isinstance(given, (list, tuple)) else (given,)
            found += [word for one in several for word in (flag, str(one))]
    return shlex.join(found)


def stated(said: Addition) -> dict[str, object]:
    """What was said of a source, but for who obtained it, when and where: that may lead to a witness."""
    left_out = ("obtained_by", "obtained_when", "obtained_where")
    return {k: v for k, v in dataclasses.asdict(said).items() if k not in left_out and (k, v) != ("role", "original")}

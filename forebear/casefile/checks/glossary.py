"""Terms of the field: one for two that the source tells apart, two for one, and one put for another (data/glossary.tsv)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from forebear.casefile.bitext.align import Link
from forebear.casefile.bitext.bitext import Text
from forebear.casefile.checks.findings import Finding
from forebear.casefile.checks.pair import Knowledge, Pair
from forebear.casefile.data import packaged_text
from forebear.casefile.facts.fact import narrow

TOLD_APART = frozenset(["stage", "learning", "count", "words", "saved"])
"""Groups whose terms a translation must not put for one another."""


@dataclass(frozen=True)
class Term:
    """One row of glossary.tsv; forms: by language, spellings of one form together; wrong: not Taiwan's term."""

    name: str
    group: str
    forms: dict[str, tuple[tuple[str, ...], ...]]
    wrong: tuple[str, ...]

    def taiwan(self) -> str:
        """The term of Taiwan."""
        return self.forms["hant"][0][0]


@dataclass(frozen=True)
class Said:
    """A term where it stands: which row, which of its forms, and whether the same form stands for other rows as well."""

    term: Term
    form: int
    start: int
    end: int
    alone: bool


@cache
def glossary() -> tuple[Term, ...]:
    """All rows."""
    rows = [line.split("\t") for line in packaged_text("glossary.tsv").splitlines() if not line.startswith("#")]
    return tuple(_term(row) for row in rows)


def _term(row: Sequence[str]) -> Term:
    group, en, hans, hant, ja, wrong, _ = row
    columns = {"en": en, "zh": hans, "hant": hant, "ja": ja}
    forms = {language: tuple(tuple(f.split("=")) for f in said.split(",")) for language, said in columns.items()}
    families: dict[str, list[str]] = {}
    for form in en.split(","):  # inflections of an English form are one form
        families.setdefault(form.replace("-", "").replace(" ", "").lower().removesuffix("s")[:5], []).append(form)
    forms["en"] = tuple(tuple(f) for f in families.values())
    return Term(en.split(",")[0], group, forms, tuple(filter(None, wrong.split(","))))


@cache
def _lexicon(language: str) -> tuple[re.Pattern[str], dict[str, list[tuple[Term, int]]]]:
    found: dict[str, list[tuple[Term, int]]] = {}
    for term in glossary():
        for i, forms in enumerate((*term.forms[language], *(term.forms["hant"] if language == "zh" else ()))):
            for form in forms:
                entry = (term, i if language != "zh" or i < len(term.forms["zh"]) else 0)
                rows = found.setdefault(narrow(form).lower(), [])
                if entry[0] not in [t for t, _ in rows]:
                    rows.append(entry)
    ordered = sorted(found, key=len, reverse=True)
    body = "|".join(re.escape(f) for f in ordered)
    return re.compile(rf"(?<![A-Za-z])(?:{body})(?:es|s)?(?![A-Za-z])" if language == "en" else body, re.I), found


@lru_cache(maxsize=20_000)
def terms_of(text: str, language: str) -> tuple[Said, ...]:
    """Every term of the glossary in a text, the longest form at each place."""
    pattern, found = _lexicon(language)
    said = []
    for match in pattern.finditer(narrow(text)):
        word = match.group().lower()
        rows = found.get(word) or found.get(word.removesuffix("s")) or found.get(word.removesuffix("es")) or []
        said += [Said(term, form, *match.span(), len(rows) == 1) for term, form in rows]
    return tuple(said)


def check_glossary(pair: Pair) -> Iterator[Finding]:
    """Two terms that became one, and a term put for another of its group."""
    left = [s for s in terms_of(pair.a, pair.left.language) if s.term.group in TOLD_APART]
    right = [s for s in terms_of(pair.b, pair.right.language) if s.term.group in TOLD_APART]
    here, there = {s.term.name for s in left}, Counter(s.term.name for s in right)
    for lost in [s for s in left if s.alone and s.term.name not in there]:
        group = [s for s in right if s.alone and s.term.group == lost.term.group]
        both = [s for s in group if s.term.name in here]
        counted = Counter(s.term.name for s in left)
        one = next((s for s in both if there[s.term.name] >= counted[s.term.name] + counted[lost.term.name]), None)
        strange = [s for s in group if s.term.name not in here]
        if not _witnessed(pair, lost.term):
            continue
        if one is not None:
            kept = next(s for s in left if s.term.name == one.term.name)
            both_words = f"{pair.a[lost.start : lost.end]} / {pair.a[kept.start : kept.end]}"
            spans = ((lost.start, lost.end), (one.start, one.end))
            yield pair.finding("glossary/one-for-two", *spans, left=both_words, right=pair.b[one.start : one.end])
            return
        of_group = {s.term.name for s in left if s.term.group == lost.term.group}
        if len(strange) == len(group) == len(of_group) == 1:
            other = strange[0]
            spans = ((lost.start, lost.end), (other.start, other.end))
            shown = pair.b[other.start : other.end]
            yield pair.finding("glossary/confused", *spans, left=pair.a[lost.start : lost.end], right=shown)
            return


def _witnessed(pair: Pair, term: Term) -> bool:
    """Whether every other translation has the term."""
    return all(
        any(s.term.name == term.name for s in terms_of(text, language)) for _, language, text, _ in pair.witnesses
    )


def check_one_term(left: Text, right: Text, links: Sequence[Link], known: Knowledge) -> Iterator[Finding]:
    """A term that the source says in one form and the translation in two: the first place of the rarer one."""
    places: dict[str, list[tuple[Link, Said, Said]]] = {}
    for link in links:
        here = _single(left.joined(link.left), left.language)
        there = _single(right.joined(link.right), right.language, shared=True)
        for name in here.keys() & there.keys():
            places.setdefault(name, []).append((link, here[name], there[name]))
    for found in places.values():
        forms = Counter(there.form for _, _, there in found)
        if len({here.form for _, here, _ in found}) != 1 or len(forms) < 2:
            continue
        usual = forms.most_common(1)[0][0] if len(set(forms.values())) > 1 else found[0][2].form
        first = next(f for f in found if f[2].form == usual)
        odd = [f for f in found if f[2].form != usual]
        link, mine, theirs = odd[0]
        pair = Pair(left, right, link, known)
        shown = right.joined(first[0].right)[first[2].start : first[2].end]
        spans = ((mine.start, mine.end), (theirs.start, theirs.end))
        yield pair.finding("glossary/inconsistent", *spans, left=shown, right=pair.b[theirs.start : theirs.end])


def _single(text: str, language: str, shared: bool = False) -> dict[str, Said]:
    """Terms that stand in a text in one form only; shared: also in forms that other terms have too."""
    found: dict[str, Said] = {}
    dropped = set()
    for said in terms_of(text, language):
        before = found.setdefault(said.term.name, said)
        if (not said.alone and not shared) or before.form != said.form:
            dropped.add(said.term.name)
    return {name: said for name, said in found.items() if name not in dropped}

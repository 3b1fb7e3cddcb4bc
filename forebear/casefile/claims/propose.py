"""Claims proposed from the sentences of a case: what could be tested, and by which command. The owner decides (docs/claims.md).

A sentence is proposed for the words it has (data/claim_words.toml), never judged: a claim without its models, or of something no
test of files decides, has `test = "none"` and says which command a person would run.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from forebear.casefile.bitext.bitext import Text
from forebear.casefile.claims.claims import Claim, Span
from forebear.casefile.claims.knowing import WEAKEST, Knowing, basis_of
from forebear.casefile.claims.run import elsewhere
from forebear.casefile.data import packaged_table
from forebear.casefile.facts.fact import Fact, narrow
from forebear.casefile.folder.model import CaseFile
from forebear.casefile.folder.toml import as_table, written

NEAR = 14
"""Characters between a figure and the word that says what it counts."""
TOLERANCE = 0.05
"""Share by which a spoken count of parameters may differ from the exact one: 135 billion for 134.6."""
SMALL = 10**5
"""A count of parameters is none below this: three parameters are variables of something."""


OPPOSITE = {"unrelated": "related", "derived": "unrelated"}
"""The test of what a sentence says by denying a claim: not from scratch is from something."""
MOST_TOKENS = 10**7
"""More tokens than any vocabulary has: those of a training run."""


@dataclass(frozen=True)
class _Figure:
    key: str
    en: str
    zh: str
    ja: str
    where: str = ""
    """What the sentence must have besides, in any language."""


@dataclass(frozen=True)
class _Said:
    kind: str
    test: str
    command: str
    en: str
    zh: str
    ja: str
    key: str = ""


@dataclass(frozen=True)
class _Denied:
    en: str
    zh: str
    ja: str
    sought: str
    """What was looked for and not found, so that the denial is not of the claim."""


@dataclass(frozen=True)
class _Words:
    figure: tuple[_Figure, ...]
    grown: tuple[_Figure, ...]
    said: tuple[_Said, ...]
    denied: _Denied
    basis: tuple[Knowing, ...]


@dataclass(frozen=True)
class Proposal:
    """A claim as it would stand in claims.toml; the command that would show it, with SUBJECT and CANDIDATE where models are not
    named; the test it gets once they are; and whether the sentence says how its writer knows."""

    claim: Claim
    command: str
    test: str
    known: bool = True


@cache
def _words() -> _Words:
    return packaged_table(_Words, "claim_words.toml")


def propose(case: CaseFile, texts: Sequence[Text], known: Sequence[Claim]) -> list[Proposal]:
    """Claims of the originals of a case, in their order, but for sentences that a claim quotes already."""
    quoted = {(span.source, span.exact) for claim in known for span in claim.span}
    taken = {claim.id.lower() for claim in known}
    found: list[Proposal] = []
    for text in texts:
        if text.source.role != "original":
            continue
        for index, segment in enumerate(text.segments):
            words = text.extract.text[segment.start : segment.end].strip()
            if text.is_note(index) or (text.source.id, words) in quoted:
                continue
            for proposal in _of_sentence(case, text, index, words):
                name = next(n for i in range(1, len(taken) + 2) if (n := f"proposed-{i}") not in taken)
                taken.add(name)
                told = bool(basis_of(words, text.language, _words().basis))
                found.append(replace(proposal, claim=replace(proposal.claim, id=name), known=told))
    return found


def _of_sentence(case: CaseFile, text: Text, index: int, words: str) -> Iterator[Proposal]:
    models = _models(case, words)
    figures = dict(_figures(text, index))
    grown = _growth(figures, words, text.language)
    span = (Span(text.source.id, words),)
    basis = basis_of(words, text.language, _words().basis) or WEAKEST
    base = Claim("", "architecture", basis, {text.language: words}, span, models[0] if models else "")
    if grown:
        sizes = {"layers": int(figures["num_hidden_layers"])}
        one = replace(base, kind="recipe-step", candidates=models[1:2], test="growth", key=grown, value=figures[""], sizes=sizes,
                      tolerance=TOLERANCE)  # fmt: skip
        yield _ready(case, one, "case run CASE --claims ID")
    for key, value in figures.items():
        if key == "":
            one = replace(base, test="parameters", value=value, tolerance=TOLERANCE)
        else:
            one = replace(base, test="config", key=key, value=value)
        yield _ready(case, one, "inspect {subject}")
    for said in _words().said:
        match = re.search(getattr(said, text.language, "(?!)"), words)
        if match and not (grown and said.kind == "recipe-step"):
            test = said.test
            if denial := _denial(words, match, text.language):
                test = OPPOSITE.get(test, "none") if not re.search(_words().denied.sought, denial) else "none"
            if denial and test == "none":
                yield _ready(case, replace(base, kind=said.kind, test="none"), said.command)
                continue
            cost = 1 if said.test == "token-cost" else None
            # of one model alone a sentence does not say whether it is the subject
            both = models[:2] if "{candidate}" not in said.command or len(models) > 1 else ()
            named = replace(base, subject="".join(both[:1]), candidates=both[1:])
            one = replace(named, kind=said.kind, test=test, key=said.key, value=cost)
            yield _ready(case, one, said.command)


_CLAUSE = re.compile("[,，、;；:：。.!?！？]")


def _denial(words: str, match: re.Match[str], language: str) -> str:
    """What of the clause says that what it speaks of is not so, before the word, in Japanese behind it; "" where nothing does."""
    first = max((m.end() for m in _CLAUSE.finditer(words, 0, match.start())), default=0)
    last = next((m.start() for m in _CLAUSE.finditer(words, match.end())), len(words))
    side = words[match.end() : last] if language == "ja" else words[first : match.start()]
    return side if re.search(getattr(_words().denied, language, "(?!)"), side) else ""


def _figures(text: Text, index: int) -> Iterator[tuple[str, float]]:
    """(key, value) of the figures of a sentence that count something a configuration has; the first of each."""
    plain, given = text.segments[index].text, set[str]()
    for fact in text.facts[index]:
        for figure in _words().figure:
            if figure.key not in given and _counts(plain, fact, getattr(figure, text.language, "(?!)")):
                if fact.low != fact.high or fact.kind != "number" or (figure.key == "" and fact.low < SMALL):
                    continue
                if figure.where and (fact.low > MOST_TOKENS or not re.search(figure.where, plain)):
                    continue
                given.add(figure.key)
                yield figure.key, int(fact.low) if fact.low.is_integer() else fact.low
                break


def _counts(plain: str, fact: Fact, pattern: str) -> bool:
    """Whether the word stands behind the figure, or close before it with no other word of the sentence's end between."""
    behind = re.search(pattern, plain[max(0, fact.end - 1) : fact.end + NEAR])
    if behind:
        between = plain[fact.end : max(0, fact.end - 1) + behind.start()]
        return not re.search(r"\d|[,，、;；。.]", between)
    ahead = plain[max(0, fact.start - NEAR) : fact.start]
    words = [m.end() for m in re.finditer(pattern, ahead)]
    return bool(words) and not re.search(r"[\d,，、;；。.]", ahead[words[-1] :])


def _growth(figures: Mapping[str, float], words: str, language: str) -> str:
    """The size that a sentence leaves open: layers and parameters are said, and that the MLP or the vocabulary grew."""
    if not {"", "num_hidden_layers"} <= figures.keys():
        return ""
    return next((one.key for one in _words().grown if re.search(getattr(one, language, "(?!)"), words)), "")


def _models(case: CaseFile, words: str) -> tuple[str, ...]:
    """Ids of [models] that a sentence names, in the order of their places, whatever joins their parts."""
    plain = _squeezed(words)
    places = sorted((plain.find(_squeezed(name)), name) for name in case.models if _squeezed(name) in plain)
    return tuple(name for _, name in places)


def _squeezed(words: str) -> str:
    return re.sub(r"[\s_.-]+", "", narrow(words)).lower()


def _ready(case: CaseFile, claim: Claim, command: str) -> Proposal:
    """A proposal: tested as it is where its models are named, else by hand once they are. A shell takes its command as it is."""
    subject, candidate = (
        shlex.quote(name if elsewhere(place := case.models[name]) else place) if name else unnamed
        for name, unnamed in ((claim.subject, "SUBJECT"), ("".join(claim.candidates[:1]), "CANDIDATE"))
    )
    shown = command.format(subject=subject, candidate=candidate)
    pair = claim.test in ("derived", "related", "unrelated", "same-vocabulary", "growth")
    if claim.test == "none" or not claim.subject or (pair and not claim.candidates):
        return Proposal(replace(claim, test="none"), f"forebear {shown}", claim.test)
    ready = replace(claim, if_true="the files bear it out", if_false="the files show otherwise")
    return Proposal(ready, f"forebear {shown}", claim.test)


HEAD = """# Proposed by `forebear case claims`, from words and figures of the originals. Nothing here is decided.
# Move what you want into claims.toml; say how the witness knows (basis), name the models, and what would show it.
"""


def as_toml(proposals: Sequence[Proposal]) -> bytes:
    """claims.proposed.toml: each claim in the form of claims.toml, below the command that would show it."""
    parts = [HEAD]
    for one in proposals:
        name = one.claim.id
        parts.append(f"\n# {one.command.replace('--claims ID', f'--claims {name}')}\n")
        if not one.known:
            parts.append("# basis: the sentence does not say how its writer knows; hearsay is the weakest\n")
        if one.test != one.claim.test:
            parts.append(f'# test = "{one.test}" once its models are named and stand in [models] of case.toml\n')
        parts.append(written({"claim": [as_table(one.claim)]}).decode("utf-8"))
    return "".join(parts).encode("utf-8")

"""Name candidates of a text, for a person to rule on; and pseudonyms, the same in every output."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from forebear.casefile.bitext.bitext import Text
from forebear.casefile.checks.name_checks import romanised
from forebear.casefile.data import packaged_table
from forebear.casefile.facts.fact import narrow
from forebear.casefile.folder.model import CaseFile, Name

_GIVEN_STOP = frozenset(
    "的了是在有不这那我你他她它们个也就都而及与或到说要会能可以上下为之者所二三四五六七八九十年月日时把被给对从向很更最没还又再只"
)


@dataclass(frozen=True)
class Surnames:
    """data/surnames.toml."""

    clear: tuple[str, ...]
    common: tuple[str, ...]
    titles_after: tuple[str, ...]
    titles_before: tuple[str, ...]
    titles_english: tuple[str, ...]
    said: tuple[str, ...]
    words: tuple[str, ...] = ()


@cache
def titles() -> Surnames:
    """Surnames and titles, read strictly from data/surnames.toml."""
    return packaged_table(Surnames, "surnames.toml")


def name_candidates(texts: Iterable[Text]) -> list[str]:
    """Strings that may name a person, longest first within a text: too many rather than too few."""
    found: dict[str, None] = {}
    for text in texts:
        body = text.extract.text
        finder = _english if text.language == "en" else _wide
        found.update(dict.fromkeys(finder(body)))
    return list(found)


def _wide(body: str) -> list[str]:
    lists, plain = titles(), narrow(body)
    clear = "|".join(sorted(map(narrow, lists.clear), key=len, reverse=True))
    every = f"{clear}|{'|'.join(map(narrow, lists.common))}"
    after = "|".join(map(re.escape, map(narrow, lists.titles_after)))
    said = "|".join(map(re.escape, map(narrow, lists.said)))
    found = []
    for match in re.finditer(rf"(?:{every})[\u4e00-\u9fff]{{0,2}}?(?:{after})(?![程作具业人结体共计数])", plain):
        found.append(body[match.start() : match.end()])
    for match in re.finditer(
        rf"(?<![\u4e00-\u9fff])(?:{'|'.join(lists.titles_before)})(?:{every})(?=$|[^\u4e00-\u9fff]|{said})", plain
    ):
        found.append(body[match.start() : match.end()])
    everyday = tuple(narrow(w) for w in lists.words)
    speech = re.compile(said)
    counted: dict[str, list[int]] = {}
    for size in (2, 1):
        for match in re.finditer(rf"(?=((?:{every})[\u4e00-\u9fff]{{{size}}}))", plain):
            name = match.group(1)
            if not set(name[-size:]) & _GIVEN_STOP and not name.startswith(everyday):
                counted.setdefault(name, []).append(match.start())
    for name, places in counted.items():
        count = len(places)
        spoken = sum(bool(speech.match(plain, p + len(name))) for p in places)
        surname = re.match(clear, name)
        if (spoken and surname and (count > 1 or _alone(plain, places, name))) or (spoken > 1 and count > 1):
            found.append(body[places[0] : places[0] + len(name)])
    return _longest(found)


def _alone(plain: str, places: Sequence[int], name: str) -> bool:
    """A name that stands once is taken when nothing Han runs into it from the left, but for a few small words."""
    del name
    return any(
        not re.match(r"[\u4e00-\u9fff]", plain[p - 1 : p]) or plain[p - 1] in "叫给对由让请和与跟是向找把被问说"
        for p in places
    )


def _longest(found: Sequence[str]) -> list[str]:
    """Without what is only the beginning of a longer candidate that stands as often."""
    kept: list[str] = []
    for name in dict.fromkeys(found):
        if not any(other != name and other.startswith(name) and len(name) < 3 for other in found):
            kept.append(name)
    return kept


@cache
def _syllables() -> frozenset[str]:
    heads = {r.split()[0].lower() for s in titles().clear + titles().common for r in romanised(narrow(s) + "一")}
    return frozenset(heads)


def _english(body: str) -> list[str]:
    before = "|".join(titles().titles_english)
    found = [m.group(1) for m in re.finditer(rf"\b((?:{before})\.? [A-Z][a-z]+(?: [A-Z][a-z]+)?)", body)]
    for match in re.finditer(r"\b([A-Z][a-z]+) ([A-Z][a-z]+)\b", body):
        if {match.group(1).lower(), match.group(2).lower()} & _syllables():
            found.append(match.group())
    found += [m.group() for m in re.finditer(r"\b(?:Old|Little|Young) [A-Z][a-z]{1,5}\b", body)]
    return list(dict.fromkeys(found))


def with_candidates(case: CaseFile, texts: Iterable[Text]) -> CaseFile:
    """The case with every new name candidate added as undecided; rulings that exist are kept."""
    ruled = {narrow(n).lower() for name in case.name for n in (name.text, *name.also, *name.misspelt)}
    ruled |= {narrow(r).lower() for name in case.name for n in (name.text, *name.also) for r in romanised(narrow(n))}
    ruled |= {narrow(n).lower() for alias in case.alias if alias.kind != "person" for n in alias.names}
    new = [Name(text=n) for n in name_candidates(texts) if narrow(n).lower() not in ruled]
    return replace(case, name=(*case.name, *new)) if new else case


def undecided(case: CaseFile) -> list[str]:
    """Names nobody has ruled on."""
    return [n.text for n in case.name if n.ruling == "undecided"]


def with_pseudonyms(case: CaseFile) -> CaseFile:
    """The case with a pseudonym for every private name; one that was given is never changed."""
    taken = {n.pseudonym for n in case.name}
    names = []
    for name in case.name:
        if name.ruling == "private" and name.of and name.of in taken and not name.pseudonym:
            name = replace(name, pseudonym=name.of)
        elif name.ruling == "private" and not name.pseudonym:
            number = next(i for i in range(1, 100_000) if f"Person {i}" not in taken)
            name = replace(name, pseudonym=f"Person {number}")
            taken.add(name.pseudonym)
        names.append(name)
    return replace(case, name=tuple(names))

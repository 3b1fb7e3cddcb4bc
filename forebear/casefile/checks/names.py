"""Name candidates of a text, for a person to rule on; and pseudonyms, the same in every output."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any

from forebear.casefile.bitext.bitext import Text
from forebear.casefile.checks.facts import narrow
from forebear.casefile.checks.name_checks import can_sound, near_han, romanised
from forebear.casefile.folder.model import CaseFile, Name
from forebear.core.strict import read_table

_GIVEN_STOP = frozenset(
    "的了是在有不这那我你他她它们个也就都而及与或到说要会能可以上下为之者所二三四五六七八九十年月日时把被给对从向很更最没还又再只"
)


@dataclass(frozen=True)
class _Surnames:
    clear: tuple[str, ...]
    common: tuple[str, ...]
    titles_after: tuple[str, ...]
    titles_before: tuple[str, ...]
    titles_english: tuple[str, ...]
    said: tuple[str, ...]
    words: tuple[str, ...] = ()


@cache
def _lists() -> _Surnames:
    raw = resources.files("forebear.casefile.data").joinpath("surnames.toml").read_text("utf-8")
    return read_table(_Surnames, tomllib.loads(raw), "surnames.toml")


def name_candidates(texts: Iterable[Text]) -> list[str]:
    """Strings that may name a person, longest first within a text: too many rather than too few."""
    found: dict[str, None] = {}
    for text in texts:
        body = text.extract.text
        finder = _english if text.language == "en" else _wide
        found.update(dict.fromkeys(finder(body)))
    return list(found)


def _wide(body: str) -> list[str]:
    lists, plain = _lists(), narrow(body)
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
    counted: dict[str, int] = {}
    for size in (2, 1):
        for match in re.finditer(rf"(?=((?:{every})[\u4e00-\u9fff]{{{size}}}))", plain):
            name = match.group(1)
            if not set(name[-size:]) & _GIVEN_STOP and not name.startswith(everyday):
                counted[name] = counted.get(name, 0) + 1
    for name, count in counted.items():
        places = [m.start() for m in re.finditer(name, plain)]
        spoken = sum(bool(re.match(said, plain[p + len(name) :])) for p in places)
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
    heads = {r.split()[0].lower() for s in _lists().clear + _lists().common for r in romanised(narrow(s) + "一")}
    return frozenset(heads)


def _english(body: str) -> list[str]:
    titles = "|".join(_lists().titles_english)
    found = [m.group(1) for m in re.finditer(rf"\b((?:{titles})\.? [A-Z][a-z]+(?: [A-Z][a-z]+)?)", body)]
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
        if name.ruling == "private" and not name.pseudonym:
            number = next(i for i in range(1, 100_000) if f"Person {i}" not in taken)
            name = replace(name, pseudonym=f"Person {number}")
            taken.add(name.pseudonym)
        names.append(name)
    return replace(case, name=tuple(names))


def unspeakable(case: CaseFile, texts: Iterable[Text]) -> list[str]:
    """Private Han names whose Latin spelling neither the case gives nor this machine can work out, beside a Latin text."""
    if can_sound() or not any(t.language not in ("zh", "ja") for t in texts):
        return []
    private = [n for n in case.name if n.ruling == "private" and not n.text.isascii()]
    return [n.text for n in private if not any(a.isascii() for a in (*n.also, *n.misspelt))]


def mask_names(case: CaseFile, texts: Iterable[Text]) -> Callable[[Any], Any]:
    """A function that replaces every spelling of every private name in strings, lists and tables.

    Spellings: the name, its other spellings, its aliases, pinyin in both orders, other scripts' forms of its characters,
    and same-sound misspellings that stand in the texts.
    """
    spellings: dict[str, str] = {}
    bodies = [t.extract.text for t in texts]
    for name in case.name:
        if name.ruling != "private":
            continue
        forms = {name.text, *name.also, *name.misspelt}
        forms |= {n for alias in case.alias if forms & set(alias.names) for n in alias.names}
        forms |= {r for f in list(forms) for r in romanised(narrow(f))}
        forms |= {r.replace(" ", sep) for r in list(forms) if r.isascii() for sep in ("-", "_", "")}
        for form in list(forms):
            forms |= _misspelt(form, bodies)
        spellings.update({narrow(f).lower(): name.pseudonym for f in forms if f.strip()})
    if not spellings:
        return lambda value: value
    ordered = sorted(spellings, key=len, reverse=True)
    pattern = re.compile(
        "|".join(rf"(?<![a-z]){re.escape(s)}(?![a-z])" if s.isascii() else re.escape(s) for s in ordered)
    )
    return lambda value: _mask(value, pattern, spellings)


def _misspelt(form: str, bodies: Sequence[str]) -> set[str]:
    word = narrow(form)
    if not re.fullmatch(r"[\u4e00-\u9fff]{2,4}", word):
        return set()
    found = set()
    for body in bodies:
        plain, at = narrow(body), 0
        while (near := near_han(plain[at:], word)) is not None:
            if near[0] == "name/homophone":
                found.add(body[at + near[1] : at + near[2]])
            at += near[1] + 1
    return found


def _mask(value: Any, pattern: re.Pattern[str], spellings: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        plain = narrow(value).lower()
        if len(plain) != len(value):
            plain = value.lower() if len(value.lower()) == len(value) else value
        parts, at = [], 0
        for match in pattern.finditer(plain):
            parts += [value[at : match.start()], f"[{spellings[match.group()]}]"]
            at = match.end()
        return "".join([*parts, value[at:]])
    if isinstance(value, Mapping):
        return {_mask(k, pattern, spellings): _mask(v, pattern, spellings) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_mask(v, pattern, spellings) for v in value]
    return value

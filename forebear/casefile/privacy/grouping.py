"""Forms of names put together into people before anybody rules: by their parts, by their sound, and by linked sentences.

A place in linked sentences puts two people together only where their names are spelt alike: else words of one would be told of
the other. What a wrong group hides is the same or more, since every form is still looked for with all that is derived from it.
A form that may be of several people is of all of them, or stays apart.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from forebear.casefile.bitext.bitext import Text
from forebear.casefile.folder.model import CaseFile, Name
from forebear.casefile.naming.stock import JOINT, addresses, names, titles
from forebear.casefile.privacy.guard import Links
from forebear.casefile.privacy.people import CALLED, FULL, Forms, endings
from forebear.casefile.privacy.reading import is_han_run, plain, tight
from forebear.casefile.privacy.search import EITHER
from forebear.casefile.privacy.spelling import sounds_alike
from forebear.casefile.text.scripts import HAN, fold

LEAST_FULL = 3
"""Han characters from which a name without a title is a whole one; of two it is one unless a longer name ends in it."""
MOST_JOINT = 4
"""Most people whom one form is said to be of; a form of more stays apart."""
CLEAR = 2
"""How many times as often as with any other a person must stand across from another one to be the same."""
SOMEBODY = "Somebody"
"""Pseudonym of forms that no whole name makes, once everybody is hidden: whose they are is not known, so they get no number."""
MAX_ROUNDS = 8
"""Rounds of comparing linked sentences: each pair that is put together leaves others alone in their sentences."""
TABLES = ("literals", "alone", "latin", "capital", "heard")
_POINT = re.compile(r"[・･＝=·•]")


@dataclass(frozen=True)
class Shape:
    """What a form is made of: the part that names, in one spelling; whole: surname and given name both."""

    core: str
    script: str
    whole: bool
    parts: tuple[str, ...] = ()


def shape(text: str) -> Shape:
    """A form without its title; Latin words in one order."""
    bare = JOINT.sub("之", tight(text))
    if bare.isascii():
        return _latin_shape(text)
    core = next((bare[: -len(t)] for t in endings() if bare.endswith(t) and len(bare) > len(t)), bare)
    titled = core != bare
    if not titled and ((len(bare) == 2 and bare[0] in addresses().before) or (1 < len(bare) < 4 and bare[0] == CALLED)):
        core, titled = bare[1:], True
    if core.isascii():
        return replace(_latin_shape(core), whole=False)
    if is_han_run(core):
        pointed = bool(_POINT.search(text)) and not titled
        return Shape(core, "Han", len(core) >= LEAST_FULL or pointed)
    cut = tuple(tight(p) for p in _POINT.split(text) if tight(p))
    return Shape(core, "kana" if not re.search(f"[{HAN}]", core) else "Han", len(cut) > 1, cut)


def _latin_shape(text: str) -> Shape:
    drop = {*addresses().latin_before, *addresses().latin_after, *titles().en_before}
    shown = plain(text)
    if re.split("[-‐]", shown)[-1] in drop:  # Tanaka-san
        shown = re.sub("[-‐]", " ", shown)
    found = re.findall("[a-z]+", re.sub("(?<=[a-z])['’‐-](?=[a-z])", "", shown))
    left = [w for w in found if w not in drop] or found
    return Shape("".join(sorted(left)), "Latin", len(left) > 1 and all(len(w) > 1 for w in left), tuple(left))


@dataclass
class Person:
    """Entries of case.toml that are one person: their numbers, the pseudonym when there is one, every form they make."""

    entries: list[int] = field(default_factory=list)
    label: str = ""
    forms: Forms = field(default_factory=lambda: Forms(""))
    whole: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    into: Person | None = None
    """Whom it was put together with."""

    def found(self) -> Person:
        """The person that this one is now."""
        return self.into.found() if self.into else self

    def take(self, number: int, name: Name) -> None:
        """One more form."""
        self.entries.append(number)
        made = shape(name.text)
        if made.whole:
            self.whole[made.script].add(made.core)
        for text in (name.text, *name.also, *name.misspelt, *([made.core] if made.script != "Latin" else [])):
            self.forms.take(text, True)

    def join(self, other: Person) -> None:
        """Everything of another one, which is no person of its own then."""
        other.into = self
        self.entries += other.entries
        self.label = self.label or other.label
        for script, cores in other.whole.items():
            self.whole[script] |= cores
        for table in TABLES:
            mine = getattr(self.forms, table)
            mine.update({f: k for f, k in getattr(other.forms, table).items() if mine.get(f) != FULL})

    def differs(self, other: Person) -> bool:
        """Whether both have a whole name in one script, and none in common; or both a pseudonym."""
        return bool(self.label and other.label) or any(
            cores and other.whole.get(script) and not cores & other.whole[script]
            for script, cores in self.whole.items()
        )

    def has(self, made: Shape) -> bool:
        """Whether a form without a title is one that this person's names make."""
        f = self.forms
        if made.script == "Latin":
            found = {made.core, "".join(made.parts), " ".join(made.parts)}
            return any(w in f.latin or w in f.capital for w in found) or _initial(made, f)
        if made.core in f.literals or made.core in f.alone:
            return True
        whole = self.whole.get(made.script, ()) if len(made.core) > 1 else ()
        return any(w != made.core and (w.startswith(made.core) or w.endswith(made.core)) for w in whole)


def _initial(made: Shape, forms: Forms) -> bool:
    """Whether a Latin form is a word of a name beside initials of it."""
    long = [p for p in made.parts if len(p) > 1]
    return (
        len(long) == 1
        and len(made.parts) > 1
        and long[0] in forms.capital
        and all(any(word.startswith(p) for word in forms.capital) for p in made.parts if len(p) == 1)
    )


@dataclass(frozen=True)
class Groups:
    """People, and forms that may be of several of them (entry -> people)."""

    people: Sequence[Person]
    joint: Mapping[int, tuple[int, ...]]
    across: Sequence[tuple[int, int]] = ()
    """People who stand in each other's place in linked sentences, and whose names nothing says to be one."""


def grouped(case: CaseFile, texts: Mapping[str, Text], links: Links) -> Groups:
    """The people of a case: those who have a pseudonym, and the forms that wait for a ruling."""
    people = _labelled(case)
    waiting = [i for i, n in enumerate(case.name) if n.ruling == "undecided" and n.kind == "person" and not n.of]
    shapes = {i: shape(case.name[i].text) for i in waiting}
    long = [s.core for s in shapes.values() if s.script == "Han" and len(s.core) >= LEAST_FULL]
    tails = {core[k:] for core in long for k in (1, 2)}
    for i in waiting:
        made = shapes[i]
        if (
            made.script == "Han"
            and len(made.core) == 2
            and tight(case.name[i].text) == made.core
            and made.core not in tails
        ):
            shapes[i] = replace(made, whole=True)
        elif (
            made.whole
            and made.script == "Han"
            and made.core[:-1] in tails
            and fold(made.core[0]) not in names().surnames
        ):
            shapes[i] = replace(made, whole=False)  # somebody's given name with a word behind it
    for script in ("Han", "kana", "Latin"):
        for i in (i for i in waiting if shapes[i].whole and shapes[i].script == script):
            _place(people, i, case.name[i], shapes[i])
    short = [i for i in waiting if not shapes[i].whole]
    joint: dict[int, tuple[Person, ...]] = {}
    _linked(case, people, joint, texts, links)
    left: list[int] = []
    for i in short:
        own = [p for p in people if p.has(shapes[i])]
        if len(own) == 1:
            own[0].take(i, case.name[i])
        elif own and len(own) <= MOST_JOINT and _adds_nothing(case.name[i], own):
            joint[i] = tuple(own)
        else:
            left.append(i)
    _apart(case, people, left, shapes)
    _linked(case, people, joint, texts, links)
    stand = _clear(_votes(case, people, joint, texts, links))
    across = [(a, b) for a, b in stand if not _spelt_alike(case, people[a], people[b])]
    at = {id(p): k for k, p in enumerate(people)}
    said = {i: tuple(dict.fromkeys(at[id(p.found())] for p in own)) for i, own in joint.items()}
    for i in [i for i, own in said.items() if len(own) == 1]:
        people[said.pop(i)[0]].take(i, case.name[i])
    return Groups(people, said, across)


def _labelled(case: CaseFile) -> list[Person]:
    found: dict[str, Person] = {}
    for i, name in enumerate(case.name):
        numbered = name.pseudonym and EITHER not in name.pseudonym and name.pseudonym != SOMEBODY
        if name.ruling == "private" and name.kind == "person" and numbered:
            found.setdefault(name.pseudonym, Person(label=name.pseudonym)).take(i, name)
    return list(found.values())


def _place(people: list[Person], number: int, name: Name, made: Shape) -> None:
    """A whole name goes to the one person who has it, in whatever script; else it is somebody new."""
    same = [p for p in people if made.core in p.whole.get(made.script, ())]
    if not same:
        spelt = {"".join(made.parts), "".join(reversed(made.parts))} if made.script == "Latin" else {made.core}
        table = "latin" if made.script == "Latin" else "literals"
        same = [
            p for p in people
            if not p.whole.get(made.script) and any(getattr(p.forms, table).get(s) == FULL for s in spelt)
        ]  # fmt: skip
    if len(same) == 1:
        same[0].take(number, name)
    else:
        people.append(Person())
        people[-1].take(number, name)


def _apart(case: CaseFile, people: list[Person], left: Iterable[int], shapes: Mapping[int, Shape]) -> None:
    """Forms that no whole name makes, or too many: one person for each surname or given name."""
    by_core: dict[tuple[str, str], Person] = {}
    for i in left:
        key = shapes[i].script, shapes[i].core
        if key not in by_core:
            by_core[key] = Person()
            people.append(by_core[key])
        by_core[key].take(i, case.name[i])


def _adds_nothing(name: Name, own: Sequence[Person]) -> bool:
    """Whether hiding a form as it stands, and these people, hides all that is derived from the form."""
    made, plainly = Forms(""), Forms("")
    made.take(name.text, True)
    plainly.take(name.text, False)
    return all(
        form in getattr(plainly, table) or any(form in getattr(p.forms, table) for p in own)
        for table in TABLES for form in getattr(made, table)
    )  # fmt: skip


def _linked(
    case: CaseFile, people: list[Person], joint: Mapping[int, Sequence[Person]], texts: Mapping[str, Text], links: Links
) -> None:
    """Put together people who stand alone across from each other in linked sentences, until no more do."""
    for _ in range(MAX_ROUNDS):
        gone: set[int] = set()
        for a, b in _clear(_votes(case, people, joint, texts, links)):
            if not gone & {a, b} and not people[a].differs(people[b]) and _spelt_alike(case, people[a], people[b]):
                people[a].join(people[b])
                gone |= {a, b}
        people[:] = [p for p in people if p.into is None]
        if not gone:
            return


def _clear(votes: Mapping[tuple[int, int], int]) -> list[tuple[int, int]]:
    """Pairs that stand across from each other much more often than either does from anybody else, the most frequent first."""
    return [
        pair
        for pair, count in sorted(votes.items(), key=lambda v: (-v[1], v[0]))
        if count >= CLEAR * max((n for other, n in votes.items() if other != pair and {*pair} & {*other}), default=0)
    ]


def _spelt_alike(case: CaseFile, one: Person, two: Person) -> bool:
    """Whether some name of one person is spelt like one of the other: a form that it makes, or one that sounds like it."""
    mine, theirs = ([t for i in p.entries for t in (case.name[i].text, *case.name[i].also)] for p in (one, two))
    if any(two.has(shape(text)) for text in mine) or any(one.has(shape(text)) for text in theirs):
        return True
    return any(sounds_alike(a, b) for a in mine for b in theirs)


def _votes(
    case: CaseFile,
    people: Sequence[Person],
    joint: Mapping[int, Sequence[Person]],
    texts: Mapping[str, Text],
    links: Links,
) -> Counter[tuple[int, int]]:
    """How often two people are the only ones of a linked pair of sentences who have no counterpart in the other."""
    whose: dict[str, set[int]] = defaultdict(set)
    at = {id(p): k for k, p in enumerate(people)}
    for k, person in enumerate(people):
        for i in person.entries:
            for text in (case.name[i].text, *case.name[i].also):
                whose[_key(text)].add(k)
    for i, own in joint.items():
        whose[_key(case.name[i].text)] |= {at[id(p.found())] for p in own}
    find = _finder(whose)
    seen = {name: [[whose[m] for m in find(s.text)] for s in text.segments] for name, text in texts.items()}
    votes: Counter[tuple[int, int]] = Counter()
    for (left, right), pair in links.items():
        for link in pair:
            one, two = _unmatched(
                [m for i in link.left for m in seen[left][i]], [m for j in link.right for m in seen[right][j]]
            )
            if len(one) == len(two) == 1:
                a, b = next(iter(one)), next(iter(two))
                votes[min(a, b), max(a, b)] += 1
    return votes


def _unmatched(one: Sequence[set[int]], two: Sequence[set[int]]) -> tuple[set[int], set[int]]:
    """People of each side who are not on the other; a form of several people is left out when one of them is."""
    here, there = set().union(*one), set().union(*two)
    return (
        {p for m in one if not m & there for p in (m if len(m) == 1 else {*m, -1})},
        {p for m in two if not m & here for p in (m if len(m) == 1 else {*m, -1})},
    )


def _key(text: str) -> str:
    return " ".join(re.findall("[a-z]+", plain(text))) if tight(text).isascii() else tight(text)


def _finder(forms: Iterable[str]):  # type: ignore[no-untyped-def]
    """A function from a text to the keys of the forms that stand in it, the longest first."""
    listed = sorted(filter(None, forms), key=lambda f: (-len(f), f))
    wide = re.compile("|".join(map(re.escape, (f for f in listed if not f.isascii()))) or "(?!)")
    latin = re.compile(rf"(?<= )(?:{'|'.join(map(re.escape, (f for f in listed if f.isascii()))) or '(?!)'})(?= )")

    def find(text: str) -> Iterator[str]:
        yield from (m.group() for m in wide.finditer(tight(text)))
        yield from (m.group() for m in latin.finditer(f" {' '.join(re.findall('[a-z]+', plain(text)))} "))

    return find


def with_people(case: CaseFile, groups: Groups, wanted: Iterable[int] | None = None) -> CaseFile:
    """The case in which every waiting form of these people (all by default) is private under one pseudonym a person."""
    chosen = set(range(len(groups.people)) if wanted is None else wanted)
    taken = {n.pseudonym for n in case.name}
    entries, number = list(case.name), 1
    labels: dict[int, str] = {}
    for k in sorted(chosen, key=lambda k: min(groups.people[k].entries)):
        label = groups.people[k].label or ("" if groups.people[k].whole or wanted is not None else SOMEBODY)
        while not label or (label in taken and label not in (groups.people[k].label, SOMEBODY)):
            label, number = f"Person {number}", number + 1
        taken.add(label)
        labels[k] = label
        for i in groups.people[k].entries:
            if entries[i].ruling in ("undecided", "private") and not entries[i].pseudonym:
                entries[i] = replace(entries[i], ruling="private", pseudonym=label)
    for i, own in groups.joint.items():
        if chosen.issuperset(own) or wanted is None:
            label = EITHER.join(labels[k] for k in own)
            entries[i] = replace(entries[i], ruling="private", pseudonym=label, of=label)
    return replace(case, name=tuple(entries))


def listed(case: CaseFile, groups: Groups) -> list[dict[str, object]]:
    """People with forms that wait for a ruling, for the owner.

    person: the pseudonym, or "" of somebody who has none yet; names: forms of this person; shared: forms that others have too.
    """

    def waiting(entries: Iterable[int]) -> list[str]:
        return [case.name[i].text for i in entries if case.name[i].ruling == "undecided"]

    found: list[dict[str, object]] = []
    for k, person in enumerate(groups.people):
        shared = [i for i, own in groups.joint.items() if k in own]
        if waiting(person.entries):
            found.append({"person": person.label, "names": waiting(person.entries), "shared": waiting(shared)})
    return found


def across(case: CaseFile, groups: Groups) -> list[list[str]]:
    """For the owner: names of two people who stand in each other's place, and stay two since nothing says that they are one."""
    return [
        [case.name[groups.people[k].entries[0]].text for k in pair]
        for pair in groups.across
        if all(case.name[groups.people[k].entries[0]].kind == "person" for k in pair)
    ]

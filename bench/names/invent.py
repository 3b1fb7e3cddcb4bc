"""Makes a testimony in Chinese, Japanese and English about people that nobody is, and keeps its own list of their names.

Nothing of forebear is used here: the list of forms is the generator's own, so that it can judge what forebear proposes and hides.
"""

from __future__ import annotations

import random
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PEOPLE = 44
SENTENCES = 5
"""Mentions of each person, at the least."""
TONES = str.maketrans("aeiou", "áéǐǒù")


@dataclass(frozen=True)
class Form:
    """A way to write a name: the words as they stand, and the part of them that names (without a title)."""

    text: str
    core: str


@dataclass(frozen=True)
class Person:
    """Somebody invented: whether the surname is made up too, and every form by language (zh, ja, en)."""

    key: str
    absent: bool
    forms: dict[str, tuple[Form, ...]]


@dataclass
class Invented:
    """Three texts of one story, the people in it, the forms that each text uses, and words that name nobody."""

    people: list[Person]
    texts: dict[str, str] = field(default_factory=dict)
    used: dict[str, set[tuple[str, Form]]] = field(default_factory=dict)
    traps: dict[str, set[str]] = field(default_factory=dict)


def stock(name: str) -> dict[str, Any]:
    """A stock by its name ("seen", "held", "fresh", "last", ...)."""
    return tomllib.loads((HERE / f"{name}.toml").read_text("utf-8"))


def invent(stock: dict[str, Any], seed: int, people: int = PEOPLE) -> Invented:
    """A testimony with so many people, each of them named five times or more."""
    rng = random.Random(seed)
    made = Invented(_people(stock, rng, people))
    rows: list[tuple[str, str, str]] = []
    queue = [p for p in made.people for _ in range(stock.get("sentences", SENTENCES))]
    rng.shuffle(queue)
    for lang in ("zh", "ja", "en"):
        made.used[lang], made.traps[lang] = set(), set()
    while queue:
        one = queue.pop()
        two = rng.choice([p for p in made.people if p is not one])
        rows.append(_sentence(stock, rng, made, one, two, 11 + len(rows)))
        if rng.random() < 0.25:
            rows.append(_trap(stock, rng, made, 11 + len(rows)))
    texts: list[list[str]] = [[], [], []]
    while rows:
        size = rng.randint(1, 5)
        block, rows = rows[:size], rows[size:]
        for i, joint in enumerate(("", "", " ")):
            texts[i].append(joint.join(row[i] for row in block))
    made.texts = {lang: "\n\n".join(texts[i]) + "\n" for i, lang in enumerate(("zh", "ja", "en"))}
    return made


def _sentence(
    stock: dict[str, Any], rng: random.Random, made: Invented, one: Person, two: Person, number: int
) -> tuple[str, str, str]:
    lines = rng.choice(stock["pattern"])
    place = rng.choice(stock["places"])
    told = []
    for i, lang in enumerate(("zh", "ja", "en")):
        said = {}
        for slot, person in (("p", one), ("q", two)):
            form = rng.choice(person.forms[lang])
            said[slot] = form.text
            if f"{{{slot}}}" in lines[i]:
                made.used[lang].add((person.key, form))
        if "{place}" in lines[i]:
            made.traps[lang].add(place[i])
        told.append(_capital(lines[i].format(n=number, place=place[i], **said)))
    return told[0], told[1], told[2]


def _trap(stock: dict[str, Any], rng: random.Random, made: Invented, number: int) -> tuple[str, str, str]:
    trap = rng.choice(stock["trap"])
    for words, lang in zip(trap[3:], ("zh", "ja", "en"), strict=True):
        made.traps[lang].update(words)
    return tuple(line.format(n=number) for line in trap[:3])


def _capital(text: str) -> str:
    head = len(text) - len(text.lstrip())
    return text[:head] + text[head : head + 1].upper() + text[head + 1 :] if text[head : head + 1].isascii() else text


def _people(stock: dict[str, Any], rng: random.Random, count: int) -> list[Person]:
    """People of three origins; of those of each origin at least one in six has a surname that was made up."""
    found: dict[str, Person] = {}
    while len(found) < count:
        turn = len(found)
        absent = turn % 6 == 0
        person = (
            _western(stock, rng, absent)
            if turn % 8 == 7
            else _japanese(stock, rng, absent)
            if turn % 4 == 2
            else _chinese(stock, rng, absent)
        )
        found.setdefault(person.key, person)
    return list(found.values())


def _chinese(stock: dict[str, Any], rng: random.Random, absent: bool) -> Person:
    s = rng.choice(stock["chinese_absent" if absent else "chinese"])
    g = rng.sample(stock["given"], rng.choice([1, 2, 2, 2, 2]))
    zh, ja = "".join(x[0] for x in g), "".join(x[1] for x in g)
    sounds = [x[2] for x in g]
    given, surname, last = "".join(sounds).capitalize(), s[2].capitalize(), g[-1]
    forms_zh = [Form(s[0] + zh, s[0] + zh)] * 3
    forms_zh += [Form(s[0] + t, s[0]) for t in stock["after_zh"]]
    forms_zh += [Form(n.format(last[0]), n.format(last[0])) for n in stock["nick"]]
    if len(s[0]) == 1:
        forms_zh += [Form(t + s[0], t + s[0]) for t in stock["before_zh"]] * 2
    if len(g) > 1:
        forms_zh += [Form(zh, zh), Form(zh + stock["after_zh"][0], zh)]
    forms_zh += [Form(t.format(surname[0]), t.format(surname[0])) for t in stock.get("initial_zh", ())]
    forms_zh += [Form(t.format(surname), surname) for t in stock.get("mixed_zh", ())]
    forms_zh += _more(stock, "zh", s[0], zh, surname, given)
    kana = f"{s[3]}・{''.join(x[3] for x in g)}"
    forms_ja = [Form(s[1] + ja, s[1] + ja), Form(s[1] + ja + "さん", s[1] + ja), Form(kana, kana)]
    forms_ja += [Form(s[1] + t, s[1]) for t in stock["after_ja"]]
    forms_ja += [Form(s[3] + t, s[3]) for t in stock.get("kana_title_ja", ())]
    forms_ja += _more(stock, "ja", s[1], ja, surname, given)
    hyphen = "-".join(sounds).capitalize()
    forms_en = [Form(x, x) for x in (
        f"{surname} {given}", f"{given} {surname}", f"{surname} {given}", f"{surname.upper()} {given}",
        f"{surname}, {given}", f"{surname} {hyphen}",
        f"{surname.translate(TONES)} {given.translate(TONES)}", f"{given[0]}. {surname}")]  # fmt: skip
    forms_en += [Form(f"{t} {surname}", surname) for t in stock["before_en"]]
    points = ".".join(x[0].upper() for x in sounds)
    forms_en += [Form(x, x) for x in (t.format(g=points, s=surname) for t in stock.get("initial_en", ()))]
    if len(g) > 1:
        forms_en.append(Form(given, given))
    forms_en += _more(stock, "en", s[0], zh, surname, given)
    return Person(s[0] + zh, absent, {"zh": tuple(forms_zh), "ja": tuple(forms_ja), "en": tuple(forms_en)})


def _more(stock: dict[str, Any], lang: str, s: str, g: str, surname: str, given: str) -> list[Form]:
    """Forms of a stock's own: [text, core] with s, g and l (last character), S and G in Latin letters, small ones as t and u."""
    words = {
        "s": s,
        "g": g,
        "l": g[-1:],
        "S": surname,
        "G": given,
        "t": surname.lower(),
        "u": given.lower(),
        "i": given[0],
    }
    return [Form(text.format(**words), core.format(**words)) for text, core in stock.get(f"more_{lang}", ())]


def _japanese(stock: dict[str, Any], rng: random.Random, absent: bool) -> Person:
    s = rng.choice(stock["japanese_absent" if absent else "japanese"])
    g = rng.choice(stock["japanese_given"])
    surname, given = s[2].capitalize(), g[2].capitalize()
    forms_zh = [Form(s[1] + g[1], s[1] + g[1])] * 2 + [Form(s[1] + t, s[1]) for t in ("先生", *stock["after_zh"][:2])]
    forms_ja = [Form(s[0] + g[0], s[0] + g[0])] * 2 + [Form(s[0] + t, s[0]) for t in stock["after_ja"]]
    forms_ja += [
        Form(f"{s[3]}・{g[3]}", f"{s[3]}・{g[3]}"),
        Form(g[0] + "さん", g[0]),
        Form(f"{s[0]} {g[0]}", f"{s[0]} {g[0]}"),
    ]
    if not absent:
        forms_ja.append(Form(s[0], s[0]))
    forms_en = [Form(x, x) for x in (f"{surname} {given}", f"{given} {surname}", f"{surname.upper()} {given}", given)]
    forms_en += [Form(f"{t} {surname}", surname) for t in stock["before_en"]]
    forms_en.append(Form(f"{surname}-san", surname))
    forms_en += _more(stock, "en", s[0], g[0], surname, given)
    forms_ja += _more(stock, "ja", s[0], g[0], surname, given)
    return Person(s[0] + g[0], absent, {"zh": tuple(forms_zh), "ja": tuple(forms_ja), "en": tuple(forms_en)})


def _western(stock: dict[str, Any], rng: random.Random, absent: bool) -> Person:
    s, g = rng.choice(stock["western_absent" if absent else "western"]), rng.choice(stock["western_given"])
    forms_zh = [
        Form(f"{g[1]}·{s[1]}", f"{g[1]}·{s[1]}"),
        Form(f"{s[1]}{stock['after_zh'][0]}", s[1]),
        Form(f"{g[0]} {s[0]}", f"{g[0]} {s[0]}"),
    ]
    forms_ja = [Form(f"{g[2]}・{s[2]}", f"{g[2]}・{s[2]}"), Form(f"{s[2]}{stock['after_ja'][0]}", s[2])]
    forms_en = [
        Form(f"{g[0]} {s[0]}", f"{g[0]} {s[0]}"),
        Form(g[0], g[0]),
        Form(f"{g[0][0]}. {s[0]}", f"{g[0][0]}. {s[0]}"),
    ]
    forms_en += [Form(f"{t} {s[0]}", s[0]) for t in stock["before_en"][:3]]
    return Person(f"{g[0]} {s[0]}", absent, {"zh": tuple(forms_zh), "ja": tuple(forms_ja), "en": tuple(forms_en)})

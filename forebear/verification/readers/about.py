"""Which model a field of a card is about: by the headings, the items and the sentence it stands under."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from forebear.verification.claim import Standing
from forebear.verification.readers.phrases import is_of_this
from forebear.verification.readers.wording import words_table

_HEADING = re.compile(r"<h([1-6])[^>]{0,200}>", re.IGNORECASE)
_TAGS = re.compile(r"<[^<>]{0,200}>")
_BOLD = re.compile(r"(?:\*\*|__)[^*_|]{1,80}(?:\*\*|__)[:：]?")
_LINE = re.compile(r"=+|-{3,}")
_AFTER = re.compile(
    r"[:：]\W*$|\b(?:following|as follows|follows?(?=\W*$)|below|as such)\b|次の|以下|如下|下記|下表|下の表", re.IGNORECASE
)
"""A sentence that says what the fields after it are about."""
_NAME_LIKE = re.compile(r"(?<![\w.])(?=[\w.\-]*[A-Za-z])(?=[\w.\-]*\d)[\w.\-]{3,}")
_PLAINLY_NONE = re.compile(r"\d[\d.,]*[kKmMbBtT]?|bf16|fp?\d+|int\d+|float\d+|\d+-?(?:bit|layer|dimensional)s?|v\d+", re.IGNORECASE)
_NUMBERED = re.compile(r"^\W*(?:\d+(?:\.\d+)*[.)]?\s)?\W*")
"""The number of a heading, and pictures before it."""
_ATTENTION = re.compile(
    r"\b(?:attention|query|key|value|kv|q|k/v|n|num|number of)[-_ ]heads?\b|^\W*heads?\W*(?:\(\s*(?:q|query)\b[^()]{0,24}\))?\W*$"
    r"|\b(?:rope|rotary)\b[-\w ]{0,24}\bbase\b|\bbase (?:frequency|period)\b",
    re.IGNORECASE,
)
"""Heads of attention, where any other may be one that is put on a model; the base of a rotation, which is no model."""
_UNDER = 7
"""The level of headings that are none to Markdown: a bold line alone, the summary of a folded part."""


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """Words of another model's part; words of a part about something else; words of a part about the model of the card."""
    table = words_table().table("about")
    other, aside, own = (any_of([*table.texts(name), *table.texts(f"{name}_parts")]) for name in ("other", "aside", "own"))
    table.texts("filler")
    table.finish()
    return re.compile(other, re.IGNORECASE), re.compile(aside, re.IGNORECASE), re.compile(own, re.IGNORECASE)


def any_of(words: Sequence[str]) -> str:
    """Whole words of Latin letters, and parts of words of scripts that are written without spaces or with endings."""
    whole = [word for word in words if word.isascii()]
    parts = [word for word in words if not word.isascii()]
    return "|".join([*([rf"(?<![a-z0-9_])(?:{'|'.join(whole)})(?![a-z0-9_])"] if whole else []), *parts])


def names_another(text: str) -> bool:
    """Whether a heading, a label or a sentence seems to be about another model.

    >>> [names_another(one) for one in ("Teacher model", "教師モデル", "Model details")]
    [True, True, False]
    """
    return bool(_patterns()[0].search(_ATTENTION.sub(" ", text)))


def is_aside(text: str) -> bool:
    """Whether a heading seems to be about something else than what the model is: training, use, results.

    >>> [is_aside(one) for one in ("Hyperparameter", "Specification")]
    [True, False]
    """
    return bool(_patterns()[1].search(text))


def other_standing(text: str) -> Standing | None:
    """The standing of what stands below words that mean another model or another matter; None for words that mean neither.

    >>> [other_standing(one) for one in ("Teacher model", "Training", "Model details")]
    [<Standing.another: 5>, <Standing.aside: 3>, None]
    """
    if names_another(text):
        return Standing.another
    return Standing.aside if is_aside(text) else None


@cache
def _fillers() -> frozenset[str]:
    return frozenset(words_table().table("about").texts("filler"))


def is_own(heading: str) -> bool:
    """Whether a heading below the title says that its part is about the model; of any other it cannot be known.

    >>> [is_own(one) for one in ("Model details", "The small model", "Model A", "模型规格")]
    [True, False, False, True]
    """
    other, aside, own = _patterns()
    if other.search(heading) or aside.search(heading) or not own.search(heading):
        return False
    left = own.sub(" ", heading.lower())
    latin = [word for word in re.findall(r"[a-z0-9][\w.\-]*", left) if word.isascii()]
    return all(word in _fillers() for word in latin) and not re.search(r"\b[A-Z]$", heading)


def names_some_model(text: str) -> bool:
    """Whether a sentence holds a word that may be the name of a model: letters with digits, as in "gpt2" or "Llama-2-7B"."""
    return any(not _PLAINLY_NONE.fullmatch(word) for word in _NAME_LIKE.findall(text))


def _standing_of(heading: str, title: str = "") -> Standing:
    """What the fields below a heading are about, by its words and those of the card's title."""
    heading = _NUMBERED.sub("", heading)
    if is_own(heading):
        return Standing.own
    if title and is_own(re.sub(re.escape(title), " model ", heading, flags=re.IGNORECASE)):
        return Standing.named
    return other_standing(heading) or Standing.unsure


@dataclass
class About:
    """Reads a card line by line: what its last line is about. title: its heading; head: the last one."""

    _heads: list[tuple[int, Standing]] = field(default_factory=list)
    _items: list[tuple[int, Standing, str]] = field(default_factory=list)
    _titled: bool = False
    title: str = ""
    head: str = ""
    _part: int = 0
    _item: int = 0
    _paragraph: list[str] = field(default_factory=list)
    _lead: Standing = Standing.own
    _quoted: bool = False

    @property
    def standing(self) -> Standing:
        """Own where the title alone stands above, or headings of this model, and no item or sentence that names something else."""
        return max(self.above, self._lead)

    @property
    def above(self) -> Standing:
        """The same for a sentence, which no sentence before it tells what it is about."""
        over = [one[1] for one in self._heads] + [one[1] for one in self._items[:-1]]
        above = max(over, default=Standing.own)
        return max(above, Standing.unsure if self._quoted else Standing.own)

    @property
    def over(self) -> str:
        """What stands over a line: the item that it is below, else the heading."""
        return self._items[-2][2] if len(self._items) > 1 else self.head

    @property
    def part(self) -> str:
        """The part of the card that the last line stands in; the items below one item are a part of their own."""
        return f"{self._part}.{self._item}" if len(self._items) > 1 else str(self._part)

    def read(self, line: str, after: str = "") -> bool:
        """The next line, and the one after it; whether it is a heading."""
        text = line.strip()
        self._quoted = text.startswith(">")
        if "</details>" in text.lower():
            self._heads = [one for one in self._heads if one[0] < _UNDER]
        level = self._level(text, after)
        if level:
            self._head(level, _TAGS.sub(" ", text).strip("#*_ :："))
        elif text[:2] in ("- ", "* ", "+ "):
            self._end()
            depth = len(line.expandtabs(4)) - len(line.expandtabs(4).lstrip())
            self._items = [one for one in self._items if one[0] < depth]
            label = re.split("[:：]", text, maxsplit=1)[0].strip("-+* ")
            self._items.append((depth, _standing_of(label), label))
            self._item += depth == 0
        elif not text or text.startswith(("|", "<table", "<tr", "<ul", "<ol")) or " | " in text:
            self._end()
        elif not line[:1].isspace():
            self._items = []
            self._paragraph.append(text)
        return 0 < level < _UNDER

    def _level(self, text: str, after: str) -> int:
        """The level of a heading, 0 for a line that is none."""
        if text.startswith("#"):
            return len(text) - len(text.lstrip("#"))
        if found := _HEADING.match(text):
            return int(found[1])
        if _BOLD.fullmatch(text) or "<summary" in text.lower():
            return _UNDER
        under = bool(text) and not text.startswith(("|", "-", "*", "+")) and _LINE.fullmatch(after.strip())
        return (1 if after.strip()[0] == "=" else 2) if under else 0

    def _head(self, level: int, text: str) -> None:
        title = level == 1 and not self._titled
        self._titled = self._titled or title
        self.title, self.head = text if title else self.title, text
        self._heads = [one for one in self._heads if one[0] < level]
        self._heads.append((level, Standing.own if title else _standing_of(text, self.title)))
        self._items, self._paragraph, self._lead = [], [], Standing.own
        self._part += 1

    def _end(self) -> None:
        """A paragraph has ended: it tells of the fields after it, or stands for itself."""
        if self._paragraph:
            text = " ".join(self._paragraph)
            named = Standing.unsure if names_some_model(text) else Standing.own
            other = other_standing(text)
            if other is Standing.another and is_of_this(text):
                other = Standing.unsure  # "This repository holds the base model, with these features:"
            lead = (other or named) if _AFTER.search(text) else Standing.own
            self._part += lead is not self._lead
            self._lead = lead
        self._paragraph = []

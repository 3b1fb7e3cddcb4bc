"""Tables of a card, in Markdown or HTML, as rows of a label and a value; and whether a row is about the model of the card."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

from forebear.verification.claim import Standing
from forebear.verification.readers.about import is_aside, is_own, names_another
from forebear.verification.readers.keys import kind_of_key, words_of_key
from forebear.verification.readers.labels import claimed, labels
from forebear.verification.readers.wording import words_table

_LINK = re.compile(r"\[([^\]\n]{1,120})\]\([^)\n]{0,300}\)")
_MARKS = " \t*`>#"
_TAG = re.compile(r"<[^<>]{0,300}>")
_CELL = re.compile(r"<(t[hd])\b[^<>]{0,300}>(.*?)(?=<t[hd]\b|</t[hd]|</?tr\b|</table|\Z)", re.IGNORECASE | re.DOTALL)
_ROW = re.compile(r"<tr\b[^<>]{0,300}>(.*?)(?=<tr\b|</tr|</table|\Z)", re.IGNORECASE | re.DOTALL)
_NUMBER = re.compile(r"[~≈]?\s*\d")
_PICTURE = re.compile(r"<img\b[^<>]{0,300}?(?:math=([^\"'&<> ]{1,40})|alt=[\"']([^\"'<>]{1,60}))[^<>]{0,100}>", re.IGNORECASE)
_HUMPS = re.compile(r"[A-Za-z]+[a-z0-9][A-Z]\w*")
"""A key that is written without marks between its words ("numLayers")."""
_SHOWN = re.compile(r"\"([A-Za-z_]\w{1,60})\"\s*:\s*\"?([\w.+\-]{1,60})\"?,?")
"""A line of a configuration."""
_END = re.compile(r"</table", re.IGNORECASE)
MOST_MODELS = 12
"""Columns of a table of several models that are read."""
MOST_ROWS = 24
"""Rows of one."""
LONGEST_TABLE = 65_536
"""Characters of a table in HTML that are read."""


@dataclass(frozen=True)
class Row:
    """One field of a table. standing: how plainly it is about the model of the card; which: the model it is of, of several."""

    label: str
    value: str
    line: int
    standing: Standing
    which: str = ""


def _formula(text: str | re.Match[str]) -> str:
    """A label without the marks of a formula; of a picture, the formula or the words that stand for it.

    >>> _formula('<img src="https://x.org/math?math=n_{ctx}">'), _formula("$d_{model}$")
    ('n_ctx', 'd_model')
    """
    text = _PICTURE.sub(lambda found: found[1] or found[2] or " ", text if isinstance(text, str) else text[0])
    return re.sub(r"\\[()]|[${}]", "", text)


def label_of(text: str) -> str:
    """A label in small letters, without marks of Markdown around it; a key of code that is known, by its words.

    >>> label_of("**Layers**"), label_of("numLayers"), label_of("RoPE base")
    ('layers', 'num_layers', 'rope base')
    """
    word = _formula(text).strip().lstrip("-+* ").strip(_MARKS)
    if _HUMPS.fullmatch(word) and kind_of_key(word):
        return "_".join(words_of_key(word))
    word = word.lower().removesuffix("[optional]").strip(_MARKS)
    return " ".join(word.split())


def plain_of(value: str) -> str:
    """A value without Markdown's links, code marks and emphasis."""
    plain = _LINK.sub(r"\1", _PICTURE.sub(_formula, value)).replace("`", "").replace("**", "").strip(" *_")
    return plain.strip(" *_<>") if plain.startswith("<") and plain.endswith(">") else plain


@cache
def _value_heads() -> re.Pattern[str]:
    return re.compile("|".join(words_table().table("values").texts("heads")), re.IGNORECASE)


def fields_of(lines: Sequence[tuple[int, Sequence[str]]], head: Sequence[str], own: bool, title: str) -> Iterator[Row]:
    """The fields of a table: labels in the first column, or in the head above rows of values.

    lines: number of the line and cells of each row below the head. head: cells of the row above the rule, () without one.
    title: of the card; a column or row under it is the model's, and proposed; others are of one of several models.
    Where the head names something else, or a row without values does above others, what follows is not plainly the model's.
    """
    named = len(head) > 1 and bool(_value_heads().fullmatch(label_of(head[1])))
    stated = len(head) > 1 and bool(_NUMBER.match(head[1])) and label_of(head[0]) in labels()
    plainly = own and not any(names_another(cell) or is_aside(cell) for cell in head)
    plainly = plainly and (named or stated or len(head) < 2 or not label_of(head[1]))
    if head and not stated and not named and (len(lines) == 1 or _labels_above(lines, head)):
        yield from _below(lines, head, own, title)
        if len(lines) > 1:
            return
    part = True
    for number, cells in lines:
        if cells[0] and not any(cells[1:]) and (shown := _SHOWN.fullmatch(cells[0])):  # a file as a viewer shows it
            yield Row(shown[1], shown[2], number, Standing.unsure)
        elif cells[0] and not any(cells[1:]):
            part = is_own(cells[0])
        elif len(cells) == 3 and not named and _is_label(cells):
            yield Row(cells[1], cells[2], number, Standing.unsure)
        elif len(cells) == 2 or (len(cells) > 2 and (named or not _several(cells[1:]))):
            at = _value_at(head, len(cells))
            yield Row(cells[0], cells[at], number, Standing.own if plainly and part else Standing.unsure)
        else:
            for at, cell in enumerate(cells[1 : MOST_MODELS + 1], 1):
                name = head[at] if at < len(head) else ""
                yield Row(cells[0], cell, number, _standing_of(name, title), f"column {at}")


def _is_label(cells: Sequence[str]) -> bool:
    """Whether the second of three cells is the label of the third, below a first that spans several rows."""
    whole = not any(c.isdigit() for c in cells[0] + cells[1]) and any(c.isdigit() for c in cells[2])
    return whole and claimed(label_of(cells[0]), cells[2])[0] is None and claimed(label_of(cells[1]), cells[2])[0] is not None


_VALUES = (
    "value", "values", "setting", "值", "数值", "數值", "取值", "設定値", "値", "값", "설정값",
    "default", "defaults", "默认值", "預設值", "既定値", "デフォルト", "기본값",
)  # fmt: skip
"""Heads of a column that can hold nothing but values, where another says what a label means."""


def _value_at(head: Sequence[str], columns: int) -> int:
    """The column of values: the one that is called so, else the second."""
    return next((at for at, cell in enumerate(head[:columns]) if at and label_of(cell) in _VALUES), 1)


_NAMED = ("parent", "tokenizer", "licence", "activation", "dtype")
"""Kinds whose values are names; a head of a figure is known by that alone."""


def _is_field(head: Sequence[str], rows: Sequence[tuple[int, Sequence[str]]]) -> bool:
    """Whether a head of two cells is a field, as those of the rows below it are."""
    named = len(head) == 2 and claimed(label_of(head[0]), head[1])[0] in _NAMED
    if not named or _value_heads().fullmatch(label_of(head[1])):
        return False
    below = [cells for _, cells in rows if len(cells) == 2 and claimed(label_of(cells[0]), cells[1])[0]]
    return bool(below) and claimed(label_of(head[1]), below[0][1])[0] is None


def _labels_above(lines: Sequence[tuple[int, Sequence[str]]], head: Sequence[str]) -> bool:
    """Whether the head holds labels of sizes, so that each row is of a model of its own."""
    values = lines[0][1] if lines else ()
    known = [claimed(label_of(label), value)[0] for label, value in zip(head, values, strict=False)]
    return len(head) > 2 and sum(kind is not None for kind in known) > (known[:1] != [None])


def _below(lines: Sequence[tuple[int, Sequence[str]]], head: Sequence[str], own: bool, title: str) -> Iterator[Row]:
    """The fields of rows of values under a head of labels: of the model where there is one row, else of one of several each."""
    if len(lines) == 1:
        number, values = lines[0]
        first = claimed(label_of(head[0]), values[0])[1]  # else the first cell may name another model
        others = any(names_another(cell) or is_aside(cell) for cell in (*head, values[0]))
        standing = Standing.own if own and first and not others else Standing.unsure
        yield from (Row(label, value, number, standing) for label, value in zip(head, values, strict=False))
        return
    for at, (number, values) in enumerate(lines[:MOST_ROWS]):
        standing = _standing_of(values[0], title)
        yield from (Row(label, value, number, standing, f"row {at}") for label, value in zip(head, values, strict=False))


def _standing_of(name: str, title: str) -> Standing:
    """That of a column or row by the name that it has."""
    return Standing.named if title and _plain(name) and _plain(name) == _plain(title) else Standing.one_of_several


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name.lower())


def _several(values: Sequence[str]) -> bool:
    """Whether cells are values of several models: more than one holds a number."""
    return sum(any(c.isdigit() for c in value) for value in values) > 1


def _cells(line: str) -> list[str]:
    return [plain_of(cell) for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]


def _is_rule(cells: Sequence[str]) -> bool:
    return len(cells) > 1 and all(cell and not cell.strip("-: ") for cell in cells)


@dataclass
class Table:
    """Rows of a table in Markdown as they come, with or without bars around them."""

    own: bool = True
    _rows: list[tuple[int, list[str]]] = field(default_factory=list)

    def takes(self, line: str, after: str) -> bool:
        """Whether a line belongs to a table; the one after it may be its rule."""
        if line.lstrip().startswith("|"):
            return True
        return "|" in line and (bool(self._rows) or ("|" in after and _is_rule(_cells(after))))

    def add(self, line: str, number: int, own: bool) -> None:
        """The next row."""
        self.own = own
        self._rows.append((number, _cells(line)))

    def rows(self, title: str) -> Iterator[Row]:
        """The fields of the rows so far; the table ends here."""
        rows, self._rows = self._rows, []
        ruled = len(rows) > 1 and all(cell and not cell.strip("-: ") for cell in rows[1][1])
        head: Sequence[str] = rows[0][1] if ruled else ()
        alone = len(rows) == 2 and not _value_heads().fullmatch(label_of(head[1] if len(head) == 2 else ""))
        if len(head) == 2 and (_NUMBER.match(head[1]) or alone):
            yield Row(head[0], head[1], rows[0][0], Standing.own if self.own else Standing.unsure)
        elif _is_field(head, rows[2:]):  # a table without a head has its first field there
            yield Row(head[0], head[1], rows[0][0], Standing.unsure)
            head = ()
        yield from fields_of(rows[2 * ruled :], head, self.own, title)


@dataclass
class Tagged:
    """A table in HTML as its lines come."""

    _text: list[str] = field(default_factory=list)
    _line: int = 0
    _own: bool = True
    _size: int = 0

    @property
    def open(self) -> bool:
        """Whether a table has begun and not ended."""
        return bool(self._text)

    def takes(self, line: str, number: int, own: bool) -> bool:
        """Whether a line belongs to a table in HTML; what is longer than LONGEST_TABLE is let go."""
        if not self._text and "<table" not in line.lower():
            return False
        if not self._text:
            self._line, self._own = number, own
        self._size += len(line) + 1
        self._text.append(line if self._size <= LONGEST_TABLE else "")
        return True

    def rows(self, title: str, *, ended: bool = False) -> Iterator[Row]:
        """The fields of a table whose end was read; of one without an end, when the card has ended."""
        if not self._text or not (ended or _END.search(self._text[-1])):
            return
        text, self._text, self._size = "\n".join(self._text), [], 0
        head: list[str] = []
        body: list[tuple[int, list[str]]] = []
        for row in _ROW.finditer(text):
            found = [(tag.lower(), plain_of(html.unescape(_TAG.sub(" ", cell)))) for tag, cell in _CELL.findall(row[1])]
            cells = [" ".join(cell.split()) for _, cell in found]
            if cells and not body and not head and all(tag == "th" for tag, _ in found):
                head = cells
            elif cells:
                body.append((self._line + text.count("\n", 0, row.start()), cells))
        yield from fields_of(body, head, self._own, title)

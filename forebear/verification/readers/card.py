"""Claims of a model card: its YAML front matter, and fields written as "label: value" or a row of a table below it."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import Any

from forebear.core.errors import RefusedError
from forebear.core.messages import Message, message
from forebear.core.yaml_values import read_yaml, texts_of
from forebear.verification.claim import Claim, Source
from forebear.verification.readers.about import About
from forebear.verification.readers.wording import words_table

RELATIONS = ("finetune", "merge", "quantized", "adapter")
"""What the hub's card format lets `base_model_relation` say."""
_PARENTS = ("base_model", "base_models", "merged_from", "merged_models")
_LINK = re.compile(r"\[([^\]\n]{1,120})\]\([^)\n]{0,300}\)")
_MARKS = " \t*`>#"
_VALUE_MARKS = " \t*`#"
"""Around a value; a ">" there is no mark of Markdown but part of what is stated ("> 1B")."""
_VALUE_HEADS = ("value", "values", "setting", "this model", "ours", "值", "数值", "數值", "値")
LONGEST_LINE = 600
LONGEST_NAME = 5
"""Words of a parent's name; more are a sentence."""
_BRACKETS = re.compile(r"\([^()]{0,200}\)")
_UNKNOWN = ("unknown", "none", "n/a", "not known", "undisclosed")
_STORED = ("tensor type", "weights dtype", "weight dtype", "storage type", "stored as", "weight precision")
"""Labels that mean the type of the stored weights; any other of a type may mean that of training or loading: a proposal."""
_COUNTED = re.compile(r"\bparam|\d\s*(?:B|billion)\b", re.IGNORECASE)
"""In a field "size": a count of parameters, and no size in bytes; a proposal all the same."""
_BLANK = ("[more information needed]", "---", ":---", "---:", ":---:", "value", "-")


@cache
def labels() -> dict[str, str]:
    """What a label of a field claims, by the label in small letters."""
    return {word: kind for kind, words in words_table().lists("labels").items() for word in words}


@cache
def _loose() -> tuple[tuple[str, frozenset[str], frozenset[str]], ...]:
    """Kind, words one of which a label must hold, and words that it may hold besides."""
    table = words_table()
    must, may = table.lists("must"), table.lists("may")
    return tuple((kind, frozenset(must[kind]), frozenset(may[kind])) for kind in must)


def kind_of(label: str) -> str | None:
    """What a field with this label claims; None for a label that is not known."""
    if label in labels():
        return labels()[label]
    words = set(label.replace("-", " ").split())
    return next((kind for kind, must, may in _loose() if words & must and words <= must | may), None)


def parts_of(text: str) -> tuple[str, int, str]:
    """The front matter of a card without its lines of dashes, the line it begins on (from 1), and what follows it."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    if not text.startswith("---\n"):
        return "", 0, text
    head, mark, body = text[4:].partition("\n---")
    return (head, 2, body) if mark else ("", 0, text)


def claims_of_card(text: str, name: str) -> tuple[list[Claim], list[Message]]:
    """What a card claims in fields, and what could not be read of it."""
    head, first, body = parts_of(text)
    claims: list[Claim] = []
    limits: list[Message] = []
    if head:
        try:
            values, lines = read_yaml(head, name)
            claims += _front(values, {key: line + first - 1 for key, line in lines.items()}, name)
        except RefusedError as error:
            limits.append(message("unverified.front_matter", why=error.message()))
    return [*claims, *_fields(body, name, head.count("\n") + 3 if head else 1)], limits


def _front(values: Any, lines: dict[str, int], name: str) -> list[Claim]:
    if not isinstance(values, dict):
        return []

    def place(key: str) -> Source:
        return Source(name, key, lines.get(key, 0))

    relation = values.get("base_model_relation")
    relation = relation.strip().lower() if isinstance(relation, str) else ""
    parents = [(key, one) for key in _PARENTS for one in texts_of(values.get(key))]
    claims = [Claim("parent", one, place(key)) for key, one in parents]
    if relation:
        known = relation if relation in RELATIONS else "other"
        claims += [Claim(f"kind_{known}", one, place("base_model_relation"), about=relation) for _, one in parents]
    for key in ("license", "licence"):
        stated = texts_of(values.get(key))
        if stated[:1] == ["other"]:
            stated = texts_of(values.get("license_name")) or stated
        claims += [Claim("licence", one, place(key)) for one in stated]
    claims += [Claim("library", one, place("library_name")) for one in texts_of(values.get("library_name"))[:1]]
    claims += [
        Claim("tag", one, place("tags"))
        for one in texts_of(values.get("tags"))
        if one.lower() in ("gguf", "peft", "lora")
    ]
    return claims


def _fields(body: str, name: str, first: int) -> list[Claim]:
    """Fields below the front matter; text between fences is code and is left out."""
    claims: list[Claim] = []
    fenced, table, about = False, _Table(name), About()
    lines = body.split("\n")
    for number, (line, after) in enumerate(zip(lines, [*lines[1:], ""], strict=True), first):
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        if fenced or len(line) > LONGEST_LINE:
            continue
        about.read(line, after)
        if line.lstrip().startswith("|"):
            table.own = about.own
            table.rows.append((number, [_plain(cell) for cell in line.strip().strip("|").split("|")]))
            continue
        claims += table.claims()
        found = _field_of(line)
        if found is not None:
            aside = line.lstrip().startswith("<!--") or after.lstrip().startswith("(")
            claims += _own(_labelled(found[0], _plain(found[1]), Source(name, found[0], number)), about.own and not aside)
    return [*claims, *table.claims()]


def _labelled(label: str, value: str, source: Source) -> list[Claim]:
    """The claims of a field by its label; proposed where the label may mean something else, or says more in brackets."""
    kind = kind_of(label)
    plainly = kind is not None
    kind = kind or kind_of(" ".join(_BRACKETS.sub(" ", label).split()))
    if kind is None:
        return []
    return _own(_field(kind, value, source), plainly and kind != "size" and (kind != "dtype" or label in _STORED))


def _own(claims: list[Claim], own: bool) -> list[Claim]:
    """The same claims, proposed only where they may be about another model, or stand in a comment that no reader sees."""
    return claims if own else [replace(claim, decided=False) for claim in claims]


class _Table:
    """Rows of a table as they come: labels in the first column, or in the head above a single row of values."""

    def __init__(self, name: str) -> None:
        self.name, self.rows, self.own = name, list[tuple[int, list[str]]](), True

    def claims(self) -> list[Claim]:
        """What the rows so far claim; the table ends here."""
        rows, self.rows = self.rows, []
        ruled = len(rows) > 1 and _is_rule(rows[1][1])
        head, body = rows[: int(ruled)], rows[2 * ruled :]
        named = bool(head) and len(head[0][1]) > 1 and _label(head[0][1][1]) in _VALUE_HEADS
        found = [
            claim for number, cells in body if len(cells) == 2 or (len(cells) > 2 and (named or not _several(cells[1:])))
            for claim in self._one(cells[0], cells[1], number)
        ]  # fmt: skip
        for _, cells in head:
            if len(cells) == 2 and any(c.isdigit() for c in cells[1]):
                found += self._one(cells[0], cells[1], rows[0][0])
            if len(body) == 1:
                number, values = body[0]
                each = [c for label, value in zip(cells, values, strict=False) for c in self._one(label, value, number)]
                found += _own(each, kind_of(_label(cells[0])) is not None)  # else the first cell may name another model
        return _own(found, self.own)

    def _one(self, label: str, value: str, number: int) -> list[Claim]:
        word = _label(label)
        return _labelled(word, value.strip(_VALUE_MARKS), Source(self.name, word, number))


def _several(values: list[str]) -> bool:
    """Whether cells are values of several models: more than one holds a number."""
    return sum(any(c.isdigit() for c in value) for value in values) > 1


def _is_rule(cells: list[str]) -> bool:
    return all(cell and not cell.strip("-: ") for cell in cells)


def _label(text: str) -> str:
    """A label in small letters, without marks of Markdown around it."""
    word = text.strip().lstrip("-+* ").strip(_MARKS).lower().removesuffix("[optional]").strip(_MARKS)
    return " ".join(word.split())


def _field_of(line: str) -> tuple[str, str] | None:
    """Label and value of a line "- **Label:** value" or "label = value", commented out or not."""
    text = line.strip().removeprefix("<!--").removesuffix("-->").strip().replace("：", ":")
    label, mark, value = text.partition(":")
    if not mark:
        label, mark, value = text.partition(" = ")
    value = value.strip(_VALUE_MARKS)
    return (_label(label), value) if mark and value and len(label) <= 60 else None


def _field(kind: str, value: str, source: Source) -> list[Claim]:
    """The claims of one field; several parents with commas between are several claims."""
    if value.lower() in _BLANK or not value:
        return []
    if kind == "size":
        return [Claim("parameters", value, source)] if _COUNTED.search(value) else []
    if kind != "parent":
        return [] if value.lower() in _UNKNOWN else [Claim(kind, value, source)]
    if value.lower() in _UNKNOWN:
        return [Claim("no_parent", value, source)]
    plain = re.split(r" [—–-] |;", _BRACKETS.sub(" ", value))[0]
    names = [" ".join(one.split()).rstrip(".") for one in re.split(r",|\band\b|\+", plain)]
    return [Claim("parent", one, source) for one in names if one and len(one.split()) <= LONGEST_NAME]


def _plain(value: str) -> str:
    """A value without Markdown's links, code marks and emphasis."""
    plain = _LINK.sub(r"\1", value).replace("`", "").replace("**", "").strip(" *_")
    return plain.strip(" *_<>") if plain.startswith("<") and plain.endswith(">") else plain

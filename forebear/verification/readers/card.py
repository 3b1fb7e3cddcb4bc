"""Claims of a model card: its YAML front matter, and fields written as "label: value" or a row of a table below it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from forebear.core.errors import RefusedError
from forebear.core.messages import Message, message
from forebear.core.yaml_values import read_yaml, texts_of
from forebear.verification.claim import Claim, Source
from forebear.verification.readers.about import About
from forebear.verification.readers.labels import claimed
from forebear.verification.readers.tables import Row, Table, Tagged, label_of, plain_of

RELATIONS = ("finetune", "merge", "quantized", "adapter")
"""What the hub's card format lets `base_model_relation` say."""
_PARENTS = ("base_model", "base_models", "merged_from", "merged_models")
_MARKS_BETWEEN = (":", " = ", " — ", " – ", " → ", "\t")
"""What may stand between a label and its value, the usual one first."""
_TAGS = re.compile(r"</?(?:li|p|b|strong|em|i|span|code|br|div|dt|dd)\b[^<>]{0,200}>", re.IGNORECASE)
_BOLD = re.compile(r"[-+*\s]*\*\*([^*|]{1,60})\*\*[ \t|]+([^|\s][^|]{0,80})$")
"""A label in bold with its value after it."""
_VALUE_MARKS = " \t*`#"
"""Around a value; a ">" there is no mark of Markdown but part of what is stated ("> 1B")."""
LONGEST_LINE = 600
LONGEST_NAME = 5
"""Words of a parent's name; more are a sentence."""
_BRACKETS = re.compile(r"\([^()]{0,200}\)")
_UNKNOWN = ("unknown", "none", "n/a", "not known", "undisclosed")
_COUNTED = re.compile(
    r"\bparam|\d\s*(?:[KMBT]|thousand|million|billion|[万萬만億亿억])(?![a-z])|^\D{0,12}(?:\d{4,}$|\d{1,3}(?:,\d{3})+\b(?!\s*[a-z]*b))",
    re.IGNORECASE,
)
"""In a field "size": a count of parameters, and no size in bytes; a proposal all the same."""
_BLANK = ("[more information needed]", "---", ":---", "---:", ":---:", "value", "-")


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
    fenced, hidden, table, tagged, about = False, False, Table(), Tagged(), About()
    lines = body.split("\n")
    for number, (line, after) in enumerate(zip(lines, [*lines[1:], ""], strict=True), first):
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        if fenced or len(line) > LONGEST_LINE:
            continue
        about.read(line, after)
        unseen = hidden or "<!--" in line
        hidden = line.rfind("<!--") > line.rfind("-->") or (hidden and "-->" not in line)
        own = about.own and not unseen
        if tagged.takes(line, number, own):
            claims += _of_rows(tagged.rows(about.title), name)
            continue
        if table.takes(line, after):
            table.add(line, number, own)
            continue
        claims += _of_rows(table.rows(about.title), name)
        found = _field_of(line)
        if found is not None:
            own = own and not after.lstrip().startswith("(")
            claims += _labelled(found[0], plain_of(found[1]), Source(name, found[0], number), own)
    return [*claims, *_of_rows(table.rows(about.title), name), *_of_rows(tagged.rows(about.title, ended=True), name)]


def _of_rows(rows: Iterable[Row], name: str) -> list[Claim]:
    """The claims of rows of a table."""
    found: list[Claim] = []
    for row in rows:
        word = label_of(row.label)
        found += _labelled(word, row.value.strip(_VALUE_MARKS), Source(name, word, row.line), row.own)
    return found


def _labelled(label: str, value: str, source: Source, own: bool) -> list[Claim]:
    """The claims of a field by its label; proposed where it may be about another model or mean something else."""
    kind, plainly, value = claimed(label, value)
    return [] if kind is None else _own(_field(kind, value, source), own and plainly)


def _own(claims: list[Claim], own: bool) -> list[Claim]:
    """The same claims, proposed only where they may be about another model, or stand in a comment that no reader sees."""
    return claims if own else [replace(claim, decided=False) for claim in claims]


def _field_of(line: str) -> tuple[str, str] | None:
    """Label and value of a line "- **Label:** value" or "label = value", commented out or not."""
    text = line.strip().removeprefix("<!--").removesuffix("-->").strip().replace("：", ":")
    text = _TAGS.sub(" ", text).strip()
    for mark in _MARKS_BETWEEN:
        label, found, value = text.partition(mark)
        value = value.strip(_VALUE_MARKS)
        if found and value and len(label) <= 60:
            return label_of(label), value
    bold = _BOLD.match(text)
    return (label_of(bold[1]), bold[2].strip(_VALUE_MARKS)) if bold else None


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

"""A line of a card as a label and its value, and the claims of such a field."""

from __future__ import annotations

import re

from forebear.verification.claim import Claim, Source
from forebear.verification.readers.activations import activation_in
from forebear.verification.readers.keys import kind_of_key
from forebear.verification.readers.labels import kind_of
from forebear.verification.readers.tables import label_of

_MARKS_BETWEEN = (":", " = ", " — ", " – ", " → ", "\t")
"""What may stand between a label and its value, the usual one first."""
TAGS = re.compile(r"</?(?:li|p|b|strong|em|i|span|code|br|div|dt|dd)\b[^<>]{0,200}>", re.IGNORECASE)
_BOLD = re.compile(r"[-+*\s]*\*\*([^*|]{1,60})\*\*[ \t|]+([^|\s][^|]{0,80})$")
"""A label in bold with its value after it."""
VALUE_MARKS = " \t*`#"
"""Around a value; a ">" there is no mark of Markdown but part of what is stated ("> 1B")."""
LONGEST_NAME = 5
"""Words of a parent's name; more are a sentence."""
_BRACKETS = re.compile(r"\([^()]{0,200}\)")
_UNKNOWN = ("unknown", "none", "n/a", "not known", "undisclosed")
_COUNTED = re.compile(
    r"\bparam|\d\s*(?:[KMBT]|thousand|million|billion|[万萬만億亿억])(?![a-z])|^\D{0,12}(?:\d{4,}$|\d{1,3}(?:,\d{3})+\b(?!\s*[a-z]*b))",
    re.IGNORECASE,
)
"""In a field "size": a count of parameters, and no size in bytes; a proposal all the same."""
_SAMPLES = re.compile(r"\d[\d,.]* ?[KM]? (?:training|evaluation|test) samples\b", re.IGNORECASE)
"""A size of a data set, as the card template of sentence-transformers states it."""
_BLANK = ("[more information needed]", "---", ":---", "---:", ":---:", "value", "-")


_PARAMETER = re.compile(r"^[:@\\]param(?:eter)?\s+(?:int\s+)?(?=\w+\s?:?\s)")
"""How comments on a function begin that say what one of its arguments is."""


def field_of(line: str) -> tuple[str, str] | None:
    """Label and value of a line "- **Label:** value" or "label = value", commented out or not."""
    text = line.strip().removeprefix("<!--").removesuffix("-->").strip().replace("：", ":")
    text = _PARAMETER.sub("", TAGS.sub(" ", text).strip())
    for mark in _MARKS_BETWEEN:
        label, found, value = text.partition(mark)
        value = value.strip(VALUE_MARKS)
        if found and value and len(label) <= 60 and not value.startswith("//"):
            return label_of(label), value
    bold = _BOLD.match(text)
    return (label_of(bold[1]), bold[2].strip(VALUE_MARKS)) if bold else None


_COPIED = re.compile(r"([A-Za-z#][\w{}$\\() .#\-]{1,40}?)\s+([~≈]?\d[\d,.]*\s?[kKmMbB]?)")
"""A key and its figure on a line with nothing else, as a table is copied."""


def copied_field(line: str) -> tuple[str, str] | None:
    """Label and value of a row of a table that was copied without its bars; None for any other line.

    >>> copied_field("n_{layers} 4"), copied_field("Layers of thought 4"), copied_field("4 layers")
    (('n_layers', '4'), None, None)
    """
    found = _COPIED.fullmatch(line.strip())
    label = label_of(found[1]) if found else ""
    return (label, found[2]) if found and (kind_of(label) or kind_of_key("_".join(label.split()))) else None


def claims_of_field(kind: str, value: str, source: Source) -> list[Claim]:
    """The claims of one field; several parents with commas between are several claims."""
    if value.lower() in _BLANK or not value:
        return []
    if kind == "activation" and not activation_in(value):
        return []
    if kind == "size":
        counted = _COUNTED.search(value) and not _SAMPLES.search(value)
        return [Claim("parameters", value, source)] if counted else []
    if kind != "parent":
        return [] if value.lower() in _UNKNOWN else [Claim(kind, value, source)]
    if value.lower() in _UNKNOWN:
        return [Claim("no_parent", value, source)]
    plain = re.split(r" [—–-] |;", _BRACKETS.sub(" ", value))[0]
    names = [" ".join(one.split()).rstrip(".") for one in re.split(r",|\band\b|\+", plain)]
    return [Claim("parent", one, source) for one in names if one and len(one.split()) <= LONGEST_NAME]

"""Text as a reader takes it: one form a character, and markup, escapes and encodings undone."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import unicodedata
from typing import Any
from urllib.parse import unquote

from forebear.casefile.text.scripts import HAN, KANA, fold
from forebear.core.errors import refusal
from forebear.core.messages import message

BARRIER = "\x1e"
"""Stands between pieces of text that no reader reads as one: cells, strings of a document, blocks of a page."""
BLOCK = "█"
"""What a report has in place of a word that it withholds: nobody reads on over it."""
MAX_VIEWS = 12
_BLOCKS = "p|div|td|th|tr|li|ul|ol|dl|dt|dd|h[1-6]|section|table|nav|title|tuv|tu|header|body"
_BLOCK_TAG = re.compile(rf"</?(?:{_BLOCKS})\b[^<>]{{0,4000}}>", re.I)
_TAG = re.compile(r"<!--|-->|<[!/?A-Za-z][^<>]{0,4000}>")
_VALUE = re.compile(r"=\"([^\"<>]{1,4000})\"")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|([nrt\"\\/]))")
VOICED = "\u3099\u309a"
"""Marks that make another sound of a kana: kept apart behind it, however it was written."""
_SEPARATOR = re.compile(rf"(?:[^\w{BARRIER}{VOICED}]|_)+")


_ALIKE = str.maketrans(
    "авекмнорстухіјѕԁһӏ" "αβεικνορτυχ" "АВЕЅІЈКМНОРСТХУԌ" "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "abekmhopctyxijsdhl" "abeiknoptyx" "ABESIJKMHOPCTXYG" "ABEZHIKMNOPTYX",
)
"""Cyrillic and Greek letters that look like Latin ones (Unicode Technical Standard 39, confusables)."""
_MASKS = dict.fromkeys(map(ord, "×✕╳○◯●"), "某")
"""Signs that stand for what is left out of a name (郗××), read as the word that does."""


class _Normal(dict[int, str]):
    """Character -> what it is read as: compatibility forms and marks undone, one Han form, invisible characters gone."""

    def __missing__(self, code: int) -> str:
        character = BARRIER if chr(code) == BLOCK else chr(code).translate(_ALIKE).translate(_MASKS)
        if character != BARRIER and unicodedata.category(character) in ("Cf", "Cc", "Cs") and not character.isspace():
            made = ""
        else:
            parts = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", character))
            made = fold("".join(p for p in parts if p in VOICED or not unicodedata.category(p).startswith("M")))
        self[code] = made
        return made


_NORMAL = _Normal()


def cased(text: str) -> str:
    """A text in normal characters, capitals kept."""
    return text if text.isascii() and text.isprintable() else text.translate(_NORMAL)


def plain(text: str) -> str:
    """The same in small letters."""
    return cased(text).lower()


def tight(text: str) -> str:
    """The same without anything but letters, digits and barriers."""
    return _SEPARATOR.sub("", plain(text))


def origins(text: str) -> list[int]:
    """For every character of `cased(text)` (and of `plain(text)`) its index in `text`."""
    if text.isascii() and text.isprintable():
        return list(range(len(text)))
    return [i for i, character in enumerate(text) for _ in _NORMAL[ord(character)]]


def tight_origins(text: str) -> list[int]:
    """For every character of `tight(text)` its index in `text`."""
    at = origins(text)
    gone = [False] * len(at)
    for match in _SEPARATOR.finditer(plain(text)):
        gone[match.start() : match.end()] = [True] * (match.end() - match.start())
    return [i for i, left_out in zip(at, gone, strict=True) if not left_out]


def is_han_run(text: str) -> bool:
    """Whether a text is Han characters only."""
    return bool(re.fullmatch(f"[{HAN}]+", text))


def is_kana_run(text: str) -> bool:
    """Whether a text is kana only."""
    return bool(re.fullmatch(f"[{KANA}]+", text))


def readings(name: str, data: bytes) -> list[str]:
    """What a reader may find in a file: its strings or cells or words, with tags, entities and escapes undone as well.

    Raises: RefusedError when it is no text, so that nobody can say what stands in it.
    """
    views = [_structured(name, _decoded(name, data))]
    for view in views:
        blocks = _BLOCK_TAG.sub(BARRIER, view)
        for made in (
            _TAG.sub("", blocks),
            _TAG.sub(" ", blocks),
            html.unescape(view),
            _unescaped(view),
            _unquoted(view),
        ):
            if made not in views and len(views) < MAX_VIEWS:
                views.append(made)
    return views


def pieces(name: str, data: bytes) -> set[str]:
    """What a reader reads as one: lines of text, cells, strings of a document, blocks of a page, values of its tags.

    Raises: RefusedError as `readings` does.
    """
    view = _structured(name, _decoded(name, data))
    blocks = _TAG.sub("", _BLOCK_TAG.sub(BARRIER, view))
    found = [html.unescape(part) for part in (*_VALUE.findall(view), *re.split(f"[{BARRIER}\n\r]", blocks))]
    return {piece for part in found for piece in part.splitlines() if piece.strip()}


def _decoded(name: str, data: bytes) -> str:
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding).replace(BARRIER, "")
    except UnicodeDecodeError:
        raise refusal(message("case_refused.no_text_names"), where=name, todo=message("case_advice.take_out")) from None


def _structured(name: str, text: str) -> str:
    """Strings of JSON, cells of CSV, with barriers between; any other text as it is."""
    if re.search(r"\bcsv\b", name.lower()):  # a file.csv, or the csv report
        csv.field_size_limit(2**31 - 1)
        return BARRIER.join(cell for row in csv.reader(io.StringIO(text)) for cell in row)
    try:
        found: list[str] = []
        value = json.loads(text, object_pairs_hook=lambda pairs: [item for pair in pairs for item in pair])
    except (ValueError, RecursionError):
        return text
    _strings(value, found)
    return BARRIER.join(found)


def _strings(value: Any, found: list[str]) -> None:
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, list):
            stack.extend(item)


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    made = _ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else " " if m[2] in "nrt" else m[2], text)
    return made.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _unquoted(text: str) -> str:
    return unquote(text, errors="ignore") if "%" in text else text

"""What the label of a field claims: exactly, by all of its words, or by one of them, which is a proposal alone."""

from __future__ import annotations

import re
from functools import cache

from forebear.verification.readers.about import any_of, is_aside, names_another
from forebear.verification.readers.grammar import BLOCKS, MADE, PER, nouns_of, words_of_nouns
from forebear.verification.readers.keys import kind_of_key
from forebear.verification.readers.tokenizers import is_of_tokenizers, names_a_tokenizer
from forebear.verification.readers.wording import words_table

_BRACKETS = re.compile(r"[(（\[][^()（）\[\]]{0,200}[)）\]]")
_UNITS = "k|m|b|t|thousands?|millions?|billions?|万|萬|億|亿|만|억|百万|백만"
_UNIT = re.compile(rf"[(（\[]\s*(?:in )?({_UNITS})\s*[)）\]]", re.IGNORECASE)
_DATA_TYPE = re.compile(r"data ?types?|[数數][据據][类類]型|資料[型類][別型]|データ型|데이터 ?(?:타입|형식|유형|형)", re.IGNORECASE)
"""Words for number types that hold the word for data, which is another matter."""
_SAME = {"hidden": "width"}
"""Words that mean a width where the label has none of layers."""
_DIGIT = re.compile(r"\d")
_TYPE = re.compile(r"[^\w]*(?:torch\.)?(?:b?float|bf?(?:p)?\d|fp?\d|half|single|double|int\d)", re.IGNORECASE)
"""How a number type begins; any other value that holds a digit may be a size."""
_TYPE_ALONE = re.compile(r"(?:torch\.)?(?:b?float\d*|bf?p?\d+|fp?\d+|half|single|double|int\d+)", re.IGNORECASE)
"""A value that can be nothing but a number type, whatever its label is called."""
_HEADS = re.compile(r"\b(?:attention|query|key|value|kv)?[- ]?heads?\b", re.IGNORECASE)
"""Heads of attention, where a head alone may be a classifier's."""
_BARE_SIZES = (
    "size", "number", "count", "length", "크기", "수", "길이", "大小", "数量", "數量", "长度", "長度", "サイズ", "数", "長さ",
)  # fmt: skip
_BARE_NAMES = (
    "name", "base", "based on", "source", "origin", "from", "type", "model", "used", "기반", "이름", "종류", "모델", "출처",
    "名称", "名稱", "来源", "來源", "基于", "基於", "基础", "類型", "类型", "名前", "名", "ベース", "元", "種類",
)  # fmt: skip
"""Labels that say whose a tokenizer is, below a heading or an item on the tokenizer."""
_PLAIN_NUMBER = re.compile(r"[~≈]?\s*\d[\d.,]*")
_STORED = ("tensor type", "weights dtype", "weight dtype", "storage type", "stored as", "weight precision")
"""Labels that mean the type of the stored weights; any other of a type may mean that of training or loading: a proposal."""
MOST_OF_KEY = 4
"""Words of a label that is read like a key of code."""
MOST_WORDS = 10
"""Words of a label that is known by one of them; more are a sentence."""


@cache
def labels() -> dict[str, str]:
    """What a label of a field claims, by the label in small letters."""
    return {word: kind for kind, words in words_table().lists("labels").items() for word in words}


@cache
def _in_code() -> dict[str, str]:
    """The same for keys that mean this in code alone."""
    return {word: kind for kind, words in words_of_nouns()["code"].items() for word in words}


@cache
def _whole() -> tuple[tuple[str, frozenset[str], frozenset[str]], ...]:
    """Kind, words one of which a label must hold, and words that it may hold besides."""
    table = words_table()
    must, may = table.lists("must"), table.lists("may")
    return tuple((kind, frozenset(must[kind]), frozenset(may[kind])) for kind in must)


@cache
def _near() -> tuple[re.Pattern[str], tuple[tuple[str, re.Pattern[str]], ...]]:
    """Words that a label must not hold, and for each kind those one of which it holds."""
    found = {kind: re.compile(any_of(words), re.IGNORECASE) for kind, words in words_table().lists("near").items()}
    return found.pop("never"), tuple((_SAME.get(kind, kind), words) for kind, words in found.items())


def kind_of(label: str) -> str | None:
    """What a field with this label plainly claims; None for a label that is not known."""
    if label in labels():
        return labels()[label]
    words = set(label.replace("-", " ").split())
    return next((kind for kind, must, may in _whole() if words & must and words <= must | may), None)


def kind_in_code(label: str) -> str | None:
    """What a key in code claims: one that is listed, or the one noun of how blocks are made."""
    last = label.rpartition(".")[2].replace("-", "_")
    nouns = nouns_of(last) or nouns_of(last.replace("_", " "))
    known = _in_code().get(last) or kind_of(last) or _of_blocks(label, "0")
    return known or (nouns[0] if len(nouns) == 1 and " " not in label else None)


def size_below(label: str, over: str) -> str | None:
    """What a size without a noun is of, by the item or heading over it: "Vocabulary", and below it "Size: 8,002".

    >>> size_below("size", "Vocabulary"), size_below("size", "Results"), size_below("based on", "Tokenizer")
    ('vocabulary', None, 'tokenizer')
    """
    if label in _BARE_NAMES and is_of_tokenizers(over):
        return "tokenizer"
    nouns = nouns_of(over) if label in _BARE_SIZES else []
    return nouns[0] if len(nouns) == 1 and nouns[0] in ("vocabulary", "context", "mlp_width") else None


def claimed(label: str, value: str) -> tuple[str | None, bool, str]:
    """What a field claims, whether plainly, and its value with the unit of the label.

    >>> claimed("hidden size", "64"), claimed("size of hidden state vectors", "64")
    (('width', True, '64'), ('width', False, '64'))
    >>> claimed("params (m)", "0.13"), claimed("# of transformer block layers", "4")
    (('parameters', False, '0.13 m'), ('layers', False, '4'))
    """
    kind = kind_of(label)
    if kind == "vocabulary" and not _PLAIN_NUMBER.match(value) and names_a_tokenizer(_BRACKETS.sub(" ", value)):
        return "tokenizer", False, _BRACKETS.sub(" ", value).strip()
    if kind is not None:
        return kind, kind != "size" and (kind != "dtype" or label in _STORED), value
    unit = _UNIT.search(label)
    if unit is not None and _PLAIN_NUMBER.fullmatch(value.strip()):
        value = f"{value.strip()} {unit[1].rstrip('s') if unit[1].isascii() else unit[1]}"
    bare = " ".join(_BRACKETS.sub(" ", label).split())
    key = kind_of_key(bare.replace(" ", "_")) if len(bare.split()) <= MOST_OF_KEY else None
    if key in ("activation", "dtype") or not (_DIGIT.search(value) and not _TYPE.match(value)):
        key = key if key in ("activation", "dtype") else None
    return kind_of(bare) or key or _of_blocks(label, value) or _proposed(label, value), False, value


def _of_blocks(label: str, value: str) -> str | None:
    """What the one noun of a label says of how blocks are made: heads, the width of an MLP, a length of context."""
    if len(label.split()) > MOST_WORDS or names_another(_HEADS.sub(" ", label)) or is_aside(label) or not _DIGIT.search(value):
        return None
    label = PER.sub(" ", label)
    nouns = nouns_of(label) or nouns_of(label.replace("_", " "))  # "d_head" is a noun of its own, and no number of heads
    return nouns[0] if len(nouns) == 1 and nouns[0] in (*BLOCKS, *MADE) else None


def _proposed(label: str, value: str) -> str | None:
    """The kind that one word of a label may mean, where no other word says that it is about something else."""
    never, kinds = _near()
    plain = " ".join(_DATA_TYPE.sub(" dtype ", re.sub(r"[^\w\s]|_", " ", label)).split())
    if len(plain.split()) > MOST_WORDS or never.search(plain) or names_another(plain):
        return None
    found = [kind for kind, words in kinds if words.search(plain)]
    if _TYPE.match(value):
        alone = _TYPE_ALONE.fullmatch(value.strip()) is not None and not is_aside(plain)
        return "dtype" if (found or alone) and "tokenizer" not in found else None
    figure, name = _DIGIT.search(_TYPE_ALONE.sub(" ", value)) is not None, names_a_tokenizer(value)
    found = [kind for kind in found if kind != "dtype" and (name if kind == "tokenizer" else figure)]
    return found[0] if found else None

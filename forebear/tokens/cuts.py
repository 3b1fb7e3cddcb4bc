"""The same tokens, another way of cutting text: normaliser, pre-tokeniser and merges of two vocabularies set side by side.

What the files state is compared as data; what they do is compared by encoding short texts with both. No expression of a file
is compiled; where a step is unknown the texts are not compared, and why is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from forebear.core.messages import Message, message
from forebear.tokens import sample
from forebear.tokens.encoders import CannotEncodeError, Encoder, encoder_of
from forebear.tokens.profile import SAMPLE, splits
from forebear.tokens.vocabulary import Vocabulary

SHOWN = 4
"""Examples listed of text that is cut differently, the shortest first."""
LONGEST_WORD = 60
LONGEST_PATTERN = 160
PIECE = 65_536
"""Merges laid out at a time."""
_EXTRA = ("1234567890", "12345.678", "a  b", "a    b", " leading", "trailing ", "don't", "I'M", "x\n\n\ty", "  \n", "Ａｂｃ",
          "e\u0301", "\u00e9", "naïve", "foo_bar", "HelloWorld", "(x)=>", "ﬁ", "½", "👍🏽", "a\tb")  # fmt: skip
"""Short texts on which pre-tokenisers and normalisers in use differ."""


def probes() -> Iterator[str]:
    """Short texts in 24 languages, of digits, spaces, code and signs."""
    yield from _EXTRA
    yield from SAMPLE.splitlines()
    for passage in sample.domains():
        yield from passage.blocks
    for passage in sample.languages():
        yield passage.blocks[0]


def cut_contrast(
    subject: Vocabulary, candidate: Vocabulary, names: Sequence[str], *, same_tokens: bool
) -> dict[str, Any]:
    """How two vocabularies read in full turn text into tokens, set against each other.

    same_tokens: both have the same tokens, so that texts cut into other tokens show another way of cutting.
    normalizer, pre_tokenizer, merges: "same", "different" or "unknown" (a side does not state it), with what each states.
    texts, differ, examples: texts encoded with both, those that become other tokens, the shortest of them; None with a reason
             in `why` where they could not be compared or the tokens are not the same.
    """
    stated = {
        "normalizer": _stated(subject, candidate, "normalizer"),
        "pre_tokenizer": _stated(subject, candidate, "pre_tokenizer"),
        "merges": _merges(subject, candidate),
    }
    empty: dict[str, Any] = {"texts": None, "differ": None, "examples": [], "why": None}
    if not same_tokens:
        return stated | empty
    try:
        encoders = [(name, encoder_of(one)) for name, one in zip(names, (subject, candidate), strict=True)]
        return stated | empty | _texts(encoders)
    except CannotEncodeError as error:
        return stated | empty | {"why": error.said or error.what}


def cut_words(found: dict[str, Any], name: str) -> list[Message]:
    """Whether text is cut alike, and what differs, in a sentence or two; nothing where nothing was compared."""
    parts = [message(f"lineage.step_{key}") for key in ("normalizer", "pre_tokenizer", "merges")
             if found[key]["state"] == "different"]  # fmt: skip
    said = []
    if found["differ"]:
        said.append(message("lineage.cuts_differ", name=name, differ=found["differ"], texts=found["texts"]))
    elif found["texts"]:
        said.append(message("lineage.cuts_same", texts=found["texts"]))
    if parts:
        said.append(message("lineage.steps_differ", name=name, steps=parts))
    if found["why"] is not None and parts:
        said.append(message("lineage.cuts_unknown", why=found["why"]))
    return said


def _texts(encoders: Sequence[tuple[str, Encoder]]) -> dict[str, Any]:
    texts, differing = 0, []
    for text in probes():
        texts += 1
        if _differs(encoders, text):
            differing.append(_shortest(encoders, text))
    shown = sorted(dict.fromkeys(differing), key=lambda text: (len(text), text))[:SHOWN]
    return {"texts": texts, "differ": len(differing), "examples": [splits(encoders, text) for text in shown]}


def _differs(encoders: Sequence[tuple[str, Encoder]], text: str) -> bool:
    """Whether the encoders cut a text into other bytes; ids may differ where one vocabulary was renumbered."""
    first, second = ([encoder.decode([id_]) for id_ in encoder.encode(text)] for _, encoder in encoders)
    return first != second


def _shortest(encoders: Sequence[tuple[str, Encoder]], text: str) -> str:
    """A word, or a word and the one after it, that is cut differently by itself; else the text's beginning."""
    words = text.split(" ")
    for width in (1, 2):
        for at in range(len(words) - width + 1):
            part = " ".join(words[at : at + width])
            if 0 < len(part) <= LONGEST_WORD and _differs(encoders, part):
                return part
    return text


def _stated(subject: Vocabulary, candidate: Vocabulary, key: str) -> dict[str, Any]:
    """One step as both files state it; "unknown" where a container has no place for it."""
    sides = [one.rules for one in (subject, candidate)]
    if any(rules is None or rules.option("surface") is None or _silent(rules) for rules in sides):
        return {"state": "unknown", "subject": None, "candidate": None}
    ours, theirs = (getattr(rules, key) for rules in sides)
    return {"state": "same" if ours == theirs else "different", "subject": _names(ours), "candidate": _names(theirs)}


def _silent(rules: Any) -> bool:
    """Whether the container states its steps otherwise than as tokenizer.json does (ranks, GGUF, SentencePiece)."""
    return rules.pattern is not None or rules.option("cut") is not None or rules.option("charsmap") is not None


def _names(node: Any) -> list[str]:
    """The kinds of step in order ("Split \\s+", "ByteLevel"), walked without recursion; at most a few."""
    found: list[str] = []
    queue = [node]
    while queue and len(found) < 16:
        item = queue.pop(0)
        if isinstance(item, list):
            queue = [*item, *queue]
        elif isinstance(item, dict):
            inner = [value for value in item.values() if isinstance(value, list)]
            if not inner and isinstance(item.get("type"), str):
                found.append(_step(item))
            queue = [*inner, *queue]
    return found


def _step(item: dict[str, Any]) -> str:
    """The kind of one step, with the expression it cuts by (shown, never compiled)."""
    pattern = item.get("pattern")
    text = next(iter(pattern.values()), None) if isinstance(pattern, dict) else None
    return str(item["type"])[:40] + (f" {text[:LONGEST_PATTERN]}" if isinstance(text, str) else "")


def _merges(subject: Vocabulary, candidate: Vocabulary) -> dict[str, Any]:
    """The lists of merges as pairs of tokens: how many, how many of the same place, where the first difference is."""
    if subject.merges is None or candidate.merges is None:
        return {
            "state": "unknown",
            "subject": _count(subject),
            "candidate": _count(candidate),
            "first_difference": None,
        }
    here, there = len(subject.merges), len(candidate.merges)
    pairs = zip(_pairs(subject), _pairs(candidate), strict=False)
    first = next((rank for rank, (ours, theirs) in enumerate(pairs) if ours != theirs), None)
    if first is None and here != there:
        first = min(here, there)
    state = "same" if first is None else "different"
    return {"state": state, "subject": here, "candidate": there, "first_difference": first}


def _count(vocabulary: Vocabulary) -> int | None:
    return None if vocabulary.merges is None else len(vocabulary.merges)


def _pairs(vocabulary: Vocabulary) -> Iterator[tuple[bytes | None, bytes | None]]:
    """Both halves of each merge in order of rank, a piece of the list at a time: a file may list millions."""
    assert vocabulary.merges is not None
    tokens = vocabulary.tokens
    for start in range(0, len(vocabulary.merges), PIECE):
        for left, right in vocabulary.merges[start : start + PIECE].tolist():
            yield tokens[left], tokens[right]

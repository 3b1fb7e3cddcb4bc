"""The `pre_tokenizer` of a tokenizer.json as steps: each cuts pieces further; a step we do not know is refused, not skipped."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from forebear.core.messages import message
from forebear.tokens.encoders.base import Step
from forebear.tokens.encoders.words import bert_words, is_punctuation, word_runs
from forebear.tokens.expressions import expression
from forebear.tokens.normalizing import MOST_STEPS, WHITE
from forebear.tokens.rules import CannotEncodeError
from forebear.tokens.splitting import known_pattern, split

Spans = Callable[[str], Sequence[tuple[int, int]]]
_WHITE = re.compile(f"[{re.escape(WHITE)}]+")
_SPACE = "▁"


def unknown_cut(kind: str) -> CannotEncodeError:
    """What is raised for a step that we do not know."""
    return CannotEncodeError(
        f"cuts text by {kind!r}, which we do not know", said=message("encoding.unknown_cut", kind=kind)
    )


def cutter(name: str) -> Step:
    """A known way of cutting (`splitting.names()`) as a step."""
    return lambda pieces: [part for piece in pieces for part in split(piece, name)]


def in_order(node: Any) -> list[Any]:
    """The steps of a description, sequences opened. Raises: CannotEncodeError for too many."""
    found: list[Any] = []
    queue = [] if node is None else [node]
    while queue:
        item = queue.pop(0)
        kind = item.get("type") if isinstance(item, dict) else None
        if kind == "Sequence" and isinstance(item.get("pretokenizers"), list):
            queue = [*item["pretokenizers"], *queue]
        else:
            found.append(item)
        if len(queue) + len(found) > MOST_STEPS:
            raise CannotEncodeError(
                f"cuts text in more than {MOST_STEPS} steps", said=message("encoding.many_cuts", most=MOST_STEPS)
            )
    return found


def steps_of(node: Any) -> tuple[list[Step], list[Step]]:
    """Steps on text, and steps on what ByteLevel makes of it (one character of GPT-2's alphabet for each byte).

    Raises: CannotEncodeError for a step that we do not know.
    """
    before: list[Step] = []
    after: list[Step] = []
    bytes_seen = False
    for item in in_order(node):
        found = step_of(item)
        (after if bytes_seen else before).extend(found)
        bytes_seen = bytes_seen or item.get("type") == "ByteLevel"
    return before, after


def step_of(item: Any) -> list[Step]:
    """One described step; ByteLevel may be two."""
    kind = item.get("type") if isinstance(item, dict) else None
    if kind == "ByteLevel":
        return _byte_level(item)
    if kind == "Digits":
        return [cutter("each-digit" if item.get("individual_digits") else "digit-runs")]
    if kind == "Split":
        return [_split(item)]
    if kind == "Punctuation":
        return [_behaving(_punctuation, item.get("behavior", "Isolated"))]
    if kind == "WhitespaceSplit":
        return [_behaving(_white, "Removed")]
    if kind == "Whitespace":
        return [lambda pieces: [run for piece in pieces for run in word_runs(piece)]]
    if kind == "CharDelimiterSplit" and isinstance(item.get("delimiter"), str) and len(item["delimiter"]) == 1:
        return [_behaving(_literal(item["delimiter"]), "Removed")]
    if kind == "BertPreTokenizer":
        return [lambda pieces: [word for piece in pieces for word in bert_words(piece)]]
    if kind == "Metaspace":
        return [_metaspace(item)]
    raise unknown_cut(str(kind)[:40])


def _byte_level(item: Any) -> list[Step]:
    steps: list[Step] = []
    if item.get("add_prefix_space", True):
        steps.append(lambda pieces: [p if p.startswith(" ") else " " + p for p in pieces if p])
    if item.get("use_regex", True):
        steps.append(cutter("gpt2"))
    return steps


def _metaspace(item: Any) -> Step:
    mark = item.get("replacement", _SPACE)
    scheme = item.get("prepend_scheme", "always" if item.get("add_prefix_space", True) else "never")
    if not isinstance(mark, str) or len(mark) != 1 or scheme not in ("always", "never", "first"):
        raise unknown_cut("Metaspace")
    cut = _behaving(_literal(mark), "MergedWithNext") if item.get("split", True) else None

    def step(pieces: Sequence[str]) -> Sequence[str]:
        found = []
        for piece in pieces:
            marked = piece.replace(" ", mark)
            found.append(marked if scheme == "never" or not marked or marked.startswith(mark) else mark + marked)
        return found if cut is None else cut(found)

    return step


def _split(item: Any) -> Step:
    pattern, behavior = item.get("pattern"), item.get("behavior")
    if not isinstance(pattern, dict):
        raise unknown_cut("Split")
    if isinstance(pattern.get("String"), str):
        return _behaving(_literal(pattern["String"]), behavior, item.get("invert") is True)
    text = pattern.get("Regex")
    if not isinstance(text, str):
        raise unknown_cut("Split")
    name = known_pattern(text)
    # every known expression matches every character, so what it cuts is the same where matches stay whole
    if name is not None and (behavior == "Isolated" or (behavior == "Removed" and item.get("invert") is True)):
        return cutter(name)
    return _behaving(expression(text, name is not None).spans, behavior, item.get("invert") is True)


def expression_step(text: str) -> Step:
    """A rank file's expression as a step: what it does not match is left out, as the reference program does."""
    name = known_pattern(text)
    return cutter(name) if name is not None else _behaving(expression(text).spans, "Removed", True)


def _literal(text: str) -> Spans:
    if not text:
        raise unknown_cut("Split")
    find = re.compile(re.escape(text)).finditer
    return lambda piece: [match.span() for match in find(piece)]


def _white(piece: str) -> list[tuple[int, int]]:
    return [match.span() for match in _WHITE.finditer(piece)]


def _punctuation(piece: str) -> list[tuple[int, int]]:
    return [(at, at + 1) for at, character in enumerate(piece) if is_punctuation(character)]


def _behaving(spans: Spans, behavior: object, invert: bool = False) -> Step:
    """A step that finds spans and does with them what the file says."""
    join = _JOINS.get(behavior) if isinstance(behavior, str) else None
    if join is None:
        raise unknown_cut(f"Split {str(behavior)[:30]}")

    def step(pieces: Sequence[str]) -> Sequence[str]:
        found: list[str] = []
        for piece in pieces:
            found.extend(join([(text, met != invert) for text, met in _marked(piece, spans(piece))]))
        return found

    return step


def _marked(piece: str, spans: Sequence[tuple[int, int]]) -> list[tuple[str, bool]]:
    """The piece in order: what a span covers is True, what lies between False."""
    found: list[tuple[str, bool]] = []
    at = 0
    for start, stop in spans:
        if at < start:
            found.append((piece[at:start], False))
        found.append((piece[start:stop], True))
        at = stop
    if at < len(piece):
        found.append((piece[at:], False))
    return found


Marked = Sequence[tuple[str, bool]]


def _with_previous(parts: Marked) -> list[str]:
    found: list[str] = []
    before = False
    for text, met in parts:
        if met and not before and found:
            found[-1] += text
        else:
            found.append(text)
        before = met
    return found


def _with_next(parts: Marked) -> list[str]:
    found: list[str] = []
    after = False
    for text, met in reversed(parts):
        if met and not after and found:
            found[-1] = text + found[-1]
        else:
            found.append(text)
        after = met
    return found[::-1]


def _contiguous(parts: Marked) -> list[str]:
    found: list[str] = []
    before = False
    for text, met in parts:
        if met == before and found:
            found[-1] += text
        else:
            found.append(text)
        before = met
    return found


_JOINS: dict[str, Callable[[Marked], list[str]]] = {
    "Isolated": lambda parts: [text for text, _ in parts],
    "Removed": lambda parts: [text for text, met in parts if not met],
    "MergedWithPrevious": _with_previous,
    "MergedWithNext": _with_next,
    "Contiguous": _contiguous,
}

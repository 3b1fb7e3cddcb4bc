"""Claims of size: parameters, layers, width, vocabulary, held against the shapes of the tensors (METHODS §16)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from forebear.core.messages import Message, message
from forebear.inspection.claims_of_size import Claim as Stated
from forebear.inspection.claims_of_size import parse_claim
from forebear.verification.claim import Claim, Outcome, Tested, outcome_of
from forebear.verification.subject import Subject

ROUNDED = 0.15
"""Share by which a stated count of parameters may miss every count of the file before it is called contradicted: names of sizes
are rounded freely (a "7B" of 6.7 or 7.7 billion); decision 0045."""
ROUNDED_ROWS = 0.05
"""Share by which a stated size of a vocabulary may be rounded: one of 10,000 is no other's 5,000."""
NEAR_ROWS = 0.02
"""The same for vocabularies: added and reserved tokens, padding of the table."""
_UNITS = {"k": "K", "thousand": "K", "m": "M", "million": "M", "b": "B", "billion": "B", "t": "T", "trillion": "T"}
_TENS = {
    "千": 3, "천": 3, "万": 4, "萬": 4, "만": 4, "百万": 6, "百萬": 6, "백만": 6, "億": 8, "亿": 8, "억": 8, "十亿": 9, "십억": 9,
}  # fmt: skip
"""Units of Chinese, Japanese and Korean, as powers of ten."""
_UNIT = "|".join(sorted(_UNITS, key=len, reverse=True))
_ABOUT = r"(?:about|approximately|approx\.?|around|ca\.?|roughly|~|≈|约|約|およそ|約|大约|大約|약|대략)?"
_DIGITS = r"\d{1,3}(?:,\d{3})+|\d{1,3}(?:_\d{3})+|\d+(?:\.\d+)?"
_EAST = "|".join(sorted(_TENS, key=len, reverse=True))
_NUMBER = re.compile(
    rf"^{_ABOUT}\s*({_DIGITS})(?![\d.,_]*\d)\s*(?:({_UNIT})(?![a-z])|({_EAST}))?(?P<rest>.*)$", re.IGNORECASE
)
_AGAIN = re.compile(rf"\({_ABOUT}\s*(?:{_DIGITS})\s*(?:{_UNIT})?\)", re.IGNORECASE)
_REST = {
    "parameters": "total|params?|parameters|weights|values|dense|[个個개]|参数|參數|パラメーター?|파라미터|매개변수",
    "layers": "transformer|decoder|encoder|hidden|attention|residual|layers?|blocks?|[层層个個개층]|レイヤー?|ブロック|레이어|블록",
    "width": "channels?|dimensions?|dims?|dimensional|units|hidden|wide|[维維个個]|次元|차원",
    "vocabulary": "tokens?|entries|pieces|subwords?|bpe|wordpiece|sentencepiece|unigram|byte-level|vocabulary|vocab|items|"
                  "[个個개词詞語件]|词元|詞元|トークン|토큰|단어",
}  # fmt: skip
"""Words that may follow a number of each kind. Any other word may make it a number of something else: then it is not tested."""
_NUMBERS = re.compile(rf"(?<![\w.,\-])({_DIGITS})(?![\d,_]*\d)[- ]?(?:({_UNIT})(?![a-z])|({_EAST}))?(?![\w.]*\d)", re.IGNORECASE)
_OTHER = re.compile(
    r"\d\s*[x×*+–-]\s*\d|\d\s*(?:\*{1,2}|//|<<)\s*[A-Za-z_(]|\d\s+if\s|\d/\d|[<>≤≥]|->|→|\d\.\d+\.|\b(?:active|activ\w+|trainable|frozen|embedding|per|mb|gb|mio|bytes?|teacher|"
    r"base|encoder|decoder only|english|words|heads?|ffn|each|of \d+|lora|up to|experts?)\b|激活|활성|アクティブ|头|頭|ヘッド|헤드",
    re.IGNORECASE,
)
"""What makes a text that holds more than a number one about something else."""
LONGEST_LOOSE = 80
"""Characters of a text whose numbers are read loosely."""
_OF_LAYERS = re.compile(r"layer|block|depth", re.IGNORECASE)
"""Keys of a configuration that may state a number of layers; twelve heads are no reason to doubt that six layers are all."""
_LEAST = 1000
"""Parameters below this without a unit are no count ("Model size: 7")."""


def number_of(claim: Claim) -> Stated | None:
    """A stated number with how far it was rounded; None for text that is not plainly a number of what the claim is about."""
    found = _NUMBER.match(claim.stated.strip())
    if found is None:
        return None
    rest = _AGAIN.sub("", found["rest"])
    if not re.fullmatch(rf"(?:[\s,.()（）-]|(?<![a-z])(?:{_REST[claim.kind]})(?![a-z]))*", rest, re.IGNORECASE):
        return None
    digits, unit = found[1].replace(",", "").replace("_", ""), _UNITS.get((found[2] or "").lower(), "")
    if found[3]:
        return _in_tens(digits, _TENS[found[3]])
    if len(digits) > 15 or ("." in digits and not unit) or (claim.kind == "parameters" and not unit and int(digits) < _LEAST):
        return None
    return parse_claim(f"{digits}{unit}")


def loosely(claim: Claim) -> list[Stated]:
    """Every number of a short text that is not plainly one ("30,003 / 30,080"); none where a word makes it another matter."""
    text = _AGAIN.sub(" ", claim.stated.strip())
    if len(text) > LONGEST_LOOSE or _OTHER.search(text):
        return []
    found = []
    for digits, unit, east in _NUMBERS.findall(text)[:4]:
        one = number_of(replace(claim, stated=f"{digits}{unit}{east}"))
        found += [] if one is None else [one]
    return found


def _read(claim: Claim) -> tuple[Claim, Stated | None, list[Stated]]:
    """A claim, the number it states, and all that it may mean; one that is read loosely is only proposed."""
    plain = number_of(claim)
    if plain is not None:
        return claim, plain, [plain]
    found = loosely(claim)
    return replace(claim, decided=False), found[0] if found else None, found


def _in_tens(digits: str, power: int) -> Stated | None:
    """A number in a unit of ten thousand or the like, rounded to half a unit of its last digit.

    >>> _in_tens("13.5", 4)
    Claim(parameters=135000, slack=500)
    """
    whole, _, part = digits.partition(".")
    if len(whole) > 9 or len(part) > power:
        return None
    return Stated(int(whole + part) * 10 ** (power - len(part)), 10 ** (power - len(part)) // 2)


def check_parameters(claim: Claim, subject: Subject) -> Tested:
    """The stated count against every count that the words may mean."""
    (claim, stated, read), counts = _read(claim), subject.counts
    if stated is None:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_number"))
    if not subject.readable or not counts:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_shapes"))
    agreed = [name for name, count in counts.items() if any(one.agrees(count) for one in read)]
    figures: dict[str, Any] = {"stated": stated.parameters, **counts}
    if agreed:
        said = message("shown.count", count=counts[agreed[0]], what=message(f"counted.{agreed[0]}"))
        return outcome_of(claim, Outcome.borne_out, said, **figures)
    off = min(abs(stated.parameters - count) / count for count in counts.values())
    said = message("shown.counts", low=min(counts.values()), high=max(counts.values()))
    if subject.other_weights:
        return outcome_of(claim, Outcome.not_shown, said, message("shown.more_weights"))
    if off > ROUNDED and min(abs(stated.parameters - count) for count in counts.values()) > stated.slack:
        return outcome_of(claim, Outcome.contradicted, said, **figures)
    return outcome_of(claim, Outcome.not_shown, said, message("shown.near"), **figures)


def check_layers(claim: Claim, subject: Subject) -> Tested:
    """The stated number of layers against the stacks of the tensors.

    Layers may share tensors, and files hold layers that a model does not count (prediction heads), so that a number between is
    flagged; contradicted is what differs from the tensors and from the configuration beside them.
    """
    (claim, stated, read), stacks = _read(claim), subject.layers
    if stated is None:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_number"))
    if not subject.readable or not stacks:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_shapes"))
    shown = {*stacks.values(), sum(stacks.values())} - {0}
    said = message("shown.layers", counts=[str(count) for count in sorted(shown)])
    if any(one.parameters in shown for one in read):
        return outcome_of(claim, Outcome.borne_out, said)
    assert subject.checkpoint is not None
    config = {value for key, value in subject.checkpoint.config.items() if isinstance(value, int) and _OF_LAYERS.search(key)}
    near = {count + more for count in shown for more in (1, 2)}  # embedding and head may be counted as layers
    if claim.source.file == "config.json" or stated.parameters in config | near:
        return outcome_of(claim, Outcome.not_shown, said, flagged=True)
    return _other(claim, subject, said)


def check_width(claim: Claim, subject: Subject) -> Tested:
    """The stated width against the residual channels; a number that is no size of any tensor is contradicted."""
    claim, stated, read = _read(claim)
    if stated is None:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_number"))
    if not subject.readable or subject.checkpoint is None or not subject.checkpoint.width:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_shapes"))
    said = message("shown.width", count=subject.checkpoint.width)
    if any(one.parameters == subject.checkpoint.width for one in read):
        return outcome_of(claim, Outcome.borne_out, said)
    if stated.parameters in subject.dimensions:
        return outcome_of(claim, Outcome.not_shown, said, flagged=True)
    return _other(claim, subject, said)


def check_vocabulary(claim: Claim, subject: Subject) -> Tested:
    """The stated size of the vocabulary against rows of the embedding and tokens of the tokenizer."""
    claim, stated, read = _read(claim)
    if stated is None:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_number"))
    rows, vocabulary = subject.table_rows if subject.readable else (), subject.vocabulary
    counts = set(rows)
    if vocabulary is not None and len(vocabulary):
        held = sum(token is not None for token in vocabulary.tokens)
        special = len(vocabulary.special | vocabulary.added)
        counts |= {len(vocabulary), held, held - special}
    if not counts:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_shapes"))
    said = message("shown.vocabulary", counts=[f"{count:,}" for count in sorted(counts)])
    read = [replace(one, slack=min(one.slack, int(one.parameters * ROUNDED_ROWS))) for one in read]
    if any(one.agrees(count) for count in counts for one in read):
        return outcome_of(claim, Outcome.borne_out, said)
    slack = min(stated.slack, int(stated.parameters * ROUNDED_ROWS))
    low, high = min(counts) * (1 - NEAR_ROWS) - slack, max(counts) * (1 + NEAR_ROWS) + slack
    if low <= stated.parameters <= high:
        return outcome_of(claim, Outcome.not_shown, said, message("shown.near"))
    return _other(claim, subject, said)


def _other(claim: Claim, subject: Subject, said: Message) -> Tested:
    """A size that the tensors do not have: contradicted, unless weights lie beside them that the claim may be about."""
    if subject.other_weights:
        return outcome_of(claim, Outcome.not_shown, said, message("shown.more_weights"), flagged=True)
    return outcome_of(claim, Outcome.contradicted, said)

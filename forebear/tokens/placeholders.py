"""Tokens that are no text: placeholders by their spelling, special and added ones by their container, on both sides alike.

A container may list `<|reserved_special_token_7|>` as special, as added, or among the ordinary tokens: what it is does not
depend on that. Spellings: BERT, Gemma, Llama 3, T5, tekken, Qwen, DeepSeek, fairseq and Falcon vocabularies.
"""

from __future__ import annotations

import re

from forebear.tokens.vocabulary import Vocabulary

_FILL = rb"(?:[a-z_ .-]|\xe2\x96\x81){0,24}"
_BAR = rb"(?:\||\xef\xbd\x9c)?"
_PLACEHOLDER = re.compile(
    rb" ?(?:[<\[]" + _BAR + _FILL
    + rb"(?:unused|reserved|extra|place(?:_|\xe2\x96\x81)?holder|dummy|padding|pad|blank|empty|special|spare)"
    + _FILL + rb"\d{1,6}" + _FILL + _BAR + rb"[>\]]|madeupword\d{1,6})",
    re.IGNORECASE,
)  # fmt: skip


def is_placeholder(token: bytes) -> bool:
    """Whether a token is a reserved place: `[unused7]`, `<unused7>`, `<|reserved_special_token_7|>`, `<extra_id_7>` ..."""
    return token[-1:] in b">]0123456789" and _PLACEHOLDER.fullmatch(token) is not None


def placeholders(vocabulary: Vocabulary) -> dict[bytes, int]:
    """Spelling → id of the reserved places, the first id of each; single characters in brackets are none."""
    found: dict[bytes, int] = {}
    for id_, token in enumerate(vocabulary.tokens):
        if token and is_placeholder(token):
            found.setdefault(token.strip(), id_)
    return found


def special_tokens(vocabulary: Vocabulary) -> dict[bytes, int]:
    """Spelling → id of special and added tokens, reserved places left out."""
    found: dict[bytes, int] = {}
    for id_ in sorted(vocabulary.special | vocabulary.added):
        token = vocabulary.tokens[id_] if id_ < len(vocabulary.tokens) else None
        if token and not is_placeholder(token):
            found.setdefault(token, id_)
    return found

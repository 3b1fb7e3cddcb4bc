"""How a tokenizer treats digits, spaces, Han characters and emoji, told by asking it; and coloured splits of a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from forebear.tokens import sample
from forebear.tokens.encoders.base import Encoder

LONGEST_SAMPLE = 2_000
"""Most characters whose split a document shows."""
SAMPLE = (
    "The quick brown fox has 1234567 reasons, and 3.14 excuses.\n"
    "人人生而自由，在尊严和权利上一律平等。 すべての人間は自由である。\n"
    "Все люди рождаются свободными. جميع الناس أحرار\n"
    "def f(x):\n        return x**2  # 8 spaces 😀👍🏽\n"
)


def profile(encoder: Encoder) -> dict[str, Any]:
    """Plain figures for one tokenizer.

    digits:       how a row of ten digits is cut, as lengths of its tokens.
    spaces:       tokens for 1, 2, 4, 8, 16 spaces between two letters.
    single:       per script, the share of the distinct characters of the default text that are one token by themselves.
    """
    texts = {p.name: "".join(p.blocks) for p in sample.languages()}
    scripts = {"Han (Simplified)": "cmn_hans", "Han (Traditional)": "cmn_hant", "Kana and Han": "jpn", "Hangul": "kor",
               "Cyrillic": "rus", "Arabic": "arb", "Devanagari": "hin", "Thai": "tha"}  # fmt: skip
    emoji = "".join(next(p for p in sample.domains() if p.name == "emoji").blocks)
    single = {script: _single_share(encoder, texts[code]) for script, code in scripts.items()}
    single["emoji"] = _single_share(encoder, "".join(c for c in emoji if ord(c) > 0x1F000))
    return {"digits": _digit_cuts(encoder), "spaces": _space_cost(encoder), "single": single}


def _digit_cuts(encoder: Encoder) -> list[int]:
    plain = _inner(encoder, "1234567890")
    return [len(encoder.decode([id_]).strip()) for id_ in plain]


def _inner(encoder: Encoder, text: str) -> list[int]:
    """Ids of a text less what a letter before it costs, so that a space put in front does not count."""
    return [id_ for id_ in encoder.encode(text) if encoder.decode([id_]).strip()]


def _space_cost(encoder: Encoder) -> dict[str, int]:
    bare = len(encoder.encode("a")) * 2
    return {str(n): max(0, len(encoder.encode("a" + " " * n + "a")) - bare) for n in (1, 2, 4, 8, 16)}


def _single_share(encoder: Encoder, text: str) -> float:
    """Share of distinct characters beyond ASCII that one token stands for."""
    characters = sorted({c for c in text if ord(c) > 0x7F and not c.isspace()})
    one = sum(len(_inner(encoder, c)) == 1 and c.encode() in encoder.decode(_inner(encoder, c)) for c in characters)
    return round(one / len(characters), 4) if characters else 0.0


def splits(encoders: Sequence[tuple[str, Encoder]], text: str = SAMPLE) -> dict[str, Any]:
    """A text cut by each tokenizer: the bytes of each token, as text where they are text, else in hexadecimal."""
    text = text[:LONGEST_SAMPLE]
    rows = []
    for name, encoder in encoders:
        pieces = [_shown(encoder.decode([id_])) for id_ in encoder.encode(text)]
        rows.append({"tokenizer": name, "pieces": pieces})
    return {"text": text, "rows": rows}


def _shown(token: bytes) -> dict[str, str]:
    try:
        return {"text": token.decode()}
    except UnicodeDecodeError:
        return {"hex": token.hex()}

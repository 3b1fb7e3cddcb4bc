"""Strings that tokenizers are compared on: made by a generator from a seed, so that a run is repeated by its number.

Twelve kinds in turn: letters of one script, of many scripts, emoji with their joiners, combining marks, control characters,
kinds of white space, long runs, digits, signs, code, mixtures, and any characters. Beyond the emoji listed, characters are those
of Unicode 3.2 that kept their category: programs follow different versions of Unicode, and their answers differ by that alone.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable, Iterator

SCRIPTS = (
    (0x41, 0x7A), (0xC0, 0x24F), (0x370, 0x3FF), (0x400, 0x4FF), (0x531, 0x586), (0x5D0, 0x5EA), (0x621, 0x6D3),
    (0x905, 0x939), (0x985, 0x9B9), (0xB85, 0xBB9), (0xE01, 0xE3A), (0xE81, 0xEB9), (0x1000, 0x1049), (0x10A0, 0x10FF),
    (0x1200, 0x135A), (0x1780, 0x17B3), (0x1E00, 0x1FFF), (0x3041, 0x3096), (0x30A1, 0x30FA), (0x4E00, 0x9FFF),
    (0xAC00, 0xD7A3), (0xF900, 0xFA6D), (0xFB1D, 0xFDFD), (0xFF01, 0xFFDC), (0x10400, 0x1044F), (0x20000, 0x2A6DD),
)  # fmt: skip
SPACES = " \t\n\r\x0b\x0c\x85\xa0\u1680\u2000\u2003\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
MARKS = "".join(
    chr(c)
    for c in (*range(0x300, 0x370), *range(0x591, 0x5C0), *range(0x64B, 0x660), 0x93C, 0x94D, 0xE31, 0x20DD, 0xFE0F)
)
EMOJI = "😀👍🏽❤\ufe0f👩\u200d🚀🇯🇵🇩🇪☺✈🏴\U000e0067\U000e0062\U000e007f🤖🫠"
SIGNS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~¡¿«»“”‘’–—…·•©®™€£¥×÷≤≥∑√∞←→▁░█、。「」【】！？"
CODE = (
    "def f(x):\n", "    return x**2\n", "for (int i=0;i<n;++i){", "}\n", "// TODO\r\n", "\t\tif a != b && c:", "<b>", "'s", "'RE",
    "_x1", "https://e.org/a?b=c", "0xFF", "1e-9", "``` \n", "--", "==>",
)  # fmt: skip
_OLD = unicodedata.ucd_3_2_0
Kind = Callable[[random.Random], str]


def strings(seed: int, count: int) -> Iterator[str]:
    """`count` strings of up to a few hundred characters, all encodable as UTF-8 and all of assigned characters."""
    chance = random.Random(f"strings/{seed}")
    kinds = list(_KINDS)
    for at in range(count):
        text = kinds[at % len(kinds)](chance)
        yield "".join(c for c in text if c in EMOJI or _lasting(c))


def _lasting(character: str) -> bool:
    """Whether a character was assigned in Unicode 3.2 and has kept its category since."""
    category = _OLD.category(character)
    return category not in ("Cs", "Cn") and category == unicodedata.category(character)


def _letters(chance: random.Random, most: int = 60) -> str:
    first, last = chance.choice(SCRIPTS)
    return "".join(
        chr(chance.randint(first, last)) if chance.random() > 0.15 else " " for _ in range(chance.randint(1, most))
    )


def _of(characters: str, most: int) -> Kind:
    return lambda chance: "".join(chance.choice(characters) for _ in range(chance.randint(1, most)))


def _marked(chance: random.Random) -> str:
    return "".join(
        c + "".join(chance.choice(MARKS) for _ in range(chance.choice((0, 1, 1, 2, 5)))) for c in _letters(chance, 20)
    )


def _controls(chance: random.Random) -> str:
    codes = (*range(0x20), *range(0x7F, 0xA0), 0xAD, 0x200B, 0x200D, 0x206A, 0xFEFF, 0xE000, 0xFFFD, 0x41)
    return "".join(chr(chance.choice(codes)) for _ in range(chance.randint(1, 30)))


def _runs(chance: random.Random) -> str:
    return "".join(
        chance.choice("a A0 \n\t=-漢é😀\u0301\u3000") * chance.choice((1, 2, 3, 7, 20, 90))
        for _ in range(chance.randint(1, 5))
    )


def _digits(chance: random.Random) -> str:
    return "".join(chance.choice("0123456789.,-+ ²½Ⅷ٣४１") for _ in range(chance.randint(1, 40)))


def _mixed(chance: random.Random) -> str:
    return "".join(chance.choice(_KINDS[:10])(chance)[:15] for _ in range(chance.randint(2, 8)))


def _any(chance: random.Random) -> str:
    found: list[str] = []
    while len(found) < 25:
        character = chr(
            chance.choice(
                (chance.randrange(0x20, 0x2FFF), chance.randrange(0x2FFF, 0xFFFF), chance.randrange(0x10000, 0x1FFFF))
            )
        )
        found.append(character)
    return "".join(found)


_KINDS: tuple[Kind, ...] = (
    _letters,
    lambda chance: "".join(_letters(chance, 8) for _ in range(8)),
    _of(EMOJI + "\u200d \U0001f3fd", 25),
    _marked,
    _controls,
    _of(SPACES + "ab", 40),
    _runs,
    _digits,
    _of(SIGNS + " aA", 40),
    lambda chance: "".join(chance.choice(CODE) for _ in range(chance.randint(1, 8))),
    _mixed,
    _any,
)

"""Signs of screens and anchor codes: one bit a number, so that a million models are looked through in a tenth of their bytes.

They only say which screens to look at; the screens decide. The chance that two numbers of kin agree in sign is 1 − arccos(c)/π with
their cosine c, and 1/2 for independents, so the order by signs is nearly the order by cosine. Source: METHODS §18; Charikar 2002,
"Similarity estimation techniques from rounding algorithms"; decision 0070.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forebear.library.evening import ANCHOR_NUMBERS
from forebear.library.prints import SCREEN_NUMBERS

SCREEN_WORDS = -(-SCREEN_NUMBERS // 64)
ANCHOR_WORDS = ANCHOR_NUMBERS // 8
WORDS = SCREEN_WORDS + ANCHOR_WORDS
"""Words of 64 bits a model: 272 bytes."""
LARGE = 50_000
"""Models from which search goes by signs where there are any: below it, reading every screen takes less than 0.1 s."""
ANCHOR_TIMES = 16
"""So many times as many models are taken by the signs of their anchor codes as by those of their screens: of 1,280 signs
those of a copy that was trained for long are further down than those of a screen (decisions 0070, 0136)."""
BLOCK = 4096
"""Models of a block: a megabyte, which a core's cache holds."""

Words = NDArray[np.uint64]


def path_of(folder: Path, generation: int) -> Path:
    """The file of the signs of a generation of screens."""
    return folder / f"signs-{generation}.bin"


def signs(screens: NDArray[np.int8], anchors: NDArray[np.int8]) -> Words:
    """Which numbers are above zero, and the codes, which are signs. Shapes: (n, 847), (n, 160); returns (n, WORDS)."""
    packed = np.packbits(screens > 0, axis=1, bitorder="little")
    out = np.zeros((len(packed), WORDS * 8), np.uint8)
    out[:, : packed.shape[1]] = packed
    out[:, 8 * SCREEN_WORDS :] = anchors.view(np.uint8)
    return out.view("<u8")


def asked(screen: NDArray[np.int8], anchors: NDArray[np.int8]) -> Words:
    """The signs that a model is searched by: half of the places where its screen has nothing count as above zero, so that a part
    which both lack agrees as often as strangers do. Shapes: screen (847,), anchors (160,); returns (WORDS,)."""
    filled = screen.astype(np.int8)
    filled[np.flatnonzero(screen == 0)[::2]] = 1
    return np.asarray(signs(filled[None, :], anchors[None, :])[0])


def differing(table: Words, wanted: Words) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """In how many signs of screen and of anchor code each model differs. Shapes: table (n, WORDS), wanted (WORDS,); (n,) twice."""
    screen, anchor = np.empty(len(table), np.uint16), np.empty(len(table), np.uint16)
    for start in range(0, len(table), BLOCK):
        here = slice(start, start + BLOCK)
        counts = np.bitwise_count(table[here] ^ wanted)
        counts[:, :SCREEN_WORDS].sum(axis=1, dtype=np.uint16, out=screen[here])
        counts[:, SCREEN_WORDS:].sum(axis=1, dtype=np.uint16, out=anchor[here])
    return screen, anchor


def fewest(differ: NDArray[np.uint16], most: int) -> NDArray[np.intp]:
    """Places of the smallest numbers, at most `most`, in order of place. Shape (n,)."""
    if len(differ) <= most:
        return np.arange(len(differ), dtype=np.intp)
    return np.sort(np.argpartition(differ, most)[:most])


def mapped(path: Path, rows: int) -> Words:
    """The signs of the first rows of a library, read where they lie; without rows when there is no file that fits.

    rows: how many screens there are. Shapes: returns (n, WORDS) with n at most rows.
    """
    size = WORDS * 8
    try:
        held = path.stat().st_size
    except FileNotFoundError:
        held = 0
    if held == 0 or held % size or held // size > rows:
        return np.zeros((0, WORDS), np.uint64)
    return np.memmap(path, dtype="<u8", mode="r", shape=(held // size, WORDS))

"""Tokens both checkpoints share, found by their bytes, and the embedding rows that go with them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forebear.comparison.reading.allowance import row_bytes
from forebear.comparison.reading.pair import Pair
from forebear.core.bounded import read_bounded
from forebear.core.errors import RefusedError
from forebear.core.limits import MAX_TOKENIZER_BYTES
from forebear.core.messages import message
from forebear.files.base import Float32, notice
from forebear.models.checkpoint import Checkpoint, Piece
from forebear.tokens.vocabulary import FILE_NAMES, Vocabulary, find_vocabulary_file, same_vocabulary_file, shared_tokens

MAX_TOKENS = 768
EMBEDDING_SHARE = 6
"""At most one part in this many of the budget goes into embedding rows."""


class SharedRows(NamedTuple):
    """Embedding rows of shared tokens, in the same order on both sides.

    how:     "same vocabulary file", "bytes" or "ids" (no vocabulary to be had on a side).
    shared:  tokens both know; None when only ids could be used.
    a, b: rows of either embedding; ids_a, ids_b: their token ids; matched: ids of all shared tokens on either side.
    """

    how: str
    shared: int | None
    only_subject: int | None
    only_candidate: int | None
    a: Float32
    b: Float32
    ids_a: NDArray[np.intp]
    ids_b: NDArray[np.intp]
    pieces: tuple[Piece, Piece]
    matched: tuple[NDArray[np.intp], NDArray[np.intp]]


Match = tuple[str, NDArray[np.intp], NDArray[np.intp], int | None, tuple[int | None, int | None]]
"""How tokens were paired, ids of all shared ones on either side, how many, and how many one side alone has."""


def shared_rows(pair: Pair, most: int = MAX_TOKENS) -> SharedRows | None:
    """Embedding rows of at most `most` tokens chosen evenly over the shared vocabulary; None when there is nothing to read."""
    pieces = pair.both("embedding", None, None)
    if pieces is None:
        pair.note(message("limit.no_embedding"))
        return None
    pair.plan.bound_tokenizers(pair)
    rows = (_rows(pair.subject, pieces[0]), _rows(pair.candidate, pieces[1]))
    chosen = _match(pair, rows)
    if chosen is None:
        return None
    if not len(chosen[1]):
        pair.note(message("limit.no_shared_token"))
        return None
    return _read(pair, pieces, chosen, most)


def more_rows(pair: Pair, rows: SharedRows, most: int) -> SharedRows | None:
    """Rows of other tokens, at most `most`, of those that were found to be shared: vocabularies are not read again."""
    shared = rows.how, *rows.matched, rows.shared, (rows.only_subject, rows.only_candidate)
    return _read(pair, rows.pieces, shared, most)


def _read(pair: Pair, pieces: tuple[Piece, Piece], chosen: Match, most: int) -> SharedRows | None:
    """Rows of tokens spread evenly over the shared ones; None where the budget does not pay for two."""
    how, ids_a, ids_b, shared, only = chosen
    count = min(len(ids_a), most, _affordable(pair, pieces, most))
    if count < 2:
        pair.note(message("limit.no_embedding_budget"))
        return None
    pick = pair.plan.tokens(pair, (pieces[0].tensor, pieces[1].tensor), (ids_a, ids_b), count, EMBEDDING_SHARE)
    a = pair.subject.container.take(pieces[0].tensor, ids_a[pick])
    b = pair.candidate.container.take(pieces[1].tensor, ids_b[pick])
    notice(pair.subject.container, pieces[0].tensor, ids_a[pick], a)
    notice(pair.candidate.container, pieces[1].tensor, ids_b[pick], b)
    return SharedRows(how, shared, only[0], only[1], a, b, ids_a[pick], ids_b[pick], pieces, (ids_a, ids_b))


def _rows(checkpoint: Checkpoint, piece: Piece) -> int:
    return checkpoint.container.tensors[piece.tensor].shape[0]


def _affordable(pair: Pair, pieces: tuple[Piece, Piece], most: int) -> int:
    left = pair.allowance.left()
    if left is None:
        return most
    dearest = max(row_bytes(pair.subject, pieces[0].tensor), row_bytes(pair.candidate, pieces[1].tensor))
    return left // EMBEDDING_SHARE // max(1, dearest)


def _match(pair: Pair, rows: tuple[int, int]) -> Match | None:
    sides = (pair.subject, pair.candidate)
    files = [find_vocabulary_file(f) if f is not None and _at_home(c) else None
             for f, c in zip(pair.folders, sides, strict=True)]  # fmt: skip
    try:
        if files[0] is not None and files[1] is not None:
            if rows[0] == rows[1] and _same_list(files[0].parent, files[1].parent, rows[0]):
                return _same(rows[0])
        elif rows[0] == rows[1] and _same_beside(*sides):
            return _same(rows[0])
        inner = [carried(c) if f is None else None for c, f in zip(sides, files, strict=True)]
        missing = [side for side, f, v in zip(("subject", "candidate"), files, inner, strict=True) if not f and not v]
        if missing:
            return _by_ids(pair, rows, missing)
        left, right = (v or _load(f or Path()) for f, v in zip(files, inner, strict=True))
    except RefusedError as error:
        pair.note(message("limit.vocabulary_unread", why=error.message()))
        return _by_ids(pair, rows, [])
    ids_a, ids_b = shared_tokens(left, right)
    inside = (ids_a < rows[0]) & (ids_b < rows[1])
    ids_a, ids_b = ids_a[inside], ids_b[inside]
    return "bytes", ids_a, ids_b, len(ids_a), (max(0, rows[0] - len(ids_a)), max(0, rows[1] - len(ids_b)))


def _at_home(checkpoint: Checkpoint) -> bool:
    """Whether a tokenizer is to be looked for in the folder: not where the weights bring their own files or tokenizer."""
    return not any(name in checkpoint.container.beside for name in FILE_NAMES) and checkpoint.container.kind != "gguf"


def _load(path: Path) -> Vocabulary:
    from forebear.tokens.readers import load_vocabulary

    return load_vocabulary(path)


def carried(checkpoint: Checkpoint) -> Vocabulary | None:
    """The tokenizer that came with the weights, in file, archive or repository; else the one beside them. Raises: RefusedError."""
    found = checkpoint.inner_vocabulary() if checkpoint.inner_vocabulary is not None else None
    if (
        found is None
        and checkpoint.folder is not None
        and (beside := find_vocabulary_file(checkpoint.folder)) is not None
    ):
        return _load(beside)
    return found


def _same(rows: int) -> Match:
    ids = np.arange(rows, dtype=np.intp)
    return "same vocabulary file", ids, ids, rows, (0, 0)


def _same_beside(a: Checkpoint, b: Checkpoint) -> bool:
    """Whether both came with the same tokenizer file, byte for byte, from an archive or repository."""
    names = [next((n for n in FILE_NAMES if n in side.container.beside), None) for side in (a, b)]
    if names[0] is None or names[0] != names[1]:
        return False
    return a.container.beside[names[0]]() == b.container.beside[names[0]]()


def _same_list(a: Path, b: Path, rows: int) -> bool:
    """Whether both sides hold the same tokenizer file, or the same `vocab.txt` with one line for each embedding row."""
    if same_vocabulary_file(a, b):
        return True
    lists = [folder / "vocab.txt" for folder in (a, b)]
    if not all(path.is_file() for path in lists):
        return False
    left, right = (read_bounded(path, MAX_TOKENIZER_BYTES) for path in lists)
    return left == right and left.rstrip(b"\n").count(b"\n") + 1 == rows


def _by_ids(pair: Pair, rows: tuple[int, int], missing: list[str]) -> Match:
    """Rows paired by token id: any map fixed before looking leaves the tests exact; a wrong one only costs power."""
    if missing:
        pair.note(message("limit.no_vocabulary", sides=[message(f"term.{side}") for side in missing]))
    ids = np.arange(min(rows), dtype=np.intp)
    return "ids", ids, ids, None, (None, None)

"""A vocabulary as byte strings by id: what two tokenizers can be compared by, whatever made them (METHODS §15)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from forebear.core.bounded import read_bounded, read_head
from forebear.core.errors import RefusedError, refusal
from forebear.core.limits import MAX_SPARSE_ID, MAX_TOKENIZER_BYTES, MAX_VOCABULARY, MOST_GAPS
from forebear.core.messages import Message, message
from forebear.tokens.rules import Rules

FILE_NAMES = ("tokenizer.json", "tekken.json", "vocab.txt", "tokenizer.model", "spiece.model",
              "sentencepiece.bpe.model", "spm.model", "pieces.json", "vocab.json")  # fmt: skip
"""Where a folder keeps its vocabulary, the most authoritative first."""
FILE_PATTERNS = ("*.tiktoken", "*.model", "*.model.v*")
"""Looked at when none of FILE_NAMES is there."""


@dataclass(frozen=True)
class Vocabulary:
    """What each id stands for.

    kind:    "wordpiece", "bpe", "unigram", "tiktoken", "trie", "pieces" or "wordlevel".
    tokens:  bytes by id under the convention of `surface`; None where an id has no token.
    special: ids that never stand for text (control, padding, unknown); their bytes are their spelling.
    added:   ids put on top of the model's own vocabulary, special or not.
    scores:  by id, log probabilities of a unigram model; None elsewhere or when not asked for.
    merges:  (m, 2) ids joined, in order of rank; None when the file lists none (tiktoken: the id is the rank) or
             when not asked for.
    rules:   how text becomes tokens; None when the file does not say or when not asked for.
    odd:     odd but harmless things seen while reading, one message each.
    foreign: ids of a byte-level vocabulary that are spelt outside its alphabet, so that no bytes join into them.
    """

    kind: str
    tokens: tuple[bytes | None, ...]
    special: frozenset[int]
    added: frozenset[int] = frozenset()
    scores: NDArray[np.float64] | None = None
    merges: NDArray[np.int32] | None = None
    rules: Rules | None = None
    odd: tuple[Message, ...] = field(default=())
    foreign: frozenset[int] = frozenset()

    def __len__(self) -> int:
        """One more than the largest id."""
        return len(self.tokens)

    @property
    def count(self) -> int:
        """How many ids have a token: ids may leave gaps, and a token added far up does not make those below it tokens."""
        return len(self.tokens) - self.tokens.count(None)

    def unique(self) -> dict[bytes, int]:
        """Bytes → id for tokens that stand for text and whose bytes no other id has."""
        special, tokens = self.special, self.tokens
        found = {token: id_ for id_, token in enumerate(tokens) if token is not None and id_ not in special}
        ordinary = len(tokens) - tokens.count(None) - len(special)
        if len(found) != ordinary:
            seen: set[bytes] = set()
            for id_, token in enumerate(tokens):
                if token is None or id_ in special:
                    continue
                if token in seen:
                    found.pop(token, None)
                seen.add(token)
        return found


def check_gaps(highest: int, tokens: int, where: str) -> None:
    """Raises RefusedError for an id so far past the number of tokens that laying them out by id would only fill memory."""
    if highest >= max(MAX_SPARSE_ID, MOST_GAPS * tokens):
        sparse = message("vocab.gaps", id=highest, count=tokens, gaps=MOST_GAPS, most=MAX_SPARSE_ID)
        raise refusal(sparse, where=where, todo=message("advice.get_again"))


def place(pairs: Iterable[tuple[int, bytes]], where: str) -> list[bytes | None]:
    """Tokens laid out by id. Raises RefusedError on an id that is negative, beyond any vocabulary, or used twice."""
    entries = list(pairs)
    if not entries:
        raise refusal(message("vocab.none"), where=where)
    ids = [id_ for id_, _ in entries]
    low, high = min(ids), max(ids)
    if low < 0 or high >= MAX_VOCABULARY:
        worst = low if low < 0 else high
        raise refusal(message("vocab.id_range", id=str(worst), most=MAX_VOCABULARY - 1), where=where)
    check_gaps(high, len(ids), where)
    if len(set(ids)) != len(ids):
        counts = np.bincount(np.asarray(ids))
        raise refusal(message("vocab.id_twice", id=int(counts.argmax())), where=where)
    tokens: list[bytes | None] = [None] * (high + 1)
    for id_, token in entries:
        tokens[id_] = token
    return tokens


def find_vocabulary_file(folder: str | Path) -> Path | None:
    """The file of a folder that says what its ids stand for, or None; a `vocab.json` needs no merges for that."""
    base = Path(folder)
    for name in FILE_NAMES:
        path = base / name
        if path.is_file():
            return path
    for pattern in FILE_PATTERNS:
        found = sorted(path for path in base.glob(pattern) if path.is_file())
        if found:
            return found[0]
    return None


def holds_its_own(path: str | Path) -> bool:
    """Whether a file is a checkpoint that carries its tokenizer inside (GGUF), by its first bytes."""
    try:
        return read_head(path, 4) == b"GGUF"
    except RefusedError:
        return False  # whoever reads it says why


def file_digest(path: str | Path) -> tuple[int, str | None]:
    """Bytes and SHA-256 of a tokenizer file (of a folder: the file it keeps its vocabulary in); (0, None) for a checkpoint."""
    file = find_vocabulary_file(path) if Path(path).is_dir() else Path(path)
    if file is None or holds_its_own(file):
        return 0, None
    data = read_bounded(file, MAX_TOKENIZER_BYTES)
    return len(data), hashlib.sha256(data).hexdigest()


class Loader(Protocol):
    """Reads a vocabulary; rooms above this one give one that also opens checkpoints with a tokenizer inside."""

    def __call__(self, path: str | Path, *, full: bool = False) -> Vocabulary:
        """As `forebear.tokens.readers.load_vocabulary`."""
        ...


class InnerVocabulary(Protocol):
    """Reads the vocabulary that a checkpoint's own file or archive holds."""

    def __call__(self, full: bool = False) -> Vocabulary | None:
        """As load_vocabulary; None when there is none inside."""
        ...


def shared_tokens(a: Vocabulary, b: Vocabulary) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Ids in a and ids in b of the tokens both have, by bytes, in the order of a's ids.

    Special tokens, and bytes that several ids of one side stand for, are left out.
    Shapes: both (n,), n may be 0.
    """
    ours, theirs = a.unique(), b.unique()
    common = ours.keys() & theirs.keys()
    left = np.fromiter((ours[token] for token in common), dtype=np.intp, count=len(common))
    right = np.fromiter((theirs[token] for token in common), dtype=np.intp, count=len(common))
    order = np.argsort(left, kind="stable")
    return left[order], right[order]


def same_vocabulary_file(folder_a: str | Path, folder_b: str | Path) -> bool:
    """True when both folders' authoritative tokenizer files are byte for byte equal, so every id means the same.

    False says nothing: the files may differ in settings only. Nothing is parsed.
    """
    a, b = find_vocabulary_file(folder_a), find_vocabulary_file(folder_b)
    if a is None or b is None or a.name != b.name:
        return False
    try:
        if a.stat().st_size != b.stat().st_size:
            return False
    except OSError:
        return False
    return read_bounded(a, MAX_TOKENIZER_BYTES) == read_bounded(b, MAX_TOKENIZER_BYTES)

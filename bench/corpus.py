"""Real text that ships with Python, cut into streams of tokens (no download, no personal data).

Three texts: `main` (language reference and docstrings of the standard library), `other` (its source code without
docstrings or comments) and `dirty` (both, damaged on purpose). Documents whose digest says so are held out of training.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from forebear.core.seeds import generator

HERE = Path(__file__).parent
WORK = Path(os.environ.get("FOREBEAR_BENCH_WORK", HERE / "work"))
TOKENIZER = HERE / "tokenizer.json"
VOCABULARY = 512
TEXTS = ("main", "other", "dirty")
TEXT_CHARACTERS = 2_000_000
"""Most characters taken of each text."""
HELD_OUT_SHARE = 20
"""One document in so many is held out."""
_SKIP = (
    "site-packages",
    "test",
    "tests",
    "idle_test",
    "lib2to3",
    "pydoc_data",
    "__pycache__",
    "ensurepip",
    "turtledemo",
)

Tokens = npt.NDArray[np.int64]


def library_files() -> list[Path]:
    """Source files of the standard library, in one order everywhere; tests and bundled packages left out."""
    root = Path(os.__file__).parent
    found = [p for p in root.rglob("*.py") if not set(p.relative_to(root).parts[:-1]) & set(_SKIP)]
    return sorted(found, key=lambda p: p.relative_to(root).as_posix())


def docstrings_and_code(source: str) -> tuple[list[str], str]:
    """The docstrings of one module, and its code with them removed; nothing is imported or run.

    Raises: SyntaxError if the source does not parse.
    """
    tree = ast.parse(source)
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                found.append(text)
                node.body = node.body[1:] or [ast.Pass()]
    return found, ast.unparse(tree)


def documents(text: str) -> Iterator[str]:
    """The documents of one text, in one order everywhere.

    text: one of TEXTS.
    Raises: KeyError for any other name.
    """
    yield from {"main": _main, "other": _other, "dirty": _dirty}[text]()


@cache
def _library() -> tuple[list[str], list[str]]:
    docs: list[str] = []
    code: list[str] = []
    for path in library_files():
        try:
            found, rest = docstrings_and_code(path.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError):  # a few files are kept in the library because they do not parse
            continue
        docs.append("\n\n".join(found))
        code.append(rest)
        if sum(map(len, code)) > TEXT_CHARACTERS and sum(map(len, docs)) > TEXT_CHARACTERS:
            break
    return docs, code


def _main() -> Iterator[str]:
    from pydoc_data.topics import topics

    yield from (str(topics[name]) for name in sorted(topics))
    yield from _library()[0]


def _other() -> Iterator[str]:
    yield from _library()[1]


def _dirty() -> Iterator[str]:
    """Text as bad crawls have it: words out of order, repeated lines, broken encodings, runs of random bytes."""
    chance = generator("bench/dirty-text", 1)
    for number, text in enumerate([*_library()[0], *_library()[1]]):
        words = text.split(" ")
        kind = number % 4
        if kind == 0:
            chance.shuffle(words)
            yield " ".join(words)
        elif kind == 1:
            lines = text.splitlines() or [""]
            yield "\n".join(lines[int(i)] for i in np.sort(chance.integers(0, len(lines), len(lines))))
        elif kind == 2:
            yield text.encode("utf-16-le").decode("latin-1")[: len(text)]
        else:
            yield text[: len(text) // 2] + chance.bytes(len(text) // 8).decode("latin-1")


def _held_out(document: str) -> bool:
    return hashlib.sha256(document.encode()).digest()[0] % HELD_OUT_SHARE == 0


def training_text(text: str) -> str:
    """All training documents of one text joined, cut at TEXT_CHARACTERS."""
    return "\n\n".join(d for d in documents(text) if not _held_out(d))[:TEXT_CHARACTERS]


def held_out_text(text: str) -> str:
    """All held-out documents of one text joined, cut at TEXT_CHARACTERS."""
    return "\n\n".join(d for d in documents(text) if _held_out(d))[:TEXT_CHARACTERS]


def train_tokenizer() -> str:
    """A byte-level BPE vocabulary of VOCABULARY tokens learnt from all three texts, as tokenizer.json text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, initial_alphabet=alphabet, special_tokens=["<|endoftext|>"], show_progress=False
    )
    tokenizer.train_from_iterator([training_text("main"), training_text("other")[:500_000]], trainer)
    return str(tokenizer.to_str())


def encode(text: str) -> Tokens:
    """Token ids of a text under the committed vocabulary. Returns: (tokens,) int64."""
    from tokenizers import Tokenizer

    return np.array(Tokenizer.from_file(str(TOKENIZER)).encode(text).ids, dtype=np.int64)


def _cache_key() -> str:
    """Changes when the Python that ships the text, this file or the vocabulary changes."""
    parts = [sys.version.encode(), Path(__file__).read_bytes(), TOKENIZER.read_bytes()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


@cache
def stream(text: str, part: str) -> Tokens:
    """Tokens of one text, kept on disk after the first call.

    text: one of TEXTS; part: "training" or "held-out".
    Returns: (tokens,) int64.
    Raises:  KeyError for unknown names.
    """
    make = {"training": training_text, "held-out": held_out_text}[part]
    path = WORK / "corpus" / f"{_cache_key()}-{text}-{part}.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.partial.npy")
        np.save(partial, encode(make(text)).astype(np.uint16))
        os.replace(partial, path)
    loaded: Tokens = np.load(path, allow_pickle=False).astype(np.int64)
    return loaded


def digest() -> str:
    """SHA-256 over every stream: two builds with the same digest saw the same text."""
    whole = hashlib.sha256()
    for text in TEXTS:
        for part in ("training", "held-out"):
            whole.update(stream(text, part).astype("<u2").tobytes())
    return whole.hexdigest()


def unigram_entropy(tokens: Tokens) -> float:
    """Entropy of the token frequencies of a stream, nats: the loss of the best model that knows no context."""
    counts = np.bincount(tokens, minlength=VOCABULARY).astype(np.float64)
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log(share)).sum())


def describe() -> str:
    """One JSON line: tokens in each stream and the unigram entropy of held-out text."""
    rows = {
        t: {
            "training": len(stream(t, "training")),
            "held-out": len(stream(t, "held-out")),
            "unigram_entropy": round(unigram_entropy(stream(t, "held-out")), 4),
        }
        for t in TEXTS
    }
    return json.dumps({"digest": digest(), "texts": rows})

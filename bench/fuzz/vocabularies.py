"""Two vocabularies against each other, and those inside GGUF files: what `tokenizers lineage` and a comparison's tokens read."""

from __future__ import annotations

import json
import random
import struct
from pathlib import Path
from typing import Any

from bench.fuzz import mutate, tokenizers, weights
from bench.fuzz.target import HUNDRED_THOUSAND, Files, Plant, Target
from bench.fuzz.under_test import (
    documents,
    gguf_files,
    gguf_vocabularies,
    token_encoders,
    token_lineage,
    token_readers,
    vocabularies,
)

_G = "tokenizer.ggml."
GGUF: dict[str, Any] = {
    "general.architecture": "llama", f"{_G}model": "llama", f"{_G}pre": "default",
    f"{_G}tokens": ["<unk>", "<s>", "\u2581a", "b", "<0x0A>", "ab", "\u2581", "a"],
    f"{_G}token_type": [2, 3, 1, 1, 6, 1, 4, 1],
    f"{_G}scores": [0.0, 0.0, -1.0, -2.0, -3.0, -1.5, -4.0, -2.5],
    f"{_G}merges": ["\u2581 a", "a b"], f"{_G}add_space_prefix": True,
    f"{_G}remove_extra_whitespaces": False, f"{_G}precompiled_charsmap": [*tokenizers.CHARSMAP.encode()],
}  # fmt: skip
_WORDS = (
    *mutate.words_of([GGUF]),
    "gpt2",
    "bert",
    "t5",
    "gemma4",
    "qwen2",
    "deepseek-llm",
    "falcon",
    "\u0120a",
    "\u010a",
)
_SOUND = json.dumps(GGUF)
_FIXED = (
    ("tokenizer.json", tokenizers.BYTE_LEVEL),
    ("tokenizer.json", tokenizers.UNIGRAM),
    ("vocab.json", tokenizers.VOCAB_JSON),
)


def _text(value: str) -> bytes:
    data = value.encode("utf-8", "surrogatepass")
    return struct.pack("<Q", len(data)) + data


def _value(value: Any) -> bytes:
    """One value with its type, by its own kind; lists are arrays of the kind of their first entry."""
    if isinstance(value, bool):
        return struct.pack("<IB", 7, value)
    if isinstance(value, int):
        return struct.pack("<Iq", 11, max(-(2**63), min(value, 2**63 - 1)))
    if isinstance(value, float):
        return struct.pack("<I", 12) + struct.pack("<d", value)
    if isinstance(value, str):
        return struct.pack("<I", 8) + _text(value)
    items = list(value) if isinstance(value, list) else []
    first = items[0] if items else 0
    if isinstance(first, str):
        strings = [_text(i if isinstance(i, str) else str(i)) for i in items]
        return struct.pack("<IIQ", 9, 8, len(items)) + b"".join(strings)
    if isinstance(first, float):
        numbers = [float(i) if isinstance(i, (int, float)) and abs(i) < 1e300 else float("nan") for i in items]
        return struct.pack("<IIQ", 9, 12, len(items)) + struct.pack(f"<{len(items)}d", *numbers)
    whole = [i if isinstance(i, int) and -(2**31) <= i < 2**31 else 0 for i in items]
    return struct.pack("<IIQ", 9, 5, len(items)) + struct.pack(f"<{len(items)}i", *whole)


def gguf_bytes(values: Any) -> bytes:
    """A GGUF file with this metadata and one small tensor."""
    table = values if isinstance(values, dict) else {"x": values}
    body = b"".join(_text(key.removeprefix(mutate.DOUBLE)) + _value(value) for key, value in table.items())
    tensor = _text("token_embd.weight") + struct.pack("<IQQIQ", 2, 4, 7, 0, 0)
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, len(table)) + body + tensor
    return head.ljust(-(-len(head) // 32) * 32, b"\0") + bytes(7 * 4 * 4)


def _kin(rng: random.Random) -> Files:
    """Two lists of some hundred tokens, the second made from the first: cut, joined with others, in part in another order."""
    ours = [f"##{chr(97 + i % 26)}{i}" if i % 5 else f"{chr(0x4E00 + i)}" for i in range(rng.choice((60, 150, 260)))]
    rng.shuffle(ours)
    theirs = list(ours)
    for _ in range(rng.randint(0, 3)):
        a, b = sorted(rng.randrange(len(theirs) + 1) for _ in range(2))
        middle = theirs[a:b]
        how = rng.randrange(4)
        if how == 0:
            rng.shuffle(middle)
        elif how == 1:
            middle = [f"##new{i}" for i in range(len(middle))]
        elif how == 2:
            middle.sort()
        theirs = theirs[:a] + (middle if how < 3 else []) + theirs[b:]
    return {"subject/vocab.txt": "\n".join(theirs or ["a"]).encode(), "candidate/vocab.txt": "\n".join(ours).encode()}


def make(rng: random.Random) -> Files:
    """A subject and a candidate: one of them sound in half, one in three a GGUF file."""
    if rng.random() < 0.05:
        return _kin(rng)
    files: Files = {}
    for side in ("subject", "candidate"):
        how = rng.random()
        if how < 0.4:
            changed = mutate.tree(rng, json.loads(_SOUND), _WORDS)
            data = gguf_bytes(changed)
            files[f"{side}/x.gguf"] = mutate.raw(rng, [data]) if rng.random() < 0.1 else data
        elif how < 0.7:
            name, value = rng.choice(_FIXED)
            files[f"{side}/{name}"] = json.dumps(value).encode()
        else:
            name, data = tokenizers.one_file(rng)
            files[f"{side}/{name}"] = data
    return files


def _read(name: str, data: bytes) -> Any:
    if not name.endswith(".gguf"):
        return token_readers.read_vocabulary_bytes(data, Path(Path(name).name), full=True)
    container = gguf_files.GgufContainer(Path("x.gguf"), file=weights.Memory(data, "x.gguf"))
    found = gguf_vocabularies.inner_vocabulary(container.values, "x.gguf", full=True)
    if found is None:
        return vocabularies.Vocabulary("bpe", (b"a",), frozenset())
    try:
        encoder = token_encoders.encoder_of(found)
        for text in tokenizers.TEXTS:
            encoder.restore(encoder.encode(text))
    except token_encoders.CannotEncodeError:
        pass  # a way of cutting that is not known: refused by the verb, and the tokens are compared all the same
    return found


def run(files: Files) -> None:
    """`tokenizers lineage SUBJECT CANDIDATE`, and the tokens a comparison would pair rows by."""
    subject, candidate = (_read(name, data) for name, data in files.items())
    documents.canonical_json(token_lineage.describe(subject, [candidate], ["subject", "candidate"]))
    vocabularies.shared_tokens(subject, candidate)


def outer(files: Files) -> bool:
    """As for tokenizers; of a GGUF file the first bytes and the counts."""
    for name, data in files.items():
        if name.endswith(".gguf"):
            if data[:8] != b"GGUF\3\0\0\0" or int.from_bytes(data[16:24], "little") > 1000:
                return False
        elif not tokenizers.outer({name.split("/")[1]: data}):
            return False
    return True


VOCABULARY = Target(
    name="vocabulary", make=make, run=run, outer=outer, least=HUNDRED_THOUSAND,
    plant=Plant(gguf_vocabularies, "inner_vocabulary", lambda v: v is not None and v.scores is None and v.merges is not None),
    measured=("forebear.tokens.lineage", "forebear.tokens.kinship", "forebear.tokens.parents", "forebear.tokens.order",
              "forebear.tokens.vocabulary", "forebear.tokens.rules", "forebear.models.published.gguf_tokens"),
    reads="two vocabularies of any reader or inside GGUF files as `tokenizers lineage` compares them, and tokens paired for a "
          "comparison",
)  # fmt: skip

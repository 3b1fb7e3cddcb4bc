"""Tokenizer files of every kind, read in full, audited and used to encode, as `inspect --full` and `tokenizers cost` do."""

from __future__ import annotations

import base64
import json
import random
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.fuzz import mutate
from bench.fuzz.target import Files, Folder, Plant, Target, syntax_is_sound
from bench.fuzz.under_test import documents, forebear, reports, token_audit, token_encoders, token_readers

TEXTS = ("Hello  world, it's 2024!\n", "A na\u00efve \u4e2d\u6587 x\u0301\t\u2581y", "aaaa aaab baab [UNK] <s>")
WHOLE = 0.01
"""Share of inputs that go through the whole verb `inspect --full` on a folder, with the labels that lie next to a tokenizer."""

CHARSMAP = "\x0c\0\0\0\0\0\1\0A\x0d\0\0\0\0\0\0b\0"
"""A sound table of characters: "A" becomes "b"."""

_ADDED = [{"id": 9, "content": "<s>", "special": True}, {"id": 10, "content": "<tool>", "special": False}]
_LETTERS = {"a": 0, "b": 1, "c": 2, "\u0120": 3, "ab": 4, "\u0120a": 5, "abc": 6, "\u00c3": 7, "\u00a9": 8}
_SPLIT = {"type": "Split", "pattern": {"Regex": r"'s|'t| ?\p{L}+"}, "behavior": "Isolated", "invert": False}
BYTE_LEVEL: dict[str, Any] = {
    "version": "1.0", "added_tokens": _ADDED, "normalizer": {"type": "NFC"},
    "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
        {"type": "Digits", "individual_digits": True}, {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}]},
    "decoder": {"type": "ByteLevel"},
    "model": {"type": "BPE", "unk_token": None, "continuing_subword_prefix": "", "end_of_word_suffix": "", "fuse_unk": False,
              "byte_fallback": False, "ignore_merges": False, "vocab": _LETTERS, "merges": ["a b", "\u0120 a", ["ab", "c"]][:2]},
}  # fmt: skip
PIECES: dict[str, Any] = {
    "added_tokens": [{"id": 0, "content": "<unk>", "special": True}],
    "normalizer": {"type": "Sequence", "normalizers": [
        {"type": "Prepend", "prepend": "\u2581"}, {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]},
    "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]},
    "model": {"type": "BPE", "byte_fallback": True, "unk_token": "<unk>", "fuse_unk": True,
              "vocab": {"<unk>": 0, "\u2581": 1, "a": 2, "b": 3, "\u2581a": 4, "ab": 5, "<0x0A>": 6},
              "merges": [["\u2581", "a"], ["a", "b"]]},
}  # fmt: skip
UNIGRAM: dict[str, Any] = {
    "added_tokens": [],
    "normalizer": {"type": "Sequence", "normalizers": [
        {"type": "Strip", "strip_left": True, "strip_right": True},
        {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
        {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(CHARSMAP.encode()).decode()}]},
    "pre_tokenizer": {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "add_prefix_space": True},
    "model": {"type": "Unigram", "unk_id": 0, "byte_fallback": False,
              "vocab": [["<unk>", 0.0], ["\u2581", -2.5], ["a", -3.0], ["\u2581a", -3.5], ["ab", -4.0], ["b", -4.25]]},
}  # fmt: skip
WORDS: dict[str, Any] = {
    "added_tokens": [{"id": 0, "content": "[UNK]", "special": True}],
    "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
                   "lowercase": True},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
              "vocab": {"[UNK]": 0, "hello": 1, "##lo": 2, "hel": 3, "a": 4, "##b": 5, "[unused1]": 6}},
}  # fmt: skip
LEVEL = {"model": {"type": "WordLevel", "unk_token": "<unk>", "vocab": {"<unk>": 0, "hello": 1, "world": 2}}}
SPLIT = {
    **BYTE_LEVEL,
    "pre_tokenizer": {"type": "Sequence", "pretokenizers": [_SPLIT, {"type": "ByteLevel", "use_regex": False}]},
}
TEKKEN: dict[str, Any] = {
    "config": {"pattern": "x+", "default_num_special_tokens": 3, "default_vocab_size": 8},
    "vocab": [
        {"rank": i, "token_bytes": base64.b64encode(bytes([97 + i])).decode(), "token_str": chr(97 + i)}
        for i in range(4)
    ],
    "special_tokens": [{"rank": 0, "token_str": "<unk>", "is_control": True}],
}
PIECE_LIST: list[Any] = [{"piece": p, "score": -float(i)} for i, p in enumerate(("<unk>", "<s>", "\u2581a", "b", "ab"))]
VOCAB_JSON = {"a": 0, "b": 1, "ab": 2, "\u0120a": 3, "<|endoftext|>": 4}
MODEL: dict[str, Any] = {  # SentencePiece, as `proto` writes it
    "pieces": [["<unk>", 0.0, 2], ["<s>", 0.0, 3], ["\u2581a", -1.5, 1], ["b", -2.0, 1], ["<0x0A>", -3.0, 6], ["cd", -1.0, 4]],
    "trainer": {"3": 1, "24": 0}, "normalizer": {"1": "nmt_nfkc", "2": CHARSMAP, "3": 1, "4": 1, "5": 1},
}  # fmt: skip
_ENOUGH_BYTES = {**PIECES, "model": {**PIECES["model"], "vocab": {f"<0x{b:02X}>": b for b in range(256)} | {"a": 256, "b": 257,
                                     "ab": 258, "\u2581": 259, "\u2581a": 260}}}  # fmt: skip

TREES: tuple[tuple[str, Any], ...] = (
    ("tokenizer.json", BYTE_LEVEL), ("tokenizer.json", PIECES), ("tokenizer.json", UNIGRAM), ("tokenizer.json", WORDS),
    ("tokenizer.json", LEVEL), ("tokenizer.json", SPLIT), ("tekken.json", TEKKEN), ("pieces.json", PIECE_LIST),
    ("vocab.json", VOCAB_JSON), ("tokenizer.model", MODEL), ("tokenizer.model", MODEL),
)  # fmt: skip
RARE_TREES = (("tokenizer.json", _ENOUGH_BYTES),)
LINES: tuple[tuple[str, str], ...] = (
    ("vocab.txt", "[PAD]\n[UNK]\nhello\n##lo\na\nb\n##b\n,\n[unused3]\n"),
    (
        "x.tiktoken",
        "".join(f"{base64.b64encode(t).decode()} {i}\n" for i, t in enumerate((b"a", b"b", b"ab", b" a", b"\xc3"))),
    ),
    ("x.txt", "1 'a' 1\n2 b'\\xc3' 1\n3 \" a\" 2\n4 '\u00e9' 2\n"),
    (
        "x.js",
        'export default {"pat_str": "x+", "special_tokens": {"<|e|>": 5}, "bpe_ranks": "! 0 YQ== Yg==\\n! 2 YWI="};\n',
    ),
)
_TEXT_OF = {
    name: json.dumps(value) for name, value in {str(i): v for i, (_, v) in enumerate((*TREES, *RARE_TREES))}.items()
}
WORD_LIST = (
    *mutate.words_of([v for _, v in TREES]), "Lowercase", "NFKC", "StripAccents", "Precompiled", "precompiled_charsmap",
    "ByteFallback", "CAAAAAAAAAAAAAAAYQA=", "Punctuation",
)  # fmt: skip
LABELS = {
    "tokenizer_config.json": {
        "tokenizer_class": "GPT2TokenizerFast",
        "bos_token": "<s>",
        "eos_token": {"content": "</s>"},
    },
    "config.json": {
        "model_type": "llama",
        "vocab_size": 11,
        "bos_token_id": 1,
        "eos_token_id": [2, 3],
        "pad_token_id": None,
    },
}


def proto(value: Any) -> bytes:
    """A SentencePiece model from a changed MODEL, however odd: every value is written by its own kind."""
    if not isinstance(value, Mapping):
        return _field(1, value)
    out = b"".join(_field(1, p) for p in _listed(value.get("pieces", ())))
    for number, name in ((2, "trainer"), (3, "normalizer")):
        inner = value.get(name)
        if isinstance(inner, Mapping):
            out += _field(number, b"".join(_field(int(k), v) for k, v in inner.items() if k.isdecimal() and len(k) < 9))
        elif inner is not None:
            out += _field(number, inner)
    return out


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _varint(number: int) -> bytes:
    number &= 2**64 - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _field(number: int, value: Any) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(int(value))
    if isinstance(value, float):
        single = value if abs(value) < 3e38 or value != value else float("inf")
        return _varint(number << 3 | 5) + struct.pack("<f", single)
    if isinstance(value, (list, tuple)):
        value = b"".join(_field(at, item) for at, item in enumerate(value, 1))
    elif isinstance(value, Mapping) or value is None:
        value = b""
    data = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


SOUND: tuple[tuple[str, bytes], ...] = (
    *((name, proto(value) if name.endswith(".model") else json.dumps(value).encode()) for name, value in TREES),
    *((name, text.encode()) for name, text in LINES),
)
_BY_NAME = {name: [data for other, data in SOUND if other == name] for name, _ in SOUND}


def make(rng: random.Random) -> Files:
    """A tokenizer file; seldom with the files that lie next to one."""
    name, data = one_file(rng)
    files = {name: data}
    if rng.random() < WHOLE:
        for label, value in LABELS.items():
            files[label] = mutate.json_bytes(rng, mutate.tree(rng, json.loads(json.dumps(value)), WORD_LIST))
        if name == "vocab.json":
            files["merges.txt"] = mutate.lines(rng, "#version: 0.2\na b\n\u0120 a\n", WORD_LIST)
    return files


def one_file(rng: random.Random) -> tuple[str, bytes]:
    """A tokenizer file by itself: six in ten a changed tree, two in ten changed lines, the rest changed bytes."""
    if rng.random() < mutate.LARGE:
        return large(rng)
    how = rng.random()
    if how < 0.62:
        at = rng.randrange(len(TREES)) if rng.random() < 0.98 else len(TREES) + rng.randrange(len(RARE_TREES))
        name = (*TREES, *RARE_TREES)[at][0]
        changed = mutate.tree(rng, json.loads(_TEXT_OF[str(at)]), WORD_LIST)
        return name, proto(changed) if name.endswith(".model") else mutate.json_bytes(rng, changed)
    if how < 0.8:
        name, text = rng.choice(LINES)
        return name, mutate.lines(rng, text, WORD_LIST)
    name, _ = rng.choice(SOUND)
    return name, mutate.raw(rng, _BY_NAME[name], 4096)


def large(rng: random.Random) -> tuple[str, bytes]:
    """About 100 KB: many tokens or long ones, of few letters, so that every way of putting them together has to be looked at."""
    if rng.random() < 0.3:
        name, text = rng.choice(LINES)
        return name, mutate.stretched(rng, text, WORD_LIST)
    letters, longest = (
        rng.choice(("a", "ab", "abc\u2581", "\u0120a", "\u4e2d\u6587")),
        rng.choice((8, 60, 500, 5000, 60_000)),
    )
    found: dict[str, int] = {}
    size = 0
    for _ in range(20_000):
        word = (
            "".join(rng.choices(letters, k=rng.randint(1, longest)))
            if longest < 1000
            else letters[0] * rng.randint(1, longest)
        )
        found.setdefault(word, len(found))
        size += len(word.encode()) + 12
        if size > mutate.LARGE_BYTES:
            break
    value: dict[str, Any] = json.loads(json.dumps(rng.choice((BYTE_LEVEL, PIECES, UNIGRAM, WORDS))))
    value["added_tokens"] = []
    if value["model"]["type"] == "Unigram":
        value["model"]["vocab"] = [[word, -1.0 - at / 7] for word, at in found.items()]
    else:
        value["model"]["vocab"] = found
        value["model"].pop("merges", None)
        if value["model"]["type"] == "BPE":
            pairs = ((w[:-1], w[-1]) for w in found if len(w) > 1)
            value["model"]["merges"] = [[a, b] for a, b in pairs if a in found and b in found][:2000]
    return "tokenizer.json", json.dumps(value).encode()


def run(files: Files) -> None:
    """Read, audit and encode in memory; a folder of several files goes through the verb and both of its forms."""
    if len(files) > 1:
        _whole(files)
        return
    ((name, data),) = files.items()
    vocabulary = token_readers.read_vocabulary_bytes(data, Path(name), full=True)
    documents.canonical_json(token_audit.audit_vocabulary(vocabulary, None, digest="0" * 64))
    encoder = token_encoders.encoder_of(vocabulary)
    for text in TEXTS:
        encoder.restore(encoder.encode(text))


_FOLDERS: list[Folder] = []


def _whole(files: Files) -> None:
    if not _FOLDERS:
        _FOLDERS.append(Folder({}))
    document = forebear.inspect(_FOLDERS[0].put(files), full=True)
    reports.rendered(document, "json")
    reports.rendered(document, "text")


def outer(files: Files) -> bool:
    """The syntax that a file's name promises: JSON, lines of UTF-8, fields of a protobuf."""
    for name, data in files.items():
        if name.endswith(".model"):
            if not _is_proto(data):
                return False
        elif not syntax_is_sound({name: data}):
            return False
    return True


def _is_proto(data: bytes) -> bool:
    """Whether the outermost fields follow one another to the end."""
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        size = {0: 0, 1: 8, 5: 4}.get(key & 7)
        if (key & 7) == 2:
            size, at = _read_varint(data, at)
        elif (key & 7) == 0:
            _, at = _read_varint(data, at)
        if size is None or key < 8 or at > len(data):
            return False
        at += size
    return at == len(data) and at > 0


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 70:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return value, at
    return 0, len(data) + 1


TOKENIZERS = Target(
    name="tokenizers", make=make, run=run, outer=outer,
    plant=Plant(token_readers, "read_vocabulary_bytes", lambda v: v.kind == "wordpiece" and len(v.tokens) == 8),
    measured=("forebear.tokens.readers", "forebear.tokens.encoders", "forebear.tokens.audit", "forebear.tokens.structure",
              "forebear.tokens.surface", "forebear.tokens.normalizing", "forebear.tokens.charsmap", "forebear.tokens.labels"),
    reads="every reader of forebear/tokens/readers with full=True, the audit, an encoder and three texts; one in a hundred the "
          "whole verb `inspect --full` on a folder with tokenizer_config.json, config.json and merges.txt",
)  # fmt: skip

"""What stands beside a tokenizer and contradicts it: its class, its named tokens and ids, the rows it is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from forebear.core.bounded import parse_json, read_bounded
from forebear.core.errors import RefusedError
from forebear.core.limits import MAX_CONFIG_BYTES
from forebear.core.messages import Message, message
from forebear.tokens.vocabulary import Vocabulary

_CLASSES = {
    "bytes": ("GPT2", "Qwen2", "Roberta", "Bart", "GPTNeoX", "Codegen"),
    "pieces": ("XLMRoberta", "T5", "Albert", "Camembert", "MBart", "XLNet", "Pegasus"),
    "words": ("Bert", "DistilBert", "Electra", "MPNet"),
}
"""Beginnings of class names that only ever mean one kind of spelling (transformers' slow tokenizers)."""
_NAMED = ("bos_token", "eos_token", "pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
_IDS = ("bos_token_id", "eos_token_id", "pad_token_id")
MOST_NAMED = 16


def contradictions(folder: Path, vocabulary: Vocabulary, rows: int | None) -> list[Message]:
    """One message for each label of tokenizer_config.json and config.json in a folder that the vocabulary contradicts.

    rows: rows of the embedding when it was seen; else what config.json claims.
    """
    tokenizer, config = _small_json(folder / "tokenizer_config.json"), _small_json(folder / "config.json")
    said = _class(tokenizer, vocabulary) + _named(tokenizer, vocabulary) + _ids(config, vocabulary)
    if rows is None:
        size = config.get("vocab_size")
        rows = size if type(size) is int else None
    used = max((id_ for id_, token in enumerate(vocabulary.tokens) if token is not None), default=-1) + 1
    if rows is not None and used > rows:
        said.append(message("vocabulary.no_row", count=used - rows, rows=rows))
    elif rows is not None and used < rows:
        said.append(message("vocabulary.spare_rows", count=rows - used))
    return said


def _class(config: dict[str, Any], vocabulary: Vocabulary) -> list[Message]:
    name = config.get("tokenizer_class")
    surface = vocabulary.rules.option("surface") if vocabulary.rules else None
    surface = "words" if vocabulary.kind == "wordpiece" else surface
    if not isinstance(name, str) or surface is None:
        return []
    bare = name.removesuffix("Fast").removesuffix("Tokenizer")
    return [
        message("vocabulary.other_class", name=name[:60], spelling=message(f"spelling.{surface}"))
        for kind, starts in _CLASSES.items()
        if kind != surface and bare in starts
    ]


def _named(config: dict[str, Any], vocabulary: Vocabulary) -> list[Message]:
    """Begin, end and padding tokens named by their text that are no token here."""
    if not vocabulary.special and not vocabulary.added:
        return []  # rank files keep special tokens in code
    known = {token for token in vocabulary.tokens if token is not None}
    said = []
    for key in _NAMED:
        value = config.get(key)
        text = value.get("content") if isinstance(value, dict) else value
        if isinstance(text, str) and text and text.encode("utf-8", "replace") not in known:
            said.append(message("vocabulary.no_such_token", text=text[:40], key=key))
    return said


def _ids(config: dict[str, Any], vocabulary: Vocabulary) -> list[Message]:
    """Ids that config.json gives to begin, end and padding and that here stand for ordinary text."""
    if not vocabulary.special and not vocabulary.added:
        return []
    said = []
    for key in _IDS:
        value = config.get(key)
        for id_ in (value if isinstance(value, list) else [value])[:MOST_NAMED]:
            if type(id_) is not int or not 0 <= id_ < len(vocabulary) or vocabulary.tokens[id_] is None:
                continue
            if id_ not in vocabulary.special and id_ not in vocabulary.added:
                text = (vocabulary.tokens[id_] or b"")[:40].decode("utf-8", "backslashreplace")
                said.append(message("vocabulary.ordinary_id", key=key, id=id_, text=text))
    return said


def _small_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        found = parse_json(read_bounded(path, MAX_CONFIG_BYTES), where=str(path))
    except RefusedError:
        return {}
    return found if isinstance(found, dict) else {}

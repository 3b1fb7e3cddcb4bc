"""One reader per kind of tokenizer file, chosen by what the file holds; a new kind is one file and one line here."""

from __future__ import annotations

from pathlib import Path

from forebear.core.bounded import read_bounded
from forebear.core.errors import RefusedError
from forebear.core.limits import MAX_TOKENIZER_BYTES
from forebear.tokens.readers import huggingface, lists, ranks, sentencepiece
from forebear.tokens.readers.collecting import no_collection
from forebear.tokens.vocabulary import Vocabulary

TEXT_LISTS = (".txt", ".vocab")


def read_vocabulary(path: Path, *, full: bool) -> Vocabulary:
    """The vocabulary of one file. Raises RefusedError when no reader knows it."""
    with no_collection():
        return read_vocabulary_bytes(read_bounded(path, MAX_TOKENIZER_BYTES), path, full=full)


def read_vocabulary_bytes(data: bytes, path: Path, *, full: bool) -> Vocabulary:
    """The vocabulary in a file's bytes; `path` names it and need not exist. Raises RefusedError as `read_vocabulary`."""
    where, start = str(path), data[:64].lstrip()
    if not start:
        raise RefusedError("is empty", where=where)
    if path.suffix == ".js" or path.suffix == ".cjs":
        return ranks.read_javascript(data, where=where, full=full)
    if path.suffix == ".tiktoken":
        return ranks.read_tiktoken(data, where=where)
    if path.suffix in TEXT_LISTS:
        return lists.read_list(data, where=where)
    if start[:1] in (b"{", b"[") or start[:4] == b"\xef\xbb\xbf{":
        return huggingface.read_any_json(data, path=path, full=full)
    if data[:1] == b"\x0a":
        return sentencepiece.read_model(data, where=where, full=full)
    if ranks.looks_like_tiktoken(data):
        return ranks.read_tiktoken(data, where=where)
    raise RefusedError(
        "is no tokenizer file we know", where=where, todo="Give a tokenizer.json, vocab.txt, *.model or *.tiktoken"
    )

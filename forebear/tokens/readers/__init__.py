"""One reader per kind of tokenizer file, chosen by what the file holds; a new kind is one file and one line here."""

from __future__ import annotations

from pathlib import Path

from forebear.core.bounded import read_bounded
from forebear.core.errors import refusal
from forebear.core.limits import MAX_TOKENIZER_BYTES
from forebear.core.messages import message
from forebear.core.stray import STRAY_BYTES, stray
from forebear.tokens.readers import huggingface, lists, ranks, sentencepiece
from forebear.tokens.readers.collecting import no_collection
from forebear.tokens.vocabulary import FILE_NAMES, Vocabulary, find_vocabulary_file

TEXT_LISTS = (".txt", ".vocab")


def load_vocabulary(path: str | Path, *, full: bool = False) -> Vocabulary:
    """The vocabulary of a tokenizer file, or of the folder that holds one.

    full: also read scores, merges and rules (slower; comparing tokens does not need them).
    Reads: tokenizer.json, vocab.txt, SentencePiece, tiktoken ranks, tekken, RWKV tries, pieces.json, vocab.json.
    Raises: RefusedError when nothing there is a vocabulary, or the file breaks a bound or its own format.
    """
    file = Path(path)
    if file.is_dir():
        found = find_vocabulary_file(file)
        if found is None:
            raise refusal(message("vocab.no_file"), where=str(path), todo=message("advice.looked_for", names=", ".join(FILE_NAMES)))
        file = found
    with no_collection():
        return read_vocabulary_bytes(read_bounded(file, MAX_TOKENIZER_BYTES), file, full=full)


def read_vocabulary_bytes(data: bytes, path: Path, *, full: bool) -> Vocabulary:
    """The vocabulary in a file's bytes; `path` names it and need not exist. Raises RefusedError as `load_vocabulary`."""
    where, start = str(path), data[:64].lstrip()
    if not start:
        raise refusal(message("vocab.empty"), where=where)
    found = stray(data[:STRAY_BYTES])
    if found is not None and found.kind == "lfs":  # whatever the name says: no vocabulary begins so
        raise refusal(found.this, where=where, todo=found.todo)
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
    if found is not None:
        raise refusal(found.this, where=where, todo=found.todo)
    raise refusal(message("vocab.unknown_file"), where=where, todo=message("advice.tokenizer_files"))

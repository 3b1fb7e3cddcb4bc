"""Token spellings → byte strings, one convention for every kind of vocabulary (METHODS §15).

A token's bytes are the bytes of text it stands for, with the space that begins a word written as a space:
  GPT-2 byte alphabet      "Ġthe", "Ã©"      → b" the", b"\\xc3\\xa9"
  SentencePiece            "▁the", "<0x0A>"  → b" the", b"\\n"
  WordPiece, word lists    "the", "##ing"    → b" the", b"ing"
  end-of-word suffix       "the</w>"         → b"the "
  tiktoken, tekken, RWKV   bytes as stored
Special tokens keep their spelling; they are never compared.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from itertools import accumulate, pairwise

from forebear.core.errors import refusal
from forebear.core.limits import MAX_TOKEN_BYTES
from forebear.core.messages import message


def _gpt2_alphabet() -> str:
    """256 characters, one for each byte: printable Latin-1 stands for itself, the rest from U+0100 on."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    letters, spare = [], 0x100
    for byte in range(256):
        if byte in printable:
            letters.append(chr(byte))
        else:
            letters.append(chr(spare))
            spare += 1
    return "".join(letters)


GPT2_ALPHABET = _gpt2_alphabet()
_GPT2_ENCODING = codecs.charmap_build(GPT2_ALPHABET)
BYTE_PIECES = {f"<0x{byte:02X}>": bytes([byte]) for byte in range(256)}
"""SentencePiece's spelling of a byte."""


def from_byte_alphabet(spellings: Sequence[str]) -> tuple[list[bytes], list[int]]:
    """GPT-2 alphabet → bytes; a spelling outside the alphabet stands for its own UTF-8 (second value: which ones did)."""
    joined = "".join(spellings)
    try:
        data, _ = codecs.charmap_encode(joined, "strict", _GPT2_ENCODING)
    except UnicodeEncodeError:
        return _one_by_one(spellings)
    offsets = accumulate(map(len, spellings), initial=0)  # one byte per character: character offsets are byte offsets
    return [data[start:stop] for start, stop in pairwise(offsets)], []


def _one_by_one(spellings: Sequence[str]) -> tuple[list[bytes], list[int]]:
    found, foreign = [], []
    for at, spelling in enumerate(spellings):
        try:
            found.append(codecs.charmap_encode(spelling, "strict", _GPT2_ENCODING)[0])
        except UnicodeEncodeError:
            found.append(spelling.encode())
            foreign.append(at)
    return found, foreign


def from_pieces(
    spellings: Sequence[str], *, suffix: str = "", prefix: str = "", byte_pieces: bool = False
) -> list[bytes]:
    """SentencePiece-style spellings → bytes: "▁" is a space, "<0x0A>" a byte where the vocabulary spells bytes so.

    suffix: end-of-word mark ("</w>"), becomes a trailing space; prefix: continuation mark ("##"): a word piece without
    it begins a word.
    """
    found = []
    for spelling in spellings:
        if byte_pieces and spelling in BYTE_PIECES:
            found.append(BYTE_PIECES[spelling])
            continue
        if suffix and spelling.endswith(suffix):
            spelling = spelling[: -len(suffix)] + " "
        if prefix:
            spelling = spelling[len(prefix) :] if spelling.startswith(prefix) else " " + spelling
        found.append(spelling.replace("▁", " ").encode())
    return found


def from_words(spellings: Sequence[str], prefix: str) -> list[bytes]:
    """WordPiece spellings → bytes: "##ing" continues a word, anything else begins one and gets its space."""
    joined = "\0 " + "\0 ".join(spellings)
    if (
        joined.count("\0") == len(spellings) and "\0" not in prefix
    ):  # one pass over one string: a third of the time of a loop
        return (joined.replace("\0 " + prefix, "\0") if prefix else joined).encode().split(b"\0")[1:]
    cut = len(prefix)
    return [(s[cut:] if prefix and s.startswith(prefix) else " " + s).encode() for s in spellings]


def check_lengths(tokens: Sequence[bytes | None], where: str) -> None:
    """Raises RefusedError when a token is longer than any real one could be."""
    longest = max(map(len, filter(None, tokens)), default=0)
    if longest > MAX_TOKEN_BYTES:
        raise refusal(message("vocab.long_token", length=longest, most=MAX_TOKEN_BYTES), where=where)

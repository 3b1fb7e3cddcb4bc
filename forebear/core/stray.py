"""What lies in a file in place of what was wanted: a pointer, a web page, an error message, a compressed file."""

from __future__ import annotations

import re
from dataclasses import dataclass

from forebear.core.errors import printable

SHOWN = 40


@dataclass(frozen=True, slots=True)
class Stray:
    """A kind of content that is told by its first bytes. kind: after "this is"; todo: what to do about it."""

    kind: str
    begins: re.Pattern[bytes]
    todo: str


def _stray(kind: str, pattern: bytes, todo: str) -> Stray:
    return Stray(kind, re.compile(pattern, re.IGNORECASE | re.DOTALL), todo)


_SIGN_IN = "Accept the model's terms and sign in (hf auth login), then download the file again."
STRAYS = (
    _stray("a Git LFS pointer, not the file itself", rb"version https://git-lfs", "Get the file: git lfs pull."),
    _stray("a link of the hub's cache that was copied as text, not the file itself", rb"(?:\.\./){2,3}blobs/",
           "Copy the cache with its links (cp -a, rsync -a), or give the file in its folder blobs."),
    _stray("a web page, not the file itself", rb"(?:\xef\xbb\xbf)?\s*(?:<!--.{0,40}-->\s*)?<(?:!doctype\s+html|html|head|body)\b",
           "The download was answered by a page: sign in if the model asks for it, and take the link to the file itself."),
    _stray("an error message of a file store (XML), not the file itself", rb"\s*<\?xml[^>]*>\s*<Error\b",
           "Download the file again; the link may have run out."),
    _stray("an error message of a hub (JSON), not the file itself", rb"\s*\{\s*\"(?:error|message|detail)\"\s*:", _SIGN_IN),
    _stray("an error message of a hub, not the file itself",
           rb"(?:entry|repository|file|revision) not found|invalid username or password|invalid credentials|access to model "
           rb"|unauthorized\b|forbidden\b|not found\s*\Z", _SIGN_IN),
    _stray("a gzip file", rb"\x1f\x8b\x08", "Unpack it: gunzip, or tar -xzf for a .tar.gz, .tgz or .nemo."),
    _stray("a 7z file", rb"7z\xbc\xaf\x27\x1c", "Unpack it with 7z."),
    _stray("an xz file", rb"\xfd7zXZ\0", "Unpack it: unxz, or tar -xJf."),
    _stray("a Zstandard file", rb"\x28\xb5\x2f\xfd", "Unpack it: unzstd, or tar --zstd -xf."),
    _stray("a RAR file", rb"Rar!\x1a\x07", "Unpack it with unrar."),
)  # fmt: skip


def stray(head: bytes) -> Stray | None:
    """The kind of content that begins with these bytes; None for any other."""
    return next((one for one in STRAYS if one.begins.match(head)), None)


def first_words(head: bytes) -> str:
    """How an unknown file begins, for a message: its text, or its first bytes."""
    try:
        text = head.decode("utf-8") if head else ""
    except UnicodeDecodeError as error:
        text = head[: error.start].decode("utf-8") if error.start >= len(head) - 3 else ""
    words = " ".join(text.split())
    if words and all(c.isprintable() or c.isspace() for c in text):
        return f"text that begins {printable(words[:SHOWN], SHOWN)!r}"
    return f"bytes that begin {head[:8].hex(' ')}"

"""What lies in a file in place of what was wanted: a pointer, a web page, an error message, a compressed file."""

from __future__ import annotations

import re
from dataclasses import dataclass

from forebear.core.errors import printable
from forebear.core.messages import Message, message

SHOWN = 40


@dataclass(frozen=True, slots=True)
class Stray:
    """A kind of content that is told by its first bytes. kind: key of what it is (`unread`) and of what to do (`convert`)."""

    kind: str
    begins: re.Pattern[bytes]

    @property
    def said(self) -> Message:
        """What it is, after "this is"."""
        return message(f"unread.{self.kind}")

    @property
    def todo(self) -> Message:
        """What to do about it."""
        return message(f"convert.{self.kind}")


def _stray(kind: str, pattern: bytes) -> Stray:
    return Stray(kind, re.compile(pattern, re.IGNORECASE | re.DOTALL))


STRAYS = (
    _stray("lfs", rb"version https://git-lfs"),
    _stray("hub_link", rb"(?:\.\./){2,3}blobs/"),
    _stray("web_page", rb"(?:\xef\xbb\xbf)?\s*(?:<!--.{0,40}-->\s*)?<(?:!doctype\s+html|html|head|body)\b"),
    _stray("store_error", rb"\s*<\?xml[^>]*>\s*<Error\b"),
    _stray("hub_error_json", rb"\s*\{\s*\"(?:error|message|detail)\"\s*:"),
    _stray("hub_error", rb"(?:entry|repository|file|revision) not found|invalid username or password|invalid credentials"
                        rb"|access to model |unauthorized\b|forbidden\b|not found\s*\Z"),
    _stray("gzip", rb"\x1f\x8b\x08"),
    _stray("seven_zip", rb"7z\xbc\xaf\x27\x1c"),
    _stray("xz", rb"\xfd7zXZ\0"),
    _stray("zstd", rb"\x28\xb5\x2f\xfd"),
    _stray("rar", rb"Rar!\x1a\x07"),
)  # fmt: skip


def stray(head: bytes) -> Stray | None:
    """The kind of content that begins with these bytes; None for any other."""
    return next((one for one in STRAYS if one.begins.match(head)), None)


def first_words(head: bytes) -> Message:
    """How an unknown file begins, for a message: its text, or its first bytes."""
    try:
        text = head.decode("utf-8") if head else ""
    except UnicodeDecodeError as error:
        text = head[: error.start].decode("utf-8") if error.start >= len(head) - 3 else ""
    words = " ".join(text.split())
    if words and all(c.isprintable() or c.isspace() for c in text):
        return message("format.text", text=repr(printable(words[:SHOWN], SHOWN)))
    return message("format.bytes", bytes=head[:8].hex(" "))

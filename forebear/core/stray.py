"""What lies in a file in place of what was wanted: a pointer, a web page, an error message, a compressed file."""

from __future__ import annotations

import re
from typing import NamedTuple

from forebear.core.errors import printable
from forebear.core.messages import Message, message

SHOWN = 40
STRAY_BYTES = 64
"""First bytes that are enough to tell."""


class Stray(NamedTuple):
    """A kind of content that is told by its first bytes. kind: key of what it is (`unread`) and of what to do (`convert`)."""

    kind: str
    begins: bytes

    def matches(self, head: bytes) -> bool:
        """Whether a file that begins with these bytes is one. The pattern is compiled when first asked, which few files are."""
        return re.match(self.begins, head, re.IGNORECASE | re.DOTALL) is not None

    @property
    def said(self) -> Message:
        """What it is, after "this is"."""
        return message(f"unread.{self.kind}")

    @property
    def this(self) -> Message:
        """What it is, as a sentence."""
        return message("format.this_is", kind=self.said)

    @property
    def todo(self) -> Message:
        """What to do about it."""
        return message(f"convert.{self.kind}")


STRAYS = (
    Stray("lfs", rb"(?:\xef\xbb\xbf)?version https://(?:git-lfs|hawser)\b"),
    Stray("hub_link", rb"(?:\.\./){2,3}blobs/"),
    Stray("web_page", rb"(?:\xef\xbb\xbf)?\s*(?:<!--.{0,40}-->\s*)?<(?:!doctype\s+html|html|head|body)\b"),
    Stray("store_error", rb"\s*(?:<\?xml[^>]*>\s*)?<Error\b"),
    Stray("hub_error_json", rb"\s*\{\s*\"(?:error|errors|message|detail|status|statusCode|code)\"\s*:"),
    Stray("hub_error", rb"(?:entry|repository|file|revision) not found|invalid username or password|invalid credentials"
                       rb"|access to model |unauthorized\b|forbidden\b|not found\s*\Z"),
    Stray("gzip", rb"\x1f\x8b\x08"),
    Stray("seven_zip", rb"7z\xbc\xaf\x27\x1c"),
    Stray("xz", rb"\xfd7zXZ\0"),
    Stray("zstd", rb"\x28\xb5\x2f\xfd"),
    Stray("rar", rb"Rar!\x1a\x07"),
)  # fmt: skip


def stray(head: bytes) -> Stray | None:
    """The kind of content that begins with these bytes; None for any other."""
    return next((one for one in STRAYS if one.matches(head)), None)


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

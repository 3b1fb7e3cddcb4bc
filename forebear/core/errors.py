"""One root error: what is wrong, where, what to do (STYLE 6). The library raises; the command line exits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

from forebear.core.messages import Message, message
from forebear.core.wording import in_english

Kind = TypeVar("Kind", bound="ForebearError")


class ForebearError(Exception):
    """Root of every error forebear raises on purpose.

    what:  one plain sentence fragment, no trailing period.
    where: the file, tensor or argument it concerns; untrusted text is made printable.
    todo:  what the reader can do about it.
    said:  `what` as a message, for errors that documents of any language repeat; its English is `what`.
    advice: `todo` as a message. `refusal` makes an error of both, so that they cannot differ.
    """

    exit_code = 4
    document: Mapping[str, Any] | None = None
    """A result that is whole and worth showing although the call failed."""

    def __init__(
        self, what: str, *, where: str = "", todo: str = "", said: Message | None = None, advice: Message | None = None
    ) -> None:
        self.what, self.where, self.todo, self.said = printable(what), printable(where), printable(todo), said
        self.advice = advice
        super().__init__(str(self))

    def reason(self) -> Reason:
        """The error as a document keeps it whole."""
        return Reason(str(self), self.message())

    def message(self) -> Message:
        """The error as a document repeats it: where, what, and the advice if it has words of other languages or what has none."""
        kind: str = "said"
        what: Message | str | None = self.said
        if what is None:
            kind, what = "english", f"{self.what}. {self.todo}" if self.todo else self.what
        elif self.advice is not None:
            what = message("refused.advised", what=what, todo=self.advice)
        return message(f"refused.{kind}_at", where=self.where, what=what) if self.where else message(f"refused.{kind}", what=what)

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head}. {self.todo}" if self.todo else head


class Reason(NamedTuple):
    """Why something was left out, kept in a document instead of raised: in English with its advice, and as a message."""

    english: str
    said: Message | Mapping[str, Any]


class ExpectationError(ForebearError):
    """A stated expectation (`--expect`) was not met; the result itself is whole and stands in `document`."""

    exit_code = 1

    def __init__(self, what: str, document: Mapping[str, Any], *, where: str = "", todo: str = "") -> None:
        self.document = document
        super().__init__(what, where=where, todo=todo)


class UsageError(ForebearError):
    """The words of the call are wrong."""

    exit_code = 2


class RefusedError(ForebearError):
    """An input was refused or could not be read."""

    exit_code = 3


class IncomparableError(RefusedError):
    """Two arrays or checkpoints have nothing that may be compared."""


def saying(kind: type[Kind], said: Message, *, where: str = "", todo: Message | None = None) -> Kind:
    """An error whose English and whose words in every other language are made of the same keys (`core/refusals.toml`).

    said: what is wrong; where: the file, tensor or argument; todo: what the reader can do about it.
    """
    advice = "" if todo is None else in_english(todo)
    return kind(in_english(said), where=where, todo=advice, said=said, advice=todo)


def refusal(said: Message, *, where: str = "", todo: Message | None = None) -> RefusedError:
    """A refusal in every language; see `saying`."""
    return saying(RefusedError, said, where=where, todo=todo)


def incomparable(said: Message, *, todo: Message | None = None) -> IncomparableError:
    """That two arrays have nothing that may be compared, in every language; see `saying`."""
    return saying(IncomparableError, said, todo=todo)


def printable(text: str, limit: int = 300) -> str:
    """Untrusted text made safe for a terminal: one line, no control or bidirectional characters, bounded length."""
    safe = text
    if not text.isprintable():
        safe = "".join(
            c if c.isprintable() else f"\\x{ord(c):02x}" if ord(c) < 256 else f"\\u{ord(c):04x}" for c in text
        )
    return safe if len(safe) <= limit else f"{safe[:limit]}… ({len(safe)} characters)"

"""What a container format is: how it is recognised and opened; those of installed packages come behind our own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from forebear.core.errors import ForebearError
from forebear.core.messages import Message, message
from forebear.core.plugins import Plugin, installed
from forebear.core.wording import english_words
from forebear.files.base import Container
from forebear.files.bytes.bytesource import ByteSource


@dataclass(frozen=True, slots=True)
class Packed:
    """A checkpoint that lies within another file: whoever opened that one opens this one, by what its bytes are.

    beside: small files that come with it, by name. odd: for `Container.odd`.
    """

    source: ByteSource
    beside: Mapping[str, Callable[[], bytes]] = field(default_factory=dict)
    odd: tuple[Message, ...] = ()


Open = Callable[[ByteSource, int | None], Container | Packed]


class Format(NamedTuple):
    """One container: how it is recognised, how it is opened.

    kind:     what a person calls it; of one that is not read, the key of what it is (`unread`) and of what to do (`convert`).
    magic:    from the first 64 bytes and the size; suffixes: tried when no magic fits.
    open:     (file, largest header in bytes or None for the default) -> container, or what is packed inside; None while
              unsupported.
    """

    kind: str
    magic: Callable[[bytes, int], bool]
    suffixes: tuple[str, ...]
    open: Open | None

    @property
    def said(self) -> Message:
        """What a file of an unsupported kind is, after "this is"; packages name their own kinds in words."""
        known = f"unread.{self.kind}" in english_words()
        return message(f"unread.{self.kind}") if known else message("format.added", kind=self.kind)

    @property
    def todo(self) -> Message:
        """What to do about an unsupported one."""
        return message(f"convert.{self.kind}" if f"convert.{self.kind}" in english_words() else "convert.added")


LEFTOVERS = ("training_args.bin", "optimizer.pt", "scheduler.pt", "rng_state.pth", "optimizer.bin", "scheduler.bin")
"""Files of a trainer whose names end like those of weights."""


@cache
def added() -> tuple[Format, ...]:
    """Formats that installed packages add (docs/contributing/container.md).

    Raises: PluginError for what is no format, and for a suffix that two packages claim.
    """
    found: list[Format] = []
    owners: dict[str, str] = {}
    for plugin in installed("forebear.formats"):
        format = plugin.load()
        if not isinstance(format, Format):
            raise plugin.error("is no format (forebear.files.formats.format.Format)")
        for suffix in format.suffixes:
            if suffix in owners:
                raise plugin.error(f"the suffix {suffix!r} is taken by {owners[suffix]}")
            owners[suffix] = plugin.distribution
        found.append(format._replace(open=_watched(format.open, plugin)) if format.open is not None else format)
    return tuple(found)


def _watched(opened: Open, plugin: Plugin) -> Open:
    """The function of a package that opens a file, so that a result says whose it is and a fault says whose it was."""

    def watched(file: ByteSource, max_header: int | None) -> Container | Packed:
        try:
            container = opened(file, max_header)
        except ForebearError:
            raise
        except Exception as error:
            raise plugin.error(f"failed on {file.path} ({type(error).__name__}: {error})") from error
        if isinstance(container, Packed):
            return container
        if not isinstance(container, Container):
            raise plugin.error(f"gave a {type(container).__name__} for {file.path}, no container")
        container.odd.append(message("odd.plugin", kind=container.kind, package=plugin.distribution))
        return container

    return watched

"""What a case file is made of: sources, rulings on names, aliases, hand corrections."""

from __future__ import annotations

from dataclasses import dataclass, field

from forebear.core.messages import Message, message

SCHEMA = "forebear/case-folder/1"
ROLES = ("original", "translation", "machine-conversion", "statement", "reply")
LANGUAGES = ("zh", "ja", "en")
NAME_KINDS = ("person", "organisation", "product", "place")
RULINGS = ("public", "private", "not-a-name", "undecided")


@dataclass(frozen=True)
class Seen:
    """Something odd about the bytes of a source: bidirectional, invisible or control characters, replacement characters (text
    damaged before it was received), or no-transcript. count: how many; first: code point; places: of the first of them.
    """

    what: str
    count: int = 0
    first: str = ""
    places: tuple[int, ...] = ()

    def said(self) -> Message:
        """It as a message."""
        return message(f"seen.{self.what}", count=self.count, first=self.first, places=list(self.places))


@dataclass(frozen=True)
class Source:
    """One text as received.

    id: short name used everywhere; file: inside the case folder; sha256, bytes: of that file; media: MIME type;
    language: BCP 47 primary tag; script: "Hans", "Hant", "Jpan", "Latn" or ""; role: one of ROLES; of: the source it
    translates, converts or answers; covers: ids of the versions it covers; conversion: the recorded OpenCC
    configuration;
    transcript: the text typed from a PDF or a picture; obtained_*: who, when, where; seen: what was seen on intake; notes: what is
    remarked besides.
    """

    id: str
    file: str
    sha256: str
    bytes: int
    media: str
    language: str
    script: str = ""
    role: str = "original"
    of: str = ""
    version: str = ""
    date: str = ""
    encoding: str = "utf-8"
    conversion: str = ""
    transcript: str = ""
    transcript_sha256: str = ""
    obtained_by: str = ""
    obtained_when: str = ""
    obtained_where: str = ""
    notes: tuple[str, ...] = ()
    seen: tuple[Seen, ...] = ()


@dataclass(frozen=True)
class Name:
    """A name candidate and the ruling on it; pseudonym is fixed once given, so that every output agrees.

    also: other right spellings; misspelt: wrong ones that stand in a source, replaced like the name but still findings;
    of: the pseudonym of the person whose name this is a part or a form of (several with "or" between): it has no forms
    of its own then.
    """

    text: str
    ruling: str = "undecided"
    kind: str = "person"
    pseudonym: str = ""
    also: tuple[str, ...] = ()
    misspelt: tuple[str, ...] = ()
    why: str = ""
    of: str = ""


@dataclass(frozen=True)
class Alias:
    """Spellings of one thing, in any language: none of them replaces another wrongly."""

    names: tuple[str, ...]
    kind: str = "term"


@dataclass(frozen=True)
class Correction:
    """A link made by hand, which alignment keeps: quoted sentences of the left and the right source."""

    left: str
    right: str
    left_quotes: tuple[str, ...] = ()
    right_quotes: tuple[str, ...] = ()
    by: str = ""


@dataclass(frozen=True)
class CaseFile:
    """The whole of case.toml."""

    schema: str
    title: str
    source: tuple[Source, ...] = ()
    name: tuple[Name, ...] = ()
    alias: tuple[Alias, ...] = ()
    correction: tuple[Correction, ...] = ()
    models: dict[str, str] = field(default_factory=dict)
    """Model id used by claims -> path of its files (or configuration), relative to the case folder."""

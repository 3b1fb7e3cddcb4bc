"""What a verb returns: a frozen document that can be read like a mapping, kept as a file and shown in a notebook."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

from forebear.core.documents import canonical_json, freeze, open_document, thaw
from forebear.core.errors import ExpectationError, ForebearError, UsageError
from forebear.core.output import check_output, write_whole

if TYPE_CHECKING:
    from pandas import DataFrame

    from forebear.reports.catalogue import Catalogue

P = ParamSpec("P")
_TYPED = ContextVar("typed", default=False)
_OPTION = re.compile(r"(`[^`]*`)|--([a-z][a-z-]*)")
FORMS = {
    ".json": "json", ".html": "html", ".htm": "html", ".csv": "csv", ".txt": "text", ".sarif": "sarif", ".sarif.json": "sarif",
    ".xml": "junit", ".patch": "patch", ".cdx.json": "cyclonedx", ".spdx.json": "spdx", ".intoto.json": "in-toto",
    ".graphml": "graphml",
}  # fmt: skip
"""Ending of a file -> format of what is written there."""
MESSAGE = frozenset({"key", "values"})
"""Keys of a message: what a document says in place of a sentence."""
FRAME = "width:100%;height:40rem;border:1px solid #8888;border-radius:4px;resize:vertical;overflow:auto"
"""Style of the frame in which a notebook shows a page."""
FIRST = ("subject", "candidate", "test", "axis", "component", "gauge", "everywhere", "relation", "claim", "outcome", "name",
         "tokenizer", "language", "decides", "corrected_log10_p", "log10_p", "kind", "package", "effect", "plain")  # fmt: skip
"""Columns of a table that come first, in this order, where there are any."""
Check = Callable[[Mapping[str, bytes]], None]
"""A last look at what is about to be written, by name of the file; it raises where that may not be."""


def form_of(path: Path, offered: Sequence[str], where: str, otherwise: str = "") -> str:
    """The format that the ending of a file says, of those offered.

    where:  how the file was named, for the refusal; otherwise: what else could be done, behind the endings there are.
    Raises: UsageError for an ending that says none of them, since another format than the one meant would be written.
    """
    known = {ending: form for ending, form in FORMS.items() if form in offered}
    for ending in sorted(known, key=len, reverse=True):
        if path.name.lower().endswith(ending):
            return known[ending]
    what = f"no format ends in {path.suffix!r}"
    if path.suffix.lower() in FORMS:
        what = f"the result has no {FORMS[path.suffix.lower()]} report"
    raise UsageError(what, where=where, todo=f"Use {', '.join(known)}{otherwise}.")


class Document(Mapping[str, Any]):
    """A frozen, versioned result. It reads like a mapping, and equals a mapping that holds the same.

    `document["verdict"]["relation"]` reads a key; mappings inside are read-only, lists are tuples.

    >>> import forebear
    >>> from importlib.resources import files
    >>> demo = files("forebear") / "demo_data"
    >>> document = forebear.compare(demo / "descendant", demo / "base")
    >>> document
    <forebear/comparison/2: related>
    >>> document.save("page.html"), document == forebear.open(document.save("result.json"))  # doctest: +SKIP
    (PosixPath('page.html'), True)
    """

    __slots__ = ("_check", "_held")

    def __init__(self, held: Mapping[str, Any], check: Check | None = None) -> None:
        self._held: Mapping[str, Any] = freeze(held)
        self._check = check

    def __getitem__(self, key: str) -> Any:
        try:
            return self._held[key]
        except KeyError:  # one pair and several give two kinds of documents
            raise KeyError(f"{key!r}: a {self._held.get('schema')} document has {', '.join(self._held)}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def __eq__(self, other: object) -> bool:
        return bool(thaw(self._held) == thaw(other)) if isinstance(other, Mapping) else NotImplemented

    def __hash__(self) -> int:
        return hash(canonical_json(self._held))

    def __reduce__(self) -> tuple[Any, ...]:
        return (Document, (self.to_dict(),))

    def __repr__(self) -> str:
        verdict = self.get("verdict")
        told = verdict["relation"] if isinstance(verdict, Mapping) else ", ".join(self._tables())
        return f"<{self['schema']}: {told}>" if told else f"<{self['schema']}>"

    def _repr_html_(self) -> str | None:
        """The page, in a frame of its own: a notebook shows it without mixing its styles with others; None without a page."""
        from forebear.reports.show import forms_of

        if "html" not in forms_of(self["schema"]):
            return None
        page = self.rendered("html").decode().replace("&", "&amp;").replace('"', "&quot;")
        return f'<iframe sandbox srcdoc="{page}" style="{FRAME}"></iframe>'

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, lists, text and numbers, to change or hand on."""
        plain: dict[str, Any] = thaw(self._held)
        return plain

    def rendered(self, form: str, language: str = "en") -> bytes:
        """The document as text, json, html or csv; the language is that of text and pages.

        Raises: UsageError for a format or language that there is no report in.
        """
        from forebear.reports.show import rendered

        try:
            written = rendered(self._held, form, language)
        except ForebearError as error:
            if not _TYPED.get():
                _name_arguments(error, self.rendered)
            raise
        if self._check is not None:
            self._check({f"the {form} report": written})
        return written

    def text(self, language: str = "en") -> str:
        """The text report."""
        return self.rendered("text", language).decode()

    def __str__(self) -> str:
        """The conclusion alone, as `--brief` prints it."""
        from forebear.reports.show import TEXT, briefly

        return briefly(self._held).decode().rstrip("\n") if self["schema"] in TEXT else repr(self)

    def save_figures(self, folder: str | Path, *, only: Sequence[str] = (), language: str = "en") -> list[Path]:
        """Write the figures of the page into a folder: SVG, and PNG where the extra [png] is installed.

        only:    names of figures, as their files have them ("decks", "layer-map"); all when none is named.
        Returns: the files.
        Raises:  UsageError for a document without figures or without one that is named (it lists them), RefusedError when
                 one cannot be written.

        >>> import forebear
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     sorted(path.name for path in forebear.demo().save_figures(folder) if path.suffix == ".svg")[:2]
        ['pair-1-curves.svg', 'pair-1-decks.svg']
        """
        from forebear.reports.pictures import write_figures

        return write_figures(self._held, Path(folder), language, (only,) if isinstance(only, str) else only)

    def save(self, path: str | Path, *, language: str = "en") -> Path:
        """Write the document, whole or not at all, in the format that the ending says: .json, .html, .csv or .txt; of a
        verification also .sarif, .xml (JUnit), .patch, .cdx.json, .spdx.json and .intoto.json, of a tree .graphml.

        Returns: the path.
        Raises:  UsageError for another ending or where the document has no such report, RefusedError when nothing can be
                 written there, ExpectationError when a hidden name would be published.
        """
        from forebear.reports.show import forms_of

        target = Path(path)
        form = form_of(target, forms_of(self["schema"]), str(path))
        check_output(target)
        write_whole(target, self.rendered(form, language))
        return target

    def rows(self, name: str = "") -> DataFrame:
        """A list of the document as a pandas DataFrame: keys inside a row become `effect.cosine`, messages their English words.

        Columns that tell rows apart come first. Lists, and documents inside a row, are left out: the document has them.

        name:   a key that holds a list of mappings, such as "evidence", or a dotted path to one ("pairs.0.comparison.evidence").
        Raises: UsageError, with the names there are, when nothing of that name is a list of rows or none is given; ForebearError
                when pandas is not installed.

        >>> import forebear
        >>> from importlib.resources import files
        >>> demo = files("forebear") / "demo_data"
        >>> table = forebear.compare(demo / "descendant", demo / "base").rows("evidence")
        >>> list(table.columns[:2]), len(table) > 5
        (['test', 'axis'], True)
        """
        if not name:
            raise UsageError("which rows is not said", todo=f"The document has: {', '.join(self._tables())}.")
        found: Any = self._held
        for part in name.split("."):
            found = _inner(found, part)
        if not isinstance(found, tuple) or not all(isinstance(row, Mapping) for row in found):
            raise UsageError(f"the document has no rows called {name!r}", todo=f"It has: {', '.join(self._tables())}.")
        if find_spec("pandas") is None:
            raise ForebearError("a table needs pandas", todo="pip install 'forebear[notebook]'")
        from pandas import json_normalize

        from forebear.reports.catalogue import catalogue

        words = catalogue()
        table = json_normalize([_flat(row, words) for row in found])
        return table[[*(name for name in FIRST if name in table), *(name for name in table if name not in FIRST)]]

    def _tables(self) -> list[str]:
        rows = {name: value for name, value in self._held.items() if isinstance(value, tuple) and value}
        return sorted(name for name, value in rows.items() if all(isinstance(row, Mapping) for row in value))


def _inner(held: Any, part: str) -> Any:
    """What lies one step below: by key, or by its number in a list; None where there is nothing."""
    if isinstance(held, Mapping):
        return held.get(part)
    if isinstance(held, tuple) and part.isdecimal() and len(part) < 10:
        return next(iter(held[int(part) :]), None)
    return None


def _flat(row: Mapping[str, Any], words: Catalogue) -> dict[str, Any]:
    """A row of a table: messages in words, inner mappings kept, lists of figures or rows and whole documents left out."""
    found: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, Mapping):
            if set(value) == MESSAGE:
                found[key] = words.text(value)
            elif "schema" not in value:
                found[key] = _flat(value, words)
        elif isinstance(value, tuple):
            if value and all(isinstance(one, Mapping) and set(one) == MESSAGE for one in value):
                found[key] = words.statements(value)
        else:
            found[key] = value
    return found


def document_of(verb: Callable[P, Mapping[str, Any]]) -> Callable[P, Document]:
    """The same verb, returning what it found as a `Document`; that of an expectation that was not met as well."""

    @wraps(verb)
    def asked(*given: P.args, **named: P.kwargs) -> Document:
        try:
            found = verb(*given, **named)
        except ForebearError as error:
            if isinstance(error, ExpectationError) and error.document is not None:
                error.document = Document(error.document)
            if not _TYPED.get():
                _name_arguments(error, verb)
            raise
        return found if isinstance(found, Document) else Document(found)

    return asked


@contextmanager
def typed() -> Iterator[None]:
    """While it lasts, verbs are called with the words of a command, and errors name its options."""
    token = _TYPED.set(True)
    try:
        yield
    finally:
        _TYPED.reset(token)


def _name_arguments(error: ForebearError, verb: Callable[..., Any]) -> None:
    """Have an error name the arguments of a verb as Python has them (`expect`), where it named options (`--expect`)."""
    arguments = inspect.signature(verb).parameters

    def named(found: re.Match[str]) -> str:
        name = (found[2] or "").replace("-", "_")
        return f"`{name}`" if name in arguments else found[0]

    if f"{error.where.lower()}s" in arguments:  # CANDIDATE, of which a command takes several
        error.where = f"`{error.where.lower()}s`"
    error.what, error.where, error.todo = (_OPTION.sub(named, text) for text in (error.what, error.where, error.todo))
    error.args = (str(error),)


def open(path: str | Path) -> Document:
    """A document that was saved as JSON, of this version or an older one.

    path:    the file.
    Returns: the document, checked against its schema.
    Raises:  RefusedError when the file is no document of forebear or does not fit its schema.

    >>> import forebear
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     forebear.open(forebear.demo().save(f"{folder}/demo.json"))["schema"]
    'forebear/matrix/2'
    """
    return Document(open_document(Path(path)))

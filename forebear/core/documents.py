"""Documents: every result is frozen, versioned, canonical JSON with a schema (docs/architecture.md#interface)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from forebear.core.bounded import read_bounded
from forebear.core.errors import ForebearError, refusal
from forebear.core.limits import MAX_DOCUMENT_BYTES
from forebear.core.messages import Message, distinct, message
from forebear.core.output import write_whole as write_whole
from forebear.core.wording import in_english
from forebear.version import __version__

Json = Any
"""A JSON value; documents are checked against their schema, not by the type checker."""

SCHEMAS = Path(__file__).parent / "schemas"
_PLAIN = (str, int, float, type(None))  # most values of a document; told from mappings by asking their type alone
_CONTROLS = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f]")
"""Characters that JSON allows unescaped and that steer a terminal: DEL, C1, directions of writing, odd line ends."""


def freeze(value: Json) -> Json:
    """The same JSON value made read-only, all the way down: mappings become proxies, lists become tuples.

    A proxy was made here, so it is frozen already.
    """
    if isinstance(value, _PLAIN) or type(value) is MappingProxyType:
        return value
    if isinstance(value, Mapping):
        return MappingProxyType({str(k): freeze(v) for k, v in value.items()})
    if isinstance(value, (list, tuple)):
        return tuple([freeze(v) for v in value])
    return freeze(value.document()) if isinstance(value, Message) else value


def thaw(value: Json) -> Json:
    """Plain dicts and lists, as `json` wants them; numpy scalars become Python numbers."""
    if isinstance(value, Message):
        value = value.document()
    if isinstance(value, Mapping):
        return {str(k): thaw(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [thaw(v) for v in value]
    if hasattr(value, "item") and not isinstance(value, (str, bytes)):
        return value.item()
    return value


def canonical_json(document: Json) -> bytes:
    """UTF-8 JSON with sorted keys and no NaN or infinity, ending in a newline; equal documents give equal bytes.

    Control characters and those that turn the direction of writing are always escaped, since a file that is kept today is
    shown on a terminal tomorrow.

    Raises: ForebearError when a number is not finite, since a document with NaN would open nowhere.
    """
    try:
        text = json.dumps(thaw(document), sort_keys=True, ensure_ascii=False, indent=1, allow_nan=False)
    except ValueError as error:
        raise ForebearError(
            f"a document holds a number that is not finite ({error})", todo="please report this"
        ) from error
    text = _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    # a lone surrogate from a hostile name becomes its JSON escape, which is what backslashreplace writes
    return text.encode("utf-8", "backslashreplace") + b"\n"


def finish(
    schema: str,
    body: Mapping[str, Json],
    *,
    limits: Sequence[Message] | Sequence[str],
    read: Mapping[str, Json],
    reproduce: str,
) -> Mapping[str, Json]:
    """A checked, frozen document.

    schema:    "forebear/comparison/2"; body: its own keys; limits: what could not be done and why, one message each;
    read:      bytes read per input and seconds; reproduce: the command that makes this document again.
    Raises:    ForebearError when the body does not fit the schema.
    """
    document: Mapping[str, Json] = freeze(
        {
            "schema": schema,
            "tool": {"name": "forebear", "version": __version__},
            **body,
            "limits": distinct(limits),
            "read": dict(read),
            "reproduce": reproduce,
        }
    )
    problems = problems_of(document)
    if problems:
        what = f"a document of ours does not fit its schema: {in_english(problems[0])}"
        raise ForebearError(what, todo="please report this")
    return document


@cache
def schema_of(schema: str) -> Mapping[str, Json]:
    """The JSON Schema of a document kind such as "forebear/comparison/2".

    Raises: RefusedError for a schema this version does not know.
    """
    parts = schema.split("/") if isinstance(schema, str) else []
    known = {f.name for f in SCHEMAS.iterdir()}
    name = f"{parts[1]}-{parts[2]}.json" if len(parts) == 3 and parts[0] == "forebear" else ""
    if name not in known:
        raise refusal(message("document.schema", name=repr(str(schema)[:80])), todo=message("document.newer"))
    loaded: Mapping[str, Json] = json.loads((SCHEMAS / name).read_bytes())
    return loaded


def problems_of(document: Json) -> list[Message]:
    """Where a document departs from its schema; empty when it fits. Covers type, required, properties, items, enum."""
    if not isinstance(document, Mapping) or "schema" not in document:
        return [message("document.no_schema")]
    found: list[Message] = []
    _collect(document, schema_of(document["schema"]), "", found)
    return found


_TYPES: dict[str, tuple[type, ...]] = {
    "object": (Mapping,),
    "array": (list, tuple),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}


def _is(value: Json, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    return isinstance(value, _TYPES[name])


def _collect(value: Json, schema: Mapping[str, Json], where: str, found: list[Message]) -> None:
    wanted = schema.get("type")
    names = [wanted] if isinstance(wanted, str) else list(wanted or [])
    if names and not any(_is(value, n) for n in names):
        given = {"where": where or "document", "found": type(value).__name__, "wanted": " | ".join(names)}
        found.append(message("document.type", **given))
        return
    if "enum" in schema and value not in schema["enum"]:
        found.append(message("document.none_of", where=where, value=repr(value), known=str(schema["enum"])))
    if "const" in schema and value != schema["const"]:
        found.append(message("document.other", where=where, value=repr(value), wanted=repr(schema["const"])))
    if isinstance(value, Mapping):
        lacking = [k for k in schema.get("required", []) if k not in value]
        found.extend(message("document.missing", where=where or "document", key=k) for k in lacking)
        for key, inner in schema.get("properties", {}).items():
            if key in value:
                _collect(value[key], inner, f"{where}.{key}" if where else key, found)
    elif isinstance(value, (list, tuple)) and "items" in schema:
        for i, item in enumerate(value):
            _collect(item, schema["items"], f"{where}[{i}]", found)


def open_document(path: Path) -> Mapping[str, Json]:
    """A document read back from a file and checked against its schema.

    Raises: RefusedError when it is not JSON, not ours, or does not fit.
    """
    try:
        document = json.loads(read_bounded(path, MAX_DOCUMENT_BYTES))
    except (ValueError, RecursionError) as error:
        raise refusal(message("document.unreadable", why=type(error).__name__), where=str(path)) from error
    problems = problems_of(document)
    if problems:
        raise refusal(message("document.misfit", why=problems[0]), where=str(path))
    frozen: Mapping[str, Json] = freeze(document)
    return frozen

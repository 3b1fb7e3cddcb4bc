"""The verbs of a library: each takes an open store and returns a document."""

from __future__ import annotations

import hashlib
import shlex
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from math import log10
from pathlib import Path
from typing import Any, BinaryIO

from forebear.core.bounded import open_stream
from forebear.core.documents import finish
from forebear.core.errors import RefusedError, UsageError, refusal
from forebear.core.messages import message
from forebear.core.natural import natural
from forebear.core.output import check_output, whole_file
from forebear.library.adding import Wanted, add_all, known_id
from forebear.library.fingerprint import fingerprint
from forebear.library.ledger import key_of, name_of
from forebear.library.prints import MAX_PRINT_BYTES, Print, pack, unpack
from forebear.library.proving import Summed, ordered, parent_set, weights_of
from forebear.library.search import RANKED, Searched, search_store
from forebear.library.store import Store
from forebear.library.thresholds import ANCHOR_AGREEMENT, DISPERSION, LEVEL_LOG10
from forebear.models.checkpoint import OnBase, Place, on_base

Document = Mapping[str, Any]
EXPORT = b"FBLIBRY1"
MAX_EXPORT_BYTES = 2**42
MOST_NAMES = 8
"""Names of one model said in a limit."""


def done(
    action: str, store: Store, rows: Sequence[Mapping[str, Any]], started: float, words: Sequence[str], **more: Any
) -> Document:
    """A forebear/library/1 document: what a verb did, a row for each thing."""
    outcomes = dict(sorted(Counter(str(row["outcome"]) for row in rows).items()))
    body = {
        "action": action,
        "models": store.count(),
        "screens": store.count(screened=True),
        "outcomes": outcomes,
        "items": list(rows),
        **more,
    }
    read: dict[str, Any] = {"seconds": round(time.perf_counter() - started, 3)}
    if any("bytes" in row for row in rows):
        read = {"bytes": sum(int(row.get("bytes", 0)) for row in rows), **read}
    return finish(
        "forebear/library/1", body, limits=[], read=read, reproduce=shlex.join(["forebear", "library", *words])
    )


def add(
    store: Store,
    paths: Sequence[str],
    wanted: Wanted,
    words: Sequence[str],
    made: Callable[..., Iterable[Any]] | None = None,
) -> Document:
    """See `forebear.library_add`."""
    started = time.perf_counter()
    return done("add", store, add_all(store, paths, wanted, made), started, words)


def remove(store: Store, models: Sequence[str], words: Sequence[str]) -> Document:
    """See `forebear.library_remove`."""
    started = time.perf_counter()
    rows = []
    for word in models:
        idents = [one_of(store, word)]
        store.remove(idents)
        rows += [{"name": word, "id": ident, "outcome": "removed", "error": None} for ident in idents]
    return done("remove", store, rows, started, words)


def one_of(store: Store, word: str) -> str:
    """The id of the one model that a name or the beginning of an id means.

    Raises: RefusedError for none, UsageError for several.
    """
    found = store.named(word)
    if not found:
        raise refusal(message("library_refused.unknown"), where=word, todo=message("library_advice.by_id"))
    if len(found) > 1:
        raise UsageError(
            f"is the name of {len(found)} models",
            where=word,
            todo=f"Name one id: {', '.join(i[:20] for i in found[:6])}.",
        )
    return found[0]


def merge(store: Store, others: Sequence[tuple[str, Store]], words: Sequence[str]) -> Document:
    """See `forebear.library_merge`."""
    started = time.perf_counter()
    rows = []
    for name, other in others:
        for ident in other.idents():
            try:
                one = other.get(ident)
            except RefusedError as error:
                rows.append(
                    {"name": f"{name}: {ident[:12]}", "id": ident, "outcome": "refused", "error": error.message()}
                )
                continue
            new = store.add(one)
            rows.append({"name": one.name, "id": ident, "outcome": "added" if new else "same-content", "error": None})
    return done("merge", store, rows, started, words)


def verify(store: Store, words: Sequence[str]) -> Document:
    """See `forebear.library_verify`."""
    started = time.perf_counter()
    rows = [
        {
            "name": fault.where,
            "id": None,
            "outcome": "rebuilt" if fault.repaired else "lost",
            "error": fault.said.document(),
        }
        for fault in store.verify()
    ]
    return done("verify", store, rows, started, words)


def listed(store: Store, words: Sequence[str]) -> Document:
    """See `forebear.library_list`."""
    started = time.perf_counter()
    rows = sorted((_held(store, ident) for ident in store.idents()), key=lambda row: (natural(row["name"]), row["id"]))
    return done("list", store, rows, started, words)


def _held(store: Store, ident: str) -> dict[str, Any]:
    """A row for a print: what it is called and what it is of, or why it cannot be read."""
    try:
        one = store.get(ident)
    except RefusedError as error:
        return {"name": ident[:12], "id": ident, "outcome": "refused", "error": error.message()}
    kind = "about" if one.weightless else "quick" if one.quick else "whole"
    about = {key: one.about[key] for key in ("family", "layers", "width", "parameters")}
    names = list(one.entry.get("names") or [one.name])
    return {"name": one.name, "names": names, "id": ident, "outcome": "held", "kind": kind, **about, "error": None}


def compact(store: Store, words: Sequence[str]) -> Document:
    """See `forebear.library_compact`."""
    started = time.perf_counter()
    freed = store.compact()
    return done("compact", store, [], started, words, freed_bytes=freed)


def export(store: Store, target: Path, words: Sequence[str]) -> Document:
    """See `forebear.library_export`. Where sources lie on this machine is left out."""
    started = time.perf_counter()
    check_output(target)
    rows = []
    with whole_file(target) as out:
        whole = hashlib.sha256()
        _put(out, whole, EXPORT)
        for ident in store.idents():
            one = _public(store.get(ident))
            data = pack(one)
            _put(out, whole, struct.pack("<I", len(data)))
            _put(out, whole, data)
            rows.append({"name": one.name, "id": ident, "outcome": "exported", "bytes": len(data), "error": None})
        _put(out, whole, struct.pack("<I", 0))
        out.write(whole.digest())
    return done("export", store, rows, started, words)


def _public(one: Print) -> Print:
    """A print without the files of this machine: only addresses stay as its sources."""
    kept = one.entry.get("sources", ())
    sources = [source for source in kept if "://" in source["key"] and "://" in source.get("base", "://")]
    return Print(one.id, one.about, one.arrays, {**one.entry, "sources": sources})


def _put(out: BinaryIO, whole: Any, data: bytes) -> None:
    whole.update(data)
    out.write(data)


def bring(store: Store, path: Path, words: Sequence[str]) -> Document:
    """See `forebear.library_import`. Everything is looked at before anything is added."""
    started = time.perf_counter()
    for _ in exported(path):
        pass
    rows = []
    for one in exported(path):
        new = store.add(one)
        rows.append({"name": one.name, "id": one.id, "outcome": "added" if new else "same-content", "error": None})
    return done("import", store, rows, started, words)


def exported(path: Path) -> Iterator[Print]:
    """The prints of an exported library, each checked; the last step checks the whole file.

    Raises: RefusedError for a file that is no export, is cut short or was changed.
    """
    with open_stream(path, MAX_EXPORT_BYTES) as file:
        whole = hashlib.sha256()
        if _take(file, whole, len(EXPORT), path) != EXPORT:
            said = message("library_refused.no_export")
            raise refusal(said, where=str(path), todo=message("library_advice.export"))
        while size := struct.unpack("<I", _take(file, whole, 4, path))[0]:
            if size > MAX_PRINT_BYTES:
                raise refusal(message("library_refused.large_print"), where=str(path))
            yield unpack(_take(file, whole, size, path), str(path))
        if file.read(33) != whole.digest():
            raise refusal(message("library_refused.digest"), where=str(path), todo=message("library_advice.get"))


def _take(file: BinaryIO, whole: Any, count: int, path: Path) -> bytes:
    data = file.read(count)
    if len(data) != count:
        raise refusal(message("library_refused.export_cut"), where=str(path), todo=message("library_advice.get"))
    whole.update(data)
    return data


def search(
    store: Store,
    subject: str,
    top: int,
    words: Sequence[str],
    wanted: Wanted,
    *,
    prove: Callable[..., Any] | None,
    rewritten: bool,
) -> Document:
    """See `forebear.library_search`. prove: what compares the subject with each hit on their weights."""
    started = time.perf_counter()
    limits: list[Any] = []
    where: Place | None = subject
    read = 0
    if "://" in subject or Path(subject).exists():
        where = _place(store, subject, wanted)
        made = fingerprint(where, architecture=wanted.architecture, max_header=wanted.max_header, quick=wanted.quick)
        one, read = made.one, made.read
        limits += [message("limit.side", side=message("term.subject"), what=said) for said in made.limits]
        own = own_id(store, subject, one, wanted)
    else:
        one = store.get(one_of(store, subject))
        own = one.id
        where = weights_of(store, own)
    if isinstance(where, OnBase):
        limits.append(message("adapters.searched", name=name_of(where.base)))
    found = search_store(store, one, top, rewritten=rewritten, without=own)
    if found.itself is not None:
        limits.append(message("library.itself", names=found.itself[:MOST_NAMES]))
    limits += found.limits
    proposed = sum(hit.relation != RANKED for hit in found.hits)  # proof changes what a hit is called
    needed = Summed(said=[message("library.no_parents")])
    if prove is not None:
        limits += prove(store, where, found)
    if prove is not None and where is not None:
        needed = parent_set(store, where, name_of(subject), found)
        found.hits[:] = ordered(found.hits, needed.rows)
    limits += needed.said
    body = {**_body(one, subject, found, proposed), "parents": needed.rows, "parents_words": needed.words, "first": needed.first}
    return finish("forebear/search/1", body, limits=limits,
                  read={"bytes": read, "seconds": round(time.perf_counter() - started, 3)},
                  reproduce=shlex.join(["forebear", "library", *words]))  # fmt: skip


def _place(store: Store, subject: str, wanted: Wanted) -> Place:
    """Where the subject lies; an adapter on the base given, or on the one with which it was added to the library."""
    place = on_base(subject, wanted.base, max_header=wanted.max_header)
    if wanted.base is not None and not isinstance(place, OnBase):
        raise UsageError("the subject is no adapter", where="--base", todo="Leave it out, or give an adapter.")
    source = store.source(key_of(subject))
    known = weights_of(store, str(source["id"])) if source is not None and wanted.base is None else None
    return known if isinstance(known, OnBase) and key_of(known.path) == key_of(subject) else place


def own_id(store: Store, subject: str, one: Print, wanted: Wanted) -> str | None:
    """The id under which a library was given this very path or address, its content unchanged; None for a copy elsewhere."""
    source = store.source(key_of(subject))
    if source is not None and source["id"] == one.id:
        return one.id
    return known_id(store, subject, replace(wanted, quick=True))


def _body(one: Print, subject: str, found: Searched, proposed: int) -> dict[str, Any]:
    return {
        "subject": {"id": one.id, "name": one.name if one.entry else Path(subject).name or subject, "family": one.about["family"],
                    "layers": one.about["layers"], "width": one.about["width"], "quick": one.quick,
                    "effective": one.about["effective"]},
        "hits": [asdict(hit) for hit in found.hits],
        "searched": {"models": found.models, "screens": found.screens,
                     "proposed": proposed},
        "level": {"log10_p": LEVEL_LOG10, "of_one": LEVEL_LOG10 - log10(max(1, found.screens)), "dispersion": DISPERSION,
                  "anchor_agreement": ANCHOR_AGREEMENT},
    }  # fmt: skip

"""Models into a library, one after the other; what was finished is never done again, what fails costs only itself."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from forebear.core.bounded import parse_json, read_bounded, refuse_os_error
from forebear.core.errors import RefusedError, UsageError, refusal
from forebear.core.limits import MAX_CONFIG_BYTES, MAX_TEXT_BYTES
from forebear.core.messages import message
from forebear.core.progress import tell, within
from forebear.files.sources import require_there
from forebear.inspection.residue import find_residue
from forebear.library.anchors import tokens_kept
from forebear.library.fingerprint import Found, fingerprint
from forebear.library.ledger import is_pinned, key_of, name_of, state_of, unchanged
from forebear.library.prints import Print, empty_arrays
from forebear.library.store import Store
from forebear.models.checkpoint import CONFIGS, OnBase, Place, on_base
from forebear.models.published.gguf_tokens import load_tokenizer
from forebear.tokens.vocabulary import find_vocabulary_file

MAX_KEPT_CONFIG = 16 * 2**10
"""Largest configuration kept with a print, as JSON."""
MAX_LISTED = 5_000_000
"""Most paths of one list."""


@dataclass(frozen=True)
class Wanted:
    """How models are added. about: as entries without weights; workers: threads for each, as many as there are cores by default."""

    quick: bool = False
    about: bool = False
    architecture: Path | None = None
    max_header: int | None = None
    workers: int | None = None
    base: str | None = None
    """What adapters among the models change: each is printed as that model changed."""


def listed_paths(paths: Sequence[str | Path], from_list: str | Path | None) -> list[str]:
    """Paths given, then those of a list, a line each ("#" begins a remark), each once.

    Raises: UsageError when there is none; RefusedError when the list cannot be read.
    """
    found = [str(path) for path in paths]
    if from_list is not None:
        try:
            lines = read_bounded(from_list, MAX_TEXT_BYTES).decode("utf-8").splitlines()
        except UnicodeDecodeError as error:
            said = message("library_refused.list_utf8")
            raise refusal(said, where=str(from_list), todo=message("library_advice.one_a_line")) from error
        found += [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
    found = list(dict.fromkeys(found))
    if not found:
        raise UsageError(
            "no model is named", where="PATH", todo="Name checkpoints, or a list of them with --from-list."
        )
    if len(found) > MAX_LISTED:
        raise UsageError(f"names {len(found)} models, more than {MAX_LISTED}", where=str(from_list), todo="Split it.")
    return found


def refuse_missing(paths: Sequence[str]) -> None:
    """Raises: RefusedError when none of the paths leads to anything, so that nothing is made for them."""
    if not any("://" in path or os.path.lexists(path) for path in paths):
        raise refusal(message("refused.missing"), where=paths[0], todo=message("advice.check_path"))


Made = Callable[[Sequence[str], Wanted], Iterable[Any]]
"""What turns paths into prints (see `add_all`)."""


def begun(paths: Sequence[str], wanted: Wanted, made: Made | None = None) -> Made:
    """What turns these paths into prints, gone on with until there is one, so that no library is made for none.

    Raises: RefusedError when none of the paths holds a model that can be read, with the reason of the first.
    """
    rows = iter((made or _here)(paths, wanted))
    waiting, refused = [], []
    for row in rows:
        waiting.append(row)
        if not isinstance(row[1], RefusedError):
            return lambda todo, wanted: chain(waiting, rows)
        refused.append(row[1])
    count, first = len(waiting), waiting[0]
    if count == 1:
        raise refused[0]
    said = message("library_refused.no_model", why=refused[0].message(), count=count)
    raise refusal(said, where=str(first[0]), todo=message("library_advice.checkpoints"))


def add_all(
    store: Store, paths: Sequence[str], wanted: Wanted, made: Callable[..., Iterable[Any]] | None = None
) -> list[dict[str, Any]]:
    """Every path added in turn; a row each: what it is called, its id, what became of it, seconds, why it failed.

    made: what turns paths into prints instead of this process (an engine): it takes the paths still to do and yields
          (path, `Print` with entry or RefusedError, seconds, bytes, limits) in any order.
    """
    rows: dict[str, dict[str, Any]] = {}
    todo = []
    for path in paths:
        known = known_id(store, path, wanted)
        if known is None:
            todo.append(path)
        else:
            rows[path] = {
                "name": name_of(path),
                "id": known,
                "outcome": "known",
                "seconds": 0.0,
                "bytes": 0,
                "said": [],
                "error": None,
            }
    for done, (path, one, seconds, read, said) in enumerate((made or _here)(todo, wanted), start=1):
        row = {
            "name": name_of(path),
            "id": None,
            "outcome": "refused",
            "seconds": round(seconds, 3),
            "bytes": read,
            "said": said,
            "error": None,
        }
        if isinstance(one, RefusedError):
            row["error"] = one.message()
        else:
            new = store.add(one)
            row |= {"id": one.id, "outcome": "added" if new else "same-content"}
        rows[path] = row
        tell(done, len(todo), path)
    return [rows[path] for path in paths]


def _here(todo: Sequence[str], wanted: Wanted) -> Iterable[tuple[str, Print | RefusedError, float, int, list[Any]]]:
    for at, path in enumerate(todo):
        with within(at, len(todo), f"model {at + 1} of {len(todo)}, {name_of(path)}"):
            made = print_of(path, wanted)
        yield (path, *made)


def print_of(path: str, wanted: Wanted) -> tuple[Print | RefusedError, float, int, list[Any]]:
    """The print of a path with its entry, or why there is none; seconds, bytes read, what has to be said."""
    started = time.perf_counter()
    try:
        found = about(path) if wanted.about else _printed(path, wanted)
    except RefusedError as error:
        return error, time.perf_counter() - started, 0, []
    return found.one, time.perf_counter() - started, found.read, [limit.document() for limit in found.limits]


def require_adapter(models: Sequence[str], wanted: Wanted) -> None:
    """Raises: UsageError when none of the models is an adapter, so that a base changes nothing; what cannot be read may be one."""
    if wanted.base is None:
        return
    require_there(wanted.base)
    for path in models:
        with suppress(RefusedError):
            if not isinstance(on_base(path, wanted.base, max_header=wanted.max_header), OnBase):
                continue
        return
    raise UsageError("none of the models is an adapter", where="--base", todo="Leave it out, or give an adapter.")


def known_id(store: Store, path: str, wanted: Wanted) -> str | None:
    """The id of a source that the ledger knows and that has not changed since."""
    known = store.source(key_of(path))
    if known is None or (str(known["id"]).startswith(("quick-", "about-")) and not (wanted.quick or wanted.about)):
        return None
    if is_pinned(path) or wanted.about:
        return str(known["id"])
    try:
        place = on_base(path, wanted.base, max_header=wanted.max_header)
        return str(known["id"]) if unchanged(known, state_of(place, wanted.max_header)) else None
    except RefusedError:
        return None  # reading it will say why


def _printed(path: str, wanted: Wanted) -> Found:
    place = on_base(path, wanted.base, max_header=wanted.max_header)
    state = state_of(place, wanted.max_header)
    found = fingerprint(place, architecture=wanted.architecture, max_header=wanted.max_header, quick=wanted.quick,
                        workers=wanted.workers)  # fmt: skip
    if state != state_of(place, wanted.max_header):
        raise refusal(message("library_refused.changed"), where=path, todo=message("library_advice.add_again"))
    found.one = replace(found.one, entry=_entry(path, state | _under(place)))
    return found


def _under(place: Place) -> dict[str, Any]:
    """Where the base of an adapter lies, for its entry; nothing for what is none."""
    if not isinstance(place, OnBase):
        return {}
    return {"base": place.base if "://" in place.base else str(Path(place.base).resolve())}


def _entry(path: str, state: Mapping[str, Any]) -> dict[str, Any]:
    folder = Path(path) if Path(path).is_dir() else None
    source = {"key": key_of(path), "where": path if "://" in path else str(Path(path).resolve()), **state}
    bases = [] if folder is None else _claimed(folder)
    return {"names": [name_of(path)], "sources": [source], "bases": bases, "config": _config(folder)}


def _claimed(folder: Path) -> list[str]:
    """Models that a folder's card or configuration names as its base: claims, believed by nobody here."""
    traces, _ = find_residue(folder)
    return list(dict.fromkeys(str(trace["text"]) for trace in traces if trace["kind"] == "base_model"))[:20]


def _config(folder: Path | None) -> Any:
    if folder is None:
        return None
    for name in CONFIGS:
        path = folder / name
        if path.is_file():
            try:
                kept = parse_json(read_bounded(path, MAX_CONFIG_BYTES), where=str(path))
                return kept if len(json.dumps(kept)) <= MAX_KEPT_CONFIG else None
            except RefusedError:
                return None  # opening the checkpoint says so
    return None


def about(path: str) -> Found:
    """An entry without weights: configuration, tokenizer and claims of a folder, a tokenizer file, or the tokenizer in a GGUF file.

    Raises: RefusedError when it has neither configuration nor tokenizer.
    """
    folder = Path(path) if Path(path).is_dir() else None
    try:
        beside = Path(path) if folder is None else find_vocabulary_file(folder)
    except OSError as error:
        raise refuse_os_error(error, path) from error
    config = _config(folder)
    vocabulary = None if beside is None else load_tokenizer(beside)
    if config is None and vocabulary is None:
        raise refusal(message("library_refused.nothing"), where=path)
    kept = np.zeros(0, np.uint64) if vocabulary is None else tokens_kept(vocabulary)
    told: dict[str, Any] = {
        "family": "unknown", "layers": 0, "width": 0, "parameters": 0, "tensors": 0, "tensors_read": 0, "matrices": [], "gains": [],
        "digest_runs": [], "left_out": [], "not_finite": 0, "anchors": 0, "effective": 0.0,
        "vocabulary": None if vocabulary is None else vocabulary.count,
    }  # fmt: skip
    entry = _entry(path, {"size": 0, "changed": 0, "header": ""})
    identity = json.dumps([config, kept.tolist(), entry["bases"], name_of(path)], sort_keys=True)
    ident = "about-" + hashlib.sha256(identity.encode("utf-8", "backslashreplace")).hexdigest()
    return Found(Print(ident, told, empty_arrays(vocabulary=kept), entry), [])

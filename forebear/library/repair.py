"""Every byte of a local library looked at: what is torn is named, and rebuilt from what is whole.

The prints are what counts: each carries its own digest. Catalogue and screens are made of them, so they are made again when they do
not agree. A print that is damaged is lost with its name said, and is made again when its source is read again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from sqlite3 import Connection
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from forebear.core.bounded import read_bounded
from forebear.core.errors import RefusedError, refusal
from forebear.core.messages import message
from forebear.core.output import write_whole
from forebear.core.stopping import unfinished
from forebear.library.catalogue import Damaged, connect, create, damaged, enter, forget, generation, told, writing
from forebear.library.places import CATALOGUE, PRINTS, REMOVED, SUFFIX, print_path
from forebear.library.prints import MAX_PRINT_BYTES, Print, pack, unpack
from forebear.library.screens import RECORD, mapped, path_of, record_of, write_record
from forebear.library.signs import mapped as mapped_signs
from forebear.library.signs import path_of as signs_path
from forebear.library.signs import signs
from forebear.library.store import Fault


def verify_folder(folder: Path) -> list[Fault]:
    """Everything found wrong in the library of a folder, repaired where it can be.

    Raises: RefusedError when it is no library, or of a later version.
    """
    path = folder / CATALOGUE
    if not path.is_file() and not (folder / PRINTS).is_dir():
        raise refusal(message("library_refused.no_library"), where=str(folder), todo=message("library_advice.make"))
    faults: list[Fault] = []
    try:
        if not path.is_file():
            raise damaged(message("library_refused.no_catalogue"), folder)
        with connect(path) as db, told(path):
            odd = [str(row[0]) for row in db.execute("PRAGMA integrity_check(20)")]
            if odd != ["ok"]:
                raise damaged(message("refused.said", what="; ".join(odd)[:200]), path)
            faults += _against_prints(folder, db)
    except Damaged as error:
        faults.append(Fault(CATALOGUE, message("library.catalogue_rebuilt", why=error.said), True))
        faults += _rebuilt(folder)
    return faults


def _prints(folder: Path) -> Iterator[tuple[Path, Print | None, bytes]]:
    """Every file of a print; None for one that is damaged, with the digest of the file."""
    for path in sorted((folder / PRINTS).rglob(f"*{SUFFIX}")):
        try:
            data = read_bounded(path, MAX_PRINT_BYTES)
            one = unpack(data, str(path))
            right = print_path(folder, one.id) == path
            if right and (now := pack(one)) != data:  # of an earlier version
                write_whole(path, data := now)
            yield path, one if right else None, hashlib.sha256(data).digest()
        except RefusedError:
            yield path, None, b""


def _rebuilt(folder: Path) -> list[Fault]:
    """A catalogue and screens made of the prints alone, put in the place of the damaged ones."""
    faults = []
    fresh = folder / f"{CATALOGUE}.new"
    screens = [
        int(path.stem.split("-")[1]) for path in folder.glob("screens-*.bin") if path.stem.split("-")[1].isdigit()
    ]
    newest = max(screens, default=-1) + 1
    with unfinished(fresh):
        fresh.unlink(missing_ok=True)
        create(fresh)
        with connect(fresh) as db, told(fresh), writing(db):
            db.execute("UPDATE settings SET value = ? WHERE key = 'generation'", (newest,))
            row = 0
            for path, one, digest in _prints(folder):
                if one is None:
                    faults.append(_lost(folder, path))
                    continue
                record = record_of(one)
                if record is not None:
                    write_record(path_of(folder, newest), row, record)
                enter(db, one, digest, None if record is None else row)
                row += record is not None
        for stale in (f"{CATALOGUE}-journal", f"{CATALOGUE}-wal", f"{CATALOGUE}-shm"):
            (folder / stale).unlink(missing_ok=True)
        os.replace(fresh, folder / CATALOGUE)
    for old in (*(path_of(folder, number) for number in screens), *folder.glob("signs-*.bin")):
        old.unlink(missing_ok=True)
    return faults


def _lost(folder: Path, path: Path) -> Fault:
    path.unlink(missing_ok=True)
    return Fault(str(path.relative_to(folder)), message("library.print_lost"), False)


def _against_prints(folder: Path, db: Connection) -> list[Fault]:
    """Catalogue and screens held against every print."""
    faults: list[Fault] = []
    with writing(db):
        screens = path_of(folder, generation(db))
        records = mapped(screens)
        rows = db.execute("SELECT id, number, row, digest FROM models").fetchall()
        known: dict[str, Known] = {str(ident): Known(*rest) for ident, *rest in rows}
        faults += _undone(folder, list(known))
        for path, one, digest in _prints(folder):
            if one is None:
                faults.append(_lost(folder, path))
                continue
            faults += _reconciled(
                folder, db, records, one, digest, known.pop(one.id, None), str(path.relative_to(folder))
            )
        for ident, entry in known.items():
            names = [str(found[0]) for found in db.execute("SELECT name FROM names WHERE number = ?", (entry.number,))]
            forget(db, entry.number)
            if entry.row is not None and entry.row < len(records):
                write_record(screens, entry.row, bytes(RECORD.itemsize))
            faults.append(Fault(", ".join(names) or ident[:12], message("library.print_lost"), False))
        faults += _signs_agree(signs_path(folder, generation(db)), mapped(screens))
    for aside in (folder / PRINTS).rglob(f"*{REMOVED}"):
        aside.unlink(missing_ok=True)
    return faults


def _signs_agree(path: Path, records: NDArray[Any]) -> list[Fault]:
    """An index of signs that is not that of its screens is taken away: the next `compact` writes it."""
    if not path.exists():
        return []
    table = mapped_signs(path, len(records))
    for start in range(0, len(table), 4096):
        some = records[start : start + 4096][: len(table) - start]
        live = some["live"] == 1
        if (signs(some["screen"], some["anchors"])[live] != table[start : start + len(some)][live]).any():
            break
    else:
        if len(table):
            return []
    path.unlink(missing_ok=True)
    return [Fault(path.name, message("library_index.dropped"), True)]


class Known(NamedTuple):
    """What the catalogue says of a print."""

    number: int
    row: int | None
    digest: bytes


def _undone(folder: Path, idents: Sequence[str]) -> list[Fault]:
    """Removals that were not finished, undone."""
    faults = []
    for ident in idents:
        path = print_path(folder, ident)
        aside = path.with_suffix(REMOVED)
        if not path.exists() and aside.exists():
            os.replace(aside, path)
            faults.append(Fault(str(path.relative_to(folder)), message("library.removal_undone"), True))
    return faults


def _reconciled(
    folder: Path, db: Connection, records: NDArray[Any], one: Print, digest: bytes, known: Known | None, where: str
) -> list[Fault]:
    """What did not agree with a whole print, made again from it."""
    faults = []
    screens = path_of(folder, generation(db))
    record = record_of(one)
    row = None if known is None else known.row
    if known is None:
        faults.append(Fault(where, message("library.adopted"), True))
    elif known.digest != digest or not _entered(db, known.number, one):
        faults.append(Fault(CATALOGUE, message("library.entry_rebuilt", name=one.name), True))
    if record is not None and (row is None or row >= len(records) or records[row : row + 1].tobytes() != record):
        if known is not None:
            faults.append(Fault(screens.name, message("library.screen_rebuilt", name=one.name), True))
        row = free_row(folder, db) if row is None else row
        write_record(screens, row, record)
    if faults:
        enter(db, one, digest, row)
    return faults


def free_row(folder: Path, db: Connection) -> int:
    """The next row for a screen: after all that are used, and after those whose signs were written, which say what was there."""
    (last,) = db.execute("SELECT max(row) FROM models").fetchone()
    signed = len(mapped_signs(signs_path(folder, generation(db)), 2**40))
    return max(signed, 0 if last is None else int(last) + 1)


def _entered(db: Connection, number: int, one: Print) -> bool:
    """Whether the catalogue says of a print what the print says."""
    names = {row[0] for row in db.execute("SELECT name FROM names WHERE number = ?", (number,))}
    sources = {row[0] for row in db.execute("SELECT key FROM sources WHERE number = ?", (number,))}
    digests = {row[0] for row in db.execute("SELECT value FROM digests WHERE number = ?", (number,))}
    wanted = {int(value) for value in np.unique(one.arrays["digests"].reshape(-1)).view(np.int64)}
    stated = {source["key"] for source in one.entry.get("sources", ())}
    return names == {str(name) for name in one.entry.get("names", ())} and sources == stated and digests == wanted

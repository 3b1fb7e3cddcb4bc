"""A library in one folder: a catalogue (SQLite), the screens (one file, mapped), a file for every print.

What was added is on the disk when `add` returns: first the print, whole or not at all, then its screen, then one commit that makes
both count. What a kill leaves is a print that nobody counts yet, which `verify` adopts, or a screen that the next add overwrites.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from sqlite3 import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebear.core.bounded import read_bounded
from forebear.core.errors import refusal
from forebear.core.messages import message
from forebear.core.output import whole_file, write_whole
from forebear.library.catalogue import Unmade, connect, create, enter, forget, generation, told, writing
from forebear.library.places import CATALOGUE, REMOVED, print_path
from forebear.library.prints import MAX_PRINT_BYTES, VERIFY, Print, merged_entries, pack, unpack, without_sources
from forebear.library.repair import free_row, verify_folder
from forebear.library.screens import RECORD, mapped, path_of, record_of, write_record
from forebear.library.signs import ANCHOR_TIMES, LARGE, Words, asked, differing, fewest, signs
from forebear.library.signs import mapped as mapped_signs
from forebear.library.signs import path_of as signs_path
from forebear.library.store import Fault, Near, Rows

BLOCK_ROWS = 8192
"""Screens of a block: 8 MiB as bytes, 28 MB as float32."""


class LocalStore:
    """See `forebear.library.store.Store`."""

    def __init__(self, folder: str | Path, *, make: bool = False, check: bool = True) -> None:
        """Open a library; make: begin one where there is none, in a folder that is empty or not there yet.

        check: look whether it can be opened; `verify` does so itself, and opens what is damaged.
        Raises: RefusedError when it is no library, of a later version, or damaged.
        """
        self.folder = Path(folder)
        path = self.folder / CATALOGUE
        if not check:
            return
        if make and not path.exists():
            self._begin(path)
        if not path.is_file():
            raise refusal(message("library_refused.no_library"), where=str(folder), todo=message("library_advice.make"))
        try:
            with self._open():
                pass
        except Unmade:
            if not make:
                raise
            create(path)

    def _begin(self, path: Path) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if any(entry.name != f"{CATALOGUE}-journal" for entry in self.folder.iterdir()):
                said = message("library_refused.other_folder")
                raise refusal(said, where=str(self.folder), todo=message("library_advice.empty_folder"))
        except OSError as error:
            said = message("library_refused.not_made", why=error.strerror)
            raise refusal(said, where=str(self.folder)) from error
        create(path)

    @contextmanager
    def _open(self) -> Iterator[Connection]:
        path = self.folder / CATALOGUE
        with connect(path) as db, told(path):
            yield db

    def add(self, one: Print) -> bool:
        """See `Store.add`."""
        with self._open() as db, writing(db):
            found = db.execute("SELECT row FROM models WHERE id = ?", (one.id,)).fetchone()
            if found:
                one = Print(one.id, one.about, one.arrays, merged_entries(self.get(one.id).entry, one.entry))
            row = found[0] if found else None
            record = record_of(one)
            if not found and record is not None:
                row = free_row(self.folder, db)
            self._moved(db, one)
            digest = self._write(one)
            if record is not None and row is not None:
                write_record(path_of(self.folder, generation(db)), row, record)
            enter(db, one, digest, row)
        return not found

    def _moved(self, db: Connection, one: Print) -> None:
        """Take sources that now hold another content from the prints that had them."""
        keys = {str(source["key"]) for source in one.entry.get("sources", ())}
        query = "SELECT models.id, row FROM sources JOIN models USING (number) WHERE key = ? AND models.id != ?"
        for ident, row in {tuple(found) for key in sorted(keys) for found in db.execute(query, (key, one.id))}:
            without = without_sources(self.get(str(ident)), keys)
            enter(db, without, self._write(without), row)

    def _write(self, one: Print) -> bytes:
        path = print_path(self.folder, one.id)
        with suppress(FileExistsError):
            path.parent.mkdir(parents=True)
        data = pack(one)
        write_whole(path, data)
        return hashlib.sha256(data).digest()

    def remove(self, idents: Sequence[str]) -> int:
        """See `Store.remove`."""
        with self._open() as db, writing(db):
            gone = []
            for ident in dict.fromkeys(idents):
                found = db.execute("SELECT number, row FROM models WHERE id = ?", (ident,)).fetchone()
                if found:
                    gone.append((ident, *found))
            for ident, number, _ in gone:
                path = print_path(self.folder, ident)
                with suppress(FileNotFoundError):
                    os.replace(path, path.with_suffix(REMOVED))
                forget(db, number)
            screens = path_of(self.folder, generation(db))
        for ident, _, row in gone:
            if row is not None:
                write_record(screens, row, bytes(RECORD.itemsize))
            print_path(self.folder, ident).with_suffix(REMOVED).unlink(missing_ok=True)
        return len(gone)

    def get(self, ident: str) -> Print:
        """See `Store.get`."""
        path = print_path(self.folder, ident)
        one = unpack(read_bounded(path, MAX_PRINT_BYTES), str(path))
        if one.id != ident:
            raise refusal(message("library_refused.other_print"), where=str(path), todo=VERIFY)
        return one

    def idents(self) -> Iterator[str]:
        """See `Store.idents`."""
        with self._open() as db:
            found = [str(row[0]) for row in db.execute("SELECT id FROM models ORDER BY id")]
        return iter(found)

    def count(self, *, screened: bool = False) -> int:
        """See `Store.count`."""
        with self._open() as db:
            return int(db.execute(f"SELECT count({'row' if screened else '*'}) FROM models").fetchone()[0])

    def rows(self) -> Iterator[Rows]:
        """See `Store.rows`."""
        for _ in range(3):  # `compact` may put another file in its place between the two steps
            with self._open() as db:
                path = path_of(self.folder, generation(db))
            records = mapped(path)
            if len(records) or not self.count(screened=True):
                break
        yield from blocks(records, 0)

    def near(self, screen: NDArray[np.int8], anchors: NDArray[np.int8], most: int) -> Near | None:
        """See `forebear.library.store.Indexed`: by signs, once `compact` has written them for LARGE models or more."""
        with self._open() as db:
            number = generation(db)
        records = mapped(path_of(self.folder, number))
        table = mapped_signs(signs_path(self.folder, number), len(records))
        if len(table) < LARGE:
            return None
        return Near(len(table), proposed(records, table, asked(screen, anchors), most, bool(anchors.any())))

    def ident(self, handle: int) -> str | None:
        """See `Store.ident`."""
        with self._open() as db:
            found = db.execute("SELECT id FROM models WHERE row = ?", (int(handle),)).fetchone()
        return str(found[0]) if found else None

    def by_digest(self, digests: NDArray[np.uint64]) -> Mapping[str, set[int]]:
        """See `Store.by_digest`."""
        found: dict[str, set[int]] = {}
        with self._open() as db:
            for value in np.unique(digests.reshape(-1)):
                signed = int(np.uint64(value).view(np.int64))
                query = "SELECT models.id FROM digests JOIN models USING (number) WHERE value = ?"
                for (ident,) in db.execute(query, (signed,)):
                    found.setdefault(str(ident), set()).add(int(value))
        return found

    def source(self, key: str) -> Mapping[str, Any] | None:
        """See `Store.source`."""
        with self._open() as db:
            query = "SELECT models.id, size, changed, header FROM sources JOIN models USING (number) WHERE key = ?"
            found = db.execute(query, (key,)).fetchone()
        return dict(zip(("id", "size", "changed", "header"), found, strict=True)) if found else None

    def named(self, word: str) -> list[str]:
        """See `Store.named`."""
        with self._open() as db:
            found = [
                str(r[0])
                for r in db.execute(
                    "SELECT id FROM names JOIN models USING (number) WHERE name = ? ORDER BY id", (word,)
                )
            ]
            if not found and len(word) >= 8 and set(word) <= set("0123456789abcdefquick-about-"):
                query = "SELECT id FROM models WHERE substr(id, 1, ?) = ? ORDER BY id"
                found = [str(row[0]) for row in db.execute(query, (len(word), word))]
        return found

    def verify(self) -> list[Fault]:
        """See `Store.verify`."""
        return verify_folder(self.folder)

    def compact(self) -> int:
        """See `Store.compact`."""
        with self._open() as db:
            with writing(db):
                old = generation(db)
                kept = db.execute("SELECT number, row FROM models WHERE row IS NOT NULL ORDER BY row").fetchall()
                before = path_of(self.folder, old)
                records = mapped(before)
                fresh = path_of(self.folder, old + 1)
                with whole_file(fresh) as out:
                    out.writelines(some.tobytes() for some in _some(records, kept))
                if len(kept) >= LARGE:
                    with whole_file(signs_path(self.folder, old + 1)) as out:
                        out.writelines(signs(some["screen"], some["anchors"]).tobytes() for some in _some(records, kept))
                db.execute("UPDATE models SET row = -1 - row WHERE row IS NOT NULL")  # rows are unique at every step
                db.executemany(
                    "UPDATE models SET row = ? WHERE number = ?", [(at, number) for at, (number, _) in enumerate(kept)]
                )
                db.execute("UPDATE settings SET value = ? WHERE key = 'generation'", (old + 1,))
            freed = (len(records) - len(kept)) * RECORD.itemsize
            index = signs_path(self.folder, old + 1)
            for path in (*self.folder.glob("screens-*.bin"), *self.folder.glob("signs-*.bin")):
                if path not in (fresh, index):
                    path.unlink(missing_ok=True)
            db.execute("VACUUM")
        return freed

    def close(self) -> None:
        """See `Store.close`; nothing is held open."""


def _some(records: NDArray[Any], kept: Sequence[tuple[int, int]]) -> Iterator[NDArray[Any]]:
    """The records that are kept, a block at a time."""
    for start in range(0, len(kept), BLOCK_ROWS):
        yield records[[row for _, row in kept[start : start + BLOCK_ROWS]]]


def blocks(records: NDArray[Any], first: int) -> Iterator[Rows]:
    """Records from a row on, a block at a time."""
    for start in range(first, len(records), BLOCK_ROWS):
        some = records[start : start + BLOCK_ROWS]
        handles = np.arange(start, start + len(some), dtype=np.int64)
        yield Rows(handles, some["screen"], some["anchors"], np.asarray(some["norm"], dtype=np.float32))


def proposed(records: NDArray[Any], table: Words, wanted: Words, most: int, anchored: bool) -> Iterator[Rows]:
    """Records nearest by signs, then those that came after the signs were written."""
    screen, anchor = differing(table, wanted)
    places = fewest(screen, most)
    if anchored:
        places = np.union1d(places, fewest(anchor, ANCHOR_TIMES * most))
    some = records[places]
    yield Rows(places.astype(np.int64), some["screen"], some["anchors"], np.asarray(some["norm"], dtype=np.float32))
    yield from blocks(records, len(table))

"""A library that LanceDB keeps, in a folder or an object store: one table, a row a model, each change one commit of LanceDB.

Indexes, search by signs, compaction and several machines at once are LanceDB's. What a model is lies in its print, which has its
own digest; every other column is made of it, and `verify` makes it again. Whether a commit is flushed to the disk of this machine
before `add` returns is LanceDB's affair: a kill loses nothing, a power failure may lose the last additions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forebear.core.errors import RefusedError, refusal
from forebear.core.messages import message
from forebear.engines.absent import library_of
from forebear.library.evening import ANCHOR_NUMBERS
from forebear.library.prints import (
    ID,
    SCREEN_NUMBERS,
    Print,
    merged_entries,
    pack,
    unpack,
    without_sources,
)
from forebear.library.signs import ANCHOR_TIMES, ANCHOR_WORDS, LARGE, SCREEN_WORDS, asked, signs
from forebear.library.store import Fault, Near, Rows

TABLE = "models"
VERSION = b"2"
"""Of the table's columns. A later one is refused."""
BLOCK_ROWS = 8192
MOST_ASKED = 500
"""Digests asked for in one query."""
KEPT_FOR = timedelta(minutes=10)
"""How long `compact` leaves what readers of an earlier state may still be reading."""
INDEXED_FROM = 1000
"""Models from which `compact` has LanceDB index the columns that are asked for."""
PIECES = 256
"""Additions after which the pieces that they left are put together."""


@contextmanager
def _told(where: str) -> Iterator[None]:
    """Errors of LanceDB in the block as refusals."""
    try:
        yield
    except (RuntimeError, ValueError, OSError) as error:
        said = message("engine_refused.failed", engine="LanceDB", why=str(error).splitlines()[0][:200])
        raise refusal(said, where=where) from error


def is_table(address: str) -> bool:
    """Whether LanceDB keeps a library at a folder or an address. Raises: RefusedError when it is not installed or cannot look."""
    where = f"lance:{address}"
    lancedb = library_of("lancedb", where)
    if "://" not in address and not Path(address).is_dir():
        return False
    with _told(where):
        return TABLE in lancedb.connect(address).list_tables().tables


class LanceStore:
    """See `forebear.library.store.Store`."""

    def __init__(self, address: str, *, make: bool = False) -> None:
        """Open the library at a folder or an address that LanceDB knows ("s3://bucket/place").

        Raises: RefusedError when LanceDB is not installed, or there is no library, or one of a later version.
        """
        self._where = f"lance:{address}"
        lancedb, self._arrow = library_of("lancedb", self._where), library_of("pyarrow", self._where)
        self._added = 0
        if not make and "://" not in address and not Path(address).is_dir():
            self._refuse_none()
        with _told(self._where):
            db = lancedb.connect(address)
            if TABLE not in db.list_tables().tables:
                if not make:
                    self._refuse_none()
                db.create_table(TABLE, schema=self._schema(), exist_ok=True)
            self._table = db.open_table(TABLE)
            version = (self._table.schema.metadata or {}).get(b"forebear")
        if version != VERSION:
            raise refusal(message("engine_refused.version", version=str(version)[:20]), where=self._where)

    def _refuse_none(self) -> None:
        raise refusal(message("engine_refused.no_library"), where=self._where)

    def _schema(self) -> Any:
        a = self._arrow
        words = a.list_(a.string())
        columns = {
            "id": a.string(), "handle": a.int64(), "names": words, "keys": words, "digests": a.list_(a.int64()),
            "screened": a.bool_(), "screen": a.binary(SCREEN_NUMBERS), "anchors": a.binary(ANCHOR_NUMBERS),
            "screen_signs": a.list_(a.uint8(), 8 * SCREEN_WORDS), "anchor_signs": a.list_(a.uint8(), 8 * ANCHOR_WORDS),
            "print": a.large_binary(),
        }  # fmt: skip
        return a.schema([a.field(name, kind) for name, kind in columns.items()], metadata={b"forebear": VERSION})

    def _row(self, one: Print) -> dict[str, Any]:
        screened = len(one.arrays["screen"]) > 0
        screen = one.arrays["screen"] if screened else np.zeros((1, SCREEN_NUMBERS), np.int8)
        anchors = one.arrays["anchors"] if screened else np.zeros((1, ANCHOR_NUMBERS), np.int8)
        bits = signs(screen, anchors).view(np.uint8)[0]
        digests = np.unique(one.arrays["digests"].reshape(-1)).view(np.int64)
        return {
            "id": one.id, "handle": int(one.id[-64:][:15], 16), "names": sorted({str(n) for n in one.entry.get("names", ())}),
            "keys": sorted(str(source["key"]) for source in one.entry.get("sources", ())), "digests": digests.tolist(),
            "screened": screened, "screen": screen.tobytes(), "anchors": anchors.tobytes(),
            "screen_signs": bits[: 8 * SCREEN_WORDS].tolist(), "anchor_signs": bits[8 * SCREEN_WORDS :].tolist(),
            "print": pack(one),
        }  # fmt: skip

    def put(self, prints: Sequence[Print]) -> None:
        """Prints in the place of those with the same ids, in one commit, as they are: neither names nor sources are joined."""
        rows = self._arrow.Table.from_pylist([self._row(one) for one in prints], schema=self._schema())
        with _told(self._where):
            self._table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all().execute(rows)

    def _found(self, where: str, columns: Sequence[str]) -> list[dict[str, Any]]:
        """Columns of the rows of which a condition is true."""
        with _told(self._where):
            self._table.checkout_latest()
            found: list[dict[str, Any]] = self._table.search().where(where).select(list(columns)).to_arrow().to_pylist()
        return found

    def add(self, one: Print) -> bool:
        """See `Store.add`."""
        known = self._found(f"id = {_text(one.id)}", ["print"])
        if known:
            one = Print(one.id, one.about, one.arrays, merged_entries(unpack(known[0]["print"], self._where).entry, one.entry))
        keys = {str(source["key"]) for source in one.entry.get("sources", ())}
        holds = f"array_has_any(keys, [{', '.join(map(_text, sorted(keys)))}]) AND id != {_text(one.id)}"
        others = self._found(holds, ["print"]) if keys else []
        self.put([one, *(without_sources(unpack(row["print"], self._where), keys) for row in others)])
        self._added += 1
        if self._added % PIECES == 0:
            with _told(self._where):
                self._table.optimize(cleanup_older_than=KEPT_FOR)
        return not known

    def remove(self, idents: Sequence[str]) -> int:
        """See `Store.remove`."""
        there = f"id IN ({', '.join(map(_text, dict.fromkeys(idents)))})"
        count = len(self._found(there, ["id"])) if idents else 0
        if count:
            with _told(self._where):
                self._table.delete(there)
        return count

    def get(self, ident: str) -> Print:
        """See `Store.get`."""
        found = self._found(f"id = {_text(ident)}", ["print"]) if ID.fullmatch(ident) else []
        if not found:
            raise refusal(message("engine_refused.no_print"), where=f"{self._where} {ident[:20]}")
        one = unpack(found[0]["print"], self._where)
        if one.id != ident:
            raise RefusedError("holds the print of another model", where=self._where, todo="Run `forebear library verify`.")
        return one

    def idents(self) -> Iterator[str]:
        """See `Store.idents`."""
        return iter(sorted(str(row["id"]) for row in self._found("true", ["id"])))

    def count(self, *, screened: bool = False) -> int:
        """See `Store.count`."""
        with _told(self._where):
            self._table.checkout_latest()
            return int(self._table.count_rows("screened" if screened else None))

    def rows(self) -> Iterator[Rows]:
        """See `Store.rows`."""
        with _told(self._where):
            self._table.checkout_latest()
            yield from map(_rows, self._table.search().where("screened").select(_OF_ROWS).to_batches(batch_size=BLOCK_ROWS))

    def near(self, screen: NDArray[np.int8], anchors: NDArray[np.int8], most: int) -> Near | None:
        """See `forebear.library.store.Indexed`: LanceDB's own search by signs."""
        count = self.count(screened=True)
        if count < LARGE:
            return None
        return Near(count, self._nearest(asked(screen, anchors).view(np.uint8), most, bool(anchors.any())))

    def _nearest(self, wanted: NDArray[np.uint8], most: int, anchored: bool) -> Iterator[Rows]:
        sides = [("screen_signs", wanted[: 8 * SCREEN_WORDS], most)]
        sides += [("anchor_signs", wanted[8 * SCREEN_WORDS :], ANCHOR_TIMES * most)] if anchored else []
        for column, bits, count in sides:
            with _told(self._where):
                search = self._table.search(bits, vector_column_name=column).distance_type("hamming").where("screened")
                found = search.limit(count).select([*_OF_ROWS, "_distance"]).to_arrow()
            yield from map(_rows, found.combine_chunks().to_batches())

    def ident(self, handle: int) -> str | None:
        """See `Store.ident`."""
        found = self._found(f"handle = {int(handle)}", ["id"])
        return str(found[0]["id"]) if found else None

    def by_digest(self, digests: NDArray[np.uint64]) -> Mapping[str, set[int]]:
        """See `Store.by_digest`."""
        found: dict[str, set[int]] = {}
        wanted = np.unique(digests.reshape(-1)).view(np.int64)
        for start in range(0, len(wanted), MOST_ASKED):
            some = set(wanted[start : start + MOST_ASKED].tolist())
            for row in self._found(f"array_has_any(digests, [{', '.join(map(str, sorted(some)))}])", ["id", "digests"]):
                shared = np.array(sorted(some.intersection(row["digests"])), dtype=np.int64).view(np.uint64)
                found.setdefault(str(row["id"]), set()).update(shared.tolist())
        return found

    def source(self, key: str) -> Mapping[str, Any] | None:
        """See `Store.source`."""
        for row in self._found(f"array_has(keys, {_text(key)})", ["id", "print"]):
            for source in unpack(row["print"], self._where).entry.get("sources", ()):
                if source["key"] == key:
                    return {"id": str(row["id"]), **{word: source.get(word) for word in ("size", "changed", "header")}}
        return None

    def named(self, word: str) -> list[str]:
        """See `Store.named`."""
        found = self._found(f"array_has(names, {_text(word)})", ["id"])
        if not found and len(word) >= 8 and set(word) <= set("0123456789abcdefquick-about-"):
            found = self._found(f"starts_with(id, {_text(word)})", ["id"])
        return sorted(str(row["id"]) for row in found)

    def verify(self) -> list[Fault]:
        """See `Store.verify`."""
        faults: list[Fault] = []
        with _told(self._where):
            self._table.checkout_latest()
            for batch in self._table.search().to_batches(batch_size=64):
                for row in batch.to_pylist():
                    faults += self._held_against_print(row)
        return faults

    def _held_against_print(self, row: Mapping[str, Any]) -> list[Fault]:
        """What is wrong with a row, put right: a damaged print is lost, every other column is made again from the print."""
        ident = str(row["id"])
        try:
            one = unpack(row["print"], self._where)
        except RefusedError:
            self.remove([ident])
            return [Fault(", ".join(row["names"] or ()) or ident[:12], message("library.print_lost"), False)]
        right = self._row(one)
        if all(row[name] == value for name, value in right.items()):
            return []
        if one.id != ident:
            self.remove([ident])
        self.put([one])
        return [Fault(self._where, message("library.entry_rebuilt", name=one.name), True)]

    def compact(self) -> int:
        """See `Store.compact`; 0 for a library that is no folder of this machine. What was removed in the last KEPT_FOR stays."""
        folder = Path(self._where.removeprefix("lance:"))
        before = _size(folder)
        indexes = _INDEXES if self.count() >= INDEXED_FROM else {}
        with _told(self._where):
            for column, kind in indexes.items():
                self._table.create_index(column, config=getattr(library_of("lancedb.index", self._where), kind)(), replace=True)
            self._table.optimize(cleanup_older_than=KEPT_FOR)
        return max(0, before - _size(folder))

    def close(self) -> None:
        """See `Store.close`; LanceDB holds nothing open."""


_INDEXES = {"id": "BTree", "handle": "BTree", "names": "LabelList", "keys": "LabelList", "digests": "LabelList"}
"""Columns and the kinds of LanceDB's indexes on them (lancedb.index)."""
_OF_ROWS = ["handle", "screen", "anchors"]


def _rows(batch: Any) -> Rows:
    handles = batch.column("handle").to_numpy(zero_copy_only=False)
    screens, anchors = _table(batch.column("screen"), SCREEN_NUMBERS), _table(batch.column("anchors"), ANCHOR_NUMBERS)
    norms = np.sqrt(np.einsum("ij,ij->i", screens, screens, dtype=np.float32))
    return Rows(handles.astype(np.int64), screens, anchors, norms)


def _table(column: Any, width: int) -> NDArray[np.int8]:
    """The bytes of a column of fixed width. Shapes: returns (rows, width)."""
    whole = np.frombuffer(column.buffers()[1], dtype=np.int8)
    return whole[column.offset * width : (column.offset + len(column)) * width].reshape(len(column), width)


def _text(word: str) -> str:
    """A text as SQL writes it."""
    return "'" + word.replace("'", "''") + "'"


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else 0

"""The catalogue of a local library: an SQLite file with what leads to prints. It holds nothing that prints do not hold.

So a catalogue that is damaged, or of an earlier version, is made again from the prints. One writer at a time by SQLite's own lock
(others wait), readers beside it; a commit is on the disk before it is believed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from forebear.core.errors import RefusedError, refusal, saying
from forebear.core.messages import Message, message
from forebear.library.places import PRINTS
from forebear.library.prints import VERIFY, Print

VERSION = 2
"""Of the catalogue and the screens file. An earlier one is made again from the prints; a later one is refused."""
APPLICATION = 0x46425249
WAIT_SECONDS = 120.0
_SCHEMA = """
CREATE TABLE settings (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE models (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, row INTEGER UNIQUE, digest BLOB NOT NULL);
CREATE TABLE names (name TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (name, number)) WITHOUT ROWID;
CREATE TABLE sources (key TEXT PRIMARY KEY, number INTEGER NOT NULL, size INTEGER, changed INTEGER, header TEXT) WITHOUT ROWID;
CREATE TABLE digests (value INTEGER NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (value, number)) WITHOUT ROWID;
"""


class Damaged(RefusedError):
    """A catalogue that cannot be believed; `library verify` makes it again."""


class Unmade(RefusedError):
    """A catalogue whose making was cut short before its only commit: there is no library yet."""


def damaged(said: Message, where: Path) -> Damaged:
    """What is raised for a catalogue of which `said` is true."""
    return saying(Damaged, said, where=str(where), todo=VERIFY)


def create(path: Path) -> None:
    """A new, empty catalogue where there is none."""
    with connect(path, create=True) as db, writing(db):
        if not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            for statement in _SCHEMA.strip().split(";\n"):
                db.execute(statement.rstrip(";"))
            db.execute(f"PRAGMA user_version = {VERSION}")
            db.execute(f"PRAGMA application_id = {APPLICATION}")
            db.execute("INSERT INTO settings VALUES ('generation', 0)")


@contextmanager
def connect(path: Path, *, create: bool = False) -> Iterator[sqlite3.Connection]:
    """The catalogue, open. create: whatever is there is opened, nothing and something unfinished too.

    Raises: RefusedError for a later version; Damaged for one that SQLite cannot read; Unmade for one that was never finished.
    """
    mode = "rwc" if create else "rw"
    try:
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=WAIT_SECONDS, isolation_level=None,
                             check_same_thread=False)  # fmt: skip
    except sqlite3.Error as error:
        raise refuse(error, path) from error
    try:
        with told(path):
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA trusted_schema = OFF")
            db.execute("PRAGMA cell_size_check = ON")
            version = int(db.execute("PRAGMA user_version").fetchone()[0])
            empty = version == 0 and not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if empty and not create and not (path.parent / PRINTS).is_dir():
            said, todo = message("library_refused.no_library"), message("library_advice.make")
            raise saying(Unmade, said, where=str(path.parent), todo=todo)
        if version > VERSION:
            said = message("library_refused.newer", version=version, reads=VERSION)
            raise refusal(said, where=str(path.parent), todo=message("library_advice.newer"))
        if version < VERSION and not create:
            raise damaged(message("library_refused.older", version=version), path.parent)
        yield db
    finally:
        db.close()


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Errors of SQLite in the block as refusals."""
    try:
        yield
    except sqlite3.Error as error:
        raise refuse(error, path) from error


def refuse(error: sqlite3.Error, path: Path) -> RefusedError:
    """What an error of SQLite means to a reader."""
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or (
        code in (0, 1) and isinstance(error, sqlite3.DatabaseError)
    ):
        return damaged(message("library_refused.catalogue", why=str(error)), path)
    if code == sqlite3.SQLITE_BUSY:
        return refusal(message("library_refused.busy"), where=str(path), todo=message("library_advice.wait"))
    if code == sqlite3.SQLITE_FULL:
        return refusal(message("library_refused.full"), where=str(path), todo=message("library_advice.room"))
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return refusal(message("library_refused.opened"), where=str(path.parent), todo=message("library_advice.mode"))
    return refusal(message("library_refused.failed", why=str(error)), where=str(path), todo=VERIFY)


@contextmanager
def writing(db: sqlite3.Connection) -> Iterator[None]:
    """One transaction of the only writer: all of it is on the disk afterwards, or none."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def generation(db: sqlite3.Connection) -> int:
    """Which screens file is the one in use."""
    found = db.execute("SELECT value FROM settings WHERE key = 'generation'").fetchone()
    return int(found[0]) if found else 0


def enter(db: sqlite3.Connection, one: Print, digest: bytes, row: int | None) -> int:
    """Put a print into every table, inside a transaction. digest: of its file. Returns its number."""
    found = db.execute("SELECT number FROM models WHERE id = ?", (one.id,)).fetchone()
    if found:
        number = int(found[0])
        for table in ("names", "sources", "digests"):
            db.execute(f"DELETE FROM {table} WHERE number = ?", (number,))
        db.execute("UPDATE models SET digest = ?, row = ? WHERE number = ?", (digest, row, number))
    else:
        number = int(
            db.execute("INSERT INTO models (id, row, digest) VALUES (?, ?, ?)", (one.id, row, digest)).lastrowid or 0
        )
    names = {(str(name), number) for name in one.entry.get("names", ())}
    db.executemany("INSERT OR REPLACE INTO names VALUES (?, ?)", sorted(names))
    for source in one.entry.get("sources", ()):
        values = (source["key"], number, source.get("size"), source.get("changed"), source.get("header"))
        db.execute("INSERT OR REPLACE INTO sources VALUES (?, ?, ?, ?, ?)", values)
    signed = np.unique(one.arrays["digests"].reshape(-1)).view(np.int64)
    db.executemany("INSERT OR REPLACE INTO digests VALUES (?, ?)", [(int(value), number) for value in signed])
    return number


def forget(db: sqlite3.Connection, number: int) -> None:
    """Take a print out of every table, inside a transaction."""
    for table in ("names", "sources", "digests", "models"):
        db.execute(f"DELETE FROM {table} WHERE number = ?", (number,))

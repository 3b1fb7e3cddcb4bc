"""The case folder on disk: plain files fit for git, each written whole or not at all."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from pathlib import Path

from forebear.casefile.folder.model import NAME_KINDS, ROLES, RULINGS, SCHEMA, CaseFile, Source
from forebear.casefile.folder.place import (
    FILE_RULE,
    check_plain,
    exists_inside,
    inside,
    is_file_name,
    read_inside,
    write_inside,
)
from forebear.casefile.folder.toml import MAX_TOML_BYTES, as_table, load_toml, written
from forebear.core.errors import RefusedError, UsageError
from forebear.core.strict import read_table

FOLDERS = ("sources", "alignments", "findings", "evidence", "report")
MAX_BYTES_SOURCE = 512 * 2**20
"""Largest file kept as bytes."""
_HEAD = "A forebear case file. Sources are never altered: their digests are below."


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def create_case(folder: Path, title: str) -> CaseFile:
    """An empty case in `folder`; folders that exist are kept.

    Raises: RefusedError when the folder already holds a case or cannot be written.
    """
    if exists_inside(folder, "case.toml"):
        raise RefusedError("already holds a case", where=str(folder))
    try:
        for name in FOLDERS:
            (folder / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RefusedError(f"cannot be made ({error.strerror})", where=str(folder)) from error
    case = CaseFile(schema=SCHEMA, title=title)
    save_case(folder, case)
    return case


def load_case(folder: Path) -> CaseFile:
    """case.toml, read strictly.

    Raises: RefusedError on another schema, an unknown key, two sources of one id, a source that answers or translates
            one that is not there, or a file name that leaves the folder.
    """
    path = folder / "case.toml"
    if not exists_inside(folder, "case.toml"):
        raise RefusedError("holds no case.toml", where=str(folder), todo="Start with `forebear case add FOLDER FILE`.")
    case = read_table(CaseFile, load_toml(folder, "case.toml"), str(path))
    if case.schema != SCHEMA:
        raise RefusedError(f"schema {case.schema!r} is not {SCHEMA!r}", where=str(path), todo="Use a newer forebear.")
    ids = {s.id for s in case.source}
    seen: set[str] = set()
    for source in case.source:
        _check_source(source, ids, str(path))
        if source.id in seen:
            raise RefusedError(f"two sources are called {source.id!r}", where=str(path))
        seen.add(source.id)
    for name in case.name:
        if name.ruling not in RULINGS:
            raise RefusedError(f"ruling {name.ruling!r} is none of {', '.join(RULINGS)}", where=f"{path}: [[name]]")
        if name.kind not in NAME_KINDS:
            raise RefusedError(f"kind {name.kind!r} is none of {', '.join(NAME_KINDS)}", where=f"{path}: [[name]]")
    for model, place in case.models.items():
        if not model.isprintable() or not model or "=" in model or not place.isprintable() or place.startswith("-"):
            raise RefusedError(
                f"model {model[:80]!r} or its place is not a plain word",
                where=f"{path}: [models]",
                todo="Neither may hold control characters, an id no '=', and a place may not begin with '-'.",
            )
    return case


def check_source_id(name: str, where: str = "", error: type[RefusedError] | type[UsageError] = RefusedError) -> None:
    """Raise `error` with the rule unless a source's id is a plain name in small letters."""
    check_plain("source id", name, where, error)
    if name != name.lower():
        raise error(f"source id {name!r} has capitals", where=where, todo="Use small letters only.")


def _check_source(source: Source, ids: set[str], where: str) -> None:
    check_source_id(source.id, where)
    where = f"{where}: {source.id}"
    if source.role not in ROLES:
        raise RefusedError(f"role {source.role!r} is none of {', '.join(ROLES)}", where=where)
    for name in (source.file, source.transcript):
        if name and not (name.startswith("sources/") and is_file_name(name[len("sources/") :])):
            raise RefusedError(f"{name!r} is not a file of sources/", where=where, todo=FILE_RULE)
    if source.of and source.of not in ids:
        raise RefusedError(f"`of` names {source.of!r}, which is no source here", where=where)
    if (
        source.bytes < 0
        or not re.fullmatch(r"[a-z]{2,3}", source.language)
        or not re.fullmatch("\\w{0,8}", source.script)
    ):
        raise RefusedError(
            "its bytes, language or script are not of their kind", where=where, todo="See docs/cases.md."
        )
    for digest_ in (source.sha256, source.transcript_sha256):
        if not re.fullmatch("[0-9a-f]{64}", digest_) and (digest_ or digest_ is source.sha256):
            raise RefusedError(f"{digest_[:80]!r} is no SHA-256", where=where)


def save_case(folder: Path, case: CaseFile) -> None:
    """Write case.toml whole; comments that a person put there stay."""
    before = read_inside(folder, "case.toml", MAX_TOML_BYTES) if exists_inside(folder, "case.toml") else b""
    write_inside(folder, "case.toml", written(as_table(case), before, _HEAD))


def find_source(case: CaseFile, name: str) -> Source:
    """The source of that id.

    Raises: UsageError naming the ids there are.
    """
    for source in case.source:
        if source.id == name:
            return source
    raise UsageError(f"no source {name!r}", todo=f"Sources: {', '.join(s.id for s in case.source) or 'none yet'}.")


def keep_source(folder: Path, case: CaseFile, source: Source, data: bytes, transcript: bytes = b"") -> CaseFile:
    """Store bytes as received, then record them: a stop in between leaves an unrecorded file, never a broken case.

    Raises: RefusedError when the id is taken by other bytes. The same bytes again change nothing.
    """
    for old in case.source:
        if old.id == source.id:
            if old.sha256 == source.sha256 and old.transcript_sha256 == source.transcript_sha256:
                return case
            raise RefusedError(
                f"source id {source.id!r} is taken by other bytes",
                where=str(folder),
                todo="Give the new version its own --id.",
            )
    write_inside(folder, source.file, data)
    if source.transcript:
        write_inside(folder, source.transcript, transcript)
    new = dataclasses.replace(case, source=(*case.source, source))
    save_case(folder, new)
    return new


def source_bytes(folder: Path, source: Source, *, transcript: bool = False) -> bytes:
    """The stored bytes, checked against their digest.

    Raises: RefusedError when the file is gone or was edited after it was added.
    """
    name, wanted = (source.transcript, source.transcript_sha256) if transcript else (source.file, source.sha256)
    path = folder / name
    data = read_inside(folder, name, MAX_BYTES_SOURCE)
    if digest(data) != wanted:
        raise RefusedError(
            f"was edited after it was added: {len(data)} bytes now, {source.bytes} then, and the digests differ",
            where=str(path),
            todo="Put the received bytes back, or add the new bytes as a version of their own.",
        )
    return data


def unrecorded(folder: Path, case: CaseFile) -> list[str]:
    """Files of sources/ that case.toml does not record: left by a stop during `add`, or put there by hand."""
    known = {n for s in case.source for n in (s.file, s.transcript) if n}
    here = inside(folder, "sources")
    found = sorted(f"sources/{p.name}" for p in here.iterdir() if p.is_file()) if here.is_dir() else []
    return [name for name in found if name not in known]

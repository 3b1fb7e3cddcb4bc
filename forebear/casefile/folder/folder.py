"""The case folder on disk: plain files fit for git, each written whole or not at all."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from pathlib import Path

from forebear.casefile.folder.model import NAME_KINDS, ROLES, RULINGS, SCHEMA, CaseFile, Source
from forebear.casefile.folder.place import (
    check_plain,
    exists_inside,
    inside,
    is_file_name,
    read_inside,
    write_inside,
)
from forebear.casefile.folder.toml import MAX_TOML_BYTES, as_table, load_toml, written
from forebear.core.errors import RefusedError, UsageError, refusal
from forebear.core.messages import message
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
        raise refusal(message("case_refused.holds_case"), where=str(folder))
    try:
        for name in FOLDERS:
            (folder / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise refusal(message("case_refused.not_made", why=str(error.strerror)), where=str(folder)) from error
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
        raise refusal(message("case_refused.no_case"), where=str(folder), todo=message("case_advice.add_first"))
    case = read_table(CaseFile, load_toml(folder, "case.toml"), str(path))
    if case.schema != SCHEMA:
        raise refusal(
            message("case_refused.other_schema", schema=repr(case.schema), known=repr(SCHEMA)),
            where=str(path),
            todo=message("case_advice.newer"),
        )
    ids = {s.id for s in case.source}
    seen: set[str] = set()
    for source in case.source:
        _check_source(source, ids, str(path))
        if source.id in seen:
            raise refusal(message("case_refused.same_source", source=repr(source.id)), where=str(path))
        seen.add(source.id)
    for name in case.name:
        if name.ruling not in RULINGS:
            raise refusal(
                message("case_refused.none_of", what="ruling", value=repr(name.ruling), known=", ".join(RULINGS)),
                where=f"{path}: [[name]]",
            )
        if name.kind not in NAME_KINDS:
            raise refusal(
                message("case_refused.none_of", what="kind", value=repr(name.kind), known=", ".join(NAME_KINDS)),
                where=f"{path}: [[name]]",
            )
    for model, place in case.models.items():
        if not model.isprintable() or not model or "=" in model or not place.isprintable() or place.startswith("-"):
            raise refusal(
                message("case_refused.model_word", model=repr(model[:80])),
                where=f"{path}: [models]",
                todo=message("case_advice.model_words"),
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
        raise refusal(
            message("case_refused.none_of", what="role", value=repr(source.role), known=", ".join(ROLES)),
            where=where,
        )
    for name in (source.file, source.transcript):
        if name and not (name.startswith("sources/") and is_file_name(name[len("sources/") :])):
            raise refusal(
                message("case_refused.not_in_sources", name=repr(name)),
                where=where,
                todo=message("case_advice.file_rule"),
            )
    if source.of and source.of not in ids:
        raise refusal(message("case_refused.of_missing", source=repr(source.of)), where=where)
    if (
        source.bytes < 0
        or not re.fullmatch(r"[a-z]{2,3}", source.language)
        or not re.fullmatch("\\w{0,8}", source.script)
    ):
        raise refusal(message("case_refused.source_kinds"), where=where, todo=message("case_advice.see_cases"))
    for digest_ in (source.sha256, source.transcript_sha256):
        if not re.fullmatch("[0-9a-f]{64}", digest_) and (digest_ or digest_ is source.sha256):
            raise refusal(message("case_refused.no_digest", digest=repr(digest_[:80])), where=where)


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
            raise refusal(
                message("case_refused.id_taken", source=repr(source.id)),
                where=str(folder),
                todo=message("case_advice.own_id"),
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
        raise refusal(
            message("case_refused.edited", now=len(data), then=source.bytes),
            where=str(path),
            todo=message("case_advice.put_back"),
        )
    return data


def unrecorded(folder: Path, case: CaseFile) -> list[str]:
    """Files of sources/ that case.toml does not record: left by a stop during `add`, or put there by hand."""
    known = {n for s in case.source for n in (s.file, s.transcript) if n}
    here = inside(folder, "sources")
    found = sorted(f"sources/{p.name}" for p in here.iterdir() if p.is_file()) if here.is_dir() else []
    return [name for name in found if name not in known]

"""Adding a source: read the bytes once, check them, store them as received, record where they came from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from forebear.casefile.folder.folder import (
    MAX_BYTES_SOURCE,
    check_source_id,
    create_case,
    digest,
    find_source,
    keep_source,
    load_case,
    source_bytes,
)
from forebear.casefile.folder.intake import MAX_SOURCE_BYTES, check_language, decode
from forebear.casefile.folder.model import ROLES, CaseFile, Seen, Source
from forebear.casefile.folder.place import exists_inside
from forebear.casefile.text.blocks import Extract
from forebear.casefile.text.extract import MEDIA, TEXT_MEDIA, extract
from forebear.core.bounded import read_bounded
from forebear.core.errors import UsageError, refusal
from forebear.core.messages import message


@dataclass(frozen=True)
class Addition:
    """What the caller says of a source (see `forebear.case_add`); the fields are those of model.Source."""

    language: str
    script: str = ""
    id: str = ""
    role: str = "original"
    of: str = ""
    version: str = ""
    date: str = ""
    encoding: str = ""
    conversion: str = ""
    transcript: str | Path | None = None
    as_bytes: bool = False
    trust_language: bool = False
    obtained_by: str = ""
    obtained_when: str = ""
    obtained_where: str = ""


def add_source(folder: Path, file: Path, said: Addition, title: str = "") -> tuple[CaseFile, Source]:
    """Add one file to a case, which is made when the folder holds none.

    Raises: RefusedError when the file cannot be read, decoded or is plainly in another language (nothing is stored
    then);
            UsageError when role, language or `of` do not fit.
    """
    _check_words(said)
    data = read_bounded(file, MAX_BYTES_SOURCE)
    media = MEDIA.get(file.suffix.lower(), "text/plain")
    binary = said.as_bytes or media not in TEXT_MEDIA
    if binary and media in TEXT_MEDIA:
        media = "application/octet-stream"
    transcript = read_bounded(said.transcript, MAX_SOURCE_BYTES) if said.transcript else b""
    if not data:
        raise refusal(message("case_refused.empty"), where=str(file))
    seen: tuple[Seen, ...] = ()
    encoding = ""
    readable = transcript if binary else data
    name = str(said.transcript) if binary else str(file)
    if readable:
        decoded = decode(readable, name, said.encoding)
        text = extract(decoded.text, _text_media(Path(name), media, binary)).text
        if not said.trust_language:
            check_language(text, said.language, said.script, name)
        seen, encoding = decoded.seen, decoded.encoding
    elif binary:
        seen = (Seen("no-transcript"),)
    case = load_case(folder) if exists_inside(folder, "case.toml") else create_case(folder, title or folder.name)
    if said.of:
        find_source(case, said.of)
    source = _record(case, file, data, transcript, said, media, encoding, seen)
    return keep_source(folder, case, source, data, transcript), source


def _check_words(said: Addition) -> None:
    if said.id:
        check_source_id(said.id, error=UsageError)
    if said.role not in ROLES:
        raise UsageError(f"role {said.role!r} is none of {', '.join(ROLES)}")
    if not re.fullmatch(r"[a-z]{2,3}", said.language):
        raise UsageError(f"language {said.language!r} is no language tag such as zh, ja, en")
    if said.role in ("translation", "machine-conversion") and not said.of:
        raise UsageError(f"a {said.role} needs --of: the source it was made from")
    if said.conversion and said.role != "machine-conversion":
        raise UsageError("--conversion belongs to the role machine-conversion")


def _text_media(path: Path, media: str, binary: bool) -> str:
    found = MEDIA.get(path.suffix.lower(), "text/plain") if binary else media
    return found if found in TEXT_MEDIA else "text/plain"


def _record(
    case: CaseFile,
    file: Path,
    data: bytes,
    transcript: bytes,
    said: Addition,
    media: str,
    encoding: str,
    seen: tuple[Seen, ...],
) -> Source:
    identity = said.id or _free_id(case, said)
    suffix, kept = (
        p.suffix.lower() if p and re.fullmatch(r"\.[a-z0-9]{1,8}", p.suffix.lower()) else ".txt"
        for p in (file, said.transcript and Path(said.transcript))
    )
    return Source(
        id=identity, file=f"sources/{identity}{suffix}", sha256=digest(data), bytes=len(data), media=media,
        language=said.language, script=said.script or {"ja": "Jpan", "en": "Latn"}.get(said.language, ""),
        role=said.role,
        of=said.of, version=said.version, date=said.date, encoding=encoding or "utf-8", conversion=said.conversion,
        transcript=f"sources/{identity}.transcript{kept}" if transcript else "",
        transcript_sha256=digest(transcript) if transcript else "",
        obtained_by=said.obtained_by, obtained_when=said.obtained_when, obtained_where=said.obtained_where, seen=seen,
    )  # fmt: skip


def _free_id(case: CaseFile, said: Addition) -> str:
    base = "-".join(
        p for p in (said.language, said.script.lower(), said.role if said.role in ("statement", "reply") else "") if p
    )
    taken = {s.id for s in case.source}
    return base if base not in taken else next(f"{base}-{n}" for n in range(2, 10_000) if f"{base}-{n}" not in taken)


def read_source(folder: Path, source: Source) -> Extract:
    """The text of a stored source, from its bytes or its transcript; empty when it is bytes without a transcript.

    Raises: RefusedError when the bytes were edited since they were added.
    """
    if source.media in TEXT_MEDIA:
        data = source_bytes(folder, source)
        return extract(decode(data, source.file, source.encoding).text, source.media)
    if not source.transcript:
        return Extract()
    data = source_bytes(folder, source, transcript=True)
    media = _text_media(Path(source.transcript), source.media, True)
    return extract(decode(data, source.transcript, source.encoding).text, media)

"""Claims of a Python package: METADATA (its headers and description) and RECORD (digests of its files)."""

from __future__ import annotations

import base64
import binascii
import csv
import io
import re

from forebear.core.bounded import inner_parts
from forebear.verification.claim import Claim, Source

MOST_RECORDS = 20_000
MOST_HEADERS = 500
_HEADER = re.compile(r"^([A-Za-z][A-Za-z-]{0,40}): ?(.{0,2000})$")
_CLASSIFIER = "License :: OSI Approved :: "


def is_metadata(text: str) -> bool:
    """Whether a text is the METADATA of a package."""
    return text.startswith("Metadata-Version:")


def claims_of_metadata(text: str, name: str) -> tuple[list[Claim], str]:
    """Licences that the headers state, and the summary and description, which are prose."""
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    claims, summary = [], ""
    for number, line in enumerate(head.split("\n")[:MOST_HEADERS], 1):
        found = _HEADER.match(line)
        if found is None:
            continue
        key, value = found[1].lower(), found[2].strip()
        if key in ("license", "license-expression") and value and len(value) < 80:
            claims.append(Claim("licence", value, Source(name, found[1], number)))
        elif key == "classifier" and value.startswith(_CLASSIFIER):
            claims.append(Claim("licence", value.removeprefix(_CLASSIFIER), Source(name, found[1], number)))
        elif key == "summary":
            summary = value
    return claims, f"{summary}\n\n{body}"


def claims_of_record(text: str, name: str, below: str) -> list[Claim]:
    """The digests that RECORD states for files below a folder of the package, by their names in that folder."""
    claims = []
    for row in list(csv.reader(io.StringIO(text)))[:MOST_RECORDS]:
        if len(row) < 2 or not row[0].startswith(below) or not row[1].startswith("sha256="):
            continue
        inner = row[0].removeprefix(below)
        try:
            digest = base64.urlsafe_b64decode(row[1].removeprefix("sha256=") + "=").hex()
        except (binascii.Error, ValueError):
            continue
        if inner_parts(inner) is not None:
            claims.append(Claim("digest", digest, Source(name, "RECORD"), about=inner))
    return claims

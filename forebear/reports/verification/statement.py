"""A verification as an in-toto statement (v1), to be signed by cosign or model-signing: its subject is the root digest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forebear.core.documents import canonical_json
from forebear.core.errors import UsageError

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:forebear:verification:1"
_RELATIVE = ("name", "relation", "direction", "log10_p", "test", "assumption", "digest")


def statement(document: Mapping[str, Any], language: str = "en") -> bytes:
    """The statement; keys and figures alone, in no language.

    Raises: UsageError when the files were not hashed, since a statement without a digest says nothing of any file.
    """
    subject = document["subject"]
    if not subject["root"]:
        raise UsageError("the files were not hashed, so that a statement has no subject", where="--format", todo="Add --full.")
    predicate = {
        "tool": document["tool"],
        "counts": document["counts"],
        "relatives": [{key: base[key] for key in _RELATIVE} for base in document["relatives"]],
        "claims": [
            {key: claim[key] for key in ("kind", "stated", "about", "proposed", "source", "outcome", "flagged", "figures")}
            for claim in document["claims"]
        ],
        "noticed": [one["said"] for one in document["noticed"]],
        "limits": document["limits"],
        "files": subject["files"],
    }
    return canonical_json({
        "_type": STATEMENT,
        "subject": [{"name": subject["name"], "digest": {"sha256": subject["root"]}}],
        "predicateType": PREDICATE,
        "predicate": predicate,
    })  # fmt: skip

"""Claims of an OpenSSF model signature: a sigstore bundle around an in-toto statement with the digest of every file.

Read: predicate types model_signing/signature/v1.0 and model_signing/Digests/v0.1 (the package model-signing). What stands in a
bundle is not believed: digests are recomputed, and a signature that was not checked is said not to be.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from forebear.core.bounded import inner_parts, parse_json
from forebear.core.errors import RefusedError
from forebear.core.messages import message
from forebear.core.wording import in_english
from forebear.verification.claim import Claim, Source

PREDICATES = ("https://model_signing/signature/v1.0", "https://model_signing/Digests/v0.1")
MOST_FILES = 20_000


@dataclass(frozen=True)
class Manifest:
    """What a signature is over. root: the digest of all digests ("" in v0.1); files: name → SHA-256; order: of the names."""

    root: str
    files: Mapping[str, str]
    method: str


def read_bundle(data: bytes, name: str) -> Manifest:
    """The manifest inside a bundle, whose signature nothing here checks.

    Raises: RefusedError when it is no bundle of such a statement, or names a file outside its folder.
    """
    envelope = _get(parse_json(data, where=name), "dsseEnvelope", dict, name)
    try:
        payload = base64.b64decode(_get(envelope, "payload", str, name), validate=True)
    except (binascii.Error, ValueError):
        raise _refused("bundle", name) from None
    statement = parse_json(payload, where=name)
    if not isinstance(statement, Mapping) or statement.get("predicateType") not in PREDICATES:
        raise _refused("predicate", name)
    subject = _get(statement, "subject", list, name)
    if statement["predicateType"] == PREDICATES[1]:
        files = {_name(one, name): _sha256(_table(one).get("digest"), name) for one in subject[:MOST_FILES]}
        return Manifest("", files, "files")
    predicate = _get(statement, "predicate", dict, name)
    resources = _get(predicate, "resources", list, name)
    if len(resources) > MOST_FILES or len(subject) != 1:
        raise _refused("bundle", name)
    method = str(_table(predicate.get("serialization")).get("method", ""))
    sha256 = all(_table(one).get("algorithm") == "sha256" for one in resources)
    files = {_name(one, name): str(_table(one).get("digest", "")).lower() for one in resources}
    return Manifest(_sha256(_table(subject[0]).get("digest"), name), files, method if sha256 else "other")


def claims_of_manifest(manifest: Manifest, name: str) -> list[Claim]:
    """That each file has its digest, that all have the root digest, and that it is signed."""
    claims = [Claim("digest", digest, Source(name, "resources"), about=file) for file, digest in manifest.files.items()]
    if manifest.root:
        claims.append(Claim("root", manifest.root, Source(name, "subject")))
    return [*claims, Claim("signature", "", Source(name, "dsseEnvelope"))]


def _name(resource: Any, where: str) -> str:
    name = _table(resource).get("name")
    if not isinstance(name, str) or inner_parts(name) is None:
        raise _refused("outside", where)
    return name


def _sha256(digest: Any, where: str) -> str:
    found = _table(digest).get("sha256")
    if not isinstance(found, str) or len(found) != 64:
        raise _refused("bundle", where)
    return found.lower()


def _get(value: Any, key: str, kind: type, where: str) -> Any:
    found = _table(value).get(key)
    if not isinstance(found, kind):
        raise _refused("bundle", where)
    return found


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _refused(key: str, where: str) -> RefusedError:
    said = message("verify_refused.bundle") if key == "bundle" else (
        message("verify_refused.predicate") if key == "predicate" else message("verify_refused.outside"))  # fmt: skip
    return RefusedError(in_english(said), where=where, said=said)

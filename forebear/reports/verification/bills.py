"""A verification as a bill of material: CycloneDX 1.7 with pedigree and evidence, SPDX 3.0.1 with relationships.

Plain JSON in the forms of the two specifications; tests read both with the packages cyclonedx-python-lib and spdx-python-model.
What is symmetric stays so: a relative is a variant (CycloneDX) or a related element (SPDX `other`), an ancestor only where the
papers name it as parent and its weights are shared.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from forebear.core.documents import canonical_json
from forebear.core.errors import printable
from forebear.reports.catalogue import Catalogue, catalogue, power_of_ten
from forebear.reports.verification.text import evidence_words

SHARED = ("identical", "related")
_SPACE = uuid.UUID("6f2a1f0e-55c1-5a5f-9f0e-0b8f4f8a6b11")
"""Namespace of the identifiers made from root digests."""
CONTEXT = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
CREATED = "1970-01-01T00:00:00Z"
"""SPDX asks for a time; a verification has none, so that equal files give equal bills."""


def cyclonedx(document: Mapping[str, Any], language: str = "en") -> bytes:
    """CycloneDX 1.7: the model with its files, relatives in its pedigree, and each claim's outcome as an annotation."""
    words, subject = catalogue(language), document["subject"]
    model = {
        "type": "machine-learning-model",
        "bom-ref": "model",
        "name": _text(subject["name"]),
        **_hash(subject["root"]),
        "pedigree": _pedigree(document, words),
        **_evidence(subject["root"]),
        "modelCard": {"modelParameters": {"modelArchitecture": _text(subject["family"] or "unknown")}},
        "properties": _properties(document),
    }
    files = [
        {"type": "file", "bom-ref": f"file-{n}", "name": _text(one["name"]), **_hash(one["sha256"])}
        for n, one in enumerate(subject["files"], 1)
    ]
    notes = [
        {
            "bom-ref": f"claim-{n}",
            "subjects": ["model"],
            "annotator": {"component": {"type": "application", "name": "forebear", "version": document["tool"]["version"]}},
            "timestamp": CREATED,
            "text": _said(claim, words),
        }
        for n, claim in enumerate(document["claims"], 1)
    ]
    tool = {"components": [{"type": "application", "name": "forebear", "version": document["tool"]["version"]}]}
    return canonical_json({
        "$schema": "http://cyclonedx.org/schema/bom-1.7.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.7",
        "serialNumber": f"urn:uuid:{_id(document, 'cyclonedx')}",
        "version": 1,
        "metadata": {"tools": tool, "component": model},
        "components": files,
        "annotations": notes,
    })  # fmt: skip


def _evidence(root: str) -> dict[str, Any]:
    """How the model was identified: by the root digest of its files."""
    if not root:
        return {}
    method = {"technique": "hash-comparison", "confidence": 1, "value": root}
    return {"evidence": {"identity": [{"field": "hash", "confidence": 1, "concludedValue": root, "methods": [method]}]}}


def _pedigree(document: Mapping[str, Any], words: Catalogue) -> dict[str, Any]:
    claimed = _claimed(document)
    found: dict[str, Any] = {"ancestors": [], "variants": []}
    notes = []
    for n, base in enumerate(document["relatives"], 1):
        if base["relation"] in SHARED:
            place = "ancestors" if base["name"] in claimed else "variants"
            found[place].append({"type": "machine-learning-model", "bom-ref": f"relative-{n}", "name": _text(base["name"])})
            notes.append(f"{_text(base['name'])}: {words('related_as.' + base['relation'])}, p {power_of_ten(base['log10_p'])}")
    notes.append(_text(words("shown.symmetric")))
    return {**{key: value for key, value in found.items() if value}, "notes": "; ".join(notes)}


def _claimed(document: Mapping[str, Any]) -> set[str]:
    """Names of relatives that a stated field of the papers calls a parent and that share weights; a sentence states nothing."""
    borne = [c for c in document["claims"] if c["kind"] == "shares" and c["outcome"] == "borne-out"]
    return {c["about"] for c in borne if not c["proposed"]}


def _properties(document: Mapping[str, Any]) -> list[dict[str, str]]:
    subject = document["subject"]
    return [{"name": f"forebear:{key}", "value": str(subject[key])} for key in ("parameters", "layers", "width", "container")]


def _hash(digest: str) -> dict[str, Any]:
    return {"hashes": [{"alg": "SHA-256", "content": digest}]} if digest else {}


def _id(document: Mapping[str, Any], word: str) -> uuid.UUID:
    return uuid.uuid5(_SPACE, f"{word}/{document['subject']['root']}/{document['subject']['name']}")


def spdx(document: Mapping[str, Any], language: str = "en") -> bytes:
    """SPDX 3.0.1 (JSON-LD, AI profile): the model, its files, its relatives, and what each claim came to as annotations."""
    words, subject = catalogue(language), document["subject"]
    base = f"urn:uuid:{_id(document, 'spdx')}"
    made = {"creationInfo": "_:creation"}
    tool = f"forebear {document['tool']['version']}"
    agent: dict[str, Any] = {"type": "SoftwareAgent", "spdxId": f"{base}#forebear", "name": tool, **made}
    info = {"type": "CreationInfo", "@id": "_:creation", "specVersion": "3.0.1", "created": CREATED, "createdBy": [agent["spdxId"]]}
    model: dict[str, Any] = {
        "type": "ai_AIPackage", "spdxId": f"{base}#model", "name": _text(subject["name"]), **made, **_verified(subject["root"]),
        "ai_typeOfModel": [_text(subject["family"] or "unknown")], "software_primaryPurpose": "model",
    }  # fmt: skip
    files: list[dict[str, Any]] = [
        {"type": "software_File", "spdxId": f"{base}#file-{n}", "name": _text(one["name"]), **made, **_verified(one["sha256"])}
        for n, one in enumerate(subject["files"], 1)
    ]
    elements = [model, *files]
    if files:
        elements.append(_relation(base, "contains", model["spdxId"], "contains", [one["spdxId"] for one in files], made))
    claimed = _claimed(document)
    for n, other in enumerate(document["relatives"], 1):
        if other["relation"] in SHARED:
            name = _text(other["name"])
            relative: dict[str, Any] = {"type": "ai_AIPackage", "spdxId": f"{base}#relative-{n}", "name": name, **made}
            kind = "descendantOf" if other["name"] in claimed else "other"
            said = f"{words('related_as.' + other['relation'])}, p {power_of_ten(other['log10_p'])}. {words('shown.symmetric')}"
            link = _relation(base, f"relation-{n}", model["spdxId"], kind, [relative["spdxId"]], made)
            elements += [relative, {**link, "comment": _text(said)}]
    elements += [
        {"type": "Annotation", "spdxId": f"{base}#claim-{n}", "annotationType": "review", "subject": model["spdxId"], **made,
         "statement": _said(c, words)}
        for n, c in enumerate(document["claims"], 1)
    ]  # fmt: skip
    whole: dict[str, Any] = {
        "type": "SpdxDocument", "spdxId": f"{base}#document", "name": f"forebear verify {_text(subject['name'])}", **made,
        "rootElement": [model["spdxId"]], "element": [one["spdxId"] for one in elements],
        "profileConformance": ["core", "software", "ai"],
    }  # fmt: skip
    return canonical_json({"@context": CONTEXT, "@graph": [info, agent, whole, *elements]})


def _relation(base: str, name: str, start: str, kind: str, ends: list[str], made: Mapping[str, str]) -> dict[str, Any]:
    return {"type": "Relationship", "spdxId": f"{base}#{name}", "from": start, "relationshipType": kind, "to": ends, **made}


def _verified(digest: str) -> dict[str, Any]:
    return {"verifiedUsing": [{"type": "Hash", "algorithm": "sha256", "hashValue": digest}]} if digest else {}


def _said(claim: Mapping[str, Any], words: Catalogue) -> str:
    """A claim, its outcome and what that rests on, as one line."""
    outcome = words("verify_outcome." + claim["outcome"])
    return _text(f"{words.text(claim['claim'])}: {outcome}. {evidence_words(claim, words)}")


def _text(text: str) -> str:
    return printable(text, 2000)

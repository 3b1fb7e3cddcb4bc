"""Claims of bills of material: CycloneDX (JSON, 1.5 to 1.7) and the AI profile of SPDX 3.0.1 (JSON-LD)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from forebear.core.messages import Message, message
from forebear.verification.claim import Claim, Source

MOST_COMPONENTS = 2000
MOST_ELEMENTS = 20_000


def claims_of_bill(bill: Any, name: str) -> tuple[list[Claim], list[Message]]:
    """What a bill claims of the model it is of, and what of it is not read."""
    if isinstance(bill, Mapping) and bill.get("bomFormat") == "CycloneDX":
        return _told_apart(_cyclonedx(bill, name)), []
    if isinstance(bill, Mapping) and isinstance(bill.get("@graph"), list) and "spdx.org/rdf/3" in str(bill.get("@context")):
        return _told_apart(_spdx(bill["@graph"][:MOST_ELEMENTS], name)), []
    return [], [message("unverified.bill", name=name)]


def _told_apart(claims: Iterable[Claim]) -> list[Claim]:
    """Claims of which a digest is only proposed where the bill states another for a file of that name: it is of several models."""
    found = list(claims)
    stated: dict[str, set[str]] = {}
    for one in found:
        if one.kind == "digest":
            stated.setdefault(one.about, set()).add(one.stated)
    return [replace(one, decided=False) if len(stated.get(one.about, ())) > 1 and one.kind == "digest" else one for one in found]


def _cyclonedx(bill: Mapping[str, Any], name: str) -> Iterator[Claim]:
    metadata = _table(bill.get("metadata"))
    listed = [one for one in _list(bill.get("components"))[:MOST_COMPONENTS] if isinstance(one, Mapping)]
    main = _table(metadata.get("component"))
    models = [one for one in [main, *listed] if one.get("type") == "machine-learning-model"]
    sure = main.get("type") == "machine-learning-model" or len(models) == 1  # else it may be any of several
    for place, model in enumerate(models[:1]):
        yield from (replace(one, decided=sure) for one in _model(model, Source(name, f"component {place + 1}")))
    for one in [*listed, *(_list(main.get("components"))[:MOST_COMPONENTS])]:
        if isinstance(one, Mapping) and one.get("type") == "file":
            yield from _hashes(one.get("hashes"), "alg", "content", _text(one.get("name")), Source(name, "hashes"))


def _model(model: Mapping[str, Any], source: Source) -> Iterator[Claim]:
    def at(where: str) -> Source:
        return Source(source.file, where)

    for ancestor in _list(_table(model.get("pedigree")).get("ancestors")):
        named = _text(_table(ancestor).get("name"))
        group = _text(_table(ancestor).get("group"))
        if named:
            yield Claim("parent", f"{group}/{named}".strip("/"), at("pedigree.ancestors"))
    for entry in _list(model.get("licenses")):
        licence = _table(_table(entry).get("license"))
        stated = _text(_table(entry).get("expression")) or _text(licence.get("id")) or _text(licence.get("name"))
        if stated:
            yield Claim("licence", stated, at("licenses"))
    yield from _hashes(model.get("hashes"), "alg", "content", "", at("hashes"))
    stated = _text(_table(_table(model.get("modelCard")).get("modelParameters")).get("modelArchitecture"))
    if stated:
        yield Claim("family", stated, at("modelCard.modelParameters.modelArchitecture"))
    for entry in _list(model.get("properties"))[:MOST_COMPONENTS]:
        kind = {"parameters": "parameters", "layers": "layers", "hidden_size": "width", "vocab_size": "vocabulary",
                "dtype": "dtype"}.get(_text(_table(entry).get("name")).rpartition(":")[2])  # fmt: skip
        if kind and _text(_table(entry).get("value")):
            yield Claim(kind, _text(_table(entry).get("value")), at("properties"))


def _spdx(graph: list[Any], name: str) -> Iterator[Claim]:
    graph = [one for one in graph if isinstance(one, Mapping)]
    elements = {_text(one.get("spdxId")): one for one in graph if _text(one.get("spdxId"))}
    models = [id_ for id_, one in elements.items() if _text(one.get("type")) == "ai_AIPackage"]
    related = [one for one in graph if _text(one.get("type")) == "Relationship"]
    older = {_text(one.get("from")) for one in related if one.get("relationshipType") == "ancestorOf"}
    subject = next((id_ for id_ in models if id_ not in older), "")
    for id_, one in elements.items():
        kind = _text(one.get("type"))
        if kind == "software_File" or id_ == subject:
            about = _text(one.get("name")) if kind == "software_File" else ""
            yield from _hashes(one.get("verifiedUsing"), "algorithm", "hashValue", about, Source(name, "verifiedUsing"))
        if id_ == subject and _text(one.get("ai_typeOfModel")):
            yield Claim("family", _text(one.get("ai_typeOfModel")), Source(name, "ai_typeOfModel"))
    for one in related:
        start, kind = _text(one.get("from")), _text(one.get("relationshipType"))
        ends = [elements.get(_text(end), {}) for end in _list(one.get("to"))]
        if kind in ("ancestorOf", "descendantOf"):
            mine = start == subject if kind == "descendantOf" else subject in map(_text, _list(one.get("to")))
            found = ([elements.get(start, {})] if kind == "ancestorOf" else ends) if mine else []
            yield from (Claim("parent", _text(p.get("name")), Source(name, kind)) for p in found if _text(p.get("name")))
        if kind == "hasDeclaredLicense" and start == subject:
            stated = [_text(end.get("simplelicensing_licenseExpression")) for end in ends]
            yield from (Claim("licence", text, Source(name, kind)) for text in stated if text)


def _hashes(hashes: Any, algorithm: str, content: str, about: str, source: Source) -> Iterator[Claim]:
    for entry in _list(hashes)[:100]:
        named = _text(_table(entry).get(algorithm)).lower().replace("-", "")
        if named == "sha256" and _text(_table(entry).get(content)):
            yield Claim("digest" if about else "model_digest", _text(_table(entry).get(content)).lower(), source, about=about)


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""

"""A verification as pipelines read it: SARIF 2.1.0 (OASIS) and JUnit XML."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from forebear.core.documents import canonical_json
from forebear.core.errors import printable
from forebear.reports.catalogue import Catalogue, catalogue
from forebear.reports.lines import local_command
from forebear.reports.verification.text import evidence_words

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {
    "contradicted": ("error", "fail"),
    "borne-out": ("none", "pass"),
    "not-shown": ("none", "open"),
    "not-testable": ("none", "notApplicable"),
}
"""Level and kind of a SARIF result by outcome."""


def sarif(document: Mapping[str, Any], language: str = "en") -> bytes:
    """SARIF: one result a claim; contradicted is an error, what deserves a look a warning."""
    words, english, folder = catalogue(language), catalogue("en"), _folder(document)
    results = [_result(claim, words, folder) for claim in document["claims"]]
    results += [
        {"ruleId": f"noticed/{one['kind']}", "level": "warning", "kind": "fail",
         "message": {"text": _text(words.text(one["said"]))}, "locations": [_place(folder.joinpath("README.md"), 1)],
         "partialFingerprints": _print_of(one["kind"], english.text(one["said"]))}
        for one in document["noticed"]
    ]  # fmt: skip
    ids = sorted({result["ruleId"] for result in results})
    results = [{**result, "ruleIndex": ids.index(result["ruleId"])} for result in results]
    driver = {"name": "forebear", "version": document["tool"]["version"], "rules": [_rule(id_, words) for id_ in ids]}
    run = {
        "tool": {"driver": driver},
        "results": results,
        "invocations": [
            {
                "executionSuccessful": True,
                "commandLine": _text(local_command(document["reproduce"])),
                "toolExecutionNotifications": [
                    {"level": "note", "message": {"text": _text(words.text(limit))}} for limit in document["limits"]
                ],
            }
        ],
        "columnKind": "unicodeCodePoints",
        "properties": {"root": document["subject"]["root"], "conclusion": _text(words.text(document["conclusion"]))},
    }
    return canonical_json({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(id_: str, words: Catalogue) -> dict[str, Any]:
    """What a rule looks at, what its results mean, and what to do about one."""
    group, _, kind = id_.partition("/")
    help_ = _text(words(f"verify_rule.{group}_help"))
    return {
        "id": id_,
        "name": "".join(part.capitalize() for part in f"{group}-{kind}".replace("_", "-").split("-")),
        "shortDescription": {"text": _text(words(f"verify_rule.{group}", kind=kind.replace("_", " ").replace("-", " ")))},
        "fullDescription": {"text": _text(words("verify_page.meaning"))},
        "help": {"text": help_, "markdown": help_},
        "defaultConfiguration": {"level": "error" if group == "claim" else "warning"},
    }


def _print_of(*parts: str) -> dict[str, str]:
    """What stays the same from run to run, so that a result that was seen is known again: the line may move, the words not."""
    return {"claim/v1": sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()}


def _result(claim: Mapping[str, Any], words: Catalogue, folder: PurePosixPath) -> dict[str, Any]:
    level, kind = ("warning", "fail") if claim["flagged"] else LEVELS[claim["outcome"]]
    said = f"{words('verify_outcome.' + claim['outcome'])}: {words.text(claim['claim'])}. {evidence_words(claim, words)}"
    return {
        "ruleId": f"claim/{claim['kind']}",
        "level": level,
        "kind": kind,
        "message": {"text": _text(said)},
        "locations": [_place(folder.joinpath(claim["source"]["file"]), claim["source"]["line"] or 1, claim["source"]["where"])],
        "partialFingerprints": _print_of(claim["kind"], claim["source"]["file"], claim["source"]["where"], str(claim["stated"])),
        "properties": {"outcome": claim["outcome"], "flagged": claim["flagged"], "proposed": claim["proposed"]},
    }


def _folder(document: Mapping[str, Any]) -> PurePosixPath:
    """Where the subject's files lie for who runs the command: as it was given; of an absolute path the last part, which is all that
    a document has of it. Nothing for an address and for a card from elsewhere."""
    try:
        given = shlex.split(document["reproduce"])[2:]
    except ValueError:  # of a document that somebody wrote
        given = []
    if not given or "--card" in given or "://" in given[0]:
        return PurePosixPath()
    place = PurePosixPath(given[0].replace("\\", "/"))
    if place.name in {file["name"] for file in document["subject"]["files"]}:
        place = place.parent
    return PurePosixPath() if place.is_absolute() or ".." in place.parts else place


def _place(file: PurePosixPath, line: int, where: str = "") -> dict[str, Any]:
    """A line of a file, and the field it is in; code scanning shows nothing without a line, so the first stands for all."""
    place: dict[str, Any] = {"physicalLocation": {"artifactLocation": {"uri": _uri(str(file))}, "region": {"startLine": line}}}
    return place | ({"logicalLocations": [{"fullyQualifiedName": _text(where), "kind": "member"}]} if where else {})


def _uri(file: str) -> str:
    """A relative reference; a name with a colon or a slash in front could be read as an address."""
    return quote(file.lstrip("/"), safe="/.-_~")


def junit(document: Mapping[str, Any], language: str = "en") -> bytes:
    """JUnit XML: one test case a claim; contradicted fails, and what does not meet `--expect`; what cannot be tested is skipped.

    A claim that deserves a look and fails nothing says so in its system-out.
    """
    words = catalogue(language)
    asked = document.get("expected") or {"what": "", "unmet": [], "noticed": 0}
    failing = {at for at, claim in enumerate(document["claims"]) if claim["outcome"] == "contradicted"} | set(asked["unmet"])
    skipped = [at for at, claim in enumerate(document["claims"]) if claim["outcome"] == "not-testable" and at not in failing]
    relatives = [one for one in document["noticed"] if one["kind"] == "relative"] if asked["noticed"] else []
    suite = ElementTree.Element(
        "testsuite", name=f"forebear verify {_text(document['subject']['name'])}",
        tests=str(len(document["claims"]) + len(relatives)),
        failures=str(len(failing) + len(relatives)), errors="0",
        skipped=str(len(skipped)),
        time=str(document["read"]["seconds"]),
    )  # fmt: skip
    for at, claim in enumerate(document["claims"]):
        source = claim["source"]
        case = ElementTree.SubElement(suite, "testcase", classname=_text(f"{source['file']}.{source['where']}"),
                                      name=_text(words.text(claim["claim"])), time="0")  # fmt: skip
        why = _text(evidence_words(claim, words))
        if at in failing:
            kind = "contradicted" if claim["outcome"] == "contradicted" else asked["what"]
            ElementTree.SubElement(case, "failure", message=why, type=kind)
        elif claim["outcome"] == "not-testable":
            ElementTree.SubElement(case, "skipped", message=why)
        elif claim["outcome"] == "not-shown":
            look = f"{words('verify_outcome.flagged')}: " if claim["flagged"] else ""
            ElementTree.SubElement(case, "system-out").text = look + why
    for one in relatives:
        case = ElementTree.SubElement(suite, "testcase", classname="noticed", name=_text(words.text(one["said"])), time="0")
        ElementTree.SubElement(case, "failure", message=_text(words.text(one["said"])), type=asked["what"])
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    written: bytes = ElementTree.tostring(root, encoding="utf-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + written + b"\n"


def _text(text: str) -> str:
    return printable(text, 2000).encode("utf-8", "backslashreplace").decode()

"""Writes tests/data/said.json: every message of documents that the bench's and the tests' generators lead to.

Documents themselves are large and cost minutes; what they say is small. Run `python -m tests.reports.make_said` after a change
of what comparisons say; the file tells which document each message is from, and which keys of verdicts none has.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from forebear.comparison import compare
from forebear.core import documents
from forebear.core.documents import canonical_json
from forebear.inspection import inspection
from forebear.reports.catalogue import catalogue

SAID = Path(__file__).resolve().parent.parent / "data" / "said.json"


def messages_in(value: Any) -> Iterator[dict[str, Any]]:
    """Every message of a document, those inside other messages too."""
    if isinstance(value, Mapping):
        if set(value) == {"key", "values"}:
            yield {"key": value["key"], "values": value["values"]}
        for inner in value.values():
            yield from messages_in(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from messages_in(inner)


KINDS = ("comparison", "matrix", "inspection")
EACH = 6
"""Messages kept of a key, the first that differ."""
TARGETS = ("tests/comparison", "tests/inspection", "tests/models/test_wrapping.py", "tests/hostile/test_tried.py")


class Keeper:
    """A pytest plugin that keeps what finished documents say, by the test that made them."""

    def __init__(self, target: Path) -> None:
        self.target, self.test = target, ""
        self.documents: dict[str, list[dict[str, Any]]] = {}
        self.kept: dict[str, list[Any]] = {}

    def pytest_runtest_setup(self, item: Any) -> None:
        """Know whose documents come."""
        self.test = item.nodeid

    def keep(self, document: Mapping[str, Any]) -> None:
        """Keep its messages, each key's first EACH."""
        if document["schema"].split("/")[1] not in KINDS:
            return
        plain = json.loads(canonical_json(document))
        for said in messages_in({k: v for k, v in plain.items() if k != "reproduce"}):
            known = self.kept.setdefault(said["key"], [])
            if said["values"] not in known and len(known) < EACH and not _names_a_place(said):
                known.append(said["values"])
                self.documents.setdefault(self.test, []).append(said)

    def pytest_runtest_teardown(self) -> None:
        """Write what was kept so far, and which keys of verdicts no document has."""
        lacking = sorted(key for key in catalogue().words if key.startswith("verdict.") and key not in self.kept)
        found = {"made_by": "python -m tests.reports.make_said", "verdict_keys_without_a_document": lacking}
        text = json.dumps({**found, "documents": self.documents}, ensure_ascii=False, indent=1, sort_keys=True)
        self.target.write_text(text + "\n", "utf-8")


def _names_a_place(said: Mapping[str, Any]) -> bool:
    return any(place in json.dumps(said) for place in ("/tmp/", "/home/", "/root/", "/work/", "/var/"))


def main(arguments: list[str]) -> int:
    """Run the tests that make documents, and keep what these say."""
    keeper = Keeper(SAID)
    ours = documents.finish

    def finish(*given: Any, **named: Any) -> Mapping[str, Any]:
        document = ours(*given, **named)
        keeper.keep(document)
        return document

    for module in (compare, inspection):
        module.finish = finish  # type: ignore[attr-defined]
    return int(pytest.main(["-q", "-x", "--maxfail=1000", "-m", "not real", *(arguments or TARGETS)], plugins=[keeper]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

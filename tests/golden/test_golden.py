"""Documents of earlier days: each opens, fits its schema, is drawn as text, page and rows, and reads back the same."""

from __future__ import annotations

import csv
import html
import json
from pathlib import Path, PurePath

import pytest

from forebear.core.documents import canonical_json, open_document
from forebear.core.errors import RefusedError, UsageError
from forebear.reports.catalogue import LANGUAGES
from forebear.reports.show import PAGES, ROWS, TEXT, rendered

FOLDER = Path(__file__).resolve().parent
DOCUMENTS = sorted(FOLDER.glob("*.json"))
KINDS = {"comparison", "matrix", "inspection", "tokenizer-cost", "tokenizer-lineage", "case", "verification"}
"""Kinds of documents that a command makes today; each keeps at least one example here for ever."""


def test_every_kind_keeps_an_example():
    kinds = {json.loads(p.read_bytes())["schema"].split("/")[1] for p in DOCUMENTS}
    assert kinds >= KINDS


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.stem)
def test_an_old_document_opens_and_is_written_as_it_was(path):
    document = open_document(path)
    assert canonical_json(document) == path.read_bytes()


def named(document):
    """What the text and the page of a document show: the names of what it is about."""
    kind = document["schema"].split("/")[1]
    if kind == "comparison":
        return [PurePath(document[side]["id"]).name for side in ("subject", "candidate")]
    if kind == "matrix":
        return [PurePath(member["id"]).name for member in document["members"]]
    if kind == "inspection":
        return [tensor["name"] for tensor in document["tensors"][:3]]
    if kind == "tokenizer-cost":
        return [tokenizer["name"] for tokenizer in document["tokenizers"]]
    if kind == "tokenizer-lineage":
        return [document["subject"]["name"], *(candidate["name"] for candidate in document["candidates"])]
    if kind == "verification":
        return [document["subject"]["name"], *(base["name"] for base in document["relatives"])]
    return [source["id"] for source in document["sources"]]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.stem)
def test_an_old_document_is_drawn_in_every_form_there_is(path):
    document = open_document(path)
    schema = document["schema"]
    for form, places in (("text", TEXT), ("html", PAGES), ("csv", ROWS)):
        if schema in places:
            shown = html.unescape(rendered(document, form).decode())
            if form == "csv":
                head, *rows = csv.reader(shown.splitlines())
                assert {len(row) for row in rows} <= {len(head)}
                filled = ("tensors", "pairs", "rows", "parents", "sources", "findings")
                assert rows or not any(document.get(name) for name in filled)
                assert len(set(head)) == len(head) > 2
            else:
                assert [name for name in named(document) if name not in shown] == []
        else:
            with pytest.raises(UsageError):
                rendered(document, form)


@pytest.mark.parametrize("path", [p for p in DOCUMENTS if "first" in p.stem or "second" in p.stem], ids=lambda p: p.stem)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_first_and_second_documents_speak_every_language(path, language):
    document = open_document(path)
    assert f'lang="{language}"' in rendered(document, "html", language).decode()
    assert rendered(document, "text", language)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.stem)
def test_no_document_here_names_a_place_on_a_machine(path):
    text = path.read_text()
    assert not [w for w in ("/home/", "/root/", "/work/", "/tmp/", "/Users/") if w in text]


def test_a_document_of_an_unknown_kind_or_that_lacks_a_key_is_refused(tmp_path):
    good = json.loads(DOCUMENTS[0].read_bytes())
    for name, change in (
        ("kind", {"schema": "forebear/nonsense/1"}),
        ("version", {"schema": "forebear/comparison/99"}),
    ):
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(good | change))
        with pytest.raises(RefusedError):
            open_document(path)
    good.pop("limits")
    (tmp_path / "lacks.json").write_text(json.dumps(good))
    with pytest.raises(RefusedError, match="limits"):
        open_document(tmp_path / "lacks.json")

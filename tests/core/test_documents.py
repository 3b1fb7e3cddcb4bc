"""Documents: canonical, frozen, checked; our small checker agrees with jsonschema on what it covers."""

from __future__ import annotations

import importlib
import json
from importlib import resources

import numpy as np
import pytest

from forebear.core.documents import canonical_json, finish, freeze, open_document, problems_of, schema_of, write_whole
from forebear.core.errors import ForebearError, RefusedError

NAMES = (
    "attestation", "case", "chain", "commitment", "comparison", "inspection", "library", "matrix", "recipe", "search", "tokenizer-cost",
    "tokenizer-lineage", "tree", "verification",
)  # fmt: skip
SECOND = ("case", "comparison", "inspection", "matrix", "tokenizer-cost", "tokenizer-lineage")
"""Kinds whose second version holds messages in place of sentences."""
LATEST = {**dict.fromkeys(SECOND, 2), "attestation": 3}
"""Kind -> version that is written today, where it is not the first; attestation/2 was never released."""


@pytest.fixture
def jsonschema():
    """Imported by the tests that ask it: loading it takes 2 s, and every process collects this file."""
    return importlib.import_module("jsonschema")


def recipe(**changes):
    subject = {"id": "a", "family": "llama", "layers": 2, "width": 8, "parameters": 100}
    body = {
        "subject": subject, "candidates": [], "candidate": None, "words": [], "before": None, "change": [], "layers": [],
        "steps": [], "residual": 0.25, "parents": [], "direction": "not-shown",
    } | changes  # fmt: skip
    return finish("forebear/recipe/1", body, limits=[], read={"seconds": 1.0}, reproduce="forebear recipe a b")


def test_every_document_the_design_names_has_a_sound_schema(jsonschema):
    found = {p.name for p in resources.files("forebear.core.schemas").iterdir() if p.name.endswith(".json")}
    assert found == {f"{n}-1.json" for n in NAMES} | {f"{n}-{v}.json" for n, v in LATEST.items()}
    for name in [*(f"{n}/1" for n in NAMES), *(f"{n}/{v}" for n, v in LATEST.items())]:
        schema = dict(schema_of(f"forebear/{name}"))
        jsonschema.Draft202012Validator.check_schema(schema)
        assert {"schema", "limits", "read", "reproduce"} <= set(schema["required"])


def test_a_finished_document_is_frozen_and_equal_ones_give_equal_bytes(jsonschema):
    one, other = recipe(), recipe()
    assert canonical_json(one) == canonical_json(other)
    with pytest.raises(TypeError):
        one["residual"] = 0.5
    with pytest.raises(AttributeError):
        one["steps"].append("x")
    jsonschema.validate(json.loads(canonical_json(one)), dict(schema_of("forebear/recipe/1")))


@pytest.mark.parametrize(
    ("changes", "word"),
    [({"direction": "sideways"}, "sideways"), ({"residual": "much"}, "residual"), ({"steps": [{"op": "x"}]}, "where")],
)
def test_a_document_that_departs_from_its_schema_is_refused_and_jsonschema_agrees(jsonschema, changes, word):
    with pytest.raises(ForebearError, match=word):
        recipe(**changes)
    broken = json.loads(canonical_json(recipe())) | changes
    assert problems_of(broken)
    assert not jsonschema.Draft202012Validator(dict(schema_of("forebear/recipe/1"))).is_valid(broken)


def test_numbers_that_are_not_finite_never_reach_a_document():
    with pytest.raises(ForebearError, match="not finite"):
        canonical_json({"x": float("nan")})
    assert json.loads(canonical_json({"x": np.float32(0.5), "n": np.int64(3)})) == {"x": 0.5, "n": 3}


def test_a_hostile_name_survives_the_round_trip():
    name = "a\ud800b\u202e\x1b[31m<script>"
    assert json.loads(canonical_json({"n": name}).decode())["n"] == name


def test_a_document_reads_back_and_a_stranger_is_refused(tmp_path):
    path = tmp_path / "r.json"
    write_whole(path, canonical_json(recipe()))
    assert open_document(path) == freeze(json.loads(path.read_bytes()))
    for text in (b"{}", b"[1", b'{"schema": "forebear/recipe/9"}', b'{"schema": 3}', b"[" * 100_000):
        path.write_bytes(text)
        with pytest.raises(RefusedError):
            open_document(path)


def test_nothing_half_written_is_left_when_a_folder_refuses(tmp_path):
    with pytest.raises(RefusedError, match="cannot be written"):
        write_whole(tmp_path / "missing" / "x.json", b"{}")
    assert list(tmp_path.iterdir()) == []

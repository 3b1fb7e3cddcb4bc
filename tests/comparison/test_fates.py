"""What became of embedding rows: kept ones counted, new ones described, rows left where dropped tokens stood are seen."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import forebear
from forebear.comparison.demo import demo_folder
from forebear.core.documents import problems_of
from forebear.core.seeds import generator
from forebear.reports.catalogue import LANGUAGES, catalogue
from forebear.reports.show import rendered
from tests.comparison.variants import load, save
from tests.said import said

BASE = demo_folder() / "base"
NAME = "model.embed_tokens.weight"
CHANGED = 100


def with_vocabulary(folder: Path, rows: np.ndarray, *, rename: int = 0, extra: int = 0, drop: int = 0) -> Path:
    """BASE with other rows; its last tokens before the end renamed, more added, or some dropped."""
    arrays = dict(load(BASE))
    save(folder, arrays | {NAME: rows}, BASE, {"vocab_size": len(rows)})
    found = json.loads((BASE / "tokenizer.json").read_text())
    vocabulary = found["model"]["vocab"]
    at = {id_: text for text, id_ in vocabulary.items()}
    for id_ in range(len(at) - rename, len(at)):
        vocabulary[f"fresh{id_}"] = vocabulary.pop(at[id_])
    for id_ in range(len(at) - drop, len(at)):
        del vocabulary[at[id_]]
    for k in range(extra):
        vocabulary[f"more{k}"] = len(at) + k
    found["model"]["merges"] = []
    (folder / "tokenizer.json").write_text(json.dumps(found))
    return folder


def fate(subject: Path):
    document = forebear.compare(subject, [BASE])
    assert problems_of(document) == []
    return document, document["alignment"]["tokens"]["rows"]


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    return load(BASE)[NAME]


def test_renamed_tokens_whose_rows_were_left_untouched_are_seen(rows: np.ndarray, tmp_path: Path) -> None:
    document, found = fate(with_vocabulary(tmp_path / "renamed", rows, rename=CHANGED))
    assert (found["new"] >= CHANGED, found["dropped"] >= CHANGED) == (True, True)
    assert found["kept_equal"] == found["kept_read"] > 100
    assert found["replaced_read"] >= CHANGED
    assert found["replaced_cosine"] == (1.0, 1.0, 1.0)
    assert any("under their ids" in sentence for sentence in said(document["alignment"]["words"]))


def test_renamed_tokens_with_rows_of_their_own_are_not_called_left(rows: np.ndarray, tmp_path: Path) -> None:
    own = rows.copy()
    own[-CHANGED:] = rows.std() * generator("fates").normal(size=(CHANGED, rows.shape[1])).astype(np.float32)
    _, found = fate(with_vocabulary(tmp_path / "fresh", own, rename=CHANGED))
    # special tokens are never paired, so their untouched rows stand among the new ones
    assert abs(found["replaced_cosine"][1]) < 0.2
    assert found["kept_equal"] == found["kept_read"]


def test_rows_added_as_the_mean_are_told_from_rows_drawn_at_random(rows: np.ndarray, tmp_path: Path) -> None:
    mean = np.tile(rows.mean(axis=0), (CHANGED, 1)).astype(np.float32)
    drawn = rows.std() * generator("drawn").normal(size=mean.shape).astype(np.float32)
    _, one = fate(with_vocabulary(tmp_path / "mean", np.concatenate([rows, mean]), extra=CHANGED))
    _, two = fate(with_vocabulary(tmp_path / "drawn", np.concatenate([rows, drawn]), extra=CHANGED))
    assert one["new_cosine_to_mean"] > 0.95 > abs(two["new_cosine_to_mean"])
    assert one["new_norm_ratio"] < two["new_norm_ratio"]
    assert one["dropped"] == two["dropped"] < CHANGED


def test_dropped_rows_are_counted_and_equal_vocabularies_tell_nothing(rows: np.ndarray, tmp_path: Path) -> None:
    _, found = fate(with_vocabulary(tmp_path / "cut", rows[:-CHANGED], drop=CHANGED))
    assert found["dropped"] - found["new"] == CHANGED
    document = forebear.compare(demo_folder() / "descendant", [BASE])
    assert "rows" not in document["alignment"]["tokens"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_fates_are_told_in_every_language(rows: np.ndarray, tmp_path: Path, language: str) -> None:
    document, _ = fate(with_vocabulary(tmp_path / "renamed", rows, rename=CHANGED))
    rows_said = [s for s in document["alignment"]["words"] if s["key"].startswith("tokens.rows_")]
    assert len(rows_said) == 3
    text, page = (rendered(document, form, language).decode() for form in ("text", "html"))
    for one in rows_said:
        words, spoken = catalogue(language).say(one)
        assert spoken == language
        assert words[:12] in text
        assert words[:12] in page

"""Hostile files of ranks, behind programs, of formats known by their bytes, and of sparse matrices: each is refused at once."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from bench.fuzz.weights import Memory
from forebear.core.errors import RefusedError
from forebear.files.base import Container
from forebear.files.formats.safetensors import SafetensorsContainer
from forebear.files.sources import open_container
from forebear.files.views.quantised import dequantised
from forebear.files.views.quantised_sparse import _offsets
from tests.files.make import encode
from tests.hostile.defects_named import DEFECTS, SOUND
from tests.hostile.test_trainers_hostile import written

PAIRS = [(reader, defect) for reader, defects in DEFECTS.items() for defect in defects]


def opened(folder: Path) -> Container:
    """The folder's tensors, every value read as a verb does."""
    container, _ = dequantised(open_container(folder), {})
    for name in container.tensors:
        container.read(name)
    return container


@pytest.mark.parametrize(("reader", "defect"), PAIRS, ids=lambda value: value)
def test_each_is_refused_in_one_line_that_names_it(tmp_path: Path, reader: str, defect: str) -> None:
    files, expected = DEFECTS[reader][defect]
    before = written(tmp_path, files)
    began = time.process_time()
    with pytest.raises(RefusedError) as caught:
        opened(tmp_path)
    said = str(caught.value)
    assert expected in said
    assert said.isprintable()
    assert len(said) < 900
    assert caught.value.where
    assert caught.value.todo
    assert "mislead" not in said
    assert time.process_time() - began < 1
    assert sorted(str(place) for place in tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", SOUND)
def test_the_same_without_a_defect_is_read(tmp_path: Path, name: str) -> None:
    files, tensors = SOUND[name]
    written(tmp_path, files)
    assert len(opened(tmp_path).tensors) == tensors


def test_where_a_row_begins_is_read_to_the_last_unit_past_what_a_float_holds() -> None:
    """2^24 + 1 was read as 2^24: rows of a large matrix were one value off."""
    begins = [0, 2**24 + 1, 2**40 + 3, -1]
    content = encode({"a": ("I64", (4,), np.array(begins, "<i8").tobytes())})
    assert _offsets(SafetensorsContainer(Path("m"), file=Memory(content, "m")), "a") == begins

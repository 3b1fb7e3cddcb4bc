"""Each defect of each container is refused with its own line, within a second, and with nothing done on the way."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

import pytest

from forebear.core.errors import RefusedError
from forebear.files.sources import open_container
from tests.files.test_adapters import DEFECTS as ADAPTERS
from tests.files.test_quantised import DEFECTS as QUANTISED
from tests.hostile import (
    defects_gguf,
    defects_named,
    defects_npz,
    defects_onnx,
    defects_torch,
    defects_trainers,
    defects_zip,
)
from tests.hostile.defects_layouts import cases as layout_cases
from tests.hostile.test_folders_hostile import CASES as FOLDERS
from tests.hostile.test_headers import DEFECTS as SAFETENSORS

SUFFIX = {"gguf": ".gguf", "zip": ".zip", "torch": ".pt", "npy": ".npy", "npz": ".npz", "onnx": ".onnx"}
DEFECTS: dict[str, dict[str, tuple[bytes, str]]] = {
    "gguf": defects_gguf.DEFECTS, "zip": defects_zip.DEFECTS, "torch": defects_torch.DEFECTS,
    "npy": defects_npz.ARRAY_DEFECTS, "npz": defects_npz.ARCHIVE_DEFECTS, "onnx": defects_onnx.DEFECTS,
}  # fmt: skip
PAIRS = [(container, defect) for container, defects in DEFECTS.items() for defect in defects]
RATCHET = Path(__file__).parent / "ratchet.json"
"""Defects per container that must stay; `total` of all. Raise the numbers when defects are added, never lower them."""


def read_everything(path: Path) -> None:
    container = open_container(path)
    for name in container.tensors:
        container.read(name)


def refused_at_once(path: Path, message: str) -> None:
    """Reading ends within a second in one line that says this, where, and what to do."""
    begin = time.process_time()
    with pytest.raises(RefusedError) as refusal:
        read_everything(path)
    said = str(refusal.value)
    assert message in said
    assert "\n" not in said
    assert len(said) < 900
    assert refusal.value.where
    assert refusal.value.todo
    assert time.process_time() - begin < 1


@pytest.mark.parametrize(("container", "defect"), PAIRS, ids=lambda value: value)
def test_each_defect_is_refused_with_its_own_line(tmp_path: Path, container: str, defect: str) -> None:
    content, message = DEFECTS[container][defect]
    path = tmp_path / f"m{SUFFIX[container]}"
    path.write_bytes(content)
    refused_at_once(path, message)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [path.name]


@pytest.mark.parametrize("container", ["gguf", "torch", "npz", "onnx"])
def test_the_same_file_without_a_defect_is_read(tmp_path: Path, container: str) -> None:
    good = {"gguf": defects_gguf.GOOD, "torch": defects_torch.GOOD, "npz": defects_npz.GOOD, "onnx": defects_onnx.GOOD}
    path = tmp_path / f"m{SUFFIX[container]}"
    path.write_bytes(good[container])
    assert list(open_container(path).tensors) == ["w"]
    read_everything(path)


def test_a_legacy_file_and_an_archive_without_a_defect_are_read(tmp_path: Path) -> None:
    (tmp_path / "m.pt").write_bytes(defects_torch.GOOD_LEGACY)
    assert list(open_container(tmp_path / "m.pt").tensors) == ["w"]
    (tmp_path / "m.zip").write_bytes(defects_zip.archive(defects_zip.File()))
    assert open_container(tmp_path / "m.zip").kind == "safetensors"


@pytest.mark.parametrize("container", DEFECTS)
def test_every_defect_of_a_container_has_a_message_of_its_own(container: str) -> None:
    messages = [message for _, message in DEFECTS[container].values()]
    assert len(set(messages)) == len(messages)


def test_the_number_of_defects_only_rises() -> None:
    counts = {name: len(defects) for name, defects in DEFECTS.items()}
    counts |= {"safetensors": len(SAFETENSORS), "quantised": len(QUANTISED), "adapter": len(ADAPTERS), "folder": len(FOLDERS)}
    counts |= Counter(f"layout {layout}" for layout, _, _ in layout_cases())
    counts |= {name: len(defects) for name, defects in (defects_trainers.DEFECTS | defects_named.DEFECTS).items()}
    kept = json.loads(RATCHET.read_text())
    lost = {name: number for name, number in kept["containers"].items() if counts.get(name, 0) < number}
    assert not lost
    assert sum(counts.values()) >= kept["total"] >= 150
    assert min(counts.values()) >= 12

"""The parsers of every container format: sound files and every known defect, changed byte by byte."""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bench.fuzz import mutate, weights
from bench.fuzz.target import MILLION, Files, Plant, Target
from forebear.core.errors import RefusedError
from forebear.files.base import Container
from forebear.files.formats.format import Packed
from forebear.files.formats.joined import read_index
from forebear.files.formats.pickles import read_pickle
from forebear.files.formats.registry import open_source
from forebear.files.formats.safetensors import SafetensorsContainer
from forebear.files.formats.torch_tensors import find_tensors, place_tensors


def _walk(container: Container) -> Container:
    """Read a little of what was opened: the first rows of a few tensors that are small enough."""
    for name, entry in list(container.tensors.items())[:3]:
        if entry.parameters <= 4096:
            container.rows(name, 0, 2)
            container.take(name, [0] if entry.shape and entry.shape[0] else [])
    return container


def _opened(module: str, function: str, name: str) -> Callable[[bytes], Any]:
    def parse(data: bytes) -> Any:
        found = getattr(import_module(f"forebear.files.formats.{module}"), function)(weights.Memory(data, name), None)
        return _walk(open_source(found.source) if isinstance(found, Packed) else found)

    return parse


def _safetensors(data: bytes) -> Any:
    return _walk(SafetensorsContainer(Path("m.safetensors"), file=weights.Memory(data, "m.safetensors")))


def _pickle(data: bytes) -> Any:
    found = find_tensors(read_pickle(data, where="m.pt"), "m.pt")
    return place_tensors(found.tensors, {"0": (0, 4096)}, "m.pt")


def _index(data: bytes) -> Any:
    return read_index(data, "m.index.json")


def sound_files(parser: str) -> list[bytes]:
    """Files to start from: sound ones (the first) and every known defect, small ones only."""
    from tests.hostile import defects_gguf, defects_npz, defects_onnx, defects_torch, defects_zip
    from tests.hostile.test_headers import DEFECTS, GOOD

    legacy = [data for data, _ in defects_torch.DEFECTS.values() if data.startswith(defects_torch.MAGIC)]
    found = {
        "safetensors": [GOOD, *(data for data, _ in DEFECTS.values())],
        "gguf": [defects_gguf.GOOD, *(data for data, _ in defects_gguf.DEFECTS.values())],
        "zip": [defects_torch.GOOD, defects_npz.GOOD, *(data for data, _ in defects_zip.DEFECTS.values())],
        "pickle": [defects_torch.W, *_pickles()],
        "torch_legacy": [defects_torch.GOOD_LEGACY, *legacy],
        "npy": [defects_npz.npy(), *(data for data, _ in defects_npz.ARRAY_DEFECTS.values())],
        "onnx": [defects_onnx.GOOD, *(data for data, _ in defects_onnx.DEFECTS.values())],
        "index": [json.dumps({"metadata": {}, "weight_map": {f"l.{i}": "a-1.safetensors" for i in range(9)}}).encode()],
    }[parser]
    return [data for data in found if 0 < len(data) <= 4096]


def _pickles() -> list[bytes]:
    """The pickles inside the hostile PyTorch files."""
    from tests.hostile import defects_torch

    found = []
    for data, _ in defects_torch.DEFECTS.values():
        begin = data.find(b"data.pkl") + 8
        end = data.find(b"PK\3\4", begin)
        if data[:2] == b"PK" and begin < end:
            found.append(data[begin:end])
    return found


def _target(parser: str, parse: Callable[[bytes], Any], file: str, module: str) -> Target:
    owner = SimpleNamespace(parse=parse)
    pool: list[bytes] = []

    def make(rng: random.Random) -> Files:
        pool.extend([] if pool else sound_files(parser))
        if parser == "index" and rng.random() < 0.7:
            return {
                file: mutate.json_bytes(rng, mutate.tree(rng, json.loads(pool[0]), ("../x", "metadata", "total_size")))
            }
        return {file: mutate.raw(rng, pool)}

    def run(files: Files) -> None:
        owner.parse(files[file])

    def outer(files: Files) -> bool:
        try:
            parse(files[file])
        except RefusedError:
            return False
        except Exception:  # noqa: BLE001 - `run` reports it; here it only counts as not opened
            return True
        return True

    return Target(
        name=f"file-{parser}", make=make, run=run, outer=outer, least=MILLION,
        plant=Plant(owner, "parse", _opened_otherwise if parser in ("gguf", "index") else _opened_at_all),
        measured=tuple(f"forebear.files.{m if '.' in m else f'formats.{m}'}" for m in module.split()),
        reads=f"the parser of {file} in memory, and a few rows of what it opens; its whole syntax counts as the outer one",
    )  # fmt: skip


def _opened_at_all(opened: Any) -> bool:
    """One changed file in 40 to 1,000 still opens, for most formats."""
    return opened is not None


def _opened_otherwise(opened: Any) -> bool:
    """Where many changed files open: one in 17 of the tables of names and shapes that they hold."""
    tensors = getattr(opened, "tensors", opened)
    described = repr([(str(name), str(getattr(entry, "shape", entry))) for name, entry in tensors.items()])
    return zlib.crc32(described.encode("utf-8", "backslashreplace")) % 17 == 7


SAFETENSORS = _target("safetensors", _safetensors, "m.safetensors", "safetensors header")
GGUF = _target("gguf", _opened("gguf", "open_gguf", "m.gguf"), "m.gguf", "gguf gguf_header gguf_types")
ZIP = _target("zip", _opened("archive_open", "open_archive", "m.zip"), "m.zip", "bytes.archive archive_open bytes.archive_inflate")
PICKLE = _target("pickle", _pickle, "m.pkl", "pickles torch_tensors")
TORCH_LEGACY = _target(
    "torch_legacy", _opened("torch_container", "open_torch", "m.pt"), "m.pt", "torch_container torch_legacy"
)
NPY = _target("npy", _opened("npz", "open_npy", "m.npy"), "m.npy", "npz")
ONNX = _target("onnx", _opened("onnx", "open_onnx", "m.onnx"), "m.onnx", "onnx onnx_graph protobuf")
INDEX = _target("index", _index, "m.index.json", "joined")

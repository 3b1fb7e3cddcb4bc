"""What a fuzzer throws inputs at: how inputs are made, what reads them, and a fault that can be planted to test the fuzzer."""

from __future__ import annotations

import atexit
import json
import random
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

Files = dict[str, bytes]
"""One input: file name -> bytes. A target that needs no folder has one file, whose name says its format."""

SEED = 20250901
MILLION, HUNDRED_THOUSAND = 1_000_000, 100_000

PLACES = {
    "tokenizers": "bench.fuzz.tokenizers:TOKENIZERS",
    "toml": "bench.fuzz.tables:TOML",
    "case": "bench.fuzz.cases:CASE",
    "alignments": "bench.fuzz.cases:ALIGNMENTS",
    "bags": "bench.fuzz.bags:BAGS",
    "cards": "bench.fuzz.cards:CARDS",
    "compare": "bench.fuzz.models:COMPARE",
    "values": "bench.fuzz.models:VALUES",
    "vocabulary": "bench.fuzz.vocabularies:VOCABULARY",
    "adapters": "bench.fuzz.models:ADAPTERS",
    "layouts": "bench.fuzz.layouts:LAYOUTS",
    "patterns": "bench.fuzz.layouts:PATTERNS",
    "heads": "bench.fuzz.layouts:HEADS",
    "expressions": "bench.fuzz.expressions:EXPRESSIONS",
    "beside": "bench.fuzz.besides:BESIDE",
    **{f"trainer-{name}": f"bench.fuzz.trainers:{name.upper()}" for name in ("dcp", "shares", "zero", "megatron", "nemo")},
    **{
        f"file-{name}": f"bench.fuzz.containers:{name.upper()}"
        for name in ("safetensors", "gguf", "zip", "pickle", "torch_legacy", "npy", "onnx", "index")
    },
}
"""Every target by name, imported only when it is needed (coverage has to start before what it measures)."""


@dataclass(frozen=True)
class Plant:
    """A fault that can be put behind a reader: `owner.name` raises once `when(result)` holds of what it read."""

    owner: Any
    name: str
    when: Callable[[Any], bool]


class PlantedError(ArithmeticError):
    """The planted fault."""


@dataclass(frozen=True)
class Target:
    """One fuzzer.

    make: the input of a random stream; run: what a verb does with it; outer: whether its outer syntax is sound;
    measured: modules whose branch coverage is published; least: inputs of a recorded run.
    """

    name: str
    make: Callable[[random.Random], Files]
    run: Callable[[Files], None]
    outer: Callable[[Files], bool]
    plant: Plant
    measured: tuple[str, ...]
    reads: str
    least: int = MILLION

    def input(self, seed: int, index: int) -> Files:
        """Input number `index`: the same for ever while the generators stay as they are."""
        return self.make(random.Random(f"{seed}/{self.name}/{index}"))


def find_target(name: str) -> Target:
    """The target of that name."""
    module, _, attribute = PLACES[name].partition(":")
    target: Target = getattr(import_module(module), attribute)
    return target


@contextmanager
def planted(plant: Plant) -> Iterator[None]:
    """With the fault in place."""
    sound = getattr(plant.owner, plant.name)

    def faulty(*arguments: Any, **named: Any) -> Any:
        result = sound(*arguments, **named)
        if plant.when(result):
            raise PlantedError("planted")
        return result

    setattr(plant.owner, plant.name, faulty)
    try:
        yield
    finally:
        setattr(plant.owner, plant.name, sound)


def syntax_is_sound(files: Files) -> bool:
    """Whether every file of an input passes the parser of its outer syntax: JSON, TOML, or text in UTF-8 for the rest."""
    try:
        for name, data in files.items():
            if name.endswith(".json"):
                json.loads(data.decode("utf-8-sig"))
            elif name.endswith(".toml"):
                tomllib.loads(data.decode("utf-8"))
            else:
                data.decode("utf-8")
    except (ValueError, RecursionError, OverflowError):
        return False
    return True


class Folder:
    """A folder in memory (tmpfs where there is one) that is put back to its base files before every input."""

    def __init__(self, base: Mapping[str, bytes]) -> None:
        shared = Path("/dev/shm")
        self.path = Path(tempfile.mkdtemp(prefix="forebear-fuzz-", dir=shared if shared.is_dir() else None)).resolve()
        atexit.register(shutil.rmtree, self.path, True)
        self._base = dict(base)
        self._changed = set(base)
        self.restore()

    def restore(self) -> None:
        """Undo what the last input did."""
        for name in self._changed:
            path = self.path / name
            if name in self._base:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(self._base[name])
            else:
                path.unlink(missing_ok=True)
        self._changed = set()

    def put(self, files: Files) -> Path:
        """The folder with these files over its base files."""
        self.restore()
        for name, data in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        self._changed = set(files)
        return self.path

    def adopt(self, files: Files) -> None:
        """Count files that were written there as base files."""
        self._base |= files

    def remove(self, name: str) -> None:
        """Without one of its files, until the next input."""
        (self.path / name).unlink(missing_ok=True)
        self._changed.add(name)

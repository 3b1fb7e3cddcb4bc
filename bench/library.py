"""Models of known truth on which the library is measured, and how a result of it is written."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forebear.library.prints import Print

RESULTS = Path(__file__).parent / "results"
ROOTS = tuple(
    Path(word)
    for word in os.environ.get("FOREBEAR_BENCH_MODELS", str(Path(__file__).parent / "work" / "truth")).split(os.pathsep)
)
"""Folders with trained models, as `python -m bench build` leaves them; several with the path separator between."""


@dataclass(frozen=True)
class Known:
    """A measured print of a trained model. stranger: made from a seed of its own."""

    name: str
    one: Print
    stranger: bool


def folders(shape: str) -> Iterator[Path]:
    """Every model of a shape that has been built, by name."""
    found: dict[str, Path] = {}
    for root in ROOTS:
        for path in (root / shape).glob("*/model.safetensors"):
            found.setdefault(path.parent.name, path.parent)
    for name in sorted(found):
        yield found[name]


def write(name: str, body: dict[str, Any], stated: dict[str, str]) -> None:
    """A result with what it rests on."""
    document = {"code": stated, "result": body}
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", "utf-8")
    print(path)

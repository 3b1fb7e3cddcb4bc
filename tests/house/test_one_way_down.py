"""Opening and comparing go one way: a call goes down the layers of the house, and comes back as a result."""

from __future__ import annotations

import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

import forebear
from forebear.comparison.demo import demo_folder
from forebear.models.checkpoint import open_checkpoint
from tests.files.test_every_container import WRITERS
from tests.files.test_folders import OPENED, adapter_alone, written

ROOT = Path(__file__).resolve().parents[2]
HERE = f"{ROOT / 'forebear'}/"
MOST = 4
"""Climbs of the demo's comparison; there were 19 before sources, formats, views and checkpoints were handed on."""


Heights = dict[str, dict[str, tuple[int, bool]]]


def layers() -> Heights:
    """Container -> room -> (height, whether rooms of its layer may call each other), from the contracts of import-linter.

    0 is the lowest layer. Rooms of a layer are joined by "|" where they know nothing of each other, by ":" where they may.
    """
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    found: Heights = {}
    for contract in contracts:
        for container in contract.get("containers", ()) if contract["type"] == "layers" else ():
            for height, layer in enumerate(reversed(contract["layers"])):
                for room in layer.replace(":", "|").split("|"):
                    found.setdefault(container, {})[room.strip(" ()")] = height, ":" in layer
    return found


def climbs(caller: str, callee: str, heights: Mapping[str, Mapping[str, tuple[int, bool]]]) -> bool:
    """Whether a call between two modules goes up a layer, or sideways to a room that the caller's may not know."""
    container = "forebear"
    for one, other in zip(caller.split(".")[1:], callee.split(".")[1:], strict=False):
        if one != other:
            known = heights.get(container, {})
            if one not in known or other not in known:
                return False
            (mine, together), (theirs, _) = known[one], known[other]
            return theirs > mine or (theirs == mine and not together)
        container = f"{container}.{one}"
    return False


def module(code: CodeType) -> str:
    """The module of a function: forebear.files.base."""
    return code.co_filename.removeprefix(str(ROOT) + "/").removesuffix(".py").replace("/", ".").removesuffix(".__init__")


def traced(work: Callable[[], Any]) -> Counter[tuple[CodeType, CodeType]]:
    """(caller, callee) of every call between functions of the package; what lies between them in other libraries is passed over."""
    calls: Counter[tuple[CodeType, CodeType]] = Counter()

    def seen(frame: FrameType, event: str, _: Any) -> None:
        if event != "call" or not frame.f_code.co_filename.startswith(HERE) or frame.f_code.co_name == "<module>":
            return
        caller = frame.f_back
        while caller is not None and not caller.f_code.co_filename.startswith(HERE):
            caller = caller.f_back
        if caller is not None:
            calls[(caller.f_code, frame.f_code)] += 1

    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        work()
    finally:
        sys.setprofile(before)
    return calls


def found(calls: Counter[tuple[CodeType, CodeType]]) -> list[str]:
    """Every climb once, by the functions it is between."""
    heights = layers()
    return sorted(
        f"{module(a)}.{a.co_qualname} -> {module(b)}.{b.co_qualname}" for a, b in calls if climbs(module(a), module(b), heights)
    )


def test_comparing_the_demo_goes_one_way_down() -> None:
    demo = demo_folder()
    calls = traced(lambda: forebear.compare(demo / "descendant", [demo / "base"]))
    assert any(module(b) == "forebear.files.formats.safetensors" for _, b in calls)
    assert len(found(calls)) <= MOST, found(calls)


@pytest.mark.parametrize("write", list(dict.fromkeys([*WRITERS, *OPENED, adapter_alone])), ids=lambda f: f.__name__)
def test_opening_any_container_goes_one_way_down(tmp_path: Path, write: Callable[[Path], None]) -> None:
    path, opened = written(tmp_path, write), []
    calls = traced(lambda: opened.append(open_checkpoint(path)))
    opened[0].close()
    assert found(calls) == []


def test_the_rule_sees_a_climb_and_a_step_aside() -> None:
    heights = {
        "forebear": {"cli": (2, False), "files": (1, False), "tokens": (1, False), "core": (0, False)},
        "forebear.files": {"sources": (2, False), "formats": (1, False), "bytes": (0, False)},
        "forebear.tokens": {"cost": (1, True), "audit": (1, True), "rules": (0, True)},
    }
    assert climbs("forebear.core.errors", "forebear.cli.main", heights)
    assert climbs("forebear.files.bytes.hub", "forebear.files.sources", heights)
    assert climbs("forebear.files.base", "forebear.tokens.cost", heights)
    assert climbs("forebear.tokens.rules", "forebear.tokens.audit", heights)
    assert not climbs("forebear.tokens.audit", "forebear.tokens.cost", heights)
    assert not climbs("forebear.cli.main", "forebear.core.errors", heights)
    assert not climbs("forebear.files.sources", "forebear.files.bytes.hub", heights)
    assert not climbs("forebear.files.bytes.hub", "forebear.files.bytes.remote", heights)


def test_the_layers_are_those_of_the_contracts() -> None:
    heights = {container: {room: height for room, (height, _) in rooms.items()} for container, rooms in layers().items()}
    assert heights["forebear"]["comparison"] > heights["forebear"]["models"] > heights["forebear"]["files"]
    assert heights["forebear"]["files"] == heights["forebear"]["tokens"]
    files = heights["forebear.files"]
    assert files["sources"] > files["views"] > files["formats"] > files["bytes"] > files["base"]
    rooms = {path.stem if path.suffix else path.name for path in (ROOT / "forebear" / "files").iterdir() if path.suffix != ".pyc"}
    assert set(files) == rooms - {"__init__", "__pycache__"}

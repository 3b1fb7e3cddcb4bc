"""Branch coverage of the readers under a sample of a target's inputs."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.fuzz.target import PLACES


def measure(name: str, inputs: int, seed: int) -> dict[str, Any]:
    """Lines and branches reached in the modules a target measures; nothing of forebear may be imported before.

    Raises: RuntimeError when it is (the definitions themselves would count as not reached).
    """
    import coverage  # a tool for measuring, not needed to fuzz

    if any(module.startswith("forebear.") for module in sys.modules if module not in _OWN):
        raise RuntimeError("forebear was imported before its coverage was measured")
    with tempfile.TemporaryDirectory() as folder:
        watch = coverage.Coverage(branch=True, source_pkgs=["forebear"], data_file=str(Path(folder) / "data"))
        watch.start()
        from bench.fuzz.loop import run_block
        from bench.fuzz.target import find_target

        target = find_target(name)
        run_block(target, 0, inputs, seed)
        watch.stop()
        report = Path(folder) / "report.json"
        watch.json_report(outfile=str(report), show_contexts=False)
        return _summary(name, inputs, seed, target.measured, report.read_text("utf-8"))


_OWN = frozenset({"forebear.core", "forebear.core.errors", "forebear.core.messages", "forebear.core.wording", "forebear.version"})
"""What the fuzzer's own loop needs."""


def _summary(name: str, inputs: int, seed: int, measured: tuple[str, ...], text: str) -> dict[str, Any]:
    import json

    assert name in PLACES
    modules: dict[str, Any] = {}
    for path, found in json.loads(text)["files"].items():
        dotted = path.split("forebear/", 1)[-1].removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        module = f"forebear.{dotted}"
        if any(module == m or module.startswith(f"{m}.") for m in measured):
            counted = found["summary"]
            modules[module] = {"lines": counted["num_statements"], "lines_reached": counted["covered_lines"],
                               "branches": counted["num_branches"], "branches_reached": counted["covered_branches"]}  # fmt: skip
    total = {
        key: sum(m[key] for m in modules.values()) for key in ("lines", "lines_reached", "branches", "branches_reached")
    }
    share = round(total["branches_reached"] / total["branches"], 4) if total["branches"] else None
    return {"target": name, "inputs": inputs, "seed": seed, "branch_share": share, **total, "modules": modules}

"""Every target to as many inputs as were asked for, in pieces, one target after the other, so that all come forward together.

A target is due unless its committed record is of today's readers and of enough inputs. What is done is on disk after every
block; the same command goes on. Where a reader or a generator changed meanwhile, its target begins anew in a file of its own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.fuzz import campaign, report, sources
from bench.fuzz.target import PLACES, SEED

PIECE = 20_000
FILE = "fuzz-million.json"


def due(results: Path, inputs: int, targets: Sequence[str] = ()) -> list[str]:
    """The targets whose record is of other readers, or of fewer inputs."""
    return [name for name in targets or PLACES if not _recorded(results / f"fuzz-{name}.json", name, inputs)]


def _recorded(path: Path, name: str, inputs: int) -> bool:
    if not path.exists():
        return False
    record = json.loads(path.read_text("utf-8"))
    same = record["sources"].get("readers") == sources.readers_digest(name)
    return bool(same and record["inputs"] >= inputs)


def go_on(folder: Path, results: Path, inputs: int, targets: Sequence[str] = (), seed: int = SEED) -> int:
    """Run what is due until it is done or the process ends; 1 when something was found."""
    left = due(results, inputs, targets)
    paths = {name: state_path(folder, name) for name in left}
    while left:
        for name in tuple(left):
            done = sum(block["inputs"] for block in list(campaign.read_lines(paths[name]))[1:])
            state = campaign.run(name, min(inputs, done + PIECE), paths[name], 1, seed)
            record = report.summary(state.path)
            _noted(results / FILE, record, inputs)
            if record["inputs"] >= inputs:
                report.write(state.path, results)
                left.remove(name)
    return 1 if any(entry["findings"] for entry in _table(results / FILE)["targets"].values()) else 0


def state_path(folder: Path, name: str) -> Path:
    """Where a target's run is kept while its readers and generators stay as they are."""
    return folder / f"{name}-{sources.readers_digest(name)}-{sources.generators_digest(name)}.jsonl"


def _table(path: Path) -> dict[str, Any]:
    empty: dict[str, Any] = {"schema": "forebear-bench/fuzz-million/1", "targets": {}}
    return json.loads(path.read_text("utf-8")) if path.exists() else empty


def _noted(path: Path, record: dict[str, Any], wanted: int) -> None:
    """How far a target came on these readers, and what was found; the file is replaced whole."""
    table = _table(path)
    kept = ("seed", "sources", "inputs", "accepted", "refused", "sound_share", "mean_milliseconds", "growth_megabytes")
    found = [{key: finding.get(key) for key in ("kind", "count", "index", "message")} for finding in record["findings"]]
    table["targets"][record["target"]] = {"wanted": wanted} | {key: record[key] for key in kept} | {"findings": found}
    table["targets"] = dict(sorted(table["targets"].items()))
    new = path.with_suffix(".new")
    new.write_text(json.dumps(table, indent=1) + "\n", "utf-8")
    new.replace(path)

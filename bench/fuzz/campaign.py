"""A run of many inputs in blocks, by several processes, written down block by block so that it goes on after a kill."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from bench.fuzz.loop import KEPT, Finding, Outcome, run_block
from bench.fuzz.sources import generators_digest, readers_digest
from bench.fuzz.target import PLACES, SEED, find_target, planted

BLOCK = 2000
BLOCKS_A_PROCESS = 50
"""Blocks before a process is replaced; the pool's own way of replacing one (max_tasks_per_child) stands still in Python 3.11."""
ADDRESS_SPACE = 8 * 2**30
"""Bytes a process may map: one input that asks for more gets MemoryError, which is a finding, and the machine goes on."""


@dataclass
class State:
    """One file of JSON lines: a head, then a line for every block that is done. A line cut short is as if not written."""

    path: Path
    head: dict[str, Any]
    blocks: dict[int, dict[str, Any]] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path, target: str, seed: int) -> State:
        """The state of an earlier run, or a new one. Raises ValueError when it belongs to another target or other sources."""
        head = {"target": target, "seed": seed, "block": BLOCK, "generators": generators_digest(target),
                "readers": readers_digest(target)}  # fmt: skip
        state = cls(path, head)
        lines = list(read_lines(path))
        if not lines:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(head) + "\n", "utf-8")
            return state
        other = [key for key in head if lines[0].get(key) != head[key]]
        if other:
            raise ValueError(f"{path} was begun with another {', '.join(other)}: name a new file")
        for line in lines[1:]:
            state.blocks[line["start"]] = line
            for finding in line["findings"]:
                state.kept[finding["kind"]] = state.kept.get(finding["kind"], 0) + 1
        cut = path.read_bytes()
        if not cut.endswith(b"\n"):  # killed inside a line: it is left, ended, and not counted
            with path.open("ab") as file:
                file.write(b"\n")
        return state

    def add(self, outcome: Outcome) -> None:
        """Write one block down, whole and flushed to disk; of each kind of finding a few inputs are kept in all."""
        kept = []
        for finding in outcome.findings:
            self.kept[finding.kind] = self.kept.get(finding.kind, 0) + 1
            if self.kept[finding.kind] <= KEPT:
                kept.append(finding)
        outcome.findings = kept
        document = outcome.document()
        self.blocks[outcome.start] = document
        with self.path.open("ab") as file:
            file.write(json.dumps(document).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a state file that are whole."""
    if not path.exists():
        return
    for line in path.read_bytes().split(b"\n"):
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            yield found


def run(name: str, inputs: int, state_path: Path, jobs: int = 1, seed: int = SEED, progress: bool = True) -> State:
    """Inputs 0 .. inputs - 1 of a target, less the blocks that are done already."""
    if name not in PLACES:
        raise ValueError(f"no target {name!r}: {', '.join(PLACES)}")
    state = State.open(state_path, name, seed)
    wanted = [start for start in range(0, inputs, BLOCK) if start not in state.blocks]
    began, done = time.perf_counter(), 0
    for outcome in _blocks(name, wanted, inputs, jobs, seed):
        state.add(outcome)
        done += outcome.inputs
        if progress:
            took = time.perf_counter() - began
            kinds = len({kind for block in state.blocks.values() for kind in block["counts"]})
            print(f"{name}: {sum(b['inputs'] for b in state.blocks.values()):,} of {inputs:,}, {done / took:,.0f} a second, "
                  f"{kinds} kinds of finding", file=sys.stderr, flush=True)  # fmt: skip
    return state


def _blocks(name: str, starts: Sequence[int], inputs: int, jobs: int, seed: int) -> Iterator[Outcome]:
    left = list(starts)
    while left:
        try:
            with _pool(jobs) as pool:
                futures: dict[Future[Outcome], int] = {
                    pool.submit(_block, name, start, min(BLOCK, inputs - start), seed): start
                    for start in left[: jobs * BLOCKS_A_PROCESS]
                }
                for future in as_completed(futures):
                    outcome = future.result()
                    left.remove(outcome.start)
                    yield outcome
        except (
            BrokenProcessPool
        ):  # a process died: the first blocks that are left are searched for the input that killed it
            for start in left[:jobs]:
                yield _searched(name, start, min(BLOCK, inputs - start), seed)
            left = left[jobs:]


def _searched(name: str, start: int, inputs: int, seed: int) -> Outcome:
    """A block that may kill its process, halved until the input that does so is alone; it becomes a finding."""
    try:
        with _pool(1) as pool:
            return pool.submit(_block, name, start, inputs, seed).result()
    except BrokenProcessPool:
        if inputs == 1:
            outcome = Outcome(start, 1, counts={"process died": 1})
            outcome.findings = [Finding("process died", start, "the process was ended from outside or crashed", "", {})]
            return outcome
    half = inputs // 2
    return joined(_searched(name, start, half, seed), _searched(name, start + half, inputs - half, seed))


def joined(a: Outcome, b: Outcome) -> Outcome:
    """Two neighbouring stretches as one."""
    counts = {k: a.counts.get(k, 0) + b.counts.get(k, 0) for k in {*a.counts, *b.counts}}
    return Outcome(
        a.start, a.inputs + b.inputs, a.accepted + b.accepted, a.refused + b.refused, a.sound + b.sound, a.checked + b.checked,
        a.seconds + b.seconds, a.bytes + b.bytes, max(a.growth_megabytes, b.growth_megabytes), counts,
        [*a.findings, *b.findings], sorted([*a.slowest, *b.slowest], reverse=True)[:5], sorted({*a.warnings, *b.warnings}),
    )  # fmt: skip


def _pool(jobs: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_bound)


def _bound() -> None:
    """Before numpy is imported: one thread, bounded memory."""
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))


def _block(name: str, start: int, inputs: int, seed: int) -> Outcome:
    return run_block(find_target(name), start, inputs, seed)


def inputs_until_planted(name: str, seed: int, most: int) -> int | None:
    """With the target's fault planted: the number of the input that finds it, None when `most` inputs do not."""
    target = find_target(name)
    with planted(target.plant):
        for start in range(0, most, 100):
            outcome = run_block(target, start, min(100, most - start), seed)
            met = [f.index for f in outcome.findings if f.kind.startswith("PlantedError")]
            if met:
                return min(met) + 1
    return None

"""The chain of one run through the verbs of attestation: commitment, start, records, and the document that comes of them."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import forebear
from bench.attest_runs import config_of
from bench.shapes import SHAPES, Floats
from forebear.attest.initialiser import initial_weights
from forebear.attest.recording import commit
from forebear.recipes.steps.model import write_safetensors

BETAS = "0.9,0.95"
STEPS = 90
ROUND = 20_000_000
BEFORE = 1_700_000_000.0
"""When the commitment is taken to be announced: before its round is public."""
Saved = list[tuple[int, dict[str, Floats]]]
Log = list[tuple[int, float, float]]


def value_of(seed: int) -> str:
    """What stands for a beacon's value: 32 bytes that follow from the number of the run."""
    return hashlib.sha256(f"bench/attest {seed}".encode()).hexdigest()


class Chain:
    """A run's commitment, start, and folder. name: unique among rows; scratch: where checkpoints lie while they are needed."""

    def __init__(self, shape: str, seed: int, scratch: Path) -> None:
        self.shape, self.seed = shape, seed
        self.config = config_of(SHAPES[shape])
        self.folder = scratch / f"{shape}-{seed}"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        (self.folder / "config.json").write_text(json.dumps(self.config), "utf-8")
        self.committed = self.folder / "commitment.json"
        document = self.commit(value_of(seed))
        self.start = self.drawn(document)

    def drawn(self, document: Mapping[str, Any]) -> dict[str, Floats]:
        """The start that follows from a commitment."""
        return initial_weights(self.config, int(document["seed"]["seed"]))

    def commit(self, value: str, now: float = BEFORE) -> Mapping[str, Any]:
        """A commitment that was announced before its round, or at another time, with the round's value."""
        source = f"drand:{ROUND}"
        first = commit(self.folder, source, initialiser=None, value=None, announced=None, weights=None, now=now)
        self.committed.write_bytes(json.dumps(_plain(first)).encode())
        document = forebear.attest_commit(self.folder, seed_from=source, value=value, commitment=self.committed)
        self.committed.write_bytes(json.dumps(_plain(document)).encode())
        return document

    def verified(self, name: str, saved: Saved, log: Log, *, against: Sequence[Path] = ()) -> Mapping[str, Any]:
        """Record every checkpoint with the log so far, then verify with all of them shown."""
        run = self.folder / name
        run.mkdir()
        shown: list[str | Path] = []
        taken = 0
        for number, (step, weights) in enumerate(saved):
            taken = _lines_until(log, taken, step, number)
            place = run / f"checkpoint-{number}"
            place.mkdir()
            write_safetensors(place / "model.safetensors", weights)
            (place / "config.json").write_text(json.dumps(self.config), "utf-8")
            lines = "".join(f"{s},{r:.9g},{d:.9g}\n" for s, r, d in log[:taken])
            (run / "log.csv").write_text(f"step,lr,weight_decay\n{lines}", "utf-8")
            first = {"commitment": self.committed} if not number else {}
            forebear.attest_record(run, step, place, log=run / "log.csv", **first)
            shown.append(place)
        document = forebear.attest_verify(run, shown[-1], checkpoints=shown[:-1], against=against, betas=BETAS)
        shutil.rmtree(run)
        return document

    def close(self) -> None:
        """Delete everything that was written."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _lines_until(log: Log, taken: int, step: int, number: int) -> int:
    """How many lines of the log were written when the checkpoint of this step was saved."""
    if not number:
        return 0
    for at in range(taken, len(log)):
        if log[at][0] == step - 1:
            return at + 1
    return taken


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, (list, tuple)) else value

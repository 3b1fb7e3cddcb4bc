"""Honest runs and attacks through the verbs of attestation (METHODS §19).

    python -m bench.attest honest --shapes gpt2-56 qwen2-72 llama64 --seeds 100-117 -o FILE
    python -m bench.attest attacks --shapes gpt2-56 qwen2-72 --seeds 200-205 -o FILE

Every run is trained here, its checkpoints recorded with `attest_record` and verified with `attest_verify`; what the document says
is kept, one row a chain, and the checkpoints are deleted. Rows that are there are not made again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

import forebear
from bench.attest_runs import Recorded, Run, config_of, loss_of, train_run
from bench.build import machine
from bench.checkpoint import kept_rows, replace_json
from bench.corpus import WORK
from bench.framed_align import framed
from bench.shapes import SHAPES, Floats, initial
from forebear.attest.commitment import seed_of
from forebear.attest.initialiser import initial_weights
from forebear.attest.recording import commit
from forebear.recipes.steps.model import Model, write_safetensors

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
        self.start_seed = int(document["seed"]["seed"])
        self.start = initial_weights(self.config, self.start_seed)

    def commit(self, value: str) -> Mapping[str, Any]:
        """A commitment that was announced before its round, with the round's value."""
        source = f"drand:{ROUND}"
        first = commit(self.folder, source, initialiser=None, value=None, announced=None, weights=None, now=BEFORE)
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


def row_of(document: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """What a verified chain said."""
    lines = {ln["line"]: ln["state"] for ln in (*document["proves"], *document["does_not_prove"])}
    said = {ln["line"]: ln["said"]["key"] for ln in (*document["proves"], *document["does_not_prove"])}
    rows = [r for r in document["chain"] if r["expected_share"] is not None and r["start_share"] is not None]
    return {
        **more,
        "outcome": document["conclusion"]["outcome"],
        "log10_p": document["conclusion"]["log10_p"],
        "contradicted": list(document["conclusion"]["contradicted"]),
        "unexplained": list(document["conclusion"]["unexplained"]),
        "lines": lines,
        "said": said,
        "events": [e["key"] for e in document["events"]],
        "share_apart": max((abs(r["start_share"] - r["expected_share"]) for r in rows), default=None),
        "pace": max((r["pace"] for r in document["chain"] if r["pace"] is not None), default=None),
        "turns": [r["turn"] for r in document["chain"]],
    }


def honest_run(shape: str, seed: int) -> tuple[Run, dict[str, Any]]:
    """Which run a seed is: half decay by a sum of lr x wd above 5; a third restart, a third roll back."""
    decays = seed % 2 == 1
    restart, rollback = seed % 3 == 1, seed % 3 == 2
    saves = 12 if decays else 6
    each = STEPS / saves
    back = (round(each * (saves - 2)), round(each * (saves - 4)))
    run = Run(
        shape, seed, steps=STEPS, saves=saves, decay=(14.5 if restart else 10.5) if decays else 0.05,
        restart=STEPS // 2 if restart else 0,
        rollback=back if rollback else (), order=seed,
    )  # fmt: skip
    return run, {"decays": decays, "restart": restart, "rollback": rollback}


def honest(shape: str, seed: int, scratch: Path) -> dict[str, Any]:
    """One honest run with commitment, and whether its events were named."""
    began, chain = time.process_time(), Chain(shape, seed, scratch)
    run, kind = honest_run(shape, seed)
    recorded = train_run(run, chain.start)
    document = chain.verified("honest", recorded.saved, recorded.log)
    chain.close()
    row = row_of(document, case="honest", shape=shape, seed=seed, **kind)
    decay_sum = sum(r * d for _, r, d in recorded.log)
    named = {"restart": "attest.restart" in row["events"], "rollback": "attest.rollback" in row["events"]}
    return row | {
        "decay_sum": round(decay_sum, 2),
        "events_right": all(named[key] == kind[key] for key in named),
        "loss": round(loss_of(run, recorded.saved[-1][1]), 3),
        "seconds": round(time.process_time() - began, 1),
    }


Attack = Callable[["Scene"], tuple[Saved, Log]]


class Scene:
    """An honest run and a foreign one of the same shape, of which attacks are made."""

    def __init__(self, chain: Chain, *, decays: bool = False) -> None:
        self.chain = chain
        self.run = Run(
            chain.shape,
            chain.seed,
            steps=STEPS,
            saves=10 if decays else 6,
            decay=10.5 if decays else 0.05,
            order=chain.seed,
        )
        self.start = chain.start
        self.honest = train_run(self.run, self.start)
        other = Run(chain.shape, chain.seed, steps=STEPS, saves=self.run.saves, order=chain.seed + 1, text="other")
        self.foreign = train_run(other, initial(SHAPES[chain.shape], 500_000 + chain.seed))
        self.stranger = self.foreign.saved[-1][1]

    @property
    def steps(self) -> list[int]:
        return [step for step, _ in self.honest.saved]

    @cached_property
    def after(self) -> Recorded:
        """Training on from the foreign model by the course of the run."""
        return train_run(replace(self.run, order=self.run.order + 2), self.stranger)


def _swapped(scene: Scene, share: float) -> tuple[Saved, Log]:
    at = max(1, round(share * (len(scene.steps) - 1)))
    after = scene.after.saved
    return scene.honest.saved[:at] + [(s, after[k][1]) for k, s in enumerate(scene.steps) if k >= at], scene.honest.log


def _mixed(scene: Scene, weights: Callable[[int, int], tuple[float, float]]) -> tuple[Saved, Log]:
    found: Saved = []
    for k, step in enumerate(scene.steps):
        a, b = weights(k, len(scene.steps) - 1)
        found.append((step, {n: (a * scene.start[n] + b * scene.stranger[n]).astype(np.float32) for n in scene.start}))
    return found, scene.honest.log


def _other_start(scene: Scene) -> tuple[Saved, Log]:
    after = scene.after.saved
    return [(0, scene.stranger), *after[1:]], scene.honest.log


def _backwards(scene: Scene) -> tuple[Saved, Log]:
    values = [w for _, w in scene.honest.saved][::-1]
    return list(zip(scene.steps, values, strict=True)), scene.honest.log


def _skipped(scene: Scene) -> tuple[Saved, Log]:
    low, high = scene.steps[2], scene.steps[4]
    kept = [(s, w) for s, w in scene.honest.saved if not low <= s < high]
    return kept, [line for line in scene.honest.log if not low <= line[0] < high - 1]


def _coarser(scene: Scene) -> tuple[Saved, Log]:
    return scene.honest.saved[::3], scene.honest.log


def _grafted(scene: Scene) -> tuple[Saved, Log]:
    marks = (".1.",)
    found: Saved = []
    for k, (step, weights) in enumerate(scene.honest.saved):
        late = k >= 3
        found.append(
            (step, {n: scene.stranger[n] if late and any(m in n for m in marks) else w for n, w in weights.items()})
        )
    return found, scene.honest.log


def _log_scaled(factor: float, decay: float | None = None) -> Attack:
    def attack(scene: Scene) -> tuple[Saved, Log]:
        return scene.honest.saved, [(s, r * factor, d if decay is None else decay) for s, r, d in scene.honest.log]

    return attack


def _ground(scene: Scene) -> tuple[Saved, Log]:
    """A foreign run from the start, of 60 seeds, that lies nearest to it; the commitment is then made to that seed."""
    name = next(n for n in scene.start if "embed_tokens" in n or "wte" in n)
    target = scene.stranger[name].ravel()
    best, cosine = "", -2.0
    body = json.loads(scene.chain.committed.read_text("utf-8"))
    for trial in range(60):
        value = value_of(10_000 + 100 * scene.chain.seed + trial)
        mine = initial_weights(scene.chain.config, seed_of(body, value)["seed"])[name].ravel()
        near = float(mine @ target / np.linalg.norm(mine) / np.linalg.norm(target))
        best, cosine = (value, near) if near > cosine else (best, cosine)
    document = scene.chain.commit(best)
    scene.start = initial_weights(scene.chain.config, document["seed"]["seed"])
    after = scene.after.saved
    return [(0, scene.start), *after[1:]], scene.honest.log


def _framed(scene: Scene) -> tuple[Saved, Log]:
    """The foreign run in the coordinates that bring it nearest to the start: units reordered and negated, outputs kept."""
    start = Model(scene.start, scene.chain.config, None)
    found: Saved = [(0, scene.start)]
    for k, step in enumerate(scene.steps[1:], 1):
        other = framed(Model(scene.foreign.saved[k][1], scene.chain.config, None), start, "signs", scene.chain.seed)
        found.append((step, {n: np.asarray(other.arrays[n], dtype=np.float32) for n in scene.start}))
    return found, scene.honest.log


def _pulled(scene: Scene, weight: float) -> tuple[Saved, Log]:
    after = train_run(scene.run, scene.start, pull=(scene.stranger, weight))
    return after.saved, after.log


def _distilled(scene: Scene) -> tuple[Saved, Log]:
    after = train_run(scene.run, scene.start, teacher=(scene.stranger, SHAPES[scene.chain.shape]))
    return after.saved, after.log


ATTACKS: Mapping[str, Attack] = {
    "another model as start": _other_start,
    "swapped in at 10 %": lambda scene: _swapped(scene, 0.1),
    "swapped in at 50 %": lambda scene: _swapped(scene, 0.5),
    "swapped in at 90 %": lambda scene: _swapped(scene, 0.9),
    "interpolation to a foreign model": lambda scene: _mixed(scene, lambda k, of: (1 - k / of, k / of)),
    "foreign model plus a share of the start": lambda scene: _mixed(
        scene, lambda k, of: (1.0, 0.0) if not k else (0.3, 1.0)
    ),
    "recorded backwards": _backwards,
    "steps skipped in chain and log": _skipped,
    "steps skipped in the chain alone": _coarser,
    "a layer grafted": _grafted,
    "log forged: rates a twentieth": _log_scaled(0.05),
    "log forged: decay": _log_scaled(1.0, 10.5),
    "log forged: rates threefold": _log_scaled(3.0),
    "start ground out of 60 seeds": _ground,
    "pull towards an unlisted model": lambda scene: _pulled(scene, 1e-3),
    "gentle pull towards an unlisted model": lambda scene: _pulled(scene, 3e-5),
    "distillation from an unlisted model": _distilled,
    "framed to the start after the fact": _framed,
}
UNDER_DECAY = ("swapped in at 50 %", "interpolation to a foreign model", "framed to the start after the fact")
"""Attacks made again under a decay that leaves nothing of the start, where its share cannot tell."""


def attacks(shape: str, seed: int, scratch: Path) -> Iterator[dict[str, Any]]:
    """Every attack of one pair of runs."""
    for decays, names in ((False, tuple(ATTACKS)), (True, UNDER_DECAY)):
        scene = Scene(Chain(shape, seed, scratch), decays=decays)
        for number, name in enumerate(names):
            committed, start = scene.chain.committed.read_bytes(), scene.start
            saved, log = ATTACKS[name](scene)
            document = scene.chain.verified(f"attack-{number}", saved, log)
            scene.chain.committed.write_bytes(committed)
            scene.start = start
            yield row_of(document, case=name + (", decayed" if decays else ""), shape=shape, seed=seed)
        scene.chain.close()


def summary(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Per case: how many, how many contradicted, which lines, largest p of those proven."""
    found = []
    for case in dict.fromkeys(r["case"] for r in rows):
        own = [r for r in rows if r["case"] == case]
        lines = {
            name: {
                state: sum(r["lines"].get(name) == state for r in own)
                for state in ("proven", "not-proven", "unexplained", "contradicted")
            }
            for name in sorted({n for r in own for n in r["lines"]})
        }
        found.append({
            "case": case, "count": len(own), "contradicted": sum(bool(r["contradicted"]) for r in own),
            "unexplained": sum(bool(r["unexplained"]) for r in own),
            "start_proven": sum(r["log10_p"] is not None and r["log10_p"] <= -9 for r in own),
            "weakest_log10_p": max((r["log10_p"] for r in own if r["log10_p"] is not None), default=None),
            "events_right": sum(bool(r.get("events_right")) for r in own), "lines": lines,
            "share_apart": max((r["share_apart"] or 0.0 for r in own), default=None),
            "pace": max((r["pace"] or 0.0 for r in own), default=None),
        })  # fmt: skip
    return found


def numbers(text: str) -> list[int]:
    """ "3-5" as 3, 4, 5."""
    low, _, high = text.partition("-")
    return list(range(int(low), int(high or low) + 1))


def main() -> None:
    """Rows are kept as they come."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("verb", choices=("honest", "attacks"))
    parser.add_argument("--shapes", nargs="+", required=True, choices=sorted(SHAPES))
    parser.add_argument("--seeds", required=True, help="FIRST-LAST")
    parser.add_argument("--scratch", type=Path, default=WORK / "attest")
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    rows = kept_rows(options.output)
    for seed in numbers(options.seeds):
        for shape in options.shapes:
            if any((r["shape"], r["seed"]) == (shape, seed) for r in rows):
                continue
            made = (
                [honest(shape, seed, options.scratch)]
                if options.verb == "honest"
                else list(attacks(shape, seed, options.scratch))
            )
            rows += made
            for row in made:
                print(
                    row["case"],
                    shape,
                    seed,
                    row["outcome"],
                    row["contradicted"],
                    row["log10_p"],
                    file=sys.stderr,
                    flush=True,
                )
            document = {
                "schema": "forebear-bench/attest/1",
                "verb": options.verb,
                "machine": machine(),
                "summary": summary(rows),
                "rows": rows,
            }
            replace_json(options.output, document)


if __name__ == "__main__":
    main()

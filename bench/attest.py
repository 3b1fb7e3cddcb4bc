"""Honest runs and attacks through the verbs of attestation (METHODS §19).

    python -m bench.attest honest --shapes gpt2-56 qwen2-72 llama64 --seeds 100-117 -o FILE
    python -m bench.attest attacks --shapes gpt2-56 qwen2-72 --seeds 200-205 -o FILE
    python -m bench.attest further --shapes qwen2-48 llama40 --seeds 500-504 -o FILE

Every run is trained here, its checkpoints recorded with `attest_record` and verified with `attest_verify`; what the document says
is kept, one row a chain, and the checkpoints are deleted. Rows that are there are not made again.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bench.attest_attacks import ATTACKS, UNDER_DECAY, Attack, Scene
from bench.attest_attacks_further import FURTHER
from bench.attest_chain import STEPS, Chain
from bench.attest_runs import Run, loss_of, train_run
from bench.build import machine
from bench.checkpoint import kept_rows, replace_json
from bench.corpus import WORK
from bench.shapes import SHAPES
from forebear.attest import course
from forebear.attest.content import root_in
from forebear.attest.pairs import Tested, examined
from forebear.models.checkpoint import Checkpoint


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
        "open_links": document["conclusion"]["open_count"],
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


def each_pair_once() -> Callable[..., Tested]:
    """`examined`, with what it found of a pair kept: attacks on one run share most of its checkpoints."""
    kept: dict[tuple[str, str, float], Tested] = {}

    def found(subject: Checkpoint, candidate: Checkpoint, looks_log10: float) -> Tested:
        key = (root_in(subject.container), root_in(candidate.container), looks_log10)
        if key not in kept:
            kept[key] = examined(subject, candidate, looks_log10)
        return kept[key]

    return found


def attacks(shape: str, seed: int, scratch: Path, *, further: bool = False) -> Iterator[dict[str, Any]]:
    """Every attack of one pair of runs."""
    parts = ((False, FURTHER),) if further else ((False, ATTACKS), (True, {name: ATTACKS[name] for name in UNDER_DECAY}))
    with patch.object(course, "examined", each_pair_once()):
        yield from _attacks(shape, seed, scratch, parts)


def _attacks(
    shape: str, seed: int, scratch: Path, parts: Sequence[tuple[bool, Mapping[str, Attack]]]
) -> Iterator[dict[str, Any]]:
    for decays, made in parts:
        scene = Scene(Chain(shape, seed, scratch), decays=decays)
        for number, (name, attack) in enumerate(made.items()):
            committed, start = scene.chain.committed.read_bytes(), scene.start
            saved, log = attack(scene)
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
            "case": case, "count": len(own),
            "outcomes": dict(Counter(r["outcome"] for r in own)),
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
    parser.add_argument("verb", choices=("honest", "attacks", "further"))
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
                else list(attacks(shape, seed, options.scratch, further=options.verb == "further"))
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

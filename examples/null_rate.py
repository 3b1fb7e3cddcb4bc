"""How often do tests of your own fire where nothing is shared, and how often where something is?

    python examples/null_rate.py pairs --make 24 --test my-test      # makes the models first: about 4 s each
    python examples/null_rate.py pairs --test my-test --test sign    # uses what lies there

`pairs` holds checkpoints called independent-*, which share nothing, and related-*, each made from the independent of its number.
--make trains so many small Llamas in numpy (examples/attest_run/train.py; needs safetensors), all on one text in one order, each
from random numbers of its own, and trains half of them further. A test of a package is found by its name once it is installed
(docs/contributing/test.md); without --test every test of `forebear compare --full` is counted.

A level is judged on pairs that use no model twice, since only those are independent of each other. Under H0 a valid p falls to a
level at most that often; `at most` is what Binomial(pairs, level) exceeds once in a thousand. Ends with 1 where a count is larger.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

import forebear

HERE = Path(__file__).resolve().parent
LEVELS, CHANCE, FOUND, MOST = (0.1, 0.01, 0.001), 1e-3, 1e-3, 60
KEYS = ("test", "axis", "component", "gauge", "everywhere")
"""What tells figures of a comparison apart."""
Ps = dict[tuple[str, ...], list[float]]


def at_most(pairs: int, level: float) -> int:
    """The smallest count that Binomial(pairs, level) exceeds with a chance of at most CHANCE."""
    below = 0.0
    for count in range(pairs + 1):
        below += math.comb(pairs, count) * level**count * (1 - level) ** (pairs - count)
        if 1 - below <= CHANCE:
            return count
    return pairs


def figures(pairs: Iterable[tuple[Path, Path]], wanted: Sequence[str]) -> Ps:
    """log10 p of every wanted test over pairs, by what tells its figures apart; not corrected for other figures."""
    found: Ps = defaultdict(list)
    for subject, candidate in pairs:
        for row in forebear.compare(subject, candidate, full=True)["evidence"]:
            if row["log10_p"] is not None and (not wanted or row["test"] in wanted):
                said = (str(row.get(key, "")) if key in KEYS[:3] else key if row.get(key) else "" for key in KEYS)
                found[tuple(said)].append(row["log10_p"])
    return found


def judged(apart: Ps, every: Ps, kin: Ps) -> tuple[list[str], bool]:
    """A line a figure, and whether a level was passed too often. apart: of pairs that use no model twice; every: of all."""
    lines, alarm = [], False
    for key in sorted(every):
        shown, values = [], np.array(apart.get(key, []))
        for level in LEVELS:
            count, most = int((values <= math.log10(level)).sum()), at_most(len(values), level)
            alarm = alarm or count > most
            shown.append(
                f"p ≤ {level}: {count} of {len(values)} (at most {most}){' TOO OFTEN' if count > most else ''}"
            )
        hits = sum(value <= math.log10(FOUND) for value in kin.get(key, []))
        tail = f"least of {len(every[key])}: 10^{min(every[key]):.1f}; relatives at {FOUND}: {hits} of {len(kin.get(key, []))}"
        lines.append(f"{' '.join(word for word in key if word)}\n    {'; '.join(shown)}\n    {tail}")
    return lines, alarm


def make(folder: Path, count: int, steps: int) -> None:
    """Independents, and half as many that were trained further; what is there already stays."""
    given = importlib.util.spec_from_file_location("train", HERE / "attest_run" / "train.py")
    assert given is not None
    assert given.loader is not None
    tool = importlib.util.module_from_spec(given)
    given.loader.exec_module(tool)
    config = json.loads((HERE / "attest_run" / "config.json").read_text("utf-8"))
    texts = [(HERE / "attest_run" / "train.py").read_bytes(), Path(__file__).read_bytes()]
    for at in range(count):
        place = folder / f"independent-{at:03d}"
        weights = start(config, at)
        tool.train(weights, config, texts[0], steps, {steps}, place / "saved", _log(place))
        _placed(place, steps)
        if at < count // 2:
            place = folder / f"related-{at:03d}"
            tool.train(weights, config, texts[1], steps, {steps}, place / "saved", _log(place))
            _placed(place, steps)


def start(config: dict[str, Any], seed: int) -> dict[str, Any]:
    """Random weights of a Llama of this configuration: normal with its initializer_range, gains of one."""
    rng, width, neurons = np.random.default_rng(seed), config["hidden_size"], config["intermediate_size"]
    shapes = {
        "model.embed_tokens": (config["vocab_size"], width),
        "lm_head": (config["vocab_size"], width),
        "model.norm": (width,),
    }
    for n in range(config["num_hidden_layers"]):
        p = f"model.layers.{n}."
        shapes |= {f"{p}self_attn.{part}_proj": (width, width) for part in "qkvo"}
        shapes |= {
            f"{p}mlp.gate_proj": (neurons, width),
            f"{p}mlp.up_proj": (neurons, width),
            f"{p}mlp.down_proj": (width, neurons),
        }
        shapes |= {f"{p}input_layernorm": (width,), f"{p}post_attention_layernorm": (width,)}
    scale = config["initializer_range"]
    return {
        f"{name}.weight": (np.ones(shape) if len(shape) == 1 else rng.normal(0, scale, shape)).astype(np.float32)
        for name, shape in shapes.items()
    }


def _log(place: Path) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    return place / "log.csv"


def _placed(place: Path, steps: int) -> None:
    for file in (place / "saved" / str(steps)).iterdir():
        file.replace(place / file.name)
    file.parent.rmdir()
    (place / "saved").rmdir()


def main(given: Sequence[str] | None = None) -> int:
    """Make what is asked for, compare, and print a figure a paragraph."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path, help="folder of independent-* and related-*")
    parser.add_argument(
        "--make", type=int, default=0, metavar="N", help="train N independents and N/2 relatives there first"
    )
    parser.add_argument("--steps", type=int, default=120, help="steps of training of --make")
    parser.add_argument("--test", action="append", default=[], help="name of a test; repeatable; all when not given")
    args = parser.parse_args(given)
    make(args.pairs, args.make, args.steps)
    models = sorted(args.pairs.glob("independent-*"))
    if len(models) < 2:
        parser.error(f"{args.pairs} holds fewer than two checkpoints called independent-*; --make N makes them")
    kin = [
        (one, one.with_name(one.name.replace("related", "independent"))) for one in sorted(args.pairs.glob("related-*"))
    ]
    apart = list(zip(models[::2], models[1::2], strict=False))
    rest = [pair for pair in combinations(models, 2) if pair not in apart][: max(0, MOST - len(apart))]
    alone, others = figures(apart, args.test), figures(rest, args.test)
    every = {key: alone.get(key, []) + others.get(key, []) for key in {*alone, *others}}
    if not every:
        parser.error(f"no figure of {', '.join(args.test)}: is its package installed, and has it an axis here?")
    lines, alarm = judged(alone, every, figures(kin, args.test))
    print(
        f"{len(models)} independents: {len(apart)} pairs that use none twice, {len(apart) + len(rest)} compared; {len(kin)} relatives\n"
    )
    print("\n".join(lines))
    return int(alarm)


if __name__ == "__main__":
    raise SystemExit(main())

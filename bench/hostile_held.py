"""Models of decision 0117, trained after its rules were frozen, and relatives beside which its zeros are taken (METHODS §17).

python -m bench.hostile_held --shape llama56
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial

from bench.build import build
from bench.framed_cases import FORMULA, RELATED, model, pruned
from bench.hostile_cases import Hostile, _framed_by, _pruned_alike, strangers
from bench.training import course
from bench.truth import FURTHER, Job, base
from forebear.recipes.steps.model import Model

HELD = {"qwen2-56": 117_000, "llama56": 118_000}
"""Shape -> the seed of its first model; above every seed that was used before."""
STRANGERS, BASES = 6, 1


def jobs(shape: str) -> Iterator[Job]:
    """Strangers, and the first of them trained further on another text."""
    for n in range(STRANGERS):
        yield Job(base(shape, n), "train", shape, HELD[shape] + n, course(shape))
    for n in range(BASES):
        for word in ("one", "four"):
            own = f"{shape}/further-{n}-other-{word}"
            how = course(shape, FURTHER[word], text="other", order=1)
            yield Job(own, "further", shape, 0, how, parent=base(shape, n))


def relatives(shape: str) -> Iterator[Hostile]:
    """Further trained models beside their bases under one mask, by the sizes of the base's values; then each by its own."""
    for n in range(BASES):
        for word in ("one", "four"):
            own, other = partial(model, f"{shape}/further-{n}-other-{word}"), partial(model, base(shape, n))
            for how in ("50", "75", "90"):
                for masks in ("one mask", "each by its own sizes"):
                    yield Hostile(
                        f"{shape}-further-{n}-{word}, {masks}, {how}",
                        f"further {FURTHER[word]:g}x, {masks}, {how} %",
                        RELATED,
                        partial(_cut, own, other if masks == "one mask" else own, how),
                        partial(_cut, other, other, how),
                    )


def attention(shape: str, count: int) -> Iterator[Hostile]:
    """Strangers by the aligner that mixes heads too, then pruned by the candidate's zeros."""
    for seed, (own, other) in enumerate(strangers(shape, count)):
        one, two = partial(model, own), partial(model, other)
        for how in ("50", "75", "90"):
            yield Hostile(
                f"{own}-attention framed, then its mask {how}",
                f"attention framed, then the candidate's mask, {how} %",
                FORMULA,
                partial(_pruned_alike, partial(_framed_by, one, two, "heads", seed), two, how),
                partial(_pruned_alike, two, two, how),
            )


def _cut(make: Callable[[], Model], judge: Callable[[], Model], how: str) -> Model:
    return pruned(make(), judge(), how)


def main() -> None:
    """Train what is not there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", required=True, choices=sorted(HELD))
    build(list(jobs(parser.parse_args().shape)), workers=1)


if __name__ == "__main__":
    main()

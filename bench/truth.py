"""Which models the truth sets hold, how each is made, and what is true of each pair (METHODS §1, §12, §13)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

from bench.shapes import SHAPES
from bench.training import Course, course

INDEPENDENTS = {"llama64": 100, "gpt2-64": 100, "qwen2-64": 20, "moe-64": 20, "llama128": 12, "llama256": 4,
                "qwen2-80": 24, "moe-80": 24, "qwen2-96": 4, "gemma-72": 24,
                "llama48": 28, "gpt2-56": 28, "qwen2-72": 24, "moe-48": 16, "gemma-96": 12, "gemma-80": 12}  # fmt: skip
FRESH = ("llama48", "gpt2-56", "qwen2-72", "moe-48", "gemma-96")
"""Shapes, widths and seeds that nobody had trained before decision 0033; measured once after it."""
FRESH_SEEDS = 100_000
"""Seeds of FRESH begin above every seed used before."""
HELD_OUT = ("qwen2-80", "moe-80", "qwen2-96", "gemma-72", *FRESH, "gemma-80")
"""Measured once, after the thresholds were frozen on llama64 and gpt2-64 (decision 0002; gemma-72: decision 0015;
gemma-80: decision 0050)."""
FURTHER = {"quarter": 0.25, "one": 1.0, "four": 4.0}
"""Further training as shares of the base's own compute; 0 is the base itself."""
STAGES = (25, 50, 100)
"""Per cent of training at which same-seed pairs are kept."""
FLAWED_INITS = ("one-key-layers", "one-key-gate-up", "cloned-shards")
GROWN = {
    "two layers inserted, copied": "inserted",
    "MLP widened by half": "widened",
    "residual width doubled": "doubled",
    "dense to four experts": "experts",
    "keys and values shared": "shared",
    "vocabulary extended": "extended",
}
"""Operations (bench.operations) after which training went on, as it did in the cases the testimony alleges."""
STRATUM_SIZE = 6
RELATED, INDEPENDENT, SHARED_START, DISTILLED = "related", "independent", "shared-start", "distilled"


@dataclass(frozen=True)
class Job:
    """One model. kind: train (from a seed), further (from a parent), student (from a seed, taught by a parent), rewrite
    (a parent's outputs, other coordinates) or grown (a parent after an operation, then trained further)."""

    id: str
    kind: str
    shape: str
    seed: int
    course: Course
    parent: str = ""
    init: str = "plain"
    rewrite: str = ""
    operation: str = ""

    def as_dict(self) -> dict[str, Any]:
        """What identifies the job; an operation only where there is one."""
        return {k: v for k, v in asdict(self).items() if k != "operation" or v}


@dataclass(frozen=True)
class Pair:
    """Two models and what is true of them; subject before candidate."""

    subject: str
    candidate: str
    truth: str
    stratum: str
    further: float = field(default=0.0)
    """Further training between them, as a share of the base's compute."""


def _independents() -> Iterator[Job]:
    for number, (shape, count) in enumerate(INDEPENDENTS.items()):
        first = 1000 * (number + 1) + FRESH_SEEDS * (shape in FRESH)
        for n in range(count):
            yield Job(f"{shape}/independent-{n:03d}", "train", shape, first + n, course(shape))


def base(shape: str, n: int) -> str:
    """The first independents of a shape double as bases of further training."""
    return f"{shape}/independent-{n:03d}"


def _further() -> Iterator[Job]:
    for shape, bases, texts in (
        ("llama64", 3, ("other", "dirty")),
        ("gpt2-64", 3, ("other",)),
        ("gpt2-64", 1, ("dirty",)),
        ("qwen2-64", 1, ("other",)),
        ("moe-64", 1, ("other",)),
        ("qwen2-80", 2, ("other",)),
        ("moe-80", 2, ("other",)),
        ("qwen2-96", 2, ("other",)),
        ("gemma-72", 2, ("other",)),
        *((shape, 2, ("other",)) for shape in FRESH),
        ("gemma-80", 2, ("other",)),
    ):
        for n in range(bases):
            for text in texts:
                for word, share in FURTHER.items():
                    yield Job(
                        f"{shape}/further-{n}-{text}-{word}",
                        "further",
                        shape,
                        0,
                        course(shape, share, text=text, order=1),
                        parent=base(shape, n),
                    )


def _same_seed() -> Iterator[Job]:
    for shape, seeds in (("llama64", 3), ("gpt2-64", 1), ("qwen2-80", 1), ("moe-80", 1), ("qwen2-96", 2)):
        for n in range(seeds):
            for side, text in (("a", "main"), ("b", "other")):
                for stage in STAGES:
                    whole = course(shape)
                    yield Job(
                        f"{shape}/same-seed-{n}-{side}-{stage}",
                        "train",
                        shape,
                        50_000 + n,
                        course(shape, text=text, order=2 if side == "b" else 0, stop=round(whole.steps * stage / 100)),
                    )


def _strata() -> Iterator[Job]:
    for init in FLAWED_INITS:
        for n in range(STRATUM_SIZE):
            yield Job(f"llama64/{init}-{n}", "train", "llama64", 60_000 + n, course("llama64"), init=init)
    for rewrite in ("svd-basis", "norm-sorted"):
        for n in range(STRATUM_SIZE):
            yield Job(
                f"llama64/{rewrite}-{n}",
                "rewrite",
                "llama64",
                0,
                course("llama64"),
                rewrite=rewrite,
                parent=base("llama64", 90 + n),
            )
    for teacher in ("logits", "hidden", "hidden-states-above-all"):
        for n in range(4):
            yield Job(
                f"llama64/student-{teacher}-{n}",
                "student",
                "llama64",
                70_000 + n,
                course("llama64", teacher=teacher, order=3),
                parent=base("llama64", n % 3),
            )


def _grown() -> Iterator[Job]:
    for operation, word in GROWN.items():
        for n, amount in ((0, "one"), (1, "one"), (2, "one"), (0, "four")):
            yield Job(
                f"llama64/grown-{word}-{n}-{amount}",
                "grown",
                "llama64",
                n,
                course("llama64", FURTHER[amount], text="other", order=1),
                parent=base("llama64", n),
                operation=operation,
            )


def plan() -> list[Job]:
    """Every model of the truth sets, those that matter most first, parents before children."""
    order = {
        "llama64": 0,
        "gpt2-64": 0,
        "qwen2-64": 1,
        "moe-64": 1,
        "llama128": 4,
        "llama256": 4,
        **dict.fromkeys(HELD_OUT, 2),
    }
    jobs = [(order[j.shape], j) for j in _independents()]
    jobs += [(2, j) for j in _further()] + [(3, j) for j in (*_same_seed(), *_strata())]
    jobs += [(5, j) for j in _grown()]
    return [j for _, j in sorted(jobs, key=lambda pair: pair[0])]


SLICES = {"test": ("tiny", 3)}
UNDRAWN = {"llama56": 8, "gpt2-72": 8, "qwen2-56": 8, "moe-72": 8, "llama40": 1, "gpt2-48": 1, "qwen2-48": 1, "moe-56": 1,
           "llama72": 1, "gpt2-40": 1, "qwen2-40": 1, "moe-40": 1}  # fmt: skip
"""Shapes that decide decisions on recipes (0095 the first four, 0113 the next, 0124 the last): independents of each, with seeds
above every one used before."""

REWRITTEN = ("qwen2-60", "gpt2-60", "llama60", "moe-60")
"""Shapes that decide decision 0136 (kin of a library that were rewritten): two bases of each and an independent besides."""


def _rewritten() -> Iterator[Job]:
    for n in range(3):
        for at, shape in enumerate(REWRITTEN):
            yield Job(base(shape, n), "train", shape, 400_000 + 1000 * at + n, course(shape))
            for text, word in (("other", "four"), ("dirty", "four"), ("other", "one")) if n < 2 else ():
                name = f"{shape}/further-{n}-{text}-{word}"
                yield Job(
                    name, "further", shape, 0, course(shape, FURTHER[word], text=text, order=1), base(shape, n)
                )


def slice_plan(name: str) -> list[Job]:
    """A small plan by name: "test" is three tiny independents, one further trained, one student (about 20 s); "undrawn" the
    independents of UNDRAWN; "rewritten" the models of REWRITTEN."""
    if name == "rewritten":
        return list(_rewritten())
    if name == "undrawn":
        at = list(UNDRAWN)
        ids = [(shape, n) for n in range(max(UNDRAWN.values())) for shape in at if n < UNDRAWN[shape]]
        return [Job(f"{s}/independent-{n:03d}", "train", s, 300_000 + 1000 * at.index(s) + n, course(s)) for s, n in ids]
    shape, count = SLICES[name]
    jobs = [Job(f"{shape}/independent-{n:03d}", "train", shape, 900 + n, course("llama")) for n in range(count)]
    jobs.append(
        Job(
            f"{shape}/further-0-other-quarter",
            "further",
            shape,
            0,
            course("llama", 0.25, text="other", order=1),
            parent=jobs[0].id,
        )
    )
    return jobs


def build(name: str, root: Path, workers: int = 2) -> list[Path]:
    """Trains a slice by name into root, for tests that need models fresh from training (about 10 s each).

    Returns: the folders in the order of the plan: independents, then what was trained further.
    Raises:  KeyError for an unknown slice.
    """
    from bench import build as builder

    return [root / record["id"] for record in builder.build(slice_plan(name), workers, root, quiet=True)]


def pairs(shape: str) -> Iterator[Pair]:
    """Every labelled pair of one shape: all pairs of independents, further-trained models, strata."""
    count = INDEPENDENTS[shape]
    for a, b in combinations(range(count), 2):
        yield Pair(base(shape, b), base(shape, a), INDEPENDENT, "independent")
    names = {j.id: j for j in plan() if j.shape == shape}
    for job in names.values():
        if job.kind == "further":
            share = next(v for k, v in FURTHER.items() if job.id.endswith(k))
            yield Pair(job.id, job.parent, RELATED, f"further-{job.course.text}", share)
        elif job.kind == "grown":
            share = next(v for k, v in FURTHER.items() if job.id.endswith(k))
            yield Pair(job.id, job.parent, RELATED, f"grown-{GROWN[job.operation]}", share)
        elif job.kind == "student":
            yield Pair(job.id, job.parent, DISTILLED, f"student-{job.course.teacher}")
        elif "same-seed" in job.id and "-a-" in job.id:
            yield Pair(job.id.replace("-a-", "-b-"), job.id, SHARED_START, f"same-seed-{job.id.rsplit('-', 1)[1]}")
    for stratum in (*FLAWED_INITS, "svd-basis", "norm-sorted"):
        members = [n for n in names if n.startswith(f"{shape}/{stratum}-")]
        for left, right in combinations(members, 2):
            yield Pair(right, left, INDEPENDENT, stratum)


def check() -> None:
    """Names are unique, every parent comes before its child, shapes exist. Raises: ValueError otherwise."""
    seen: set[str] = set()
    for job in plan():
        if job.id in seen or job.shape not in SHAPES or (job.parent and job.parent not in seen):
            raise ValueError(f"the plan is wrong at {job.id}")
        seen.add(job.id)

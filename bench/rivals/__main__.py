"""Every rival on the same pairs (docs/benchmark.md).

python -m bench.rivals environments          installs the two tools, each in an environment of its own
python -m bench.rivals build                 trains and makes what is missing
python -m bench.rivals score                 asks every rival about every pair; bench/results/rivals-SHAPE.json
python -m bench.rivals cost                  seconds and megabytes in one run; bench/results/rivals-cost.json
python -m bench.rivals table                 the tables of README and docs/benchmark.md from these documents
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench.build import RESULTS, TRUTH, build
from bench.checkpoint import write_json
from bench.methods import METHODS
from bench.rivals import cases, cost, environments, score, table
from bench.truth import base


def _environments(_options: argparse.Namespace) -> int:
    made = environments.make_all()
    for one in made:
        print(one["tool"], one["error"] or "installed")
    return 1 if any(one["error"] for one in made) else 0


def _build(options: argparse.Namespace) -> int:
    for shape in options.shape:
        build(cases.jobs(shape), options.workers)
        print(f"{shape}: {cases.make(shape)} subjects made", file=sys.stderr)
    return 0


def _make(options: argparse.Namespace) -> int:
    for shape in options.shape:
        print(f"{shape}: {cases.make(shape)} subjects made", file=sys.stderr)
    return 0


def _score(options: argparse.Namespace) -> int:
    for shape in options.shape:
        made = score.document(shape, options.workers, options.method)
        if not options.method:
            write_json(score.result_path(options.results, shape), made)
    return 0


def _cost(options: argparse.Namespace) -> int:
    subject = TRUTH / cases.further("llama64", 0, "other", "one")
    write_json(options.results / "rivals-cost.json", cost.document(subject, TRUTH / base("llama64", 0), options.large))
    return 0


def _table(options: argparse.Namespace) -> int:
    table.write(options.results)
    return 0


def main() -> int:
    """Parses and calls one verb."""
    root = argparse.ArgumentParser("python -m bench.rivals", description=__doc__,
                                   formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    verbs = root.add_subparsers(dest="verb", required=True)
    for name, call in (
        ("environments", _environments), ("build", _build), ("make", _make), ("score", _score), ("cost", _cost),
        ("table", _table),
    ):  # fmt: skip
        verb = verbs.add_parser(name)
        verb.set_defaults(call=call)
        verb.add_argument("--shape", action="append", choices=cases.SHAPES, help="repeatable; both when not given")
        verb.add_argument(
            "--method", action="append", default=[], choices=list(METHODS), help="score: only these, kept"
        )
        verb.add_argument("--large", action="store_true", help="cost: on 135 million parameters instead of a toy")
        verb.add_argument("--workers", type=int, default=2, help="score: 0 takes what is kept and makes nothing")
        verb.add_argument("--results", type=Path, default=RESULTS)
    options = root.parse_args()
    options.shape = options.shape or list(cases.SHAPES)
    code: int = options.call(options)
    return code


if __name__ == "__main__":
    raise SystemExit(main())

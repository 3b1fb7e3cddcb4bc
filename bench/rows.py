"""Documents that grow case by case: each row is measured, written down, and not measured again when a run goes on."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from bench.checkpoint import kept_rows, replace_json
from bench.provenance import code
from bench.shapes import SHAPES
from forebear.core.seeds import generator

Row = dict[str, Any]


class Named(Protocol):
    """A case."""

    @property
    def name(self) -> str:
        """Names its row."""

    @property
    def stratum(self) -> str:
        """The stratum it is of."""


C = TypeVar("C", bound=Named)


def options_of(about: str | None) -> argparse.ArgumentParser:
    """The options that every such run has."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--shape", required=True, choices=sorted(SHAPES))
    parser.add_argument("--only", action="append", default=[], help="strata that contain this; repeatable")
    parser.add_argument("--part", default="1/1", help="k/n: every n-th case, in a drawn order")
    parser.add_argument("-o", "--output", type=Path, required=True)
    return parser


def write_rows(
    options: argparse.Namespace,
    cases: Iterable[C],
    measure: Callable[[C], Row | None],
    document: Callable[[str, Sequence[Row], dict[str, str]], Row],
    *,
    stream: str,
    shown: Sequence[str],
    last: Callable[[C, Sequence[C]], bool] = lambda case, wanted: False,
) -> None:
    """Measure what is wanted and not there yet; the document is whole after every row.

    measure: the row of a case, None where it cannot be measured; document: of shape, rows and code; stream: of the drawn order;
    shown: keys of a row that are printed; last: cases that wait for the others.
    """
    made_by = code()
    part, parts = (int(n) for n in options.part.split("/"))
    wanted = [c for c in cases if not options.only or any(word in c.stratum for word in options.only)]
    order = generator(stream, options.shape).permutation(len(wanted))[part - 1 :: parts]
    rows = kept_rows(options.output)
    there = {row["name"] for row in rows}
    for place in sorted(order, key=lambda place: last(wanted[place], wanted)):
        row = None if wanted[place].name in there else measure(wanted[place])
        if row is not None:
            rows.append(row | {"code": made_by["forebear"]})
            print(*(row.get(key) for key in shown), file=sys.stderr, flush=True)
            replace_json(options.output, document(options.shape, rows, made_by))

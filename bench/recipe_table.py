"""The page of what the recipe bench measured, written from its result files.

    R=bench/results/recipes; python -m bench.recipe_table $R-{chains,rewritten,further,invented,framed}-0095.json \\
        $R-alone-0090.json > docs/recipes-measured.md
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

TOP = """# Recipes: what was told in place of what

Written by `python -m bench.recipe_table` from result files of `python -m bench.recipes`; nothing here is written by hand.
*Exact*: the same steps, no more and no fewer, with their parameters. *Named*: the same steps. Of the others, *wrong* told a step
that was not done, or another parameter than it was done with; *silent* told less than was done, and nothing else.
Intervals are of 95 %,
by Wilson; no null hypothesis.
"""
HEAD = ("part", "of", "named", "exact", "share", "wrong", "silent")
STEP_HEAD = ("step that was done", "of", "told", "in exact chains", "told in its place")


def page(results: list[dict[str, Any]]) -> str:
    """The page, Markdown: one row for each part, then for each part a table of its steps."""
    lines = [TOP, *_table(HEAD, [_part(one) for one in results])]
    for one in results:
        if one.get("steps"):
            told = [_step(row) for row in one["steps"]]
            lines += ["", f"## {one['part']}", "", one.get("about", ""), "", *_table(STEP_HEAD, told)]
    return "\n".join(lines) + "\n"


def _part(one: dict[str, Any]) -> tuple[Any, ...]:
    whole, misses = one["lines"][0], one.get("misses", {})
    share = f"{100 * whole['exact'] / max(1, whole['of']):.0f} % ({100 * whole['low']:.0f} to {100 * whole['high']:.0f})"
    return one["part"], whole["of"], whole["named"], whole["exact"], share, misses.get("wrong", 0), misses.get("silent", 0)


def _step(row: dict[str, Any]) -> tuple[Any, ...]:
    instead = "; ".join(f"{name} ({count})" for name, count in sorted(row["instead"].items()))
    return row["operation"], row["of"], row["told"], row["exact_chains"], instead


def _table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> list[str]:
    return [f"| {' | '.join(map(str, row))} |" for row in (head, ("---",) * len(head), *rows)]


def main(argv: list[str] | None = None) -> int:
    """Print the page of the files that are named."""
    names = sys.argv[1:] if argv is None else argv
    print(page([json.loads(Path(name).read_text(encoding="utf-8")) for name in names]), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())

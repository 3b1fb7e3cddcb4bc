"""What a print costs: speed beside SHA-256, memory, and a table of what each part of the pass takes.

    python -m bench.library_cost [--megabytes 512] [--repeats 3]

The machine is shared, so processor seconds stand beside wall seconds and every command takes its turn in each round.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import ssl
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.library import write
from bench.provenance import code
from forebear.core.seeds import generator
from forebear.library.hashing import both_grids
from forebear.library.passing import BLOCK_VALUES

WIDTH, NEURONS = 2048, 5632
CONFIG = {"model_type": "llama", "hidden_size": WIDTH, "intermediate_size": NEURONS, "vocab_size": 1000, "num_attention_heads": 16,
          "num_key_value_heads": 16, "tie_word_embeddings": False}  # fmt: skip
ADD = (
    "import sys; from forebear.library.fingerprint import fingerprint; fingerprint(sys.argv[1], workers=2)\n"
    "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
)
"""It says its own peak in KiB: what the system says of a child counts what its parent held before it began."""
HASH = (
    "import sys, hashlib, concurrent.futures as c, os\n"
    "n = int(sys.argv[2]); size = os.path.getsize(sys.argv[1])\n"
    "def part(i):\n"
    "    h = hashlib.sha256(); f = open(sys.argv[1], 'rb'); f.seek(size * i // n); left = size * (i + 1) // n - size * i // n\n"
    "    while left:\n"
    "        b = f.read(min(left, 1 << 20)); left -= len(b); h.update(b)\n"
    "list(c.ThreadPoolExecutor(n).map(part, range(n)))\n"
)


def model(folder: Path, megabytes: int, dtype: str, *, sparse: bool = False) -> Path:
    """A llama of random weights of about that size; sparse: holes instead of values."""
    folder.mkdir(parents=True)
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (1000, WIDTH), "model.norm.weight": (WIDTH,)}
    item = 2 if dtype == "BF16" else 4
    layers = max(1, megabytes * 2**20 // (item * (4 * WIDTH * WIDTH + 3 * WIDTH * NEURONS)))
    for n in range(layers):
        p = f"model.layers.{n}."
        shapes |= {f"{p}self_attn.{x}_proj.weight": (WIDTH, WIDTH) for x in "qkvo"}
        shapes |= {f"{p}mlp.{x}_proj.weight": (NEURONS, WIDTH) for x in ("gate", "up")}
        shapes |= {
            f"{p}mlp.down_proj.weight": (WIDTH, NEURONS),
            f"{p}input_layernorm.weight": (WIDTH,),
            f"{p}post_attention_layernorm.weight": (WIDTH,),
        }
    head, at = {}, 0
    for name, shape in shapes.items():
        size = item * int(np.prod(shape))
        head[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    rng = generator("bench/library/cost", dtype)
    piece = rng.normal(0, 0.02, 2**22).astype(np.float32)
    stored = (piece.view(np.uint32) >> 16).astype("<u2").tobytes() if dtype == "BF16" else piece.tobytes()
    with (folder / "model.safetensors").open("wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        if sparse:
            out.truncate(8 + len(text) + at)
        else:
            left = at
            while left:
                out.write(stored[: min(left, len(stored))])
                left -= min(left, len(stored))
    (folder / "config.json").write_text(json.dumps({**CONFIG, "num_hidden_layers": layers}))
    return folder


def timed(command: list[str]) -> tuple[float, float, float]:
    """(wall, processor seconds, peak MB) of a process; the peak is 0 for one that does not say it."""
    started = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=said)
        _, status, usage = os.wait4(process.pid, 0)
        assert status == 0, command
        said.seek(0)
        word = said.read().split()[-1:]
    peak = float(word[0]) / 1024 if word and command[2:3] == [ADD] else 0.0
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime, peak


def beside(path: Path, weights: Path, repeats: int) -> dict[str, Any]:
    """Add of a checkpoint beside sha256sum and hashlib of its one file of weights, in turn."""
    file = str(weights)
    commands = {
        "add": [sys.executable, "-c", ADD, str(path)], "sha256sum": ["sha256sum", file],
        "hashlib": [sys.executable, "-c", HASH, file, "1"], "hashlib on two cores": [sys.executable, "-c", HASH, file, "2"],
        "start": [sys.executable, "-c", "import forebear.library.fingerprint"],
    }  # fmt: skip
    rows: dict[str, list[tuple[float, float, float]]] = {name: [] for name in commands}
    for round_ in range(repeats + 1):
        for name, command in commands.items():
            found = timed(command)
            if round_:
                rows[name].append(found)
    gigabytes = weights.stat().st_size / 1e9
    out: dict[str, Any] = {"gigabytes": round(gigabytes, 3)}
    for name, kept in rows.items():
        wall, processor, peak = (sorted(row[i] for row in kept)[len(kept) // 2] for i in range(3))
        out[name] = {"wall": round(wall, 3), "processor": round(processor, 3), **({"peak_mb": round(peak, 1)} if peak else {})}
    for other in ("sha256sum", "hashlib", "hashlib on two cores"):
        out[f"add is so many times as fast as {other}, wall"] = round(out[other]["wall"] / out["add"]["wall"], 3)
        out[f"add takes so many times the processor of {other}"] = round(
            out["add"]["processor"] / out[other]["processor"], 3
        )
    return out


def parts() -> dict[str, float]:
    """Nanoseconds a value of each part of the pass, on one core."""
    rng = generator("bench/library/parts", "1")
    block = rng.normal(0, 0.02, BLOCK_VALUES).astype(np.float32)
    words = (block.view(np.uint32) >> 16).astype(np.uint16)
    table = block.reshape(-1, WIDTH)
    right = np.hstack([both_grids("column", WIDTH, 1), np.ones((WIDTH, 1), np.float32)])
    left = both_grids("row", len(table), 1)
    product = table @ right
    buffer = np.empty_like(block)
    work: dict[str, Callable[[], object]] = {
        "SHA-256 of bfloat16": lambda: hashlib.sha256(words.data).digest(),
        "SHA-256 of float32": lambda: hashlib.sha256(block.data).digest(),
        "bfloat16 to float32": lambda: np.left_shift(words, 16, out=buffer.view(np.uint32), dtype=np.uint32),
        "minus zero and not-a-number in bfloat16": lambda: (words.view(np.int16).min(), words.view(np.int16).max(), words.max()),
        "sums over columns (sketch and screen)": lambda: table @ right,
        "sums over rows": lambda: left.T @ product,
        "norm and check for values that are no numbers": lambda: np.dot(block, block),
    }
    out = {}
    for name, call in work.items():
        call()
        times = []
        for _ in range(15):
            started = time.process_time()
            call()
            times.append(time.process_time() - started)
        out[name] = round(min(times) / BLOCK_VALUES * 1e9, 4)
    return out


def main(words: list[str] | None = None) -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser("python -m bench.library_cost", description=__doc__)
    parser.add_argument("--megabytes", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--gguf", action="append", type=Path, default=[], help="a GGUF file; repeatable")
    parser.add_argument(
        "--sparse",
        type=int,
        default=16000,
        help="megabytes of a file with holes; 0 for none",
    )
    options = parser.parse_args(words)
    stated = code()
    version = subprocess.check_output(["sha256sum", "--version"], text=True).splitlines()[0]
    body: dict[str, Any] = {"nanoseconds a value": parts(), "sha256sum": version, "hashlib": ssl.OPENSSL_VERSION}
    with tempfile.TemporaryDirectory() as name:
        for dtype in ("BF16", "F32"):
            made = model(Path(name) / dtype, options.megabytes, dtype)
            body[dtype] = beside(made, made / "model.safetensors", options.repeats)
        for gguf in options.gguf:
            body[f"GGUF {gguf.name}"] = beside(gguf, gguf, options.repeats)
        if options.sparse:
            holes = model(Path(name) / "sparse", options.sparse, "BF16", sparse=True)
            wall, processor, peak = timed([sys.executable, "-c", ADD, str(holes)])
            body["sparse"] = {
                "megabytes": options.sparse,
                "wall": round(wall, 1),
                "processor": round(processor, 1),
                "peak_mb": round(peak, 1),
            }
    write("library-cost", body, stated)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

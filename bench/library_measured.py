"""Measured prints, made once and kept: independents, rewritten copies of them in coordinates drawn anew, real files.

    python -m bench.library_measured --shape llama64 --shape gpt2-64 --moved 6 --real

They are kept as print files, one a model, in the folder that FOREBEAR_BENCH_PRINTS names (default: prints, in that of the bench).
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.corpus import WORK
from bench.library import Known, folders
from bench.operations import FORMS, Operation, derive
from forebear.core.errors import RefusedError
from forebear.library.fingerprint import fingerprint
from forebear.library.prints import Print, pack, unpack

KEPT = Path(os.environ.get("FOREBEAR_BENCH_PRINTS", WORK / "prints"))
REAL = Path(os.environ.get("FOREBEAR_REAL", Path.home() / ".cache" / "forebear" / "real"))
MOVED_SEED = 7000
"""Of the coordinates of the first rewritten copy; the next copy has the next seed."""
PLAIN = Operation("nothing", named=False)


def print_of(name: str, folder: Path) -> Print:
    """The print of a folder, from what was kept under this name or made now. Raises: RefusedError when it cannot be read."""
    kept = KEPT / f"{name}.fbp"
    if kept.is_file():
        return unpack(kept.read_bytes(), str(kept))
    one = fingerprint(folder, workers=1).one
    keep(name, one)
    return one


def keep(name: str, one: Print) -> None:
    """Keep a print under a name."""
    kept = KEPT / f"{name}.fbp"
    kept.parent.mkdir(parents=True, exist_ok=True)
    partial = kept.with_suffix(".partial")
    partial.write_bytes(pack(one))
    os.replace(partial, kept)


def independents(shapes: Sequence[str]) -> list[Known]:
    """Prints of the independents of these shapes, in the coordinates in which they were trained."""
    return [
        Known(name := f"{shape}/{path.name}", print_of(name, path), True)
        for shape in shapes
        for path in folders(shape)
        if path.name.startswith("independent")
    ]


def moved(shapes: Sequence[str], copies: int) -> Iterator[Known]:
    """Prints of independents after a rewriting that leaves their outputs as they were; as many copies of each."""
    for shape in shapes:
        for path in folders(shape):
            if not path.name.startswith("independent"):
                continue
            for number in range(copies):
                name = f"{shape}/{path.name}-moved-{number}"
                if not (KEPT / f"{name}.fbp").is_file():
                    with tempfile.TemporaryDirectory() as target:
                        derive(path, Path(target), PLAIN, FORMS[2], MOVED_SEED + number)
                        keep(name, fingerprint(target, workers=1).one)
                yield Known(name, print_of(name, path), True)


def trained(shapes: Sequence[str]) -> list[Known]:
    """Prints of the models of these shapes that descend from others: further trained ones, siblings, grown ones."""
    return [
        Known(name := f"{shape}/{path.name}", print_of(name, path), False)
        for shape in shapes
        for path in folders(shape)
        if not path.name.startswith("independent")
    ]


def real() -> Iterator[Known]:
    """Prints of the published checkpoints that scripts/fetch_real.py brought, where there is a screen of them."""
    for path in sorted(REAL.glob("*")):
        inside = [path, *sorted(path.glob("*.gguf")), *sorted(path.glob("*.onnx"))]
        for one in inside:
            try:
                found = print_of(f"real/{path.name}-{one.stem if one != path else 'folder'}", one)
            except RefusedError:
                continue
            if found.arrays["screen"].any():
                yield Known(f"real/{one.name}", found, True)
                break


def main(words: list[str] | None = None) -> int:
    """Make what is missing."""
    parser = argparse.ArgumentParser("python -m bench.library_measured", description=__doc__)
    parser.add_argument("--shape", action="append", default=[])
    parser.add_argument("--moved", type=int, default=0, help="rewritten copies of each independent")
    parser.add_argument("--real", action="store_true")
    options = parser.parse_args(words)
    print("independents", len(independents(options.shape)), flush=True)
    print("rewritten", sum(1 for _ in moved(options.shape, options.moved)), flush=True)
    print("trained further", len(trained(options.shape)), flush=True)
    print("real", sum(1 for _ in real()) if options.real else 0)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

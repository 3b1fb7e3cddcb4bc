"""Whatever a checkpoint holds, a command ends with its exit code (docs/reference.md#exit-codes): no traceback, no half-written file."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import forebear.core.errors
from forebear import cli
from forebear.cli.application import app
from forebear.comparison.demo import demo_folder
from forebear.core.seeds import generator
from forebear.files.sources import open_container
from tests.files.make import write
from tests.hostile.test_headers import DEFECTS

Arrays = dict[str, np.ndarray]
UNRELATED = {"no-evidence", "cannot-tell"}


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    """Run the command line in this process, a warning being as bad as a fault."""
    monkeypatch.delenv("FOREBEAR_DEBUG", raising=False)

    def run(*words: object) -> Ended:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            code = cli.guarded(lambda: app([str(word) for word in words], standalone_mode=False))
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="module")
def base() -> Path:
    return demo_folder() / "base"


@pytest.fixture(scope="module")
def weights(base: Path) -> Arrays:
    container = open_container(base)
    return {name: container.read(name) for name in container.tensors}


def like(base: Path, folder: Path, arrays: Arrays, config: bytes | None = None, tokenizer: bytes | None = None) -> Path:
    """A checkpoint beside the demo's configuration and tokenizer, or the ones given."""
    folder.mkdir()
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, folder / "model.safetensors")
    write(folder / "config.json", (base / "config.json").read_bytes() if config is None else config)
    write(folder / "tokenizer.json", (base / "tokenizer.json").read_bytes() if tokenizer is None else tokenizer)
    return folder


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defective_file_ends_every_command_with_3_and_one_line(
    tmp_path: Path, base: Path, command: Callable[..., Ended], defect: str
) -> None:
    bad = write(tmp_path / "bad.safetensors", DEFECTS[defect][0])
    target = tmp_path / "out.json"
    for words in (("inspect", bad), ("compare", bad, base), ("compare", base, bad), ("inspect", bad, "-o", target)):
        ended = command(*words)
        assert ended.code == 3, ended.err
        assert ended.out == ""
        assert ended.err.startswith("forebear: ")
        assert ended.err.count("\n") == 1
        assert DEFECTS[defect][1] in ended.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.safetensors"]


def fill(value: float, part: str = "") -> Callable[[Arrays], Arrays]:
    return lambda arrays: {n: np.full_like(a, value) if part in n else a for n, a in arrays.items()}


def each(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Arrays], Arrays]:
    return lambda arrays: {name: change(array) for name, array in arrays.items()}


def noise(arrays: Arrays) -> Arrays:
    rng = generator("tests/hostile/noise")
    return {name: rng.normal(size=a.shape).astype(np.float32) for name, a in arrays.items()}


NOTHING_SHARED: dict[str, Callable[[Arrays], Arrays]] = {
    "all values not a number": fill(np.nan),
    "all values infinite": fill(np.inf),
    "all values zero": fill(0.0),
    "all values one": fill(1.0),
    "noise": noise,
    "every row the same": each(lambda a: np.repeat(a[:1], a.shape[0], 0)),
    "largest whole numbers": each(lambda a: np.full(a.shape, 2**63, dtype=np.uint64)),
    "no rows": each(lambda a: a[:0]),
    "scalars": each(lambda a: a.reshape(-1)[0].reshape(())),
    "eight dimensions": lambda arrays: {"x": generator("tests/hostile/8d").normal(size=(2,) * 8).astype(np.float32)},
    "one long vector": lambda arrays: {"x": generator("tests/hostile/1d").normal(size=50_000).astype(np.float32)},
    "one scalar": lambda arrays: {"x": np.float32(1).reshape(())},
    "no tensors": lambda arrays: {},
}


@pytest.mark.parametrize("case", NOTHING_SHARED)
def test_a_checkpoint_that_shares_nothing_is_never_called_related(
    tmp_path: Path, base: Path, weights: Arrays, command: Callable[..., Ended], case: str
) -> None:
    odd = like(base, tmp_path / "odd", NOTHING_SHARED[case](weights))
    for pair in ((odd, base), (base, odd)):
        ended = command("compare", *pair, "--format", "json")
        assert ended.code == 0, ended.err
        assert json.loads(ended.out)["verdict"]["relation"] in UNRELATED
    assert command("inspect", odd, "--full", "--format", "json").code == 0


KEPT: dict[str, Callable[[Arrays], Arrays]] = {
    "one value not a number": lambda arrays: {n: np.where(np.arange(a.size).reshape(a.shape) == 0, np.nan, a).astype("f4")
                                              for n, a in arrays.items()},
    "gains not a number": fill(np.nan, "norm"),
    "embedding zero": fill(0.0, "embed"),
    "scaled to the end of the range": each(lambda a: a * np.float32(1e37)),
    "a layer missing": lambda arrays: {n: a for n, a in arrays.items() if "layers.1." not in n},
    "no query maps": lambda arrays: {n: a for n, a in arrays.items() if "q_proj" not in n},
    "names of control characters": lambda arrays: {f"\x1b[31m{n}\u202e\n": a for n, a in arrays.items()},
    "names of markup": lambda arrays: {f"[bold]<script>{n}": a for n, a in arrays.items()},
}  # fmt: skip


@pytest.mark.parametrize("case", KEPT)
def test_damage_that_leaves_most_weights_hides_nothing_and_breaks_nothing(
    tmp_path: Path, base: Path, weights: Arrays, command: Callable[..., Ended], case: str
) -> None:
    odd = like(base, tmp_path / "odd", KEPT[case](weights))
    for pair in ((odd, base), (base, odd)):
        ended = command("compare", *pair, "--format", "json")
        assert ended.code == 0, ended.err
        relation = json.loads(ended.out)["verdict"]["relation"]
        assert relation == ("identical" if case.startswith("names") else "related")  # names that say nothing
    seen = command("inspect", odd)
    assert seen.code == 0, seen.err
    assert all(line.isprintable() for line in seen.out.splitlines())


@pytest.mark.parametrize("shape", [lambda a: a.T, lambda a: a.reshape(-1), lambda a: a.reshape((1, *a.shape)), lambda a: a[:1],
                                   lambda a: a[..., : a.shape[-1] // 2], lambda a: np.concatenate([a, a], 0)])  # fmt: skip
def test_shapes_that_fit_no_configuration_end_with_0_or_3(
    tmp_path: Path,
    base: Path,
    weights: Arrays,
    command: Callable[..., Ended],
    shape: Callable[[np.ndarray], np.ndarray],
) -> None:
    odd = like(base, tmp_path / "odd", each(shape)(weights))
    for words in (("compare", odd, base), ("compare", base, odd), ("inspect", odd)):
        ended = command(*words, "--format", "json")
        assert ended.code in (0, 3), ended.err
        assert ended.err.count("\n") == (ended.code == 3)


VALUES: list[Any] = [None, -1, 0, 7, 2**62, 10**30, 1.5, "x", [], {}]


@pytest.mark.parametrize("key", ["hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
                                 "intermediate_size", "vocab_size", "model_type", "architectures", "rope_theta"])  # fmt: skip
def test_a_configuration_that_lies_ends_with_0_or_3(
    tmp_path: Path, base: Path, weights: Arrays, command: Callable[..., Ended], key: str
) -> None:
    honest = json.loads((base / "config.json").read_text())
    for number, value in enumerate(VALUES):
        config = json.dumps({**honest, key: value}).encode()
        odd = like(base, tmp_path / f"odd{number}", weights, config)
        for words in (("compare", odd, base), ("inspect", odd)):
            ended = command(*words, "--format", "json")
            assert ended.code in (0, 3), f"{value!r}: {ended.err}"


BAD_JSON = [b"", b"{", b"[]", b"null", b"\xff", b'{"a":NaN}', b"[" * 100_000, b'{"hidden_size": ' + b"9" * 5000 + b"}"]


@pytest.mark.parametrize("content", BAD_JSON)
@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_a_bad_file_beside_the_weights_ends_with_0_or_3(
    tmp_path: Path, base: Path, weights: Arrays, command: Callable[..., Ended], name: str, content: bytes
) -> None:
    odd = like(base, tmp_path / "odd", weights)
    write(odd / name, content)
    for words in (("compare", odd, base), ("compare", base, odd), ("inspect", odd)):
        ended = command(*words)
        assert ended.code in (0, 3), ended.err
        assert ended.err.count("\n") == (ended.code == 3)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_a_folder_or_a_pipe_in_place_of_a_small_file_neither_hangs_nor_breaks(
    tmp_path: Path, base: Path, weights: Arrays, command: Callable[..., Ended], name: str
) -> None:
    import os

    for number, make in enumerate((Path.mkdir, os.mkfifo)):
        odd = like(base, tmp_path / f"odd{number}", weights)
        (odd / name).unlink()
        make(odd / name)
        for words in (("compare", odd, base), ("inspect", odd)):
            assert command(*words).code in (0, 3)


def test_an_output_file_that_exists_survives_a_refusal(
    tmp_path: Path, base: Path, command: Callable[..., Ended]
) -> None:
    target = write(tmp_path / "out.json", b"precious")
    bad = write(tmp_path / "bad.safetensors", b"")
    assert command("compare", bad, base, "-o", target).code == 3
    assert target.read_bytes() == b"precious"


def test_the_library_raises_where_the_command_line_exits(tmp_path: Path, base: Path) -> None:
    with pytest.raises(forebear.core.errors.RefusedError):
        forebear.compare(tmp_path / "none", [base])

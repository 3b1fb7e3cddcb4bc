"""Arrays in memory read like a file: rows, chosen rows, stored bytes, and refusals."""

from __future__ import annotations

import numpy as np
import pytest

from forebear.core.errors import RefusedError
from tests.memory import MemoryContainer


def test_rows_chosen_rows_and_bytes_are_those_of_the_array(rng: np.random.Generator) -> None:
    array = rng.standard_normal((5, 3)).astype(np.float32)
    container = MemoryContainer({"a": array, "s": np.float32(2.5) * np.ones(())}, {"format": "pt"})
    np.testing.assert_array_equal(container.rows("a", 1, 4), array[1:4])
    np.testing.assert_array_equal(container.take("a", [4, 0]), array[[4, 0]])
    np.testing.assert_array_equal(container.read("s"), np.array(2.5))
    assert b"".join(bytes(piece) for piece in container.stored("a")) == array.tobytes()
    assert container.tensors["a"].shape == (5, 3)
    assert container.tensors["a"].dtype == "F32"
    assert container.metadata == {"format": "pt"}


def test_other_types_are_widened_and_transposed_views_are_stored_in_order() -> None:
    container = MemoryContainer(
        {"h": np.arange(6, dtype=np.float16).reshape(2, 3).T, "i": np.array([1, 2], dtype=">i4")}
    )
    assert container.rows("h").dtype == np.float32
    assert b"".join(map(bytes, container.stored("h"))) == np.array([0, 3, 1, 4, 2, 5], dtype="<f2").tobytes()
    assert b"".join(map(bytes, container.stored("i"))) == np.array([1, 2], dtype="<i4").tobytes()


@pytest.mark.parametrize("array", [np.array(["a"]), np.array([object()]), np.array([1j])])
def test_what_is_no_weight_is_refused(array: np.ndarray) -> None:  # type: ignore[type-arg]
    with pytest.raises(RefusedError, match="no weights"):
        MemoryContainer({"x": array})


def test_a_closed_container_and_a_missing_tensor_are_refused() -> None:
    container = MemoryContainer({"a": np.ones(3)})
    with pytest.raises(RefusedError, match="no such tensor"):
        container.rows("b")
    container.close()
    with pytest.raises(RefusedError, match="no such tensor"):
        container.rows("a")

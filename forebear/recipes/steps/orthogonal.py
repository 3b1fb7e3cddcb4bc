"""Random matrices for rewriting a model: rotations, signs, well-conditioned mixtures."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[Any]
"""Arrays of float64, whatever the operations that made them are declared to return."""


def rotation(rng: np.random.Generator, size: int) -> Float64:
    """A uniformly random (Haar) orthogonal matrix, by QR of a Gaussian with the signs of R's diagonal put back.

    Shapes: returns (size, size).
    """
    q, r = np.linalg.qr(rng.standard_normal((size, size)))
    return np.asarray(q * np.where(np.diag(r) < 0, -1.0, 1.0))


def rotation_keeping_ones(rng: np.random.Generator, size: int) -> Float64:
    """A random orthogonal matrix that maps the all-ones vector to itself: what LayerNorm allows (METHODS §9).

    Shapes: returns (size, size); uniform on the complement of ones. size 1 gives [[1]].
    """
    if size == 1:
        return np.ones((1, 1))
    axis = np.full(size, 1 / np.sqrt(size))
    axis[0] -= 1.0  # Householder vector taking ones/√size to the first unit vector
    mirror = np.eye(size) - 2 * np.outer(axis, axis) / (axis @ axis)
    inner = np.eye(size)
    inner[1:, 1:] = rotation(rng, size - 1)
    return np.asarray(mirror @ inner @ mirror)


def mixture(rng: np.random.Generator, size: int, spread: float) -> tuple[Float64, Float64]:
    """A random invertible matrix and its inverse, singular values within exp(±spread).

    Shapes: returns (size, size) twice; spread 0 gives rotations.
    """
    left, right = rotation(rng, size), rotation(rng, size)
    scale = np.exp(rng.uniform(-spread, spread, size))
    return left * scale @ right, (right.T / scale) @ left.T


def signs(rng: np.random.Generator, size: int) -> Float64:
    """Independent fair ±1, shape (size,)."""
    return rng.integers(0, 2, size) * 2.0 - 1.0


def scales(rng: np.random.Generator, size: int, spread: float) -> Float64:
    """Independent factors exp(u), u uniform within ±spread, shape (size,)."""
    return np.exp(rng.uniform(-spread, spread, size))

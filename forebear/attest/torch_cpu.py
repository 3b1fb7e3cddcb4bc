"""Numbers as PyTorch's CPU generator draws them, bit for bit, in numpy (METHODS §19).

Reimplemented from what the kernels compute: the Mersenne twister seeded with the low 32 bits of the seed; uniform numbers of 24
bits; for 16 values and more the vectorised Box-Muller transform of processors with AVX2 and FMA (logarithm, sine and cosine by the
polynomials of the Cephes library, products fused with sums); for fewer values the scalar transform in double precision, whose
second value is kept for the next call. Held against PyTorch 2.13 in tests. Other processors draw other last bits: those are not
covered.
"""

from __future__ import annotations

from math import cos, log1p, pi, sin, sqrt

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]

BLOCK = 16
"""Values that the vectorised kernel makes at a time: eight pairs."""
CHUNK = 2**18
"""Values made at once, so that memory stays small whatever is asked for."""
MASK = 0xFFFFFFFF
_HALF = np.int64(1 << 28)
_LOW = np.int64((1 << 29) - 1)
_LOG = (7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
        2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1)  # fmt: skip
_LOG_TWO = (-2.12194440e-4, 0.693359375)
_PI_QUARTERS = (-0.78515625, -2.4187564849853515625e-4, -3.77489497744594108e-8)
_COSINE = (2.443315711809948e-005, -1.388731625493765e-003, 4.166664568298827e-002)
_SINE = (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
"""Coefficients of the Cephes library (logf, sinf, cosf), as single-precision vector code has used them since."""


class TorchCpu:
    """One generator; calls draw in order, as `torch.manual_seed(seed)` and the calls of the same name do.

    >>> [round(float(v), 4) for v in TorchCpu(0).uniform(2)]
    [0.4963, 0.7682]
    """

    def __init__(self, seed: int) -> None:
        self._engine = np.random.MT19937()
        self._engine._legacy_seeding(seed & MASK)  # Knuth's initialisation, as PyTorch has it
        self._kept: float | None = None

    def _bits(self, count: int) -> NDArray[np.uint64]:
        return np.asarray(self._engine.random_raw(count), dtype=np.uint64)

    def uniform(self, count: int, low: float = 0.0, high: float = 1.0) -> F32:
        """`torch.empty(count).uniform_(low, high)`. Shapes: (count,)."""
        unit = (self._bits(count) & np.uint64(0xFFFFFF)).astype(np.float32) * np.float32(2.0**-24)
        begin, end = np.float32(low), np.float32(high)
        return fused(unit, end - begin, begin)

    def normal(self, count: int, std: float = 1.0) -> F32:
        """`torch.empty(count).normal_(0, std)`. Shapes: (count,)."""
        if count < BLOCK:
            return np.array([np.float32(self._scalar() * std) for _ in range(count)], dtype=np.float32)
        out = np.empty(count, dtype=np.float32)
        whole = count - count % BLOCK
        for start in range(0, whole, CHUNK):
            stop = min(start + CHUNK, whole)
            out[start:stop] = _pairs(self.uniform(stop - start), std)
        if whole < count:  # the kernel draws the tail, throws it away and makes the last sixteen anew
            self._bits(count - whole)
            out[-BLOCK:] = _pairs(self.uniform(BLOCK), std)
        return out

    def skip_uniform(self, count: int) -> None:
        """Draw and forget what `uniform` would."""
        for start in range(0, count, CHUNK):
            self._bits(min(CHUNK, count - start))

    def skip_normal(self, count: int) -> None:
        """Draw and forget what `normal` would."""
        if count < BLOCK:
            self.normal(count)
        else:
            self.skip_uniform(count + (BLOCK if count % BLOCK else 0))

    def _double(self) -> float:
        high, low = (int(v) for v in self._bits(2))
        return float((((high << 32) | low) & ((1 << 53) - 1)) * 2.0**-53)

    def _scalar(self) -> float:
        if self._kept is not None:
            kept, self._kept = self._kept, None
            return kept
        first, second = self._double(), self._double()
        radius, angle = sqrt(-2.0 * log1p(-second)), 2.0 * pi * first
        self._kept = radius * sin(angle)
        return radius * cos(angle)


def fused(a: F32, b: F32 | np.float32, c: F32 | np.float32) -> F32:
    """a * b + c rounded once, as a fused multiply-add rounds it. Shapes: alike, or numbers for b and c.

    The product of two singles is exact in double precision; only where the double sum lies exactly between two singles could
    rounding twice differ, and there what the double sum lost decides.
    """
    product = np.multiply(a, b, dtype=np.float64)
    addend = np.asarray(c, dtype=np.float64)
    total = product + addend
    bits = total.view(np.int64)
    halves = (bits & _LOW) == _HALF
    if halves.any():
        where = np.nonzero(halves)
        left, right, whole = product[where], np.broadcast_to(addend, product.shape)[where], total[where]
        part = whole - left
        lost = (left - (whole - part)) + (right - part)
        step = np.where(lost == 0, 0, np.where((lost > 0) == (whole > 0), 1, -1))
        bits[where] += step.astype(np.int64)
    return total.astype(np.float32)


def _polynomial(x: F32, coefficients: tuple[float, ...]) -> F32:
    value = np.full_like(x, np.float32(coefficients[0]))
    for coefficient in coefficients[1:]:
        value = fused(value, x, np.float32(coefficient))
    return value


def _logarithm(x: F32) -> F32:
    bits: I32 = np.maximum(x, np.float32(1.17549435e-38)).view(np.int32)
    exponent = ((bits >> 23) - 126).astype(np.float32)
    fraction = ((bits & ~0x7F800000) | 0x3F000000).view(np.float32)
    small = fraction < np.float32(0.707106781186547524)
    exponent = exponent - small.astype(np.float32)
    x = (fraction - np.float32(1)) + np.where(small, fraction, np.float32(0))
    square = x * x
    y = _polynomial(x, _LOG) * x
    y = fused(y, square, exponent * np.float32(_LOG_TWO[0]))
    y = fused(square, np.float32(-0.5), y)
    return fused(exponent, np.float32(_LOG_TWO[1]), x + y)


def _sine_cosine(x: F32) -> tuple[F32, F32]:
    """Of angles from 0 to 2 pi."""
    octant: I32 = (x * np.float32(1.27323954473516)).astype(np.int32)
    octant = (octant + 1) & ~1
    quarters = octant.astype(np.float32)
    for part in _PI_QUARTERS:
        x = fused(quarters, np.float32(part), x)
    square = x * x
    c = _polynomial(square, _COSINE) * square
    c = fused(c, square, square * np.float32(-0.5)) + np.float32(1)
    s = fused(_polynomial(square, _SINE) * square, x, x)
    straight = (octant & 2) == 0
    sine, cosine = np.where(straight, s, c), np.where(straight, c, s)
    return np.where((octant & 4) != 0, -sine, sine), np.where(((octant - 2) & 4) == 0, -cosine, cosine)


def _pairs(uniform: F32, std: float) -> F32:
    """Box-Muller on blocks of sixteen: the first eight give radii, the others angles."""
    blocks = uniform.reshape(-1, BLOCK)
    half = BLOCK // 2
    radius = np.sqrt(np.float32(-2) * _logarithm(np.float32(1) - blocks[:, :half]))
    sine, cosine = _sine_cosine(np.float32(2 * pi) * blocks[:, half:])
    scale = np.float32(std)
    pairs: F32 = np.concatenate([radius * cosine * scale, radius * sine * scale], axis=1)
    return pairs.ravel()

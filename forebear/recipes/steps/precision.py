"""Operations on the values themselves: pruned, quantised and given back, re-saved in another type, noised."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase

import numpy as np

from forebear.recipes.steps.draft import Draft
from forebear.recipes.steps.families import every
from forebear.recipes.steps.layout import Linear
from forebear.recipes.steps.model import Model
from forebear.recipes.steps.step import Step, require
from forebear.recipes.steps.storage import Array, rounded

DTYPE_NAMES = {"BF16": "bfloat16", "F16": "float16", "F32": "float32"}


def block_maps(draft: Draft) -> list[Linear]:
    """Every linear map inside the layers, routers and gates left out; a fused tensor once."""
    maps: dict[str, Linear] = {}
    for layer in draft.parts.layers:
        inner = [linear for mlp in layer.branches for linear in (*mlp.inward, mlp.down)]
        for linear in (layer.q, layer.k, layer.v, layer.o, *inner):
            maps[linear.weight] = Linear(linear.weight, linear.bias, linear.transposed)
    return list(maps.values())


def _change(model: Model, change: Callable[[Array], Array]) -> Model:
    """Apply a function of (out, in) matrices to every map inside the layers."""
    draft = Draft(model)
    for linear in block_maps(draft):
        draft.set_weight(linear, change(draft.weight(linear)))
    return draft.finish()


def prune_by_size(model: Model, rng: np.random.Generator, share: float = 0.5) -> Model:
    """Zero the share of entries smallest in size, matrix by matrix, inside the layers.

    Raises: RefusedError unless 0 < share < 1.
    Source: METHODS §12 (pruned).
    """
    require(0 < share < 1, f"a share of {share} cannot be pruned")

    def change(weight: Array) -> Array:
        order = np.argsort(np.abs(weight), axis=None, kind="stable")[: round(share * weight.size)]
        out = np.array(weight, order="C")
        out.reshape(-1)[order] = 0
        return out

    return _change(model, change)


def prune_in_groups(model: Model, rng: np.random.Generator, keep: int = 2, group: int = 4) -> Model:
    """Keep the `keep` largest of every `group` consecutive inputs of each row (2:4), zero the others.

    Raises: RefusedError when a matrix's inputs are not whole groups.
    Source: METHODS §12 (pruned).
    """
    require(0 < keep < group, f"{keep} of {group} cannot be kept")

    def change(weight: Array) -> Array:
        require(weight.shape[1] % group == 0, f"{weight.shape[1]} inputs are no whole groups of {group}")
        cells = np.array(weight).reshape(weight.shape[0], -1, group)
        smallest = np.argsort(-np.abs(cells), axis=2, kind="stable")[..., keep:]
        np.put_along_axis(cells, smallest, 0, axis=2)
        return np.asarray(cells.reshape(weight.shape))

    return _change(model, change)


def quantise_rows(model: Model, rng: np.random.Generator, bits: int = 8) -> Model:
    """Round every row (output channel) to a symmetric integer grid of its own, and back.

    bits: 2 to 8; the grid is s·k with |k| ≤ 2^(bits−1) − 1 and s = largest size in the row over that.
    Source: METHODS §12 (quantised), §16 (value grid).
    """
    require(2 <= bits <= 8, f"{bits} bits")
    top = 2 ** (bits - 1) - 1

    def change(weight: Array) -> Array:
        scale = np.abs(weight).max(axis=1, keepdims=True) / np.float32(top)
        scale = np.where(scale == 0, 1, scale).astype(np.float32)
        return np.asarray(np.clip(np.rint(weight / scale), -top, top).astype(np.float32) * scale)

    return _change(model, change)


def quantise_groups(model: Model, rng: np.random.Generator, bits: int = 4, group: int = 32) -> Model:
    """Round every group of consecutive inputs to 2^bits even steps between its least and largest value, and back.

    Raises: RefusedError when a matrix's inputs are not whole groups.
    Source: METHODS §12 (quantised), §16 (value grid).
    """
    require(2 <= bits <= 8 and group > 1, f"{bits} bits in groups of {group}")
    top = 2**bits - 1

    def change(weight: Array) -> Array:
        require(weight.shape[1] % group == 0, f"{weight.shape[1]} inputs are no whole groups of {group}")
        cells = np.asarray(weight, dtype=np.float32).reshape(weight.shape[0], -1, group)
        low, high = cells.min(axis=2, keepdims=True), cells.max(axis=2, keepdims=True)
        step = (high - low) / np.float32(top)
        step = np.where(step == 0, 1, step).astype(np.float32)
        levels = np.clip(np.rint((cells - low) / step), 0, top).astype(np.float32)
        return np.asarray(levels * step + low).reshape(weight.shape)

    return _change(model, change)


def to_fp8(values: Array) -> Array:
    """Values rounded to the nearest E4M3 number (3 mantissa bits, largest 448, least step 2⁻⁹), ties to even, clipped.

    Shapes: any, float32.
    """
    sizes = np.minimum(np.abs(values), np.float32(448))
    _, exponents = np.frexp(np.maximum(sizes, np.float32(2.0**-6)))  # below 2⁻⁶ the steps stay 2⁻⁹
    step = np.ldexp(np.float32(1), exponents - 4).astype(np.float32)
    out = np.copysign(np.minimum(np.rint(sizes / step) * step, np.float32(448)), values)
    return np.asarray(out, dtype=values.dtype)


def quantise_fp8(model: Model, rng: np.random.Generator, block: int | None = None) -> Model:
    """Round every matrix to E4M3 after scaling its largest size to 448, and back.

    block: side of the square blocks that share a scale; None scales a matrix as a whole.
    Source: METHODS §12 (quantised), §11 (FP8 loaded and saved as BF16).
    """
    require(block is None or block > 0, f"blocks of {block}")

    def change(weight: Array) -> Array:
        out = np.array(weight, dtype=np.float32)
        side = block or max(weight.shape)
        for row in range(0, out.shape[0], side):
            for column in range(0, out.shape[1], side):
                cell = out[row : row + side, column : column + side]
                scale = np.abs(cell).max() / np.float32(448)
                if scale > 0:
                    cell[...] = to_fp8(cell / scale) * scale
        return out

    return _change(model, change)


def resave(model: Model, rng: np.random.Generator, dtype: str = "BF16", tensors: str = "*") -> Model:
    """Store tensors in another type: a frozen base re-saved. Values are rounded as a stay in that type rounds them.

    dtype: BF16, F16 or F32. tensors: pattern of names; when it is all of them, the configuration says so too.
    Raises: RefusedError for another type, a pattern that names nothing, or values F16 cannot hold.
    Source: METHODS §12, §11 (frozen is equality up to the declared cast).
    """
    require(dtype in DTYPE_NAMES, f"models are not re-saved as {dtype}", todo=f"Say one of {', '.join(DTYPE_NAMES)}.")
    draft = Draft(model)
    chosen = [n for n, a in draft.arrays.items() if fnmatchcase(n, tensors) and np.issubdtype(a.dtype, np.floating)]
    require(bool(chosen), f"no tensor is called {tensors}")
    for name in chosen:
        draft.arrays[name] = rounded(draft.arrays[name].astype(np.float32), dtype)
        draft.dtypes[name] = dtype
    if len(chosen) == len(draft.arrays):
        key = "dtype" if "dtype" in draft.config else "torch_dtype"
        draft.config[key] = DTYPE_NAMES[dtype]
    return draft.finish()


def add_noise(model: Model, rng: np.random.Generator, size: float = 0.01, tensors: str = "*") -> Model:
    """Add Gaussian noise, its standard deviation `size` times that of the tensor (of its sizes when it is constant).

    tensors: pattern of names; integers are left alone.
    Raises: RefusedError for a pattern that names nothing.
    Source: METHODS §12 (noise added).
    """
    require(size > 0, f"noise of size {size}")
    draft = Draft(model)
    chosen = [n for n, a in draft.arrays.items() if fnmatchcase(n, tensors) and np.issubdtype(a.dtype, np.floating)]
    require(bool(chosen), f"no tensor is called {tensors}")
    for name in sorted(chosen):
        values = draft.arrays[name]
        scale = float(values.std()) or float(np.abs(values).mean())
        draft.set_vector(name, values + (size * scale) * rng.standard_normal(values.shape))
    return draft.finish()


STEPS = (
    Step(
        "pruned-by-size", prune_by_size, "operation", every, "METHODS §12",
        "The smallest entries of every matrix inside the layers are zeroed.",
    ),
    Step(
        "pruned-in-groups", prune_in_groups, "operation", every, "METHODS §12",
        "Of every four consecutive inputs the two largest are kept (2:4).",
    ),
    Step(
        "quantised-int8", quantise_rows, "operation", every, "METHODS §12, §16",
        "Every row is rounded to a symmetric integer grid and given back.",
    ),
    Step(
        "quantised-int4", quantise_groups, "operation", every, "METHODS §12, §16",
        "Every group of inputs is rounded to sixteen even steps and given back.",
    ),
    Step(
        "quantised-fp8", quantise_fp8, "operation", every, "METHODS §12, §16",
        "Every matrix is scaled, rounded to 8-bit floats and given back.",
    ),
    Step(
        "resaved", resave, "operation", every, "METHODS §11, §12",
        "Tensors are stored in another number type.",
    ),
    Step(
        "noise-added", add_noise, "operation", every, "METHODS §12",
        "Gaussian noise is added.",
    ),
)  # fmt: skip

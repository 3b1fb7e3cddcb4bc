"""ExLlamaV2's EXL2: X.q_weight (rows, out), X.q_scale (groups, out / 8), X.q_scale_max, X.q_groups and X.q_invperm.

Source: exllamav2 0.3.2, conversion/adaptivegptq.py (pack) and exllamav2_ext/cuda/q_matrix.cu (reconstruct): q_groups holds bits and
first packed row of every group; a group's codes run down its packed rows, lowest bits first; scale = (q_scale + 1)^2 / 256 x
q_scale_max; value = (code - half the range) x scale; input i lies in row q_invperm[i].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forebear.files.base import Container, Float32
from forebear.files.views.quantised_find import Recognised, Rows, small_values
from forebear.files.views.quantised_packed import unpack_across, unpack_down, words

BITS = (2, 3, 4, 5, 6, 8)
MAX_GROUPS = 2**16


@dataclass(frozen=True, slots=True)
class Exl2:
    """One matrix. groups: (bits, first packed row, one past the last) of every group, in order."""

    stem: str
    groups: tuple[tuple[int, int, int], ...]
    shape: tuple[int, int]
    whole: bool = True

    @property
    def dtype(self) -> str:
        """Shown as the tensor's type."""
        bits = sum(group[0] * (32 * (group[2] - group[1]) // group[0]) for group in self.groups)
        return f"EXL2 {bits / max(1, self.shape[1]):.1f}-bit"

    def take(self, container: Container, rows: Rows) -> Float32:
        """Rows (outputs) of the published matrix. Shape (len(rows), in)."""
        inputs = self.shape[1]
        with np.errstate(all="ignore"):
            largest = container.read(f"{self.stem}.q_scale_max").reshape(-1) / np.float32(256)
        steps = unpack_across(words(container, f"{self.stem}.q_scale"), 4)[:, rows].astype(np.float32) + 1
        out = np.empty((inputs, rows.size), dtype=np.float32)
        at = 0
        for place, (bits, first, last) in enumerate(self.groups):
            codes = unpack_down(words(container, f"{self.stem}.q_weight", first, last)[:, rows], bits)[: inputs - at]
            with np.errstate(all="ignore"):
                out[at : at + len(codes)] = (codes - 2 ** (bits - 1)) * (steps[place] ** 2 * largest[place])
            at += len(codes)
        order = container.read(f"{self.stem}.q_invperm").astype(np.intp)
        return np.ascontiguousarray(out[order].T)


def recognise_exl2(found: Recognised, name: str, stem: str) -> None:
    """One matrix; groups that are none (a converter's placeholder) leave it undecoded, a permutation that is none is refused."""
    packed, scales = found.shape(name, 2), found.shape(f"{stem}.q_scale", 2)
    order = found.shape(f"{stem}.q_invperm", 1)
    if (
        packed is None
        or scales is None
        or order is None
        or {found.dtype(name), found.dtype(f"{stem}.q_scale")} != {"I32"}
    ):
        return
    if scales[1] * 8 != packed[1] or found.shape(f"{stem}.q_scale_max", 1) != (scales[0],) or scales[0] > MAX_GROUPS:
        return
    groups = _groups(found, stem, scales[0], packed[0], order[0])
    if not groups:
        return
    inverse = found.container.read(f"{stem}.q_invperm")
    if not np.array_equal(np.sort(inverse), np.arange(order[0], dtype=np.float32)):
        raise found.refuse(stem, "invperm")
    parts = [f"{stem}.{part}" for part in ("q_weight", "q_scale", "q_scale_max", "q_groups", "q_invperm", "q_perm")]
    found.add(f"{stem}.weight", Exl2(stem, groups, (packed[1], order[0])), *parts)


def _groups(found: Recognised, stem: str, count: int, rows: int, inputs: int) -> tuple[tuple[int, int, int], ...]:
    """The groups as q_groups gives them, or () where they are not `count` runs of rows that hold every input."""
    stated = small_values(found.container, f"{stem}.q_groups", 2 * MAX_GROUPS) or []
    if len(stated) != 2 * count or any(bits not in BITS for bits in stated[::2]) or stated[1] != 0:
        return ()
    ends = [*stated[3::2], rows]
    groups = tuple(zip(stated[::2], stated[1::2], ends, strict=True))
    held = [(last - first) * 32 // bits for bits, first, last in groups]
    whole = all(first < last for _, first, last in groups) and all(
        n * b % 32 == 0 for (b, _, _), n in zip(groups, held, strict=True)
    )
    return groups if whole and 0 <= sum(held) - inputs < 32 else ()

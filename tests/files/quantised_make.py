"""Encoders of quantised matrices, written from the formats' descriptions value by value: slow, obvious, not the reader."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
Stored = dict[str, NDArray[Any]]


def put(words: NDArray[np.uint32], bit: int, value: int, bits: int) -> None:
    """Write a value's bits one by one into a list of 32-bit words from a bit offset on."""
    for i in range(bits):
        if value >> i & 1:
            words[(bit + i) // 32] |= np.uint32(1 << (bit + i) % 32)


def affine(row: NDArray[np.float32], bits: int) -> tuple[list[int], float, int]:
    """Codes, scale and zero point of one group, to nearest."""
    low, high = min(0.0, float(row.min())), max(0.0, float(row.max()))
    wanted = (high - low) / (2**bits - 1.5) or 1.0
    scale = float(np.nextafter(np.float16(wanted), np.float16(np.inf)))  # never too small to reach both ends
    zero = min(2**bits - 1, max(0, round(-low / scale)))
    return [min(2**bits - 1, max(0, round(float(v) / scale) + zero)) for v in row], scale, zero


def gptq(
    weight: Matrix, bits: int, group: int, *, order: list[int] | None = None, v2: bool = False
) -> tuple[Stored, Matrix]:
    """(tensors without stem, step of every value). order: the group of each input, as act-order leaves it."""
    outputs, inputs = weight.shape
    groups = order if order is not None else [i // group for i in range(inputs)]
    count = max(groups) + 1
    columns = [np.zeros(inputs * bits // 32, np.uint32) for _ in range(outputs)]
    zero_rows = [np.zeros(-(-outputs * bits // 32), np.uint32) for _ in range(count)]
    scales, steps = np.zeros((count, outputs), np.float16), np.zeros_like(weight)
    for out in range(outputs):
        for g in range(count):
            members = [i for i in range(inputs) if groups[i] == g]
            codes, scale, zero = affine(weight[out, members], bits)
            scales[g, out] = scale
            steps[out, members] = scale
            put(zero_rows[g], out * bits, zero if v2 else (zero - 1) % 2**bits, bits)
            for i, code in zip(members, codes, strict=True):
                put(columns[out], i * bits, code, bits)
    stored: Stored = {"qweight": np.stack(columns, axis=1).view(np.int32), "qzeros": np.stack(zero_rows).view(np.int32),
                      "scales": scales, "g_idx": np.array(groups, np.int32)}  # fmt: skip
    return stored, steps


def awq(weight: Matrix, group: int) -> tuple[Stored, Matrix]:
    """AutoAWQ's layout: the word of eight outputs holds them in the order 0 2 4 6 1 3 5 7."""
    outputs, inputs = weight.shape
    where = {0: 0, 2: 1, 4: 2, 6: 3, 1: 4, 3: 5, 5: 6, 7: 7}
    words = np.zeros((inputs, outputs // 8), np.uint32)
    zeros = np.zeros((inputs // group, outputs // 8), np.uint32)
    scales, steps = np.zeros((inputs // group, outputs), np.float16), np.zeros_like(weight)
    for out in range(outputs):
        shift = 4 * where[out % 8]
        for g in range(inputs // group):
            members = range(g * group, (g + 1) * group)
            codes, scale, zero = affine(weight[out, list(members)], 4)
            scales[g, out] = scale
            steps[out, list(members)] = scale
            zeros[g, out // 8] |= np.uint32(zero << shift)
            for i, code in zip(members, codes, strict=True):
                words[i, out // 8] |= np.uint32(code << shift)
    return {"qweight": words.view(np.int32), "qzeros": zeros.view(np.int32), "scales": scales}, steps


def awq_rows(weight: Matrix, group: int) -> tuple[Stored, Matrix]:
    """AutoAWQ's layout for products with one vector: nibbles in plain order, groups padded to whole words and their multiples."""
    outputs, inputs = weight.shape
    width = -(-(inputs // group) // 8)
    width = width if group >= 128 else -(-width // (128 // group)) * (128 // group)
    codes_at, zeros = np.zeros((outputs, inputs // 8), np.uint32), np.zeros((outputs, width), np.uint32)
    scales, steps = np.zeros((outputs, width * 8), np.float16), np.zeros_like(weight)
    for out in range(outputs):
        for g in range(inputs // group):
            members = list(range(g * group, (g + 1) * group))
            codes, scale, zero = affine(weight[out, members], 4)
            scales[out, g] = scale
            steps[out, members] = scale
            put(zeros[out], 4 * g, zero, 4)
            for i, code in zip(members, codes, strict=True):
                put(codes_at[out], 4 * i, code, 4)
    return {"qweight": codes_at.view(np.int32), "qzeros": zeros.view(np.int32), "scales": scales}, steps


def exl2(weight: Matrix, bits: list[int], order: list[int]) -> tuple[Stored, Matrix]:
    """ExLlamaV2: a group of 32 inputs for every width in `bits`, inputs taken in `order`."""
    outputs, inputs = weight.shape
    rows = [np.zeros((b, outputs), np.uint32) for b in bits]
    scale_codes, largest = np.zeros((len(bits), outputs // 8), np.uint32), np.zeros(len(bits), np.float16)
    steps, groups, at = np.zeros_like(weight), [], 0
    for g, b in enumerate(bits):
        groups += [b, at]
        at += b
        members, half = order[32 * g : 32 * g + 32], 2 ** (b - 1)
        wanted = np.abs(weight[:, members]).max(axis=1) / max(half - 1, 0.75)
        largest[g] = np.float16(wanted.max() * 1.001)
        for out in range(outputs):
            code = min(15, max(0, math.ceil(16 * math.sqrt(wanted[out] / float(largest[g]))) - 1))
            put(scale_codes[g], 4 * out, code, 4)
            step = (code + 1) ** 2 / 256 * float(largest[g])
            steps[out, members] = step
            column = np.zeros(b, np.uint32)
            for i, member in enumerate(members):
                put(column, b * i, min(2**b - 1, max(0, round(float(weight[out, member]) / step) + half)), b)
            rows[g][:, out] = column
    inverse = np.zeros(inputs, np.int32)
    inverse[order] = np.arange(inputs)
    return {"q_weight": np.concatenate(rows).view(np.int32), "q_scale": scale_codes.view(np.int32), "q_scale_max": largest,
            "q_groups": np.array(groups, np.int16), "q_invperm": inverse}, steps  # fmt: skip


def bitnet(ternary: NDArray[np.int8]) -> NDArray[np.uint8]:
    """Four rows a byte: row i, i + n, i + 2n, i + 3n of 4n, lowest bits first; 0, 1, 2 for -1, 0, 1."""
    part = ternary.shape[0] // 4
    found = np.zeros((part, ternary.shape[1]), np.uint8)
    for row in range(ternary.shape[0]):
        found[row % part] |= ((ternary[row] + 1) << 2 * (row // part)).astype(np.uint8)
    return found


def packed(weight: Matrix, bits: int, group: int, *, symmetric: bool) -> tuple[Stored, Matrix]:
    """compressed-tensors pack-quantized."""
    outputs, inputs = weight.shape
    count, half = inputs // group, 2 ** (bits - 1)
    words = np.zeros((outputs, -(-inputs * bits // 32)), np.uint32)
    zero_columns = [np.zeros(-(-outputs * bits // 32), np.uint32) for _ in range(count)]
    scales, steps = np.zeros((outputs, count), np.float32), np.zeros_like(weight)
    for out in range(outputs):
        for g in range(count):
            members = list(range(g * group, (g + 1) * group))
            if symmetric:
                scale = float(np.abs(weight[out, members]).max()) / (half - 0.5)
                codes, zero = (
                    [max(-half, min(half - 1, round(float(v) / scale))) + half for v in weight[out, members]],
                    half,
                )
            else:
                codes, scale, zero = affine(weight[out, members], bits)
            scales[out, g] = scale
            steps[out, members] = scale
            put(zero_columns[g], out * bits, zero, bits)
            for i, code in zip(members, codes, strict=True):
                put(words[out], i * bits, code, bits)
    stored: Stored = {"weight_packed": words.view(np.int32), "weight_scale": scales,
                      "weight_shape": np.array([outputs, inputs], np.int64)}  # fmt: skip
    if not symmetric:
        stored["weight_zero_point"] = np.stack(zero_columns, axis=1).view(np.int32)
    return stored, steps


NF4 = [-1.0, -0.6961928, -0.52507305, -0.3949175, -0.28444138, -0.18477343, -0.091050036, 0.0, 0.0795803, 0.1609302,
       0.2461123, 0.33791524, 0.44070983, 0.562617, 0.72295684, 1.0]  # fmt: skip


FP4_OF_BLOCK = [0.0, 0.0625 / 12, 8 / 12, 1.0, 4 / 12, 6 / 12, 2 / 12, 3 / 12]
"""bitsandbytes' four-bit float by its code without sign; the sign is the code's highest bit."""


def nf4(weight: Matrix, block: int, *, nested: int = 0, kind: str = "nf4") -> tuple[Stored, Matrix]:
    """bitsandbytes four bits, with block maxima coded again when `nested` is a block size. kind: nf4 or fp4."""
    meant = NF4 if kind == "nf4" else [*FP4_OF_BLOCK, *(-value for value in FP4_OF_BLOCK)]
    flat = weight.reshape(-1)
    maxima = [float(np.abs(flat[i : i + block]).max()) for i in range(0, flat.size, block)]
    state: dict[str, Any] = {"quant_type": kind, "blocksize": block, "dtype": "float16", "shape": list(weight.shape)}
    stored: Stored = {}
    if nested:
        table = np.linspace(-1, 1, 256).astype(np.float32)
        offset = float(np.mean(maxima))
        outer = [max(abs(m - offset) for m in maxima[i : i + nested]) or 1.0 for i in range(0, len(maxima), nested)]
        codes = [int(np.abs(table - (m - offset) / outer[i // nested]).argmin()) for i, m in enumerate(maxima)]
        maxima = [float(table[c]) * outer[i // nested] + offset for i, c in enumerate(codes)]
        state |= {"nested_blocksize": nested, "nested_offset": offset, "nested_dtype": "float32"}
        stored |= {"absmax": np.array(codes, np.uint8), "nested_absmax": np.array(outer, np.float32),
                   "nested_quant_map": table}  # fmt: skip
    else:
        stored["absmax"] = np.array(maxima, np.float32)
    codes = [min(range(16), key=lambda c: abs(meant[c] - float(v) / maxima[i // block])) for i, v in enumerate(flat)]
    if len(codes) % 2:
        codes.append(0)
    stored |= {
        "": np.array([codes[i] << 4 | codes[i + 1] for i in range(0, len(codes), 2)], np.uint8)[:, None],
        "quant_map": np.array(meant, np.float32),
        f"quant_state.bitsandbytes__{kind}": np.frombuffer(json.dumps(state).encode(), np.uint8).copy(),
    }  # fmt: skip
    widest = max(b - a for a, b in pairwise(sorted(meant)))
    steps = np.array([widest * maxima[i // block] for i in range(flat.size)], np.float32).reshape(weight.shape)
    return stored, steps + (0.02 * np.abs(weight) if nested else 0)


FP4 = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0]


def four_bit_code(value: float) -> tuple[int, float]:
    """The nearest four-bit float's code and the gap around it."""
    code = min(range(8), key=lambda c: abs(FP4[c] - abs(value)))
    return code | (8 if value < 0 else 0), 2.0 if code >= 6 else 1.0


def mxfp4_row(row: NDArray[np.float32]) -> tuple[list[int], list[int], list[float]]:
    """Bytes (low half first), exponents, steps of one row, 32 values to an exponent."""
    data, exponents, steps = [], [], []
    for g in range(0, len(row), 32):
        part = [float(v) for v in row[g : g + 32]]
        exponent = math.ceil(math.log2(max(map(abs, part)) / 6 or 1e-30))
        exponents.append(exponent + 127)
        codes = [four_bit_code(v / 2**exponent) for v in part]
        data += [codes[i][0] | codes[i + 1][0] << 4 for i in range(0, 32, 2)]
        steps += [step * 2.0**exponent for _, step in codes]
    return data, exponents, steps

"""Checkpoints of any Llama shape with the spectra and outlier channels of a small trained model, and rewritings of them.

No real 7B pair can be shipped or trained here. Random weights would be too kind (flat spectra, no outliers), so every matrix is
drawn with the singular values, row sizes and channel sizes of the small model's matrix at the same depth, stretched to the
new shape. Nothing of the small model's values is left in it, and no tensor of one checkpoint equals one of another.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from bench.shapes import Floats
from forebear.core.seeds import generator
from forebear.core.spacing import evenly
from forebear.recipes.steps.storage import encode

PARTS = ("q", "k", "v", "o", "gate", "up", "down")
NAMES = {p: f"self_attn.{p}_proj" for p in PARTS[:4]} | {p: f"mlp.{p}_proj" for p in PARTS[4:]}
WRITERS = ("o", "down")
BLOCK = 256
"""Rows turned at a time."""
FIRST_ROWS, SPREAD_ROWS = 1024, 64
NORMS = {"attention": "input_layernorm", "mlp": "post_attention_layernorm"}


@dataclass(frozen=True)
class Size:
    """A Llama shape. heads carry their own keys and values."""

    layers: int = 32
    width: int = 4096
    neurons: int = 11008
    heads: int = 32
    vocabulary: int = 32000

    def rows(self, part: str) -> tuple[int, int]:
        """(units, width) of a part, writers turned so that a unit is a row."""
        return (self.neurons if part in ("gate", "up", "down") else self.width, self.width)

    def config(self) -> dict[str, Any]:
        """config.json in the published words."""
        return {
            "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "rms_norm_eps": 1e-5,
            "hidden_size": self.width, "num_hidden_layers": self.layers, "num_attention_heads": self.heads,
            "num_key_value_heads": self.heads, "intermediate_size": self.neurons, "vocab_size": self.vocabulary,
            "tie_word_embeddings": False, "max_position_embeddings": 4096, "torch_dtype": "bfloat16",
        }  # fmt: skip


SEVEN_BILLION = Size()


@dataclass(frozen=True)
class Turn:
    """An orthogonal map of `width` channels that costs 2·width·(a + b) a row: signs and small rotations of a grid a × b,
    a shuffle, and once more."""

    width: int
    key: str
    stages: int = 2

    @cached_property
    def _stages(self) -> list[tuple[npt.NDArray[np.intp], Floats, Floats, Floats]]:
        rng = generator("bench/turn", self.key)
        a = max(n for n in range(1, int(self.width**0.5) + 1) if self.width % n == 0)
        made = []
        for _ in range(self.stages):
            left, right = (
                np.linalg.qr(rng.standard_normal((n, n)))[0].astype(np.float32) for n in (a, self.width // a)
            )
            signs = rng.choice(np.array([-1.0, 1.0], np.float32), self.width)
            made.append((rng.permutation(self.width), signs, left, right))
        return made

    def __call__(self, rows: Floats) -> Floats:
        """rows (n, width) -> rows times the map."""
        out = np.empty_like(rows)
        for start in range(0, len(rows), BLOCK):  # blocks that stay in the processor's cache
            part: npt.NDArray[Any] = rows[start : start + BLOCK]
            for order, signs, left, right in self._stages:
                grid = ((part[:, order] * signs).reshape(-1, len(right)) @ right).reshape(len(part), len(left), -1)
                across = np.ascontiguousarray(grid.transpose(0, 2, 1)).reshape(-1, len(left)) @ left
                part = across.reshape(len(part), self.width)  # left transposed: a fixed reordering, part of the map
            out[start : start + BLOCK] = part
        return out


@dataclass(frozen=True)
class Profile:
    """What is taken of a trained matrix, largest first: singular values without the channel sizes, sizes of its rows and of
    its channels, each as a share of the mean; and the root mean square of its entries."""

    spectrum: Floats
    rows: Floats
    channels: Floats
    rms: float


def profile_of(rows: Floats) -> Profile:
    """rows (n, width)."""
    channels = np.linalg.norm(rows, axis=0)
    units = np.linalg.norm(rows, axis=1)
    spectrum = np.linalg.svd(rows / np.maximum(channels, 1e-12), compute_uv=False)
    return Profile(
        (spectrum / spectrum.mean()).astype(np.float32), np.sort(units / units.mean())[::-1],
        np.sort(channels / channels.mean())[::-1], float(np.sqrt(np.mean(rows**2))),
    )  # fmt: skip


def stretched(values: Floats, size: int) -> Floats:
    """The same curve at another number of points."""
    at = np.linspace(0, len(values) - 1, size)
    out: Floats = np.interp(at, np.arange(len(values)), values).astype(np.float32)
    return out


class Drawn:
    """A checkpoint drawn from profiles, tensor by tensor: rows(part, layer), gains(role, layer).

    source: arrays of the trained model by published name, its embedding standing for a tied head. Layer -1: outside the stack.
    """

    def __init__(self, source: Mapping[str, Floats], size: Size, key: str) -> None:
        self.source, self.size, self.key = source, size, key
        self._depth = sum(name.endswith("mlp.up_proj.weight") for name in source)
        self._profiles: dict[str, Profile] = {}

    def _layer(self, layer: int) -> int:
        return round(layer * (self._depth - 1) / max(1, self.size.layers - 1))

    def _profile(self, part: str, layer: int) -> Profile:
        name = f"model.layers.{self._layer(layer)}.{NAMES[part]}.weight" if layer >= 0 else "model.embed_tokens.weight"
        if name not in self._profiles:
            values = np.asarray(self.source[name], np.float32)
            values = values.T if part in WRITERS else values
            self._profiles[name] = profile_of(values[:: max(1, len(values) // 4096)])
        return self._profiles[name]

    def rows(self, part: str, layer: int) -> Floats:
        """Units of a part as rows, (units, width)."""
        shape = self.size.rows(part) if layer >= 0 else (self.size.vocabulary, self.size.width)
        return self._draw(self._profile(part, layer), shape, f"{self.key}/{part}/{layer}")

    def _draw(self, profile: Profile, shape: tuple[int, int], key: str) -> Floats:
        rng = generator("bench/drawn", key)
        rows = rng.standard_normal(shape, dtype=np.float32)
        rows *= stretched(profile.spectrum, shape[1])
        rows = Turn(shape[1], key, stages=1)(rows)
        # outlier channels stand at the same places in every matrix of a model, as they do in trained ones
        places = generator("bench/channels", self.key).permutation(shape[1])
        rows *= stretched(profile.channels, shape[1])[places]
        rows *= (stretched(profile.rows, shape[0])[rng.permutation(shape[0])])[:, None]
        rows *= np.float32(profile.rms / np.sqrt(np.mean(rows**2)))
        return rows

    def gains(self, role: str, layer: int) -> Floats:
        """Gains of a norm: the trained ones, stretched and shuffled."""
        name = "model.norm.weight" if layer < 0 else f"model.layers.{self._layer(layer)}.{NORMS[role]}.weight"
        order = generator("bench/gains", f"{self.key}/{role}/{layer}").permutation(self.size.width)
        return stretched(np.sort(np.asarray(self.source[name], np.float32)), self.size.width)[order]


class Rewritten:
    """A drawn checkpoint changed by `noise` (a share of every matrix's size), then rotated, folded, regained, its neurons
    shuffled, flipped and rescaled, its heads shuffled: the outputs are those of the noisy one."""

    def __init__(self, source: Drawn, noise: float, key: str) -> None:
        self.source, self.size, self.noise, self.key = source, source.size, noise, key
        self.turn = Turn(self.size.width, f"{key}/stream")

    def _rng(self, *where: object) -> np.random.Generator:
        return generator("bench/rewritten", "/".join(map(str, (self.key, *where))))

    def rows(self, part: str, layer: int) -> Floats:
        """Units of a part as rows in the new coordinates, in the new order."""
        rows = self.source.rows(part, layer)
        spread = np.float32(self.noise * np.sqrt(np.mean(rows**2)))
        rows += spread * self._rng("noise", part, layer).standard_normal(rows.shape, dtype=np.float32)
        if layer >= 0:
            rows = rows[self._order(part, layer)]
            if part not in WRITERS:
                role = "mlp" if part in ("gate", "up") else "attention"
                return self._scaled(
                    part, layer, self.turn(rows * self.source.gains(role, layer)) / self.gains(role, layer)
                )
            return self._scaled(part, layer, self.turn(rows))
        if part == "head":
            return self.turn(rows * self.source.gains("final", -1)) / self.gains("final", -1)
        return self.turn(rows)

    def _order(self, part: str, layer: int) -> npt.NDArray[np.intp]:
        if part in ("gate", "up", "down"):
            return self._rng("neurons", layer).permutation(self.size.neurons)
        heads = self._rng("heads", layer).permutation(self.size.heads)
        size = self.size.width // self.size.heads
        return (heads[:, None] * size + np.arange(size)).reshape(-1)

    def _scaled(self, part: str, layer: int, rows: Floats) -> Floats:
        if part not in ("up", "down"):
            return rows
        rng = self._rng("scales", layer)
        factor = np.exp(0.7 * rng.standard_normal(len(rows))) * rng.choice([-1.0, 1.0], len(rows))
        out: Floats = (rows * (factor if part == "up" else 1 / factor)[:, None]).astype(np.float32)
        return out

    def gains(self, role: str, layer: int) -> Floats:
        """New gains, drawn."""
        return np.exp(0.5 * self._rng("gains", role, layer).standard_normal(self.size.width)).astype(np.float32)


def tensors(made: Drawn | Rewritten) -> Iterator[tuple[str, tuple[int, ...], Callable[[], Floats]]]:
    """Published name, stored shape and values of every tensor, drawn when asked for."""
    size = made.size
    table = (size.vocabulary, size.width)
    yield "model.embed_tokens.weight", table, lambda: made.rows("embedding", -1)
    yield "lm_head.weight", table, lambda: made.rows("head", -1)
    yield "model.norm.weight", (size.width,), lambda: made.gains("final", -1)
    for layer in range(size.layers):
        stem = f"model.layers.{layer}."
        for role, norm in NORMS.items():
            yield f"{stem}{norm}.weight", (size.width,), lambda r=role, n=layer: made.gains(r, n)  # type: ignore[misc]
        for part, name in NAMES.items():
            shape = size.rows(part)
            if part in WRITERS:
                yield f"{stem}{name}.weight", shape[::-1], lambda p=part, n=layer: made.rows(p, n).T  # type: ignore[misc]
            else:
                yield f"{stem}{name}.weight", shape, lambda p=part, n=layer: made.rows(p, n)  # type: ignore[misc]


def write(made: Drawn | Rewritten, folder: Path, whole: Sequence[int]) -> Path:
    """One bfloat16 safetensors file; config.json last, so that a half-made folder is seen as such.

    whole: layers that hold every value. In the others each matrix holds values in its first rows and in rows spread evenly, which
           is where a comparison of raw coordinates reads; these are drawn by themselves, and the rest is a hole of zeros, so that
           two 7B files need 8 GB of disk and not 27. The embedding, the head and all gains are whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "config.json").exists():
        return folder
    header: dict[str, Any] = {}
    at = 0
    for name, shape, _ in tensors(made):
        size = 2 * int(np.prod(shape))
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with (folder / "model.safetensors").open("wb") as out:
        out.write(len(text).to_bytes(8, "little") + text)
        out.truncate(8 + len(text) + at)
        for name, shape, values in tensors(made):
            start = 8 + len(text) + header[name]["data_offsets"][0]
            layer = int(name.split(".")[2]) if ".layers." in name else None
            if layer is None or layer in whole or len(shape) == 1:
                out.seek(start)
                out.write(encode(np.ascontiguousarray(values(), np.float32), "BF16").data)
            else:
                _some_rows(out, start, shape, f"{made.key}/{name}")
        out.flush()
        os.fsync(out.fileno())
        os.posix_fadvise(out.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # the comparison reads from the disk
    (folder / "config.json").write_text(json.dumps(made.size.config(), indent=2) + "\n", "utf-8")
    return folder


def _some_rows(out: BinaryIO, start: int, shape: tuple[int, ...], key: str) -> None:
    chosen = np.union1d(np.arange(min(shape[0], FIRST_ROWS)), evenly(shape[0], SPREAD_ROWS))
    values = 0.02 * generator("bench/rows", key).standard_normal((len(chosen), shape[1]), dtype=np.float32)
    stored = encode(values, "BF16")
    for row, line in zip(chosen.tolist(), stored, strict=True):
        out.seek(start + row * shape[1] * 2)
        out.write(line.data)

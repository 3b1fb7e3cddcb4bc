"""Low-rank adapters (PEFT): pairs of small matrices, and a base checkpoint seen with their change added.

Source: the checkpoint format page of PEFT (names, alpha / r, rank-stabilised scaling, DoRA) and peft/tuners/lora.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forebear.core.errors import RefusedError, refusal
from forebear.core.messages import Message, message
from forebear.files.base import Container, CountedBelow, Float32, TensorEntry, quoted
from forebear.files.refusing import place_of
from forebear.files.rowwise import RowwiseContainer

_PREFIX = "base_model.model."
_HALF = re.compile(r"(.+)\.lora_(embedding_)?([AB])(?:\.(?!bias$)[A-Za-z0-9_-]{1,64})?(?:\.weight)?")
_MAGNITUDE = re.compile(r"(.+)\.lora_magnitude_vector(?:\.[A-Za-z0-9_-]{1,64})?(?:\.weight)?")
_TOKENS = re.compile(r"(.+?)(?:\.token_adapter)?\.trainable_tokens_delta(?:\.[A-Za-z0-9_-]{1,64})?")
_BESIDE_BIAS = re.compile(r".+\.lora_[A-Za-z_]+(?:\.[A-Za-z0-9_-]{1,64})?(?:\.bias)?")
MAX_RANK = 4096
COLUMN_ROWS = 1024
"""Rows held at once while the columns of a matrix are measured."""
MARKS = {
    ".lora_": "LORA", ".trainable_tokens_delta": "TRAINABLE_TOKENS", ".hada_": "LOHA", ".lokr_": "LOKR", ".ia3_l": "IA3",
    ".vera_lambda_": "VERA", ".oft_R": "OFT", ".oft_r": "OFT", ".boft_": "BOFT", ".hra_u": "HRA",
    "prompt_embeddings": "PROMPT_TUNING",
}  # fmt: skip
"""What names of an adapter hold -> the kind that PEFT calls it."""
ADDED = ("LORA", "TRAINABLE_TOKENS")
"""Kinds that are added to a base; the others are named."""


@dataclass(frozen=True, slots=True)
class LowRank:
    """A change of one matrix: down (rank, inputs), up (outputs, rank), perhaps a magnitude of each output (DoRA).

    embedding: the change is (up @ down) transposed.
    """

    module: str
    down: str
    up: str
    magnitude: str
    rank: int
    embedding: bool


def adapter_kind(names: Iterable[str]) -> str:
    """The kind of adapter that names show, as PEFT calls it; "" for those of no adapter.

    Words of other kinds than low rank count where half of all names hold them: a whole model may keep its adapter beside it.
    """
    found: Counter[str] = Counter()
    total = 0
    for name in names:
        total += 1
        kind = next((kind for mark, kind in MARKS.items() if mark in name), "")
        if kind != "LORA" or _HALF.fullmatch(name):
            found[kind] += 1
    if found["LORA"]:
        return "LORA"
    kind, count = max(((k, n) for k, n in found.items() if k), key=lambda item: item[1], default=("", 0))
    return kind if 2 * count >= total else ""


def is_adapter(names: Iterable[str]) -> bool:
    """Whether a checkpoint's names are those of an adapter."""
    return bool(adapter_kind(names))


@dataclass(frozen=True, slots=True)
class Parts:
    """What an adapter holds: low-rank changes, whole tensors it replaces (published name -> name in the adapter), rows of
    single tokens (module -> name), and names that are not applied."""

    changes: list[LowRank]
    whole: dict[str, str]
    tokens: dict[str, str]
    left: list[str]


def parts_of(container: Container) -> Parts:
    """What an adapter holds.

    Raises: RefusedError for half a pair, or halves whose ranks differ.
    """
    halves: dict[tuple[str, bool], dict[str, str]] = {}
    magnitudes: dict[str, str] = {}
    whole: dict[str, str] = {}
    tokens: dict[str, str] = {}
    left: list[str] = []
    for name in container.tensors:
        bare = name.removeprefix(_PREFIX)
        if found := _HALF.fullmatch(bare):
            halves.setdefault((found[1], bool(found[2])), {})[found[3]] = name
        elif found := _MAGNITUDE.fullmatch(bare):
            magnitudes[found[1]] = name
        elif found := _TOKENS.fullmatch(bare):
            tokens[found[1]] = name
        elif _BESIDE_BIAS.fullmatch(bare):
            left.append(name)
        else:
            bare = bare.replace(".base_layer.", ".")
            whole[bare.replace(".modules_to_save.default.", ".").replace(".modules_to_save.", ".")] = name
    changes = []
    for (module, embedding), pair in halves.items():
        rank = _rank(container, module, pair)
        changes.append(LowRank(module, pair["A"], pair["B"], magnitudes.pop(module, ""), rank, embedding))
    if magnitudes:
        raise _refuse(container, next(iter(magnitudes)), message("adapter.magnitude"))
    return Parts(changes, whole, tokens, left)


def _rank(container: Container, module: str, pair: Mapping[str, str]) -> int:
    if set(pair) != {"A", "B"}:
        raise _refuse(container, module, message("adapter.half", half=f"lora_{next(iter(pair))}"))
    down, up = (container.tensors[pair[half]].shape for half in "AB")
    if len(down) != 2 or len(up) != 2 or down[0] != up[1]:
        raise _refuse(container, module, message("adapter.halves", down=str(down), up=str(up)))
    if not 0 < down[0] <= MAX_RANK:
        raise _refuse(container, module, message("adapter.rank", rank=down[0], most=MAX_RANK))
    return down[0]


def _refuse(container: Container, module: str, what: Message) -> RefusedError:
    said = message("adapter.module", name=quoted(module), what=what)
    return refusal(said, where=place_of(container), todo=message("advice.adapter"))


@dataclass(frozen=True, slots=True)
class Change:
    """A low-rank change placed on a tensor of the base. turned: the tensor is (inputs, outputs)."""

    pair: LowRank
    scale: float
    turned: bool


class AdaptedContainer(CountedBelow, RowwiseContainer):
    """A base checkpoint with an adapter's changes added, its whole tensors and its rows in place of the base's."""

    def __init__(
        self,
        base: Container,
        adapter: Container,
        changes: Mapping[str, Change],
        whole: Mapping[str, str],
        tokens: Mapping[str, tuple[str, NDArray[np.intp]]] | None = None,
    ) -> None:
        """tokens: tensor -> (its rows in the adapter, which rows they replace)."""
        self._tokens = dict(tokens or {})
        self._base, self._adapter, self._changes, self._whole = base, adapter, dict(changes), dict(whole)
        self._halves: dict[str, tuple[Float32, Float32]] = {}
        self._lengths: dict[str, Float32] = {}
        entries: dict[str, TensorEntry] = dict(base.tensors)
        for name, source in whole.items():
            entry = adapter.tensors[source]
            entries[name] = TensorEntry(name, entry.dtype, entry.shape, entry.stored_bytes)
        for name, change in changes.items():
            pair = change.pair
            entry = entries[name]
            extra = sum(adapter.tensors[half].stored_bytes for half in (pair.down, pair.up))
            dtype = f"{entry.dtype} + rank {pair.rank}"
            entries[name] = TensorEntry(name, dtype, entry.shape, entry.stored_bytes + extra)
        for name, (source, _) in self._tokens.items():
            entry, rows = entries[name], adapter.tensors[source]
            entries[name] = TensorEntry(name, f"{entry.dtype} + rows", entry.shape, entry.stored_bytes + rows.stored_bytes)
        self._sources = (base, adapter)
        super().__init__(base.kind, (*base.paths, *adapter.paths), entries, base.metadata, [*base.odd, *adapter.odd])
        self.header_digest, self.grain_bytes, self.beside = base.header_digest, base.grain_bytes, base.beside

    def _source(self, name: str) -> tuple[Container, str]:
        return (self._adapter, self._whole[name]) if name in self._whole else (self._base, name)

    def _run(self, entry: TensorEntry, first: int, last: int) -> Float32:
        container, name = self._source(entry.name)
        return self._changed(entry, container.rows(name, first, last), np.arange(first, last, dtype=np.intp))

    def _some(self, entry: TensorEntry, rows: NDArray[np.intp], out: Float32) -> None:
        container, name = self._source(entry.name)
        out[...] = self._changed(entry, container.take(name, rows), rows).reshape(out.shape)

    def _changed(self, entry: TensorEntry, values: Float32, rows: NDArray[np.intp]) -> Float32:
        change = self._changes.get(entry.name)
        changed = values if change is None else self._added(entry.name, change, values, rows)
        if entry.name not in self._tokens:
            return changed
        source, replaced = self._tokens[entry.name]
        at = {int(row): place for place, row in enumerate(replaced)}
        places = [place for place, row in enumerate(rows.tolist()) if row in at]
        if places:
            changed = changed.copy()
            changed[places] = self._adapter.read(source)[[at[int(rows[place])] for place in places]]
        return changed

    def _added(self, name: str, change: Change, values: Float32, rows: NDArray[np.intp]) -> Float32:
        with np.errstate(over="ignore", invalid="ignore"):  # past the range of float32, Inf and NaN are what the two files give
            changed = self._summed(change, values, rows)
            if change.pair.magnitude:
                wanted = self._adapter.read(change.pair.magnitude).reshape(1, -1)
                if change.turned:
                    lengths = self._column_lengths(name, change)
                else:
                    wanted, lengths = wanted.T[rows], np.linalg.norm(changed, axis=1, keepdims=True)
                changed = np.divide(changed * wanted, lengths, out=np.zeros_like(changed), where=lengths > 0)
        return np.asarray(changed, dtype=np.float32)

    def _summed(self, change: Change, values: Float32, rows: NDArray[np.intp]) -> Float32:
        down, up = self._pair(change.pair)
        delta = down.T[rows] @ up.T if change.turned else up[rows] @ down
        return np.asarray(values + np.float32(change.scale) * delta, dtype=np.float32)

    def _column_lengths(self, name: str, change: Change) -> Float32:
        """Euclidean length of every column of a changed matrix (1, outputs): it is read whole, once."""
        if name not in self._lengths:
            rows, outputs = self._base.tensors[name].shape
            squares = np.zeros((1, outputs))
            for first in range(0, rows, COLUMN_ROWS):
                places = np.arange(first, min(first + COLUMN_ROWS, rows), dtype=np.intp)
                values = self._base.rows(name, first, first + places.size)
                squares += np.square(self._summed(change, values, places), dtype=np.float64).sum(axis=0, keepdims=True)
            self._lengths[name] = np.sqrt(squares).astype(np.float32)
        return self._lengths[name]

    def _pair(self, pair: LowRank) -> tuple[Float32, Float32]:
        """Both halves, kept for the tensor read last."""
        if pair.module not in self._halves:
            self._halves = {pair.module: (self._adapter.read(pair.down), self._adapter.read(pair.up))}
        return self._halves[pair.module]

    def prefetch(self, wanted: Iterable[tuple[str, NDArray[np.intp]]]) -> None:
        """See `Container.prefetch`; what the adapter holds is small and read when needed."""
        self._base.prefetch((name, rows) for name, rows in wanted if name not in self._whole)

    def cost(self, name: str, rows: NDArray[np.intp]) -> int:
        """See `Container.cost`."""
        container, source = self._source(name)
        return container.cost(source, rows)

    def stored(self, name: str) -> Iterator[memoryview]:
        """See `Container.stored`; of a changed tensor, the base's bytes."""
        self._entry(name)
        container, source = self._source(name)
        yield from container.stored(source)


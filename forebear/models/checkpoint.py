"""A lazy checkpoint: a container seen through an architecture definition; units along an axis read on demand."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from forebear.core.errors import RefusedError, printable
from forebear.core.messages import Message, message
from forebear.files.base import Container, Float32
from forebear.files.dtypes import SMALL_FLOATS, WHOLE_NUMBERS
from forebear.files.sources import resolve
from forebear.files.views.coded_names import CODED
from forebear.models.architecture.definition import Definition
from forebear.models.architecture.layout import Layout, place
from forebear.models.architecture.pieces import Piece
from forebear.models.architecture.placing import SHOWN
from forebear.models.architecture.registry import own_definition, select
from forebear.models.architecture.rules import AxisRule
from forebear.models.architecture.settings import Settings, read_config
from forebear.models.reading import read_units, rows_needed, rows_read
from forebear.models.undecoded import undecoded, undecoded_words
from forebear.tokens.vocabulary import InnerVocabulary

__all__ = ["AxisRule", "Checkpoint", "OnBase", "Piece", "Place", "on_base", "open_checkpoint", "open_checkpoint_from"]

ADAPTED = (
    ".trainable_tokens_delta", ".hada_", ".lokr_", ".ia3_l", ".vera_lambda_", ".oft_", ".boft_", ".hra_u", "prompt_embeddings",
)  # fmt: skip
"""Words of adapters besides those of low rank; which kind it is, forebear/files/views/adapters.py says."""
CONFIGS = ("config.json", "params.json")
"""Configuration files, the usual one first; params.json comes with weights under the names of the published originals."""


class OnBase(NamedTuple):
    """Where an adapter lies, and where the model that it changes: opened as that model changed. Its name is the adapter's."""

    path: str
    base: str

    def __str__(self) -> str:
        return self.path

    def __fspath__(self) -> str:
        return self.path


Place = str | Path | OnBase
"""Where a checkpoint lies."""


def put_there(one: Place, other: Place) -> Message | None:
    """That two places share a base because it was given to them: of an adapter and the base it was added to, of two on one base."""
    bases = [side.base for side in (one, other) if isinstance(side, OnBase)]
    ends = [side.base if isinstance(side, OnBase) else str(side) for side in (one, other)]
    if not bases or os.path.realpath(ends[0]) != os.path.realpath(ends[1]):
        return None
    return message("adapters.both_on_it" if len(bases) == 2 else "adapters.is_base")


@dataclass
class Checkpoint:
    """Named tensors with what they mean. Nothing is read until `units` or the container is asked.

    config: {} when there is none. definition: None for an unknown family. family: "unknown" then.
    layers, width: of the main stack; 0 when unknown. limits: what could not be done and why.
    """

    container: Container
    config: Mapping[str, Any]
    definition: Definition | None = None
    layout: Layout | None = None
    limits: list[Message] = field(default_factory=list)
    folder: Path | None = None
    """Where the configuration and perhaps a tokenizer lie; None for weights held in memory."""
    undecoded: Sequence[Message] = ()
    """What is said of matrices stored as codes that no decoder knows; nothing when there are none."""
    inner_vocabulary: InnerVocabulary | None = None
    """Reads the tokenizer inside the weights' own file (GGUF); None when the container has no place for one."""

    @property
    def family(self) -> str:
        """The family's name, "unknown" without a definition."""
        return self.definition.family if self.definition is not None else "unknown"

    @property
    def layers(self) -> int:
        """Layers of the main stack, as the tensors show them; 0 when unknown."""
        return self.layout.layers[self.layout.definition.main_stack] if self.layout is not None else 0

    @property
    def stacks(self) -> Mapping[str, int]:
        """Layers per stack, main stack first."""
        return self.layout.layers if self.layout is not None else {}

    @property
    def width(self) -> int:
        """Size of the residual channel of the main stack; 0 when unknown."""
        for piece in self.pieces:
            if piece.has("channel"):
                return piece.size("channel")
        return 0

    @property
    def pieces(self) -> Sequence[Piece]:
        """Every claimed piece of every tensor."""
        return self.layout.pieces if self.layout is not None else ()

    @property
    def unclaimed(self) -> Sequence[str]:
        """Tensor names that no rule claims."""
        return self.layout.unclaimed if self.layout is not None else tuple(self.container.tensors)

    @property
    def fused(self) -> bool:
        """Whether some tensor of a layer holds several parts."""
        return any(not piece.whole and piece.expert is None and piece.layer is not None for piece in self.pieces)

    @property
    def axes(self) -> Mapping[str, AxisRule]:
        """Every axis the checkpoint has, withheld ones included."""
        return self.layout.axes if self.layout is not None else {}

    def axis(self, name: str) -> AxisRule | None:
        """What may be done along an axis here; None when the checkpoint has no such axis."""
        return self.axes.get(name)

    def piece(
        self, part: str, layer: int | None = None, expert: int | None = None, kind: str = "matrix",
        stack: str | None = None,
    ) -> Piece | None:  # fmt: skip
        """The piece that plays a part in a place (stack None: the main stack); the first when several roles do."""
        if self.layout is None:
            return None
        return self.layout.find(part, kind, stack or self.layout.definition.main_stack, layer, expert)

    def units(
        self, piece: Piece, axis: str, select: NDArray[np.intp] | None = None, *,
        only: Mapping[str, NDArray[np.intp]] | None = None,
    ) -> Float32:  # fmt: skip
        """Rows along one axis of a piece.

        Shapes:  (blocks, units, features): blocks = product of the enclosing scope atoms in the piece (KV heads for
                 "value"; 1 for neuron, channel, token); units = size of the atom or len(select); features = all the
                 rest in the order of the tensor, the same for two checkpoints of a family.
        select:  unit indices to keep, in this order. only: other atoms cut to these indices before reading
                 (only={"token": ids} reads only those rows of an embedding).
        Reads:   only the selected rows when the axis is the leading dimension, else the piece in blocks of rows.
        Raises:  RefusedError when the piece has no such axis, the size of the axis is unknown, or an index is outside.
        """
        rule = self.axis(axis)
        return read_units(self.container, piece, axis, rule.scope if rule is not None else (), select, only or {})

    def cost(
        self, piece: Piece, axis: str, count: int | None = None, only: Mapping[str, NDArray[np.intp]] | None = None
    ) -> int:
        """Stored bytes that `units` of `count` units along an axis reads (all units for None), rounded up to whole rows.

        At an address: what is fetched for them now, in whole pieces; nothing for what was fetched before.
        """
        if self.container.grain_bytes > 1 or only:
            return self.container.cost(piece.tensor, rows_read(piece, axis, count, only or {}))
        entry = self.container.tensors[piece.tensor]
        total = entry.shape[0] if entry.shape else 1
        return -(-entry.stored_bytes * rows_needed(piece, axis, count) // max(1, total))

    def close(self) -> None:
        """Release the files."""
        self.container.close()


def on_base(path: Place, base: str | Path | None, *, max_header: int | None = None) -> Place:
    """A place with the base given beside it where an adapter lies there; any other, or without a base, as it is.

    Raises: RefusedError when the weights cannot be read.
    """
    if base is None or isinstance(path, OnBase):
        return path
    from forebear.files.views.adapters import is_adapter
    from forebear.models.unmerged import is_whole

    with closing(resolve(path).opened(max_header)) as container:
        adapter = is_adapter(container.tensors) and not is_whole(container)
    return OnBase(str(path), str(base)) if adapter else path


def open_checkpoint(
    path: Place, *, architecture: Path | None = None, max_header: int | None = None,
    base: Place | None = None,
) -> Checkpoint:  # fmt: skip
    """A checkpoint on disk: a file or a folder of shards, with the config.json beside it.

    architecture: a definition of the user's own instead of those that ship. max_header: see forebear.files.
    base: the model that an adapter at `path` changes; without it an adapter is opened by itself.
    Raises: RefusedError when the weights or the user's definition cannot be read. A configuration that cannot be read
    is said in `limits`; so is a family nobody defined: then no axis holds (METHODS §2).
    """
    if isinstance(path, OnBase):
        base, path = path.base, path.path
    found = resolve(path)
    container = found.opened(max_header)
    said, folder = container.said, found.home or Path(path).parent
    low_rank = any(".lora_" in name for name in container.tensors)
    if base is not None or low_rank or any(mark in name for name in container.tensors for mark in ADAPTED):
        from forebear.files.views.adapters import is_adapter
        from forebear.models.unmerged import is_whole

        low_rank = is_whole(container)  # then the base is in the file
        if not low_rank and (base is not None or is_adapter(container.tensors)):
            return _open_adapter(container, folder, base, architecture=architecture, max_header=max_header)
    container, config, limits, vocabulary = _described(container, folder)
    limits = [*said, *limits]
    try:
        kinds = {entry.dtype for entry in container.tensors.values()}
        if kinds & SMALL_FLOATS or (kinds & WHOLE_NUMBERS and any(name.endswith(CODED) for name in container.tensors)):
            from forebear.files.views.quantised import dequantised
            from forebear.models.architecture.stated_shapes import stated_shapes

            container, quantised = dequantised(container, config, stated_shapes(config))
            limits += quantised
        if low_rank:
            from forebear.models.unmerged import merged

            container, added = merged(container, folder)
            limits += added
        definition = own_definition(architecture) if architecture is not None else None
        opened = open_checkpoint_from(container, config, definition=definition, limits=limits, folder=folder)
        return replace(opened, inner_vocabulary=vocabulary)
    except BaseException:
        container.close()
        raise


def _open_adapter(
    container: Container, folder: Path, base: Place | None, *, architecture: Path | None, max_header: int | None
) -> Checkpoint:
    """An open adapter as a checkpoint: with a base, the base changed; without, by itself under its own names.

    Raises: RefusedError when `container` is no adapter of this base; the adapter is closed then.
    """
    from forebear.models.adapter import adapted, adapter_settings, alone, unties
    from forebear.models.shared_tensors import with_head

    config, said = adapter_settings(folder)
    said = [*container.said, *said]
    if base is None:
        said.insert(0, alone(container, config))
        return open_checkpoint_from(container, config, limits=said, folder=folder)
    try:
        under = open_checkpoint(base, architecture=architecture, max_header=max_header)
    except BaseException:
        container.close()
        raise
    settings = under.config
    try:
        below = under.container
        if under.layout is not None and (split := with_head(below, settings, under.layout)) is not None:
            both_names, name, head = split
            if unties(both_names, container, name, head):
                below, settings = both_names, {**settings, "tie_word_embeddings": False}
                said.append(message("adapter_untied.head", head=printable(head, 80), name=printable(name, 80)))
        both, changed = adapted(below, container, config)
    except BaseException:
        under.close()
        container.close()
        raise
    limits = [*changed, *said, *(message("opening.of_base", what=limit) for limit in under.limits)]
    opened = open_checkpoint_from(both, settings, definition=under.definition, limits=limits, folder=under.folder)
    return replace(opened, inner_vocabulary=under.inner_vocabulary)


def _described(
    container: Container, folder: Path
) -> tuple[Container, dict[str, Any], list[Message], InnerVocabulary | None]:
    """A container under published names, its configuration, what is to be said, and the tokenizer inside it."""
    limits: list[Message] = []
    config: dict[str, Any] = {}
    hints: Mapping[str, Any] = {}
    vocabulary: InnerVocabulary | None = None
    if container.kind != "safetensors" or container.beside:
        from forebear.models.published.foreign import adopt  # plain safetensors need none of it

        adopted = adopt(container)
        container, limits, config = adopted.container, list(adopted.said), dict(adopted.config)
        hints, vocabulary = adopted.hints, adopted.vocabulary
    if config:
        pass  # the file says itself what it is: whatever lies beside it may belong to another
    elif (stored := next((folder / name for name in CONFIGS if (folder / name).is_file()), None)) is None:
        limits.append(message("opening.no_config"))
    else:
        try:
            config = read_config(stored)
        except RefusedError as error:
            limits.append(message("opening.config_refused", why=error.message()))
    return container, {**hints, **config}, limits, vocabulary


def open_checkpoint_from(
    container: Container, config: Mapping[str, Any], *, definition: Definition | None = None,
    limits: Sequence[Message] = (), folder: Path | None = None,
) -> Checkpoint:  # fmt: skip
    """A checkpoint over an open container and a configuration ({} for none); the family is chosen unless given."""
    said = list(limits)
    if definition is None:
        definition, why = select(config, {name: entry.shape for name, entry in container.tensors.items()})
        said += why
    if definition is None:
        unread = undecoded_words(container.tensors, container.tensors, config)
        return Checkpoint(container, config, limits=[*said, *unread], folder=folder, undecoded=unread)
    container, layout, wrapped = _placed(container, config, definition)
    said += wrapped
    if layout.find("embedding", "matrix", definition.main_stack, None, None) is None:
        from forebear.models.shared_tensors import with_embedding

        if (shared := with_embedding(container, config, layout)) is not None:
            container, one = shared
            layout = _place(container, config, definition)
            said.append(one)
    unread = undecoded_words(container.tensors, layout.unclaimed, config)
    said += unread
    if not layout.fits and not (unread and layout.pieces):
        said.append(message("opening.not_those", family=definition.family))
        return Checkpoint(container, config, limits=said, folder=folder, undecoded=unread)
    return Checkpoint(container, config, definition, layout, [*said, *layout.limits], folder, undecoded=unread)


def _placed(
    container: Container, config: Mapping[str, Any], definition: Definition
) -> tuple[Container, Layout, list[Message]]:
    """The layout of a container as it stands or, where that claims more, of a view without the wrappers of its names."""
    layout = _place(container, config, definition)
    if not layout.unclaimed:
        return container, layout, []
    from forebear.files.view import View, renamed
    from forebear.models.architecture.wrapping import unwrap  # names that all fit have no wrapper to look for

    found = unwrap(container.tensors, definition, Settings(config, definition.roots))
    if found is None:
        return container, layout, []
    seen = View(container, renamed(found.names))
    inner = _place(seen, config, definition)
    if len(inner.unclaimed) >= len(layout.unclaimed):
        return container, layout, []
    words = [printable(word, 60) for word in found.words[:SHOWN]]
    return seen, inner, [message("opening.wrapper", names=words)]


def _place(container: Container, config: Mapping[str, Any], definition: Definition) -> Layout:
    shapes = {name: entry.shape for name, entry in container.tensors.items()}
    return place(shapes, config, definition, undecoded(container.tensors))

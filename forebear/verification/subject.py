"""What the files of a checkpoint show: the facts that claims are held against, each read once, when it is first asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path

from forebear.core.errors import RefusedError, UsageError
from forebear.core.messages import Message, message
from forebear.files.digests import value_digest
from forebear.files.sources import home_of, require_there
from forebear.inspection.arithmetic import count_parameters
from forebear.inspection.inspection_tokens import is_tokenizer
from forebear.models.architecture.settings import read_config
from forebear.models.checkpoint import Checkpoint, OnBase, Place, on_base, open_checkpoint
from forebear.models.published.gguf_tokens import load_tokenizer
from forebear.tokens.kinship import prepare
from forebear.tokens.known import Match, matches
from forebear.tokens.vocabulary import Vocabulary
from forebear.verification.digests import digests_of, root_digest

WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".onnx", ".gguf", ".npz", ".h5", ".msgpack")
"""Endings of files that may hold further weights."""
MOST_BESIDE = 10_000
"""Most names that are looked at for further weights."""
GRID_BYTES = 256 * 2**20
"""Bytes of matrices read to find which narrower type holds their values."""


@dataclass
class Subject:
    """A checkpoint, or a tokenizer without weights, with what is asked of its files.

    path: what the caller named. checkpoint: None for a tokenizer alone. full: hash and read without a bound on size.
    """

    path: Path
    name: str
    checkpoint: Checkpoint | None
    full: bool = False
    limits: list[Message] = field(default_factory=list)
    base: str | None = None
    """The model that an adapter changes: comparisons read it so; claims about its files are held against the files."""

    @property
    def place(self) -> Place:
        """What is compared: an adapter on its base where that is known."""
        return self.path if self.base is None else OnBase(str(self.path), self.base)

    def put_on(self, base: str) -> None:
        """Compare an adapter as this base changed by it."""
        self.base = base
        self.limits[:] = [said for said in self.limits if said.key != "opening.adapter_alone"]

    @property
    def folder(self) -> Path:
        """Where the small files lie."""
        return self.path if self.path.is_dir() else self.path.parent

    @cached_property
    def digests(self) -> Mapping[str, tuple[str, int]]:
        """SHA-256 and size of each file by its name."""
        return digests_of(self.path, full=self.full, limits=self.limits)

    @cached_property
    def root(self) -> str:
        """The root digest of the files; "" when they were not hashed."""
        return root_digest({name: digest for name, (digest, _) in self.digests.items()}) if self.digests else ""

    @property
    def readable(self) -> bool:
        """Whether shapes mean what they say: weights are there, and none is stored as codes that no decoder knows."""
        return self.checkpoint is not None and not self.checkpoint.undecoded and not self.adapter

    @cached_property
    def adapter(self) -> bool:
        """Whether the weights are an adapter's alone."""
        names = self.checkpoint.container.tensors if self.checkpoint is not None else ()
        return bool(names) and all(any(mark in name for mark in (".lora_", "lora_", ".hada_", ".lokr_", ".ia3_")) for name in names)

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """What "number of parameters" may mean here, each with its count."""
        if self.checkpoint is None:
            return {}
        tensors, pieces = self.checkpoint.container.tensors, self.checkpoint.pieces
        total = sum(entry.parameters for entry in tensors.values())
        embedding, head = (
            sum(tensors[name].parameters for name in {p.tensor for p in pieces if p.part == part}) for part in ("embedding", "head")
        )
        found = {"total": total, "without_embedding": total - embedding - head, "without_head": total - head}
        found["head_twice"] = total if head or self._headless else total + embedding
        try:
            counted = count_parameters(self.checkpoint.config)
            found |= {"of_configuration": counted.total, "active": int(counted.document()["active"])}
        except RefusedError:
            pass  # a configuration that cannot be counted says nothing: the tensors are counted all the same
        return {name: count for name, count in found.items() if count > 0}

    @property
    def _headless(self) -> bool:
        """Whether the configuration names classes and none of them has an LM head that could share the embedding."""
        named = (self.checkpoint.config or {}).get("architectures") if self.checkpoint is not None else None
        classes = [name for name in named if isinstance(name, str)] if isinstance(named, list | tuple) else []
        return bool(classes) and not any(word in name for name in classes for word in ("LM", "Generation"))

    @cached_property
    def dimensions(self) -> frozenset[int]:
        """Every size of every tensor."""
        tensors = self.checkpoint.container.tensors.values() if self.checkpoint is not None else ()
        return frozenset(size for entry in tensors for size in entry.shape)

    @cached_property
    def layers(self) -> Mapping[str, int]:
        """Layers by stack, as the tensors show them."""
        return self.checkpoint.stacks if self.checkpoint is not None else {}

    @cached_property
    def table_rows(self) -> tuple[int, ...]:
        """Rows of the embedding and of the LM head."""
        if self.checkpoint is None:
            return ()
        tensors = self.checkpoint.container.tensors
        tables = [p for p in self.checkpoint.pieces if p.part in ("embedding", "head") and p.kind == "matrix" and p.has("token")]
        return tuple(sorted({tensors[piece.tensor].shape[0] for piece in tables}))

    @cached_property
    def dtypes(self) -> Mapping[str, int]:
        """Parameters of the matrices by the type they are stored in."""
        found: Counter[str] = Counter()
        for entry in self.checkpoint.container.tensors.values() if self.checkpoint is not None else ():
            if len(entry.shape) > 1:
                found[entry.dtype] += entry.parameters
        return found

    @cached_property
    def grids(self) -> tuple[tuple[str, ...], ...]:
        """For each matrix that was read: the types that hold every value, narrowest first (METHODS §16); largest matrices last."""
        found, left = [], GRID_BYTES
        tensors = self.checkpoint.container.tensors.values() if self.checkpoint is not None else ()
        for entry in sorted((e for e in tensors if len(e.shape) == 2), key=lambda e: e.parameters):
            left -= entry.stored_bytes
            if left < 0 and not self.full:
                break
            assert self.checkpoint is not None
            digest = value_digest(self.checkpoint.container, entry.name, grid=True)
            if digest.grid_fits is not None and not digest.constant:
                found.append((*(["levels"] if digest.grid_fits.levels else []), *digest.grid_fits.fits))
        return tuple(found)

    @cached_property
    def vocabulary(self) -> Vocabulary | None:
        """The tokenizer beside or inside the weights; None when there is none that can be read."""
        try:
            return load_tokenizer(self.path)
        except RefusedError:
            return None  # no tokenizer is no fault of a checkpoint; claims about one are then not testable

    @cached_property
    def settings(self) -> tuple[Mapping[str, object], ...]:
        """Settings of the tokenizer and of a sentence encoder that lie beside the weights: lengths that they cut a text to."""
        found = []
        for place in (self.folder / "tokenizer_config.json", *sorted(islice(self.folder.glob("sentence_*_config.json"), 8))):
            try:
                found.append(read_config(place))
            except RefusedError:
                continue  # such a file need not be there, and may hold numbers past 64 bits: it says nothing then
        return tuple(found)

    @cached_property
    def adapter_settings(self) -> Mapping[str, object]:
        """adapter_config.json as it lies beside an adapter; empty where there is none that can be read."""
        try:
            return read_config(self.folder / "adapter_config.json") if self.adapter else {}
        except RefusedError:
            return {}  # an adapter without it is refused where it is opened; here it says nothing

    @cached_property
    def known(self) -> tuple[Match, ...]:
        """Known vocabularies that this one resembles."""
        return tuple(matches(prepare(self.vocabulary))) if self.vocabulary is not None and len(self.vocabulary) else ()

    @cached_property
    def other_weights(self) -> bool:
        """Whether the folder holds weights besides those that were read, such as a head of its own or another part."""
        read = {path.name for path in self.checkpoint.container.paths} if self.checkpoint is not None else set()
        beside = islice(self.path.rglob("*") if self.path.is_dir() else self.folder.iterdir(), MOST_BESIDE)
        names = {*self.digests, *(place.name for place in beside)}
        return any(name.endswith(WEIGHTS) and name.rpartition("/")[2] not in read for name in names)

    def close(self) -> None:
        """Release the weights."""
        if self.checkpoint is not None:
            self.checkpoint.close()


def open_subject(path: str | Path, *, full: bool, base: str | Path | None = None) -> Subject:
    """What a path leads to. base: what an adapter changes.

    Raises: RefusedError when it is neither a checkpoint nor a tokenizer that is read; UsageError for a base of what is no adapter.
    """
    place = home_of(path)
    if is_tokenizer(place):
        said = [message("unverified.no_weights")]
        return Subject(place, place.name, None, full, said)
    opened = open_checkpoint(path)
    found = Subject(place, place.name, opened, full, list(opened.limits))
    if base is not None and not isinstance(on_base(path, base), OnBase):
        opened.close()
        raise UsageError("the checkpoint is no adapter", where="--base", todo="Leave it out, or give an adapter.")
    if base is not None:
        require_there(base)
        found.put_on(str(base))
    return found

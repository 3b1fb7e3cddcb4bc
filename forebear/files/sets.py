"""Which sets of weights a folder holds, by the names of its files alone, and which of them is the model."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import NamedTuple

from forebear.core.errors import refusal
from forebear.core.limits import MAX_SHARDS
from forebear.core.messages import Message, message
from forebear.files.base import quoted
from forebear.files.bytes.folder import Folder
from forebear.files.formats.format import LEFTOVERS, Format, added
from forebear.files.formats.registry import FORMATS, INDEXES, named

_NUMBERED = re.compile(r"(.+?)[-_.](\d{1,6})-of-(\d{1,6})(\.[a-z0-9]{1,12})", re.DOTALL)
_RANK = re.compile(r"(consolidated)\.(\d{2})(\.pth|\.pt)")
_ADDITION = re.compile(r"(adapters?|adapter_model|pytorch_lora_weights)(\.\w+)?\.(safetensors|bin|pt)|mmproj[-_.].*\.gguf")
_SHARE = re.compile(r"(.*?)(?:^|[_.-])rank[_.-]?(\d{1,6})((?:[_.-][^.]*)?\.(?:pt|pth|bin))", re.DOTALL)
"""One file a rank, numbered by it: model_world_size_8_rank_3.pt, rank0.pt."""
_UNJOINED = re.compile(
    r".*zero_pp_rank_.*|.*_optim_states\.pt|mp_rank_\d+_model_states\.pt|layer_\d+-model_.*states\.pt|model_optim_rng\.pt|distrib_optim\.pt"
    r"|(?:optim|optimizer|extra_state|rng_state|scheduler)[_.-].*\.(?:pt|pth|bin)"
)
"""Files of a trainer's own layout (trained.py), of which none is a model by itself."""
_USUAL = ("model.safetensors", "model.safetensors.index.json")
_USUAL_OTHERS = ("pytorch_model.bin", "pytorch_model.bin.index.json", "consolidated.00.pth", "model.onnx")
"""In the order of the reference library (transformers 5.24, modeling_utils.py): one file before an index."""
_SETTINGS = ("config.json", "params.json")


class Kind(Enum):
    """How the files of a set make one checkpoint."""

    FILE = "one file"
    INDEX = "an index and its shards"
    NUMBERED = "shards numbered without an index"
    SPLIT = "parts of a split GGUF file"
    RANKS = "files of several ranks"
    SHARES = "files of several ranks that say how they are cut"
    DCP = "a folder of torch.distributed.checkpoint"
    ZERO = "a folder of DeepSpeed"
    MEGATRON = "a folder of Megatron-LM"


class WeightSet(NamedTuple):
    """Files of a folder that together are one set of weights.

    first: the file that names the set: the index, or the first part. files: the parts that are here, in order; the index is
    none of them. lacks: why the set is not whole; None when it is, or when only its index knows. opens: whether a reader has it.
    """

    kind: Kind
    first: str
    files: tuple[str, ...]
    lacks: Message | None = None
    opens: bool = True

    @property
    def addition(self) -> bool:
        """Whether the name is that of an adapter or a projector, which comes on top of a model and is none."""
        return _ADDITION.fullmatch(self.first) is not None

    @property
    def all_files(self) -> tuple[str, ...]:
        """The index, if there is one, and the parts."""
        return (self.first, *(name for name in self.files if name != self.first))


def weighs(name: str) -> bool:
    """Whether a file's name says that it holds weights in one of our own formats, or is their index."""
    return name.lower().endswith(INDEXES) or named(FORMATS, name) is not None


def weighs_elsewhere(name: str) -> bool:
    """As `weighs`, for the formats of installed packages."""
    return named(added(), name) is not None


def names_in(folder: Folder, wanted: Callable[[str], bool]) -> tuple[str, ...]:
    """Names in a folder that are wanted, in order. Raises: RefusedError for more of them than any checkpoint has."""
    found = [name for name in folder.names() if wanted(name)]
    if len(found) > 2 * MAX_SHARDS:
        many = message("most.weight_files", count=len(found), most=MAX_SHARDS)
        raise refusal(many, where=folder.where, todo=message("advice.meant"))
    return tuple(sorted(found))


def is_part(name: str, *, ranks: bool = True) -> bool:
    """Whether a file's name says that it is one of several: a shard, a part, the file of a rank, or an index of shards."""
    if name.lower().endswith(INDEXES):
        return ranks
    return _NUMBERED.fullmatch(name) is not None or (ranks and any(kind.fullmatch(name) for kind in (_RANK, _SHARE)))


def describes(name: str) -> bool:
    """Whether a file is the configuration of a model."""
    return name in _SETTINGS


def weight_sets(names: Iterable[str], formats: Sequence[Format] = FORMATS) -> tuple[WeightSet, ...]:
    """The sets that files make, in order of name; what a trainer left behind is none."""
    left = sorted(name for name in names if name.lower() not in LEFTOVERS and _UNJOINED.fullmatch(name) is None)
    indexes = {name: _covered(name, left) for name in left if name.lower().endswith(INDEXES)}
    found = [WeightSet(Kind.INDEX, name, covered) for name, covered in indexes.items()]
    left = [name for name in left if name not in indexes and not any(name in covered for covered in indexes.values())]
    groups: dict[tuple[str, int, str], list[str]] = {}
    shares: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for name in left:
        if (numbered := _NUMBERED.fullmatch(name)) is not None:
            groups.setdefault((numbered[1], int(numbered[3]), numbered[4]), []).append(name)
        elif (rank := _RANK.fullmatch(name)) is not None:
            groups.setdefault((rank[1], 0, rank[3]), []).append(name)
        elif (share := _SHARE.fullmatch(name)) is not None:
            shares.setdefault((share[1], share[3]), []).append((int(share[2]), name))
        else:
            reader = named(formats, name)
            found.append(WeightSet(Kind.FILE, name, (name,), opens=reader is not None and reader.open is not None))
    found += [_group(key, group) for key, group in groups.items()]
    found += [_shares([name for _, name in sorted(group)]) for group in shares.values()]
    return tuple(sorted(found, key=lambda one: one.first))


def _covered(index: str, names: Sequence[str]) -> tuple[str, ...]:
    """The numbered files that an index of this name is about."""
    stem, _, ending = index.lower().removesuffix(".index.json").rpartition(".")
    parts = [(name, _NUMBERED.fullmatch(name)) for name in names]
    return tuple(name for name, m in parts if m is not None and (m[1].lower(), m[4].lower()) == (stem, f".{ending}"))


def _group(key: tuple[str, int, str], names: list[str]) -> WeightSet:
    """A set of files that differ in their number."""
    stem, count, ending = key
    if not count:
        numbers = [int(found[2]) for name in names if (found := _RANK.fullmatch(name))]
        whole = numbers == list(range(len(numbers)))
        lacks = None if whole else message("folder.ranks_missing", names=_gaps(numbers))
        return WeightSet(Kind.RANKS if len(names) > 1 else Kind.FILE, names[0], tuple(names), lacks)
    kind = Kind.SPLIT if ending == ".gguf" else Kind.NUMBERED
    ordered = sorted((int(found[2]), name) for name in names if (found := _NUMBERED.fullmatch(name)))
    whole = count <= MAX_SHARDS and [number for number, _ in ordered] == list(range(1, count + 1))
    lacks = None if whole else message("folder.shards_missing", found=len(ordered), count=count)
    if lacks and kind is Kind.SPLIT:
        here = [number for number, _ in ordered]
        missing = next((number for number in range(1, min(count, MAX_SHARDS) + 1) if number not in here), 0)
        name = f"{stem}-{missing:05d}-of-{count:05d}.gguf"
        lacks = message("folder.part_missing", name=quoted(name))
    return WeightSet(kind, ordered[0][1], tuple(name for _, name in ordered), lacks)


def _shares(names: list[str]) -> WeightSet:
    """Files of ranks; what they hold says whether all are here."""
    return WeightSet(Kind.SHARES if len(names) > 1 else Kind.FILE, names[0], tuple(names))


def _gaps(numbers: Sequence[int]) -> str:
    missing = [number for number in range(max(numbers)) if number not in numbers]
    return ", ".join(f"{number:02d}" for number in missing[:4]) + (", …" if len(missing) > 4 else "")


def numbered_like(index: str, names: Sequence[str]) -> WeightSet | None:
    """A whole set that an index whose own files are not here would be about: shards of its name by their numbers, or one file."""
    for one in weight_sets(_covered(index, names)):
        if one.kind is Kind.NUMBERED and not one.lacks:
            return one
    single = index.removesuffix(".index.json")
    return WeightSet(Kind.FILE, single, (single,)) if single in names else None


def completed(index: str, named: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """The files that an index names, with those of the same numbering that it leaves out and that make the set whole."""
    for one in weight_sets(_covered(index, names)):
        if one.kind is Kind.NUMBERED and not one.lacks and set(named) < set(one.files):
            return (*named, *(name for name in one.files if name not in named))
    return tuple(named)


def chosen(sets: Sequence[WeightSet]) -> WeightSet | None:
    """The set that is the model; None when none stands out.

    safetensors before all others and a usual name before any other; an adapter only where there is no model.
    """
    whole = [one for one in sets if one.opens and not one.addition]
    by_name = {one.first: one for one in whole}
    usual = next((by_name[name] for name in _USUAL if name in by_name), None)
    safe = [one for one in whole if one.first.lower().endswith((".safetensors", ".safetensors.index.json"))]
    indexes = [one for one in safe if one.kind is Kind.INDEX]
    if usual is not None or len(indexes) == 1:
        return usual or indexes[0]
    if safe:
        return safe[0] if len(safe) == 1 else None
    usual = next((by_name[name] for name in _USUAL_OTHERS if name in by_name), None)
    if usual is not None or whole:
        return usual or (whole[0] if len(whole) == 1 else None)
    additions = [one for one in sets if one.opens and one.addition]
    return additions[0] if len(additions) == 1 else None


def called(one: WeightSet) -> Message | str:
    """A set as a sentence names it."""
    name = quoted(one.first)
    several = len(one.files) > 1 and one.kind is not Kind.INDEX
    return message("folder.several", name=name, count=len(one.files)) if several else name


def is_usual(one: WeightSet) -> bool:
    """Whether a set bears a name that models are saved under, so that what lies in inner folders is no sibling of it."""
    return one.first in (*_USUAL, *_USUAL_OTHERS) or one.kind is not Kind.FILE or one.addition

"""Checkpoints of training systems: sound folders whose pickles are changed value by value, their files byte by byte, or gone."""

from __future__ import annotations

import io
import random
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from bench.fuzz import mutate, weights
from bench.fuzz.target import HUNDRED_THOUSAND, Files, Plant, Target
from bench.fuzz.under_test import format_registry, trained_folders
from forebear.core.errors import RefusedError
from forebear.files.assembling import open_set
from forebear.files.sets import chosen, weight_sets
from tests.hostile import defects_trainers as made
from tests.hostile.pickled import Name, Obj, Pairs, Raw, Written, pickled, size, tensor, torch_file

T = TypeVar("T")
_TEXTS = ("", "a", "a.weight", "b", "model", "__0_0.distcp", "__1_0.distcp", "../x", "\ud800", "0", "Shard", "module.a", "x" * 300)


class MemoryFolder:
    """Files in memory as a folder."""

    def __init__(self, files: Mapping[str, bytes], where: str = "m") -> None:
        self._files, self.where, self.path = files, where, None

    def names(self) -> Iterator[str]:
        """See Folder.names."""
        return (name for name in self._files if "/" not in name and not name.startswith("."))

    def folders(self) -> tuple[str, ...]:
        """See Folder.folders."""
        return tuple(sorted({name.partition("/")[0] for name in self._files if "/" in name}))

    def inner(self, name: str) -> MemoryFolder:
        """See Folder.inner."""
        inside = {n.removeprefix(f"{name}/"): data for n, data in self._files.items() if n.startswith(f"{name}/")}
        return MemoryFolder(inside, f"{self.where}/{name}")

    def source(self, name: str) -> Any:
        """See Folder.source."""
        if name not in self._files:
            raise RefusedError("no such file or folder", where=name)
        return weights.Memory(self._files[name], f"{self.where}/{name}")

    def small(self, name: str, limit: int) -> bytes:
        """See Folder.small."""
        if name not in self._files or len(self._files[name]) > limit:
            raise RefusedError("no such file or folder", where=name)
        return self._files[name]

    def has(self, name: str, where: str) -> bool:
        """See Folder.has."""
        return name in self._files

    def each(self, work: Callable[[str], T], names: Iterable[str]) -> Iterator[T]:
        """See Folder.each."""
        return map(work, names)

    def beside(self, weights: Any) -> Mapping[str, Callable[[], bytes]]:
        """See Folder.beside."""
        return {}


def _other(rng: random.Random) -> Any:
    """A value that a pickle may hold where another is expected."""
    how = rng.randrange(9)
    if how < 3:
        return rng.choice(mutate.EDGES) * rng.choice((1, 1, 1, -1))
    if how == 3:
        return rng.choice(_TEXTS)
    if how == 4:
        return size(*(rng.choice((0, 1, 2, 3, 4, 6, 2**31, 2**40)) for _ in range(rng.randint(0, 4))))
    if how == 5:
        return rng.choice((None, True, 1.5, (), [], {}, [[]], (None,), Raw(b"h\0"), Raw(b"]"), Raw(b"0N")))
    if how == 6:
        return [rng.choice((0, 1, 2, 3, 5)) for _ in range(rng.randint(0, 4))]
    if how == 7:
        kind = rng.choice(("Shard", "_StridedShard", "Replicate", "Partial"))
        return made.placement(kind, dim=rng.choice((0, 1, -1, 9)), split_factor=rng.choice((1, 2, 65536)))
    shape, strides = rng.choice((((2, 3), None), ((9,), None), ((3, 2), (1, 3)), ((0, 3), None)))
    return tensor("0", shape, strides=strides) if rng.random() < 0.8 else Name("torch", "Tensor")


def changed(rng: random.Random, value: Any, rate: float) -> Any:
    """A tree with some of its values replaced, left out, or there twice."""
    if rng.random() < rate:
        return _other(rng)
    if isinstance(value, tuple | list):
        items = [changed(rng, one, rate) for one in value if rng.random() > rate / 2]
        items += [rng.choice(items)] if items and rng.random() < rate else []
        return tuple(items) if isinstance(value, tuple) else items
    if isinstance(value, dict):
        value = Pairs(tuple(value.items()))
    if isinstance(value, Pairs):
        kept = [pair for pair in value.pairs if rng.random() > rate / 2]
        kept += [rng.choice(kept)] if kept and rng.random() < rate else []
        return Pairs(tuple((changed(rng, key, rate / 4), changed(rng, one, rate)) for key, one in kept))
    if isinstance(value, Obj):
        return Obj(value.module, value.name, changed(rng, value.args, rate), changed(rng, value.state, rate))
    return value


def _files(rng: random.Random, sound: Mapping[str, Any]) -> Files:
    """A sound folder with one kind of change, seldom none."""
    files: Files = dict(sound)
    how = rng.random()
    if how < 0.03:
        return files
    if how < 0.75:
        rate = rng.choice((0.012, 0.03, 0.08))
        for name in rng.sample(list(files), rng.randint(1, len(files))):
            data = files[name]
            if isinstance(data, Written):
                root = changed(rng, data.root, rate)
                files[name] = pickled(root) if data.storages is None else torch_file(root, data.storages)
    elif how < 0.9:
        name = rng.choice(list(files))
        files[name] = mutate.raw(rng, [files[name]])
    else:
        name = rng.choice(list(files))
        data = files.pop(name)
        if rng.random() < 0.6:
            files[rng.choice((name.replace("1", "2"), name.replace("0", "1"), f"x/{name}", name + "x"))] = data
    return files


def _archive(rng: random.Random, sound: Mapping[str, Any]) -> Files:
    """A NeMo archive of a folder that was changed, or changed itself."""
    out = io.BytesIO()
    kind = rng.choice((tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT))
    with tarfile.open(fileobj=out, mode="w:", format=kind) as tar:
        for name, data in _files(rng, sound).items():
            info = tarfile.TarInfo(rng.choice((name, f"./{name}", f"model_weights/{name}")) if rng.random() < 0.5 else name)
            info.size = len(data)
            info.type = rng.choice((tarfile.REGTYPE,) * 20 + (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE))
            tar.addfile(info, io.BytesIO(data))
    data = out.getvalue()
    return {"m.nemo": mutate.raw(rng, [data[:8192]], 8192) + data[8192:] if rng.random() < 0.4 else data}


def run(files: Files) -> None:
    """Find the set of the folder, open it, and read a little of every tensor."""
    if "m.nemo" in files:
        container = format_registry.open_source(weights.Memory(files["m.nemo"], "m.nemo"))
    else:
        folder = MemoryFolder(files)
        taken = chosen(weight_sets(name for name in folder.names() if name.endswith((".pt", ".bin"))))
        one = taken or next(iter(trained_folders.trained_sets(folder)), None)
        if one is None:
            return
        container = open_set(folder, one, None)
    for name, entry in list(container.tensors.items())[:6]:
        if entry.parameters <= 4096:
            container.rows(name, 0, 2)
            container.take(name, [entry.shape[0] - 1] if entry.shape and entry.shape[0] else [])
            for _ in container.stored(name):
                pass


def _sound(names: tuple[str, ...]) -> list[Mapping[str, Any]]:
    halves = [made.shard(tensor("0", (2, 3)), [at, 0], [2, 3]) for at in (0, 2)]
    more = {"sharded": made.sharded(halves)}
    return [more[name] if name in more else made.SOUND[name][0] for name in names]


def _target(name: str, sound: tuple[str, ...], modules: str, reads: str) -> Target:
    folders: list[Mapping[str, Any]] = []

    def make(rng: random.Random) -> Files:
        folders.extend([] if folders else _sound(sound))
        return (_archive if name == "nemo" else _files)(rng, rng.choice(folders))

    return Target(
        name=f"trainer-{name}", make=make, run=run, outer=lambda files: True, least=HUNDRED_THOUSAND,
        plant=Plant(trained_folders, "trained_sets", bool) if name in ("dcp", "zero", "megatron")
        else Plant(format_registry if name == "nemo" else weights.Memory, "open_source" if name == "nemo" else "read", bool),
        measured=tuple(f"forebear.files.formats.{module}" for module in (*modules.split(), "pieced", "records")),
        reads=reads,
    )  # fmt: skip


DCP = _target("dcp", ("dcp",), "dcp", "folders of torch.distributed.checkpoint")
SHARES = _target("shares", ("shares", "sharded"), "shares", "rank files of DTensor and ShardedTensor")
ZERO = _target("zero", ("zero", "zero of stage 2"), "zero", "folders of DeepSpeed ZeRO")
MEGATRON = _target("megatron", ("megatron",), "megatron", "rank folders of Megatron-LM")
NEMO = _target("nemo", ("dcp", "megatron"), "tars", "NeMo archives")

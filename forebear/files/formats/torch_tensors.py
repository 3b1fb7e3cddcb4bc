"""Which tensors a PyTorch pickle describes: the allow-listed rebuild records, named by where they hang in the tree.

Source: torch/_utils.py (the argument order of _rebuild_tensor and its kin) and torch/serialization.py (persistent ids).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from forebear.core.errors import refusal
from forebear.core.limits import MAX_DIMENSIONS, MAX_TENSORS, PICKLE_STEPS_FREE
from forebear.core.messages import Message, message
from forebear.files.base import TensorEntry, quoted
from forebear.files.dtypes import DTYPES
from forebear.files.formats.pickles import CONVERT, Name, Opaque, Persistent, Pickled, Table
from forebear.files.refusing import AGAIN, SOURCE, more_than, of_tensor

_STORAGES = {
    "FloatStorage": "F32", "DoubleStorage": "F64", "HalfStorage": "F16", "BFloat16Storage": "BF16",
    "LongStorage": "I64", "IntStorage": "I32", "ShortStorage": "I16", "CharStorage": "I8", "ByteStorage": "U8",
    "BoolStorage": "BOOL", "ComplexFloatStorage": "C64",
}  # fmt: skip
_DTYPES = {
    "float32": "F32", "float64": "F64", "float16": "F16", "bfloat16": "BF16", "int64": "I64", "int32": "I32",
    "int16": "I16", "int8": "I8", "uint8": "U8", "bool": "BOOL", "complex64": "C64", "uint16": "U16", "uint32": "U32",
    "uint64": "U64", "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2", "float8_e4m3fnuz": "F8_E4M3FNUZ",
    "float8_e5m2fnuz": "F8_E5M2FNUZ", "float8_e8m0fnu": "F8_E8M0",
}  # fmt: skip
_TENSORS = {f"torch._utils._rebuild_tensor{kind}" for kind in ("", "_v2", "_v3")}
_WRAPPERS = {f"torch._utils._rebuild_parameter{kind}" for kind in ("", "_with_state")}
_FROM_TYPE = {"torch._tensor._rebuild_from_type", "torch._tensor._rebuild_from_type_v2"}
_HARMLESS = (
    *_TENSORS, *_WRAPPERS, *_FROM_TYPE, "collections.OrderedDict", "torch.Size", "torch.device",
    "torch.nn.parameter.Parameter", "torch.storage.UntypedStorage", "torch.storage._load_from_bytes",
    *(f"torch.{name}" for name in (*_STORAGES, *_DTYPES)),
)  # fmt: skip
MAIN_KEYS = ("state_dict", "model_state_dict", "model", "module", "net", "weights", "params")
"""Under which a training checkpoint keeps the model, beside optimiser state that is left out."""
_CONTAINERS = ("_parameters", "_buffers", "_modules")
_RECORDS = frozenset((*_TENSORS, *_WRAPPERS, *_FROM_TYPE))
_MAX_DEPTH = 64
_LONGEST_NAME = 4096


@dataclass(frozen=True, slots=True)
class StorageKey:
    """A storage as a tensor names it: key in the file, number type of its elements (None: bytes), elements."""

    key: str
    dtype: str | None
    elements: int
    offset: int = 0
    """Elements into the root storage where a legacy view begins."""


@dataclass(frozen=True, slots=True)
class TorchTensor:
    """A tensor record: offset and strides in elements of `dtype` within the storage."""

    storage: StorageKey
    dtype: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def contiguous(self) -> bool:
        """Whether values stand in row-major order without gaps."""
        expected = 1
        for size, stride in zip(reversed(self.shape), reversed(self.strides), strict=True):
            if size != 1 and stride != expected:
                return False
            expected *= size
        return True

    def reach(self) -> int:
        """Elements from the first to the last value, both counted; 0 when there are none."""
        if 0 in self.shape:
            return 0
        return 1 + sum((size - 1) * stride for size, stride in zip(self.shape, self.strides, strict=True))


@dataclass(frozen=True, slots=True)
class TorchEntry(TensorEntry):
    """A tensor of a PyTorch file. begin: byte of its first value; strides: in values, () when row-major."""

    begin: int = 0
    strides: tuple[int, ...] = ()


@dataclass(slots=True)
class Found:
    """tensors by name; odd: for `Container.odd`."""

    tensors: dict[str, TorchTensor]
    odd: list[Message]


def find_tensors(pickled: Pickled, where: str) -> Found:
    """Every tensor of the pickle by its path; of a training checkpoint only the model's.

    Raises: RefusedError when a record contradicts itself, there are too many tensors, or there is none.
    """
    found: dict[str, TorchTensor] = {}
    root, left_out, prefix = _main(pickled.value)
    for name, record in _walk(root, where, PICKLE_STEPS_FREE + pickled.opcodes):
        if len(found) >= MAX_TENSORS:
            raise refusal(more_than("pickle", MAX_TENSORS, "tensors"), where=where, todo=SOURCE)
        if name in found:
            raise refusal(message("torch.twice", name=quoted(name)), where=where, todo=AGAIN)
        found[name] = _tensor(record, name, where)
    if not found:
        for one in pickled.names:  # perhaps tensors of a kind that is not read
            if (known := _known_home(str(one))) is not None:
                kind = message(f"torch_kind.{known}")
                _refuse_pickle(message("pickle.unread", kind=kind, name=quoted(str(one))), where, message(f"convert.{known}"))
        _refuse_pickle(message("pickle.nothing"), where, message("advice.weights"))
    odd: list[Message] = []
    strange = [str(name) for name in pickled.names if str(name) not in _HARMLESS]
    if strange:
        shown = [quoted(name, 60) for name in strange[:3]] + (["…"] if len(strange) > 3 else [])
        odd.append(message("odd.pickle", count=len(strange), names=shown))
    if prefix:
        odd.append(message("odd.prefix", prefix=quoted(prefix), count=left_out))
    if all(name.startswith("module.") for name in found):
        found = {name.removeprefix("module."): tensor for name, tensor in found.items()}
        odd.append(message("odd.module", prefix="module."))
    return Found(found, odd)


def model_records(pickled: Pickled, where: str) -> tuple[list[tuple[str, Opaque]], str, int]:
    """Every tensor's record by its path, of a training checkpoint only the model's; the key it was under; what was left out.

    A record may be of a kind that `find_tensors` refuses. Raises: RefusedError for a tree without end.
    """
    root, left_out, prefix = _main(pickled.value)
    return list(_walk(root, where, PICKLE_STEPS_FREE + pickled.opcodes)), prefix, left_out


def _main(root: Any) -> tuple[Any, int, str]:
    """The part of the tree that is the model, how many siblings are left out, and its key."""
    entries = _entries(root)
    for key in MAIN_KEYS:
        inner = [value for name, value in entries if name == key and isinstance(value, Table | Opaque)]
        if len(inner) == 1 and _entries(inner[0]) and not any(_is_tensor(value) for _, value in entries):
            return inner[0], len(entries) - 1, key
    return root, 0, ""


def _entries(node: Any) -> list[tuple[str, Any]]:
    """Named children of a dictionary, a module or anything with a state; nothing for the rest."""
    if isinstance(node, Table):
        return _named(node.pairs)
    if isinstance(node, Opaque) and not _is_tensor(node):
        state = node.state[0] if isinstance(node.state, tuple) and node.state else node.state
        return _named(node.pairs) + (_named(state.pairs) if isinstance(state, Table) else [])
    return []


def _named(pairs: list[tuple[Any, Any]]) -> list[tuple[str, Any]]:
    return [(str(key), value) for key, value in pairs if isinstance(key, str) or _is_size(key)]


def _is_tensor(node: Any) -> bool:
    return isinstance(node, Opaque) and node.callee in _RECORDS


def _walk(root: Any, where: str, budget: int) -> Iterator[tuple[str, Opaque]]:
    """(name, tensor record) in order of appearance; shared branches once per name, cycles refused.

    budget: places of the tree that may be looked at. A few hundred bytes can describe a tree that doubles at every level.
    """
    stack: list[tuple[str, Any, int]] = [("", root, 0)]
    while stack:
        name, node, depth = stack.pop()
        if depth > _MAX_DEPTH or len(name) > _LONGEST_NAME:
            _refuse_pickle(message("pickle.too_deep"), where, message("advice.state_dict"))
        if _is_tensor(node):
            yield name, node
            continue
        children = _entries(node)
        if isinstance(node, list | tuple) and len(node) <= MAX_TENSORS:
            children = [(str(i), value) for i, value in enumerate(node)]
        budget -= 1 + len(children)
        if budget < 0:
            _refuse_pickle(message("pickle.branches"), where, message("advice.state_dict"))
        for key, value in reversed(children):
            if isinstance(value, Opaque | Table | list | tuple):
                stack.append((name if key in _CONTAINERS else f"{name}.{key}" if name else key, value, depth + 1))


def _tensor(record: Opaque, name: str, where: str) -> TorchTensor:
    for _ in range(4):  # a parameter wraps a tensor, a subclass may wrap a parameter
        made_by, args = record.callee, record.args
        if made_by in _TENSORS:
            return _rebuilt(args, made_by.endswith("_v3"), name, where)
        if made_by in _WRAPPERS and isinstance(args, tuple) and args:
            inner = args[0]
        elif made_by in _FROM_TYPE and isinstance(args, tuple) and len(args) >= 3 and isinstance(args[2], tuple):
            inner = Opaque(args[0], args[2])
        else:
            inner = None
        if not isinstance(inner, Opaque):
            break
        record = inner
    _refuse_record(record, name, where)


_HOMES = {
    "torch.distributed.tensor": "dtensor", "torch.distributed._tensor": "dtensor", "torch.distributed._shard": "sharded",
    "torchao": "torchao", "optimum.quanto": "quanto", "quanto": "quanto", "bitsandbytes": "bitsandbytes", "hqq": "hqq",
}  # fmt: skip
"""Where a class comes from -> the key of what it is (`torch_kind`), and of what makes it readable (`convert`)."""


def _known_home(name: str) -> str | None:
    return next((found for home, found in _HOMES.items() if name.startswith(f"{home}.")), None)


def _refuse_record(record: Opaque, name: str, where: str) -> NoReturn:
    """Name what rebuilds a tensor: a class whose home is known, else the record itself."""
    args = record.args if isinstance(record.args, tuple) else ()
    classes = [str(one) for one in (record.made_by, *args[:3]) if isinstance(one, Name)]
    for one in classes:
        if (known := _known_home(one)) is not None:
            _refuse(name, message("torch.is", kind=message(f"torch_kind.{known}")), where, message(f"convert.{known}"))
    names = ", ".join(quoted(one) for one in classes[:3]) or message("torch.no_name")
    _refuse(name, message("torch.rebuilt", names=names), where, CONVERT)


def _rebuilt(args: Any, third: bool, name: str, where: str) -> TorchTensor:
    if not isinstance(args, tuple) or len(args) < (7 if third else 4) or not isinstance(args[0], Persistent):
        _refuse(name, message("torch.no_storage"), where)
    storage, offset = storage_key(args[0].id, name, where), args[1]
    shape, strides = _sizes(args[2], name, where), _sizes(args[3], name, where)
    dtype = _DTYPES.get(args[6].name) if third and isinstance(args[6], Name) else storage.dtype
    if dtype is None:
        _refuse(name, message("torch.number_type"), where, CONVERT)
    if len(shape) != len(strides):
        _refuse(name, message("torch.strides", sizes=len(shape), strides=len(strides)), where)
    if not _is_size(offset):
        _refuse(name, message("torch.offset"), where)
    tensor = TorchTensor(storage, dtype, offset, shape, strides)
    _check_reach(tensor, name, where)
    return tensor


def _check_reach(tensor: TorchTensor, name: str, where: str) -> None:
    storage, elements = tensor.storage, tensor.storage.elements
    if storage.dtype is None:  # counted in bytes
        elements = elements * 8 // DTYPES[tensor.dtype].bits
    if tensor.offset + tensor.reach() > elements:
        _refuse(name, message("torch.reaches", end=tensor.offset + tensor.reach(), count=elements), where)
    if math.prod(tensor.shape) > max(elements, 2**24):
        _refuse(name, message("torch.repeats", count=elements, times=math.prod(tensor.shape)), where)


def _sizes(value: Any, name: str, where: str) -> tuple[int, ...]:
    if isinstance(value, Opaque) and value.callee == "torch.Size" and isinstance(value.args, tuple) and value.args:
        value = value.args[0]
    if isinstance(value, list):
        value = tuple(value)
    if not isinstance(value, tuple) or not all(_is_size(size) for size in value):
        _refuse(name, message("torch.sizes"), where)
    if len(value) > MAX_DIMENSIONS:
        many = message("most.has", count=len(value), things=message("thing.dimensions"), most=MAX_DIMENSIONS)
        _refuse(name, many, where)
    if math.prod(size or 1 for size in value) * 8 >= 2**63:
        _refuse(name, message("npy.overflows"), where)
    return value


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**62


def storage_key(identity: Any, name: str, where: str) -> StorageKey:
    """A persistent id as torch.save writes it: ("storage", type, key, place, elements[, view]).

    Raises: RefusedError, naming the tensor, when it is none.
    """
    if not isinstance(identity, tuple) or len(identity) not in (5, 6) or identity[0] != "storage":
        _refuse(name, message("torch.record"), where)
    kind, key, elements = identity[1], identity[2], identity[4]
    if not isinstance(kind, Name) or not isinstance(key, str) or not _is_size(elements):
        _refuse(name, message("torch.bad_record"), where)
    if str(kind) != "torch.storage.UntypedStorage" and kind.name not in _STORAGES:
        _refuse(name, message("torch.storage_type", type=quoted(str(kind), 60)), where)
    view = identity[5] if len(identity) == 6 else None
    offset = 0
    if view is not None:
        if not isinstance(view, tuple) or len(view) != 3 or not _is_size(view[1]) or not _is_size(view[2]):
            _refuse(name, message("torch.view"), where)
        if view[1] + view[2] > elements:
            _refuse(name, message("torch.views", end=view[1] + view[2], count=elements), where)
        offset, elements = view[1], view[2]
    return StorageKey(key, _STORAGES.get(kind.name), elements, offset)


def _refuse(name: str, what: Message, where: str, todo: Message = AGAIN) -> NoReturn:
    raise refusal(of_tensor(name, what), where=where, todo=todo)


def _refuse_pickle(what: Message, where: str, todo: Message) -> NoReturn:
    raise refusal(message("of.pickle", what=what), where=where, todo=todo)


Places = Mapping[str, tuple[int, int]]
"""Storage key -> (first byte in the file, bytes there)."""


def place_tensors(found: Mapping[str, TorchTensor], places: Places, where: str) -> dict[str, TorchEntry]:
    """Entries with their bytes found. Raises RefusedError for a storage that is missing or too short."""
    entries: dict[str, TorchEntry] = {}
    for name, tensor in found.items():
        place = places.get(tensor.storage.key)
        if place is None:
            _refuse(name, message("torch.lacks", key=quoted(tensor.storage.key)), where)
        bits = DTYPES[tensor.dtype].bits
        needed = tensor.storage.elements if tensor.storage.dtype is None else tensor.storage.elements * bits // 8
        base = tensor.storage.offset * bits // 8
        if base + needed > place[1]:
            _refuse(name, message("torch.needs", needed=base + needed, found=place[1]), where)
        contiguous = tensor.contiguous
        entries[name] = TorchEntry(
            name, tensor.dtype if contiguous else f"{tensor.dtype} (strided)", tensor.shape,
            math.prod(tensor.shape) * bits // 8, 0, place[0] + base + tensor.offset * bits // 8,
            () if contiguous else tensor.strides,
        )  # fmt: skip
    return entries

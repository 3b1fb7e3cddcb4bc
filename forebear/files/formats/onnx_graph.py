"""An ONNX file's tensors and nodes, read without the graph's values: names, shapes, places of bytes, connections.

Source: onnx/onnx.proto (IR version 12) for field numbers and the enumeration of types.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from forebear.core.limits import MAX_DIMENSIONS, MAX_HEADER_BYTES, MAX_TENSORS
from forebear.core.messages import Message, message
from forebear.files.base import TensorEntry, quoted
from forebear.files.bytes.bytesource import ByteSource
from forebear.files.formats.protobuf import BYTES, FIXED32, Field, Messages
from forebear.files.refusing import SOURCE, at_byte, more_than, of_tensor

MAX_FIELDS = 4_000_000
MAX_NODES = 1_000_000
MAX_LISTED = 4 * 2**20
"""Most numbers read from a tensor that lists them one by one (int32_data and its kin)."""
TYPES = {
    1: "F32", 2: "U8", 3: "I8", 4: "U16", 5: "I16", 6: "I32", 7: "I64", 9: "BOOL", 10: "F16", 11: "F64", 12: "U32",
    13: "U64", 14: "C64", 16: "BF16", 17: "F8_E4M3", 18: "F8_E4M3FNUZ", 19: "F8_E5M2", 20: "F8_E5M2FNUZ", 21: "U4",
    22: "I4", 23: "F4", 24: "F8_E8M0",
}  # fmt: skip
BITS = {"F64": 64, "I64": 64, "U64": 64, "C64": 64, "F32": 32, "I32": 32, "U32": 32, "F16": 16, "BF16": 16, "I16": 16,
        "U16": 16, "U4": 4, "I4": 4, "F4": 4}  # fmt: skip
"""Bits per value; 8 for the rest."""


@dataclass(frozen=True, slots=True)
class OnnxEntry(TensorEntry):
    """A stored tensor. begin: of its bytes in the file, or in the external file `location`; listed: its values when the
    file lists them one by one (then begin is 0)."""

    begin: int = 0
    location: str = ""
    listed: NDArray[np.int64] | None = field(default=None, compare=False)


@dataclass(slots=True)
class Node:
    """One operation. whole: its whole-number attributes."""

    op: str = ""
    name: str = ""
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    whole: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class OnnxGraph:
    """tensors: initialisers and the values of Constant nodes; nodes in order; metadata: of the model."""

    tensors: dict[str, OnnxEntry] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)
    odd: list[Message] = field(default_factory=list)


def read_graph(file: ByteSource, max_header: int | None) -> OnnxGraph:
    """Walk an ONNX model. Raises RefusedError for anything damaged, unbounded, or a tensor that contradicts itself."""
    messages = Messages(file, max_fields=MAX_FIELDS, max_bytes=max_header or MAX_HEADER_BYTES)
    graph, found = OnnxGraph(), 0
    for part in messages.fields(0, file.size, "ModelProto"):
        if part.number == 7 and part.wire == BYTES:
            found += 1
            if found > 1:
                messages.refuse(message("onnx.two_graphs"))
            _graph(messages, part, graph)
        elif part.number == 2 and part.wire == BYTES:
            graph.metadata["producer_name"] = messages.text(part, "ModelProto.producer_name")
        elif part.number == 14 and part.wire == BYTES:
            _property(messages, part, graph)
    if not found:
        messages.refuse(message("onnx.no_graph"), message("advice.onnx"))
    return graph


def _pair(messages: Messages, part: Field, what: str, most: int) -> tuple[str, str]:
    """Key and value of a StringStringEntryProto."""
    key = value = ""
    for inner in messages.fields(part.begin, part.end, what):
        if inner.number == 1:
            key = messages.text(inner, f"{what}.key")
        elif inner.number == 2:
            value = messages.text(inner, f"{what}.value", most)
    return key, value


def _property(messages: Messages, part: Field, graph: OnnxGraph) -> None:
    key, value = _pair(messages, part, "ModelProto.metadata_props", 2**16)
    if len(graph.metadata) < 1000:
        graph.metadata[key] = value


def _graph(messages: Messages, part: Field, graph: OnnxGraph) -> None:
    sparse = 0
    for inner in messages.fields(part.begin, part.end, "GraphProto"):
        if inner.number == 1 and inner.wire == BYTES:
            _node(messages, inner, graph)
        elif inner.number == 5 and inner.wire == BYTES:
            _add(messages, graph, _tensor(messages, inner, None))
        elif inner.number == 15:
            sparse += 1
    if sparse:
        graph.odd.append(message("odd.sparse", count=sparse))


def _add(messages: Messages, graph: OnnxGraph, entry: OnnxEntry | None) -> None:
    if entry is None:
        return
    if entry.name in graph.tensors:
        messages.refuse(message("torch.twice", name=quoted(entry.name)))
    if len(graph.tensors) >= MAX_TENSORS:
        messages.refuse(more_than("graph", MAX_TENSORS, "tensors"), SOURCE)
    graph.tensors[entry.name] = entry


def _node(messages: Messages, part: Field, graph: OnnxGraph) -> None:
    node, values = Node(), []
    for inner in messages.fields(part.begin, part.end, "NodeProto"):
        if inner.number == 1:
            node.inputs.append(messages.text(inner, "NodeProto.input"))
        elif inner.number == 2:
            node.outputs.append(messages.text(inner, "NodeProto.output"))
        elif inner.number == 3:
            node.name = messages.text(inner, "NodeProto.name")
        elif inner.number == 4:
            node.op = messages.text(inner, "NodeProto.op_type")
        elif inner.number == 5:
            values += _attribute(messages, inner, node)
    if len(graph.nodes) >= MAX_NODES:
        messages.refuse(more_than("graph", MAX_NODES, "nodes"), SOURCE)
    graph.nodes.append(node)
    if node.op == "Constant" and node.outputs and values:
        _add(messages, graph, _tensor(messages, values[0], node.outputs[0]))


def _attribute(messages: Messages, part: Field, node: Node) -> list[Field]:
    """Remember a whole-number attribute; hand back the tensor of `value`. Subgraphs are not entered."""
    name, whole, tensors = "", None, []
    if part.wire != BYTES:
        messages.refuse_field("no_message", "AttributeProto", part.begin)
    for inner in messages.fields(part.begin, part.end, "AttributeProto"):
        if inner.number == 1:
            name = messages.text(inner, "AttributeProto.name")
        elif inner.number == 3 and inner.wire != BYTES:
            whole = inner.value - 2**64 if inner.value >= 2**63 else inner.value
        elif inner.number == 5 and inner.wire == BYTES:
            tensors.append(inner)
    if whole is not None:
        node.whole[name] = whole
    return tensors if name == "value" else []


@dataclass(slots=True)
class _Draft:
    """A tensor message as its fields come in."""

    name: str = ""
    type: int = 0
    sizes: list[int] = field(default_factory=list)
    raw: Field | None = None
    listed: list[NDArray[np.int64]] = field(default_factory=list)
    count: int = 0
    external: dict[str, str] = field(default_factory=dict)
    outside: bool = False


def _tensor(messages: Messages, part: Field, name: str | None) -> OnnxEntry | None:
    """One tensor; None when it holds text. name: of a Constant node's output."""
    draft = _Draft()
    for inner in messages.fields(part.begin, part.end, "TensorProto"):
        if inner.number in _TENSOR_FIELDS:
            _TENSOR_FIELDS[inner.number](messages, inner, draft)
        elif inner.number in (4, 10, 9):
            _raw(messages, inner, draft)
        elif inner.number in (5, 7, 11):
            draft.listed.append(messages.numbers(inner, "TensorProto.int32_data", MAX_LISTED))
            draft.count += draft.listed[-1].size
            if draft.count > MAX_LISTED:
                messages.refuse(more_than("tensor_list", MAX_LISTED, "numbers"))
    if name is not None:
        draft.name = name
    return None if draft.type == 8 else _entry(messages, draft)


def _name(messages: Messages, part: Field, draft: _Draft) -> None:
    draft.name = messages.text(part, "TensorProto.name")


def _type(messages: Messages, part: Field, draft: _Draft) -> None:
    draft.type = part.value


def _dims(messages: Messages, part: Field, draft: _Draft) -> None:
    draft.sizes += messages.numbers(part, "TensorProto.dims", MAX_DIMENSIONS).tolist()
    if len(draft.sizes) > MAX_DIMENSIONS:
        messages.refuse(more_than("tensor_shape", MAX_DIMENSIONS, "dimensions"))


def _outside(messages: Messages, part: Field, draft: _Draft) -> None:
    draft.outside = part.value == 1


def _segment(messages: Messages, part: Field, draft: _Draft) -> None:
    messages.refuse(message("onnx.segments"), message("advice.no_segments"))


def _external(messages: Messages, part: Field, draft: _Draft) -> None:
    key, value = _pair(messages, part, "TensorProto.external_data", 4096)
    draft.external[key] = value


_TENSOR_FIELDS = {1: _dims, 2: _type, 3: _segment, 8: _name, 13: _external, 14: _outside}


def _raw(messages: Messages, part: Field, draft: _Draft) -> None:
    if part.wire == FIXED32 or part.wire != BYTES or draft.raw is not None:
        messages.refuse(at_byte(message("onnx.pieces"), part.begin), message("advice.raw_data"))
    draft.raw = part


def _entry(messages: Messages, draft: _Draft) -> OnnxEntry:
    tag, name = TYPES.get(draft.type), draft.name
    if tag is None:
        known = message("advice.known", names=", ".join(TYPES.values()))
        messages.refuse(of_tensor(name, message("gguf.type", type=draft.type)), known)
    if any(size < 0 for size in draft.sizes):
        messages.refuse(of_tensor(name, message("onnx.negative")))
    if math.prod(size or 1 for size in draft.sizes) * 8 >= 2**63:
        messages.refuse(message("of.tensor_says", name=quoted(name), what=message("unfit.overflows")))
    values = math.prod(draft.sizes)
    needed = -(-values * BITS.get(tag, 8) // 8)
    shape = tuple(draft.sizes)
    if draft.outside or draft.external:
        return _placed_outside(messages, draft, OnnxEntry(name, tag, shape, needed))
    if draft.listed:
        if draft.count not in (values, -(-values // 2) if tag in ("U4", "I4", "F4") else values):
            messages.refuse(of_tensor(name, message("onnx.lists", found=draft.count, needed=values)))
        return OnnxEntry(name, tag, shape, needed, listed=np.concatenate(draft.listed))
    held = draft.raw.end - draft.raw.begin if draft.raw is not None else 0
    if held != needed:
        messages.refuse(of_tensor(name, message("onnx.bytes", found=held, needed=needed)))
    return OnnxEntry(name, tag, shape, needed, begin=draft.raw.begin if draft.raw is not None else 0)


def _placed_outside(messages: Messages, draft: _Draft, entry: OnnxEntry) -> OnnxEntry:
    location = draft.external.get("location", "")
    numbers = [
        draft.external.get(key, default) for key, default in (("offset", "0"), ("length", str(entry.stored_bytes)))
    ]
    if not location or not all(n.isascii() and n.isdecimal() and len(n) < 20 for n in numbers):
        messages.refuse(of_tensor(entry.name, message("onnx.nowhere")))
    offset, length = (int(n) for n in numbers)
    if length != entry.stored_bytes:
        messages.refuse(of_tensor(entry.name, message("onnx.outside", found=length, needed=entry.stored_bytes)))
    return OnnxEntry(entry.name, entry.dtype, entry.shape, entry.stored_bytes, 0, offset, location)

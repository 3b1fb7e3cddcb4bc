"""What an ONNX graph says about its tensors: quantised ones with their scales, anonymous ones with their names.

Source: the ONNX operator specification (DequantizeLinear, MatMul, Gemm, Cast, Mul, Add) and the names onnxruntime's
quantiser gives.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from forebear.files.formats.onnx_graph import Node, OnnxEntry, OnnxGraph

ANONYMOUS = re.compile(r"onnx::.*|val_\d+|_?v_\d+|t?\d+|/.*|.*_output_\d+|.*[Cc]onstant_?\d*|_operator_\d+")
_INTEGERS = ("I8", "U8", "I16", "U16", "I32", "I4", "U4", "F8_E4M3", "F8_E5M2")
_PRODUCTS = ("MatMul", "Gemm", "MatMulInteger", "QLinearMatMul", "DynamicQuantizeMatMul")
MOST_USERS = 256
"""Nodes that take the output of one product are looked at up to so many; in exported models it is one to three."""
_PASSING = ("Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze")


@dataclass(frozen=True, slots=True)
class Quantised:
    """A tensor stored as whole numbers: (stored - zero) * scale. zero: its tensor, "" for none. axis: along which a list
    of scales runs, None when scales broadcast as they are. block: values a scale serves, 0 for all along the axis."""

    stored: str
    scale: str
    zero: str = ""
    axis: int | None = None
    block: int = 0


@dataclass(slots=True)
class Recovered:
    """quantised: tensor -> how to read it; names: tensor -> recovered name; transposed: tensors stored (in, out);
    consumed: tensors that only serve others."""

    quantised: dict[str, Quantised]
    names: dict[str, str]
    transposed: set[str]
    consumed: set[str]


class _Index:
    """Who makes and who uses each value."""

    def __init__(self, graph: OnnxGraph) -> None:
        self.tensors = graph.tensors
        self.maker: dict[str, Node] = {out: node for node in graph.nodes for out in node.outputs}
        self.taken: set[str] = set()
        """Names that were recovered."""
        self._users: dict[str, list[Node]] = {}
        for node in graph.nodes:
            for name in dict.fromkeys(node.inputs):
                self._users.setdefault(name, []).append(node)

    def users(self, value: str) -> list[Node]:
        """The nodes that take a value, in order; of one that more than MOST_USERS take, none: it tells no two products apart."""
        found = self._users.get(value, [])
        return found if len(found) <= MOST_USERS else []


def recover(graph: OnnxGraph) -> Recovered:
    """Read the graph's connections once; a tensor whose place says nothing keeps its name."""
    index = _Index(graph)
    quantised = _quantised(graph, index)
    consumed = {name for q in quantised.values() for name in (q.stored, q.scale, q.zero) if name}
    result = Recovered(quantised, {}, set(), consumed)
    bases = {how.stored: base for base, how in reversed(quantised.items())}
    for node in graph.nodes:
        if node.op in _PRODUCTS:
            _matrix(node, index, result, bases)
    return result


def _quantised(graph: OnnxGraph, index: _Index) -> dict[str, Quantised]:
    found: dict[str, Quantised] = {}
    for node in graph.nodes:
        if node.op == "DequantizeLinear" and len(node.inputs) >= 2 and node.outputs:
            stored, scale = node.inputs[0], node.inputs[1]
            if _whole(graph.tensors, stored) and scale in graph.tensors:
                zero = node.inputs[2] if len(node.inputs) > 2 and node.inputs[2] in graph.tensors else ""
                block = max(0, node.whole.get("block_size", 0))
                found[node.outputs[0]] = Quantised(stored, scale, zero, node.whole.get("axis", 1), block)
        elif node.op == "Mul" and len(node.inputs) == 2 and node.outputs:
            cast = next((index.maker.get(i) for i in node.inputs if i not in graph.tensors), None)
            scale = next((i for i in node.inputs if i in graph.tensors), "")
            if cast is not None and cast.op == "Cast" and scale and _whole(graph.tensors, cast.inputs[0]):
                found[node.outputs[0]] = Quantised(cast.inputs[0], scale)
    taken = {q.stored for q in found.values()}
    for name in graph.tensors:  # the names of onnxruntime's quantiser
        base = name.removesuffix("_quantized")
        if base != name and name not in taken and f"{base}_scale" in graph.tensors and _whole(graph.tensors, name):
            zero = f"{base}_zero_point" if f"{base}_zero_point" in graph.tensors else ""
            found[base] = Quantised(name, f"{base}_scale", zero, 1)
    return found


def _whole(tensors: Mapping[str, OnnxEntry], name: str) -> bool:
    return name in tensors and tensors[name].dtype in _INTEGERS


def _matrix(node: Node, index: _Index, result: Recovered, bases: Mapping[str, str]) -> None:
    """Name the matrix of a product by its node's path or by the bias added to the product.

    bases: stored whole numbers -> the tensor they stand for.
    """
    place = 3 if node.op == "QLinearMatMul" else 1
    if len(node.inputs) <= place or not node.outputs:
        return
    weight = node.inputs[place]
    if node.op == "MatMulInteger" or weight not in result.quantised:
        weight = bases.get(weight, weight)
    known = result.quantised.get(weight)
    entry = index.tensors.get(known.stored if known is not None else weight)
    if entry is None or len(entry.shape) != 2 or not ANONYMOUS.fullmatch(weight):
        return
    name = _by_path(node) or _by_bias(node, index, entry.shape[1])
    if name is None or name in index.taken or name in index.tensors:
        return
    index.taken.discard(result.names.get(weight, ""))
    index.taken.add(name)
    result.names[weight] = name
    if not (node.op == "Gemm" and node.whole.get("transB")):
        result.transposed.add(weight)


def head_sizes(graph: OnnxGraph, found: Recovered, whole: Callable[[str], int | None]) -> dict[str, int]:
    """Recovered name -> last size of the shape its product is cut into: values of one head, where a graph does that.

    whole: the last value of a small whole-number tensor, None for anything else.
    """
    index, sizes = _Index(graph), {}
    inputs = {how.stored: base for base, how in found.quantised.items()}
    for node in graph.nodes:
        if node.op not in _PRODUCTS or not node.outputs:
            continue
        names = [found.names.get(inputs.get(i, i)) for i in node.inputs]
        name = next((n for n in names if n is not None), None)
        value = node.outputs[0]
        for _ in range(6 if name is not None else 0):
            users = [u for u in index.users(value) if u.op in ("Add", "Cast", "Mul", "Reshape") and u.outputs]
            if len(users) != 1:
                break
            if users[0].op == "Reshape":
                shape = users[0].inputs[1] if len(users[0].inputs) > 1 else ""
                maker = index.maker.get(shape)
                last = whole(maker.inputs[-1] if maker is not None and maker.op == "Concat" and maker.inputs else shape)
                if last is not None and last > 1:
                    sizes[str(name)] = last
                break
            value = users[0].outputs[0]
    return sizes


def _by_path(node: Node) -> str | None:
    """/model/layers.0/self_attn/q_proj/MatMul -> model.layers.0.self_attn.q_proj.weight"""
    parts = node.name.strip("/").split("/")
    if len(parts) < 2 or not node.name.startswith("/") or not parts[-1].startswith(("MatMul", "Gemm")):
        return None
    stem = parts[:-1]
    if stem[-1].startswith(("MatMul", "Gemm")) or parts[-1].endswith("_1"):
        return None
    # a submodule repeats its parent's name in some exporters: layer.0/layer.0.attention -> layer.0.attention
    kept = [part for part, following in zip(stem, [*stem[1:], ""], strict=True) if not following.startswith(f"{part}.")]
    return ".".join(kept) + ".weight"


def _by_bias(node: Node, index: _Index, outputs: int) -> str | None:
    """The weight that belongs to the bias added to a product: <stem>.bias -> <stem>.weight"""
    biases = [node.inputs[2]] if node.op == "Gemm" and len(node.inputs) > 2 else []
    value = node.outputs[0]
    for _ in range(3):
        users = index.users(value)
        added = [user for user in users if user.op == "Add"]
        if added:
            biases += [name for user in added for name in user.inputs if name != value]
            break
        onward = [user for user in users if user.op in _PASSING and user.outputs]
        if len(onward) != 1:
            break
        value = onward[0].outputs[0]
    for bias in biases:
        entry = index.tensors.get(bias)
        if entry is not None and entry.shape == (outputs,) and bias.endswith(".bias"):
            return bias.removesuffix(".bias") + ".weight"
    return None

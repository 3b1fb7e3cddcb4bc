"""Hostile files of formats that are joined from ranks, found behind a program, or known by their bytes alone, and sparse matrices."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from tests.files.make import encode
from tests.hostile import defects_gguf
from tests.hostile.defects_trainers import BOMB, CYCLE, FLOATS, Files, Link
from tests.hostile.defects_zip import File, archive
from tests.hostile.pickled import Pairs, tensor, torch_file

PAGE = b"<!DOCTYPE html><html><body>gated</body></html>"

# consolidated.NN.pth

_FIRST, _SECOND = "consolidated.00.pth", "consolidated.01.pth"
_W, _N = "layers.0.attention.wq.weight", "norm.weight"
_PLAIN = {_W: tensor("0", (2, 4)), _N: tensor("0", (4,))}


def _rank(changes: Any = None, data: bytes = FLOATS) -> bytes:
    return torch_file(_PLAIN | (changes or {}), {"0": data})


def ranks(second: Any = None, **files: Any) -> Files:
    """A matrix of 4 x 4 cut by rows over two ranks, and a norm. second: changes of the second rank's tensors, or its bytes."""
    return {_FIRST: files.get("first", _rank()), _SECOND: second if isinstance(second, bytes | Link) else _rank(second)}


def _both(changes: Any) -> Files:
    return {_FIRST: _rank(changes), _SECOND: _rank(changes)}


RANKS: dict[str, tuple[Files, str]] = {
    "no first rank": ({_SECOND: _rank(), "consolidated.02.pth": _rank()}, "ranks 00 are not here"),
    "a rank left out": ({_FIRST: _rank(), "consolidated.03.pth": _rank()}, "ranks 01, 02 are not here"),
    "another shape": (ranks({_W: tensor("0", (3, 4))}), "another shape or type"),
    "another number type": (ranks({_W: tensor("0", (2, 4), kind="IntStorage")}), "another shape or type"),
    "another norm": (ranks(_rank(data=FLOATS[::-1])), "does not show along which axis it is cut"),
    "a bias of another matrix": (
        {_FIRST: _rank({"b.bias": tensor("0", (2,))}), _SECOND: _rank({"b.bias": tensor("0", (2,), at=2)})},
        "'b.bias' does not show along which axis",
    ),
    "a matrix of no known axis": (_both({_W: tensor("0", (3, 3))}), "does not show along which axis"),
    "a stack of experts": (_both({_W: tensor("0", (2, 2, 4))}), "does not show along which axis"),
    "a tensor outside its storage": (ranks({_W: tensor("0", (2, 4), at=90)}), "bytes of a storage that has 64"),
    "a huge shape": (ranks({_W: tensor("0", (2**40, 2**40), strides=(0, 0), elements=9)}), "a shape that overflows"),
    "a name twice": (ranks(torch_file(Pairs((*_PLAIN.items(), (_W, tensor("0", (2, 4))))), {"0": FLOATS})), "two tensors are named"),
    "a cycle": (ranks(torch_file(CYCLE, {})), "leads back to itself"),
    "a bomb": (ranks(torch_file(BOMB, {})), _SECOND),
    "a cut file": (ranks(_rank()[:100]), _SECOND),
    "an empty file": (ranks(b""), "the file is empty"),
    "a web page": (ranks(PAGE), "a web page, not the file itself"),
    "a link to nothing": (ranks(Link("nothing")), "no such file"),
    "a name of a tensor alone": (ranks({"more.weight": tensor("0", (2, 4))}), "is in two shards"),
}  # fmt: skip

# llamafile

_PROGRAM = b"MZqFpD='\n" + b"#!/bin/sh\n" * 30
_G = defects_gguf.GOOD


def llamafile(*files: File, **about: Any) -> Files:
    """A program with an archive behind it."""
    return {"m.llamafile": _PROGRAM + archive(*(files or (File(b"m.gguf", _G),)), **about)}


def nested(depth: int) -> Files:
    """Programs within programs."""
    found = llamafile()
    for _ in range(depth):
        found = llamafile(File(b"m.gguf", found["m.llamafile"]))
    return found


LLAMAFILE: dict[str, tuple[Files, str]] = {
    "no archive": ({"m.llamafile": _PROGRAM}, "without weights behind it"),
    "a beginning of an end record": ({"m.llamafile": _PROGRAM + b"PK\5\6"}, "without weights behind it"),
    "two checkpoints": (llamafile(File(b"a.gguf", _G), File(b"b.gguf", _G)), "2 checkpoints inside"),
    "no checkpoint": (llamafile(File(b"args", b"-m\nm.gguf\n")), "m.llamafile"),
    "a name that leads out": (llamafile(File(b"../m.gguf", _G)), "m.llamafile"),
    "an absolute name": (llamafile(File(b"/etc/m.gguf", _G)), "m.llamafile"),
    "an offset behind the end": (llamafile(File(b"m.gguf", _G, offset=2**31)), "m.llamafile"),
    "a size behind the end": (llamafile(File(b"m.gguf", _G, size=2**31, stored=2**31)), "m.llamafile"),
    "another size in the local header": (llamafile(File(b"m.gguf", _G, local_size=3)), "m.llamafile"),
    "an encrypted member": (llamafile(File(b"m.gguf", _G, flags=1)), "m.llamafile"),
    "an unknown method": (llamafile(File(b"m.gguf", _G, method=99)), "m.llamafile"),
    "more members than there are": (llamafile(File(b"m.gguf", _G), count=60_000), "m.llamafile"),
    "a directory before the file": (llamafile(File(b"m.gguf", _G), begin=2**32 - 2), "m.llamafile"),
    "a directory without end": (llamafile(File(b"m.gguf", _G), length=2**32 - 2), "m.llamafile"),
    "a cut checkpoint": (llamafile(File(b"m.gguf", _G[:30])), "m.llamafile"),
    "a checkpoint of another version": (llamafile(File(b"m.gguf", defects_gguf.gguf(version=77))), "GGUF version 77"),
    "a program within": (llamafile(File(b"m.gguf", llamafile()["m.llamafile"])), "an archive within the archive ('m.gguf')"),
    "two thousand programs within each other": (nested(2000), "an archive within the archive ('m.gguf')"),
    "an empty checkpoint": (llamafile(File(b"m.gguf", b"")), "m.llamafile"),
}  # fmt: skip

# Flax and TensorFlow, known by their bytes


def _flax(data: bytes, name: str = "flax_model.msgpack") -> Files:
    return {name: data}


_TEXT = b"\xa5model"
FLAX: dict[str, tuple[Files, str]] = {
    "a map of 65,535 that ends": (_flax(b"\xde\xff\xff" + _TEXT + b"\x81"), "Flax weights"),
    "a map of four billion": (_flax(b"\xdf\xff\xff\xff\xff" + _TEXT + b"\x81"), "Flax weights"),
    "maps without end": (_flax((b"\x81\xa1a") * 4000), "Flax weights"),
    "a text of four gigabytes for a key": (_flax(b"\x81\xdb\xff\xff\xff\xff"), "Flax weights"),
    "an array of four gigabytes": (_flax(b"\x81" + _TEXT + b"\xc9\xff\xff\xff\xff\x01"), "Flax weights"),
    "lists without end": (_flax(b"\x91" * 4000), "Flax weights"),
    "a name that draws on a terminal": (_flax(b"\x81\xa5a\x1b[2J\x81"), "Flax weights"),
    "nothing behind the key": (_flax(b"\x81" + _TEXT), "Flax weights"),
    "called safetensors": (_flax(b"\x81" + _TEXT + b"\x83", "model.safetensors"), "Flax weights"),
    "called a torch file": (_flax(b"\x81" + _TEXT + b"\x83", "pytorch_model.bin"), "Flax weights"),
    "called a GGUF file": (_flax(b"\x81" + _TEXT + b"\x83", "m.gguf"), "Flax weights"),
    "without a name that tells": (_flax(b"\x81" + _TEXT + b"\x83", "checkpoint_7"), "Flax weights"),
    "one byte": (_flax(b"\x81"), "Flax weights"),
    "a link out of the folder": ({"flax_model.msgpack": Link("/dev/null")}, "flax_model.msgpack"),
    "empty": (_flax(b""), "Flax weights"),
}  # fmt: skip
_INDEX = bytes.fromhex("00000608011a020801001c0e5f434845")
TENSORFLOW: dict[str, tuple[Files, str]] = {
    "an index alone": ({"weights.index": _INDEX}, "a TensorFlow checkpoint"),
    "an index of four billion shards": ({"weights.index": bytes.fromhex("00000a08ffffffff0f1a020801")}, "weights"),
    "an index called safetensors": ({"model.safetensors": _INDEX + bytes(60)}, "a TensorFlow checkpoint"),
    "an index called a torch file": ({"pytorch_model.bin": _INDEX + bytes(60)}, "a TensorFlow checkpoint"),
    "an index called a GGUF file": ({"m.gguf": _INDEX + bytes(60)}, "a TensorFlow checkpoint"),
    "a cut index": ({"model.ckpt.index": _INDEX[:5]}, "TensorFlow"),
    "data alone": ({"model.ckpt.data-00000-of-00001": bytes(60)}, "TensorFlow"),
    "data of a million shards": ({"model.ckpt-1.data-99999-of-99999": bytes(60)}, "TensorFlow"),
    "a saved model of noise": ({"saved_model.pb": bytes(range(256)) * 40}, "TensorFlow"),
    "a saved model that is empty": ({"saved_model.pb": b""}, "TensorFlow"),
    "a saved model that is a page": ({"saved_model.pb": PAGE}, "TensorFlow"),
    "a note that leads out": ({"checkpoint": b'model_checkpoint_path: "/etc/passwd"', "a.ckpt-1.index": _INDEX}, "TensorFlow"),
    "a link to nothing": ({"model.ckpt.index": Link("nothing")}, "TensorFlow"),
    "a graph of noise": ({"model.ckpt.meta": bytes(range(256))}, "TensorFlow"),
}  # fmt: skip

# compressed-tensors' bitmasks


def _longs(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}q", *values)


def bitmask(**changes: Any) -> Files:
    """A matrix of 4 x 8, two values of every four kept. changes: part -> (type, shape, bytes), None without it."""
    parts: dict[str, Any] = {
        "compressed": ("F16", (4, 4), np.ones(16, "<f2").tobytes()),
        "bitmask": ("U8", (4, 1), b"\x55" * 4),
        "shape": ("I64", (2,), _longs(4, 8)),
    }
    found = {f"a.weight.{part}": value for part, value in (parts | changes).items() if value is not None}
    return {"model.safetensors": encode(found)}


def run(begins: tuple[int, ...], values: int = 16, marks: bytes = b"\x55" * 4) -> Files:
    """The same matrix with all values in one run, and where each row begins."""
    return bitmask(compressed=("F16", (values,), np.ones(values, "<f2").tobytes()), bitmask=("U8", (4, 1), marks),
                   row_offsets=("I64", (len(begins),), _longs(*begins)))  # fmt: skip


BITMASK: dict[str, tuple[Files, str]] = {
    "marks for more values": (bitmask(bitmask=("U8", (4, 1), b"\xff" * 4)), "a.weight"),
    "marks for fewer values": (bitmask(bitmask=("U8", (4, 1), b"\x11" * 4)), "a.weight"),
    "no mark": (bitmask(bitmask=("U8", (4, 1), bytes(4))), "a.weight"),
    "marks that are right in sum alone": (bitmask(bitmask=("U8", (4, 1), b"\xff\x55\x55\x00")), "a.weight"),
    "a mask of fewer rows": (bitmask(bitmask=("U8", (3, 1), b"\x55" * 3)), "a.weight"),
    "a mask of more columns": (bitmask(bitmask=("U8", (4, 2), b"\x55" * 8)), "a.weight"),
    "rows that overlap": (run((0, 4, 4, 12)), "a.weight"),
    "a negative shape": (bitmask(shape=("I64", (2,), _longs(-4, -8))), "a.weight"),
    "a shape of nothing": (bitmask(shape=("I64", (2,), _longs(0, 0))), "a.weight"),
    "rows that begin behind the end": (run((0, 4, 8, 2**40)), "a.weight"),
    "rows that begin before the file": (run((-(2**40), 4, 8, 12)), "a.weight"),
    "a run that is too short": (run((0, 4, 8, 12), values=14), "a.weight"),
    "marks for more than the run": (run((0, 4, 8, 12), marks=b"\xff" * 4), "a.weight"),
}  # fmt: skip

DEFECTS = {"ranks": RANKS, "llamafile": LLAMAFILE, "flax": FLAX, "tensorflow": TENSORFLOW, "bitmask": BITMASK}
SOUND: dict[str, tuple[Files, int]] = {
    "ranks": (ranks(), 2), "llamafile": (llamafile(), 1), "2:4 bitmask": (bitmask(), 1), "bitmask": (run((0, 4, 8, 12)), 1),
}  # fmt: skip
"""Folders without a fault, and how many tensors they hold."""

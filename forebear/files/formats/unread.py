"""Formats that are not read, told by their first bytes or their names, each with what converts it.

Sources: ggml's loaders before GGUF (the magics ggml, ggmf, ggjt, ggla); CTranslate2 src/models/model.cc (version, then the name
of the specification); HDF5 file format; flax.serialization (MessagePack); TensorFlow's checkpoints and SavedModel; TensorFlow Lite
and ExecuTorch (FlatBuffers identifiers); BlinkDL's RWKV vocabulary files.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from forebear.core.stray import STRAYS
from forebear.files.formats.format import Format

_GGML = (b"lmgg", b"fmgg", b"tjgg", b"algg")
_RWKV = re.compile(rb"\d{1,6} b?(?:'[^\n]*'|\"[^\n]*\") \d{1,5}\r?\n")


def _starts(*magics: bytes) -> Callable[[bytes, int], bool]:
    return lambda head, size: head.startswith(magics)


def _never(head: bytes, size: int) -> bool:
    return False


def _matches(begins: re.Pattern[bytes]) -> Callable[[bytes, int], bool]:
    return lambda head, size: begins.match(head) is not None


def _flat(*identifiers: bytes) -> Callable[[bytes, int], bool]:
    return lambda head, size: head[4:8] in identifiers


def _ctranslate2(head: bytes, size: int) -> bool:
    """A version of a few units, then a name with its length: "TransformerSpec"."""
    length = int.from_bytes(head[4:6], "little")
    name = head[6 : 6 + length].rstrip(b"\0")
    return 1 <= int.from_bytes(head[:4], "little") <= 32 and 5 < length <= 58 and name.isalnum() and name.endswith(b"Spec")


def _message_pack(head: bytes, size: int) -> bool:
    """A small map whose first key is a text of a layer, as flax.serialization writes parameters."""
    return bool(re.match(rb"(?:[\x81-\x8f]|\xde..)(?:[\xa1-\xbf]|\xd9.)[A-Za-z_][\w/]{1,40}(?:[\x80-\x8f]|\xde)", head, re.DOTALL))


BY_BYTES = (
    *(Format(one.kind, _matches(one.begins), (), None, one.todo) for one in STRAYS),
    Format("a GGML file from before GGUF", _starts(*_GGML), (), None,
           "Convert it with the GGML-to-GGUF script of llama.cpp (a release before 2025), or get the model as GGUF."),
    Format("a CTranslate2 model", _ctranslate2, (), None,
           "It was converted for inference alone: give the model it was made from (its card or config names it)."),
    Format("a TensorFlow Lite model", _flat(b"TFL3"), (".tflite",), None, "Give the model it was converted from."),
    Format("an ExecuTorch program", _flat(b"ET12", b"ET13"), (".pte",), None, "Give the model it was exported from."),
    Format("an RWKV vocabulary (text), not weights", lambda head, size: bool(_RWKV.match(head)), (), None,
           "Give the model's .pth file; this vocabulary format is not read."),
    Format("Flax weights (MessagePack)", _message_pack, (".msgpack",), None,
           "Convert them: transformers 4, from_pretrained(FOLDER, from_flax=True), then save_pretrained(OUTPUT)."),
    Format("HDF5 (Keras, TensorFlow)", _starts(b"\x89HDF\r\n\x1a\n"), (".h5", ".hdf5"), None,
           "Convert it: transformers 4, from_pretrained(FOLDER, from_tf=True), then save_pretrained(OUTPUT); or write what "
           "Keras' get_weights() gives with numpy.savez."),
)  # fmt: skip
"""Asked before the formats that are read by name."""

BY_NAME = (
    Format("a Keras model", _never, (".keras",), None,
           "Open it with Keras and write the arrays of get_weights() with numpy.savez, or convert it with keras-hub's exporter."),
    Format("a tar file", _never, (".tar", ".tgz", ".tar.gz"), None, "Unpack it (tar -xf FILE) and give what it holds."),
    Format("TensorFlow weights", _never, (".pb", ".ckpt.index", ".ckpt.meta", ".data-00000-of-00001"), None,
           "Convert them: transformers 4, from_pretrained(FOLDER, from_tf=True), then save_pretrained(OUTPUT)."),
    Format("a TensorRT engine", _never, (".engine", ".plan"), None, "Give the model it was built from."),
    Format("a Core ML model", _never, (".mlmodel", ".mlpackage"), None, "Give the model it was converted from."),
)  # fmt: skip
"""Asked before archives, whose first bytes some of them share."""

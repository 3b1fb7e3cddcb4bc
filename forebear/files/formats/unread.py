"""Formats that are not read, told by their first bytes or their names, each with what converts it.

Sources: ggml's loaders before GGUF (the magics ggml, ggmf, ggjt, ggla); CTranslate2 src/models/model.cc (version, then the name
of the specification); HDF5 file format; flax.serialization (MessagePack); Orbax (_METADATA, _CHECKPOINT_METADATA, _sharding) and
TensorStore's OCDBT (magics of manifests and nodes); TensorFlow's checkpoints and SavedModel; TensorFlow Lite and ExecuTorch
(FlatBuffers identifiers); BlinkDL's RWKV vocabulary files.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from forebear.core.stray import STRAYS, Stray
from forebear.files.formats.format import Format

_GGML = (b"lmgg", b"fmgg", b"tjgg", b"algg")
_RWKV = rb"\d{1,6} b?(?:'[^\n]*'|\"[^\n]*\") \d{1,5}\r?\n"


def _starts(*magics: bytes) -> Callable[[bytes, int], bool]:
    return lambda head, size: head.startswith(magics)


def _never(head: bytes, size: int) -> bool:
    return False


def _matches(begins: bytes) -> Callable[[bytes, int], bool]:
    """The pattern is compiled when first asked, which few files are."""
    return lambda head, size: re.match(begins, head, re.DOTALL) is not None


def _strays(one: Stray) -> Format:
    return _unread(one.kind, lambda head, size: one.matches(head))


def _flat(*identifiers: bytes) -> Callable[[bytes, int], bool]:
    return lambda head, size: head[4:8] in identifiers


def _ctranslate2(head: bytes, size: int) -> bool:
    """A version of a few units, then a name with its length: "TransformerSpec"."""
    length = int.from_bytes(head[4:6], "little")
    name = head[6 : 6 + length].rstrip(b"\0")
    return 1 <= int.from_bytes(head[:4], "little") <= 32 and 5 < length <= 58 and name.isalnum() and name.endswith(b"Spec")


_KEY = rb"(?:[\xa1-\xbf]|\xd9.)[A-Za-z_][\w/]{0,40}"
_MESSAGE_PACK = (
    rb"(?:[\x81-\x8f]|\xde..)" + _KEY + rb"(?:[\x80-\x8f]|\xde|[\xc7-\xc9\xd4-\xd8]|[\x00-\x7f\xcc-\xd3]" + _KEY + rb")"
)
"""Parameters or a state as flax.serialization writes them: a map whose first key is a text, and its first value a map, an array (an
extension type) or a number before the next key."""
_TF_INDEX = rb"\0\0.\x08.{1,2}\x1a\x02\x08"
"""The first entry of a tensor bundle's table: an empty key, and a header with the number of shards and a version."""


_ORBAX = (
    rb"\x0c\xdb(?:\x3a\x2a|\x20\xde|\x12\x34)"
    rb"|\{\s*\"(?:item_handlers|tree_metadata|array_metadatas)\"\s*:|\{\s*\"[\w+/]+={0,2}\"\s*:\s*\"\{\\\\?\"sharding_type"
)


def _unread(kind: str, magic: Callable[[bytes, int], bool], *suffixes: str) -> Format:
    """kind: key of what it is (`unread`) and of what converts it (`convert`)."""
    return Format(kind, magic, suffixes, None)


BY_BYTES = (
    *map(_strays, STRAYS),
    _unread("ggml", _starts(*_GGML)),
    _unread("ctranslate2", _ctranslate2),
    _unread("tflite", _flat(b"TFL3"), ".tflite"),
    _unread("executorch", _flat(b"ET12", b"ET13"), ".pte"),
    _unread("rwkv", _matches(_RWKV)),
    _unread("flax", _matches(_MESSAGE_PACK), ".msgpack"),
    _unread("tf_checkpoint", _matches(_TF_INDEX)),
    _unread("orbax", _matches(_ORBAX)),
    _unread("hdf5", _starts(b"\x89HDF\r\n\x1a\n"), ".h5", ".hdf5"),
)
"""Asked before the formats that are read by name."""

MODELS = ("ggml", "ctranslate2", "tflite", "executorch", "flax", "tf_checkpoint", "orbax", "hdf5")
"""Kinds of BY_BYTES that are models: looked for in a folder whose names tell nothing."""

BY_NAME = (
    _unread("keras", _never, ".keras"),
    _unread("tar", _never, ".tar", ".tgz", ".tar.gz"),
    _unread("tensorflow", _never, ".pb", ".ckpt.index", ".ckpt.meta", ".data-00000-of-00001"),
    _unread("tensorrt", _never, ".engine", ".plan"),
    _unread("coreml", _never, ".mlmodel", ".mlpackage"),
)
"""Asked before archives, whose first bytes some of them share."""

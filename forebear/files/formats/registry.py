"""The formats, and from bytes to a container: a file by its first bytes, then by its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from forebear.core.errors import RefusedError, refusal
from forebear.core.messages import message
from forebear.core.stray import first_words
from forebear.files.base import Container, quoted
from forebear.files.bytes.access import PositionedFile
from forebear.files.bytes.bytesource import ByteSource
from forebear.files.formats import unread
from forebear.files.formats.format import Format, Open, Packed, added
from forebear.files.formats.safetensors import SafetensorsContainer
from forebear.files.refusing import AGAIN

ZIP = "a zip archive"
INDEXES = (".safetensors.index.json", ".bin.index.json")
"""Ends of the names of files that say which tensor lies in which shard."""


def _open_safetensors(file: ByteSource, max_header: int | None) -> Container:
    return SafetensorsContainer(file.path, max_header=max_header, file=file)


def _later(module: str, function: str) -> Open:
    """A reader imported when a file needs it, so that the quick path loads none."""

    def opened(file: ByteSource, max_header: int | None) -> Container | Packed:
        found: Container | Packed = getattr(import_module(f"forebear.files.formats.{module}"), function)(file, max_header)
        return found

    return opened


def _looks_like_safetensors(head: bytes, size: int) -> bool:
    return len(head) > 8 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= size - 8


def _starts(*magics: bytes) -> Callable[[bytes, int], bool]:
    return lambda head, size: head.startswith(magics)


FORMATS = (
    Format("safetensors", _looks_like_safetensors, (".safetensors",), _open_safetensors),
    *unread.BY_BYTES,
    Format("GGUF", _starts(b"GGUF"), (".gguf",), _later("gguf", "open_gguf")),
    *unread.BY_NAME,
    Format("a NeMo archive", lambda head, size: False, (".nemo",), _later("tars", "open_nemo")),
    Format("a llamafile", _starts(b"MZqFpD", b"jartsr"), (".llamafile",), _later("llamafile", "open_llamafile")),
    Format(ZIP, _starts(b"PK\x03\x04", b"PK\x05\x06"), (".pt", ".pth", ".ckpt", ".bin", ".zip", ".whl"),
            _later("archive_open", "open_archive")),
    Format("a PyTorch file", _starts(b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"), (".pkl", ".pickle"),
            _later("torch_container", "open_torch")),
    Format("ONNX", lambda head, size: False, (".onnx",), _later("onnx", "open_onnx")),
    Format("a numpy array", _starts(b"\x93NUMPY"), (".npy", ".npz"), _later("npz", "open_npy")),
)  # fmt: skip
"""One line per container. The first whose magic fits decides, then the first whose suffix fits."""


def open_source(file: ByteSource, max_header: int | None = None, *, packed: bool = False) -> Container:
    """The container whose bytes these are, wherever they come from; `file` is closed when they are refused.

    packed: whether it came out of another file: one that is packed once more is refused, so that nothing is opened without end.
    Raises: RefusedError for what is empty, of no known format, or refused by its format.
    """
    try:
        found = _reader_of(file)(file, max_header)
        if packed and isinstance(found, Packed):
            said = message("zip.nested", name=quoted(file.path.name))
            raise refusal(said, where=str(file.path), todo=message("advice.unpack_inner"))
        container = _unpacked(found, max_header) if isinstance(found, Packed) else found
        container.grain_bytes = getattr(file, "grain_bytes", container.grain_bytes)
    except BaseException:
        file.close()
        raise
    if (watch := getattr(file, "watch", None)) is not None:  # what may change meanwhile is looked at again
        watch(container)
    return container


def _unpacked(packed: Packed, max_header: int | None) -> Container:
    container = open_source(packed.source, max_header, packed=True)
    container.beside = packed.beside
    container.odd += packed.odd
    return container


def _reader_of(file: ByteSource) -> Open:
    size, where = file.size, str(file.path)
    if size == 0:
        raise refusal(message("unfit.empty"), where=where, todo=AGAIN)
    head = bytes(file.read(0, min(64, size)))
    name = file.path.name.lower()
    reader = _fitting(FORMATS, head, size, name) or _fitting(added(), head, size, name)
    if reader is None or (reader.kind == ZIP and not reader.magic(head, size) and not _ends_like_zip(file)):
        said = message("format.unknown", begins=first_words(head))
        raise refusal(said, where=where, todo=message("advice.safetensors"))
    if reader.open is None:
        raise refusal(message("format.this_is", kind=reader.said), where=where, todo=reader.todo)
    return reader.open


def _ends_like_zip(file: ByteSource) -> bool:
    """Whether an end record lies where an archive has one: then it is an archive, whatever happened to its beginning."""
    tail = min(file.size, 2**16)
    return b"PK\5\6" in file.read(file.size - tail, tail)


def _fitting(formats: Sequence[Format], head: bytes, size: int, name: str) -> Format | None:
    by_name = named(unread.BY_NAME, name) if formats is FORMATS else None
    return by_name or next((r for r in formats if r.magic(head, size)), None) or named(formats, name)


def named(formats: Sequence[Format], name: str) -> Format | None:
    """The first format that a file's name ends like."""
    lower = name.lower()
    return next((r for r in formats if lower.endswith(r.suffixes)), None)


def model_by_bytes(path: Path) -> Format | None:
    """The kind of model, of those that are not read, that a regular file shows by its first bytes; None for any other."""
    try:
        file = PositionedFile(path)
    except RefusedError:
        return None  # a folder, a pipe, a file that may not be read
    try:
        head = bytes(file.read(0, min(64, file.size)))
        return next((one for one in unread.BY_BYTES if one.kind in unread.MODELS and one.magic(head, file.size)), None)
    finally:
        file.close()

"""The formats, and from bytes to a container: a file by its first bytes, then by its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module

from forebear.core.errors import RefusedError
from forebear.files.base import Container
from forebear.files.bytes.bytesource import ByteSource
from forebear.files.formats.format import Format, Open, Packed, added
from forebear.files.formats.safetensors import SafetensorsContainer

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
    Format("a Git LFS pointer, not the weights", _starts(b"version https://git-lfs"), (), None,
            "Fetch them: git lfs pull."),
    Format("a link of the hub's cache that was copied as text, not the weights", _starts(b"../../blobs/", b"../../../blobs/"), (),
            None, "Copy the cache with its links (cp -a, rsync -a), or give the file in its folder blobs."),
    Format("GGUF", _starts(b"GGUF"), (".gguf",), _later("gguf", "open_gguf")),
    Format("a zip archive", _starts(b"PK\x03\x04", b"PK\x05\x06"), (".pt", ".pth", ".ckpt", ".bin", ".zip", ".whl"),
            _later("archive_open", "open_archive")),
    Format("a PyTorch file", _starts(b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"), (".pkl", ".pickle"),
            _later("torch_container", "open_torch")),
    Format("ONNX", lambda head, size: False, (".onnx",), _later("onnx", "open_onnx")),
    Format("HDF5", _starts(b"\x89HDF\r\n\x1a\n"), (".h5", ".hdf5"), None,
            "It is not read yet; convert it to safetensors."),
    Format("a numpy array", _starts(b"\x93NUMPY"), (".npy", ".npz"), _later("npz", "open_npy")),
)  # fmt: skip
"""One line per container. The first whose magic fits decides, then the first whose suffix fits."""


def open_source(file: ByteSource, max_header: int | None = None) -> Container:
    """The container whose bytes these are, wherever they come from; `file` is closed when they are refused.

    Raises: RefusedError for what is empty, of no known format, or refused by its format.
    """
    try:
        found = _reader_of(file)(file, max_header)
        container = _unpacked(found, max_header) if isinstance(found, Packed) else found
        container.grain_bytes = getattr(file, "grain_bytes", container.grain_bytes)
    except BaseException:
        file.close()
        raise
    if (watch := getattr(file, "watch", None)) is not None:  # what may change meanwhile is looked at again
        watch(container)
    return container


def _unpacked(packed: Packed, max_header: int | None) -> Container:
    container = open_source(packed.source, max_header)
    container.beside = packed.beside
    container.odd += packed.odd
    return container


def _reader_of(file: ByteSource) -> Open:
    size, where = file.size, str(file.path)
    if size == 0:
        raise RefusedError("the file is empty", where=where, todo="Download or copy it again.")
    head = bytes(file.read(0, min(64, size)))
    name = file.path.name.lower()
    reader = _fitting(FORMATS, head, size, name) or _fitting(added(), head, size, name)
    if reader is None:
        raise RefusedError("no checkpoint format this version knows", where=where,
                           todo="Give a safetensors file or folder.")  # fmt: skip
    if reader.open is None:
        raise RefusedError(f"this is {reader.kind}", where=where, todo=reader.todo)
    return reader.open


def _fitting(formats: Sequence[Format], head: bytes, size: int, name: str) -> Format | None:
    reader = next((r for r in formats if r.magic(head, size)), None)
    return reader or named(formats, name)


def named(formats: Sequence[Format], name: str) -> Format | None:
    """The first format that a file's name ends like."""
    lower = name.lower()
    return next((r for r in formats if lower.endswith(r.suffixes)), None)

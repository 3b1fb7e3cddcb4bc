"""From a path to a container: a file by its first bytes, a folder by what it holds."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from forebear.core.bounded import parse_json, read_bounded, refuse_os_error
from forebear.core.errors import RefusedError
from forebear.core.limits import MAX_CONFIG_BYTES, MAX_SHARDS
from forebear.files.base import Container, quoted
from forebear.files.bytes.access import PositionedFile
from forebear.files.bytes.bytesource import ByteSource
from forebear.files.formats.safetensors import SafetensorsContainer
from forebear.files.formats.sharded import ShardedContainer, open_index

_SHARD = re.compile(r"(.+)-(\d{1,6})-of-(\d{1,6})\.safetensors", re.DOTALL)
_INDEX = ".safetensors.index.json"
_REMOTE = re.compile(r"[a-z][a-z0-9+.-]+:/")


def _open_safetensors(file: ByteSource, max_header: int | None) -> Container:
    return SafetensorsContainer(file.path, max_header=max_header, file=file)


def _open_safetensors_index(file: ByteSource, max_header: int | None) -> Container:
    file.close()
    return open_index(file.path, max_header=max_header)


def _later(module: str, function: str) -> Callable[[ByteSource, int | None], Container]:
    """A reader imported when a file needs it, so that the quick path loads none."""

    def opened(file: ByteSource, max_header: int | None) -> Container:
        container: Container = getattr(import_module(f"forebear.files.formats.{module}"), function)(file, max_header)
        return container

    return opened


def _looks_like_safetensors(head: bytes, size: int) -> bool:
    return len(head) > 8 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= size - 8


@dataclass(frozen=True, slots=True)
class _Reader:
    """One container: how it is recognised, how it is opened.

    magic: from the first 64 bytes and the size; suffixes: tried when no magic fits; open: None while unsupported.
    """

    kind: str
    magic: Callable[[bytes, int], bool]
    suffixes: tuple[str, ...]
    open: Callable[[ByteSource, int | None], Container] | None
    todo: str = ""


def _starts(*magics: bytes) -> Callable[[bytes, int], bool]:
    return lambda head, size: head.startswith(magics)


_READERS = (
    _Reader("safetensors", _looks_like_safetensors, (".safetensors",), _open_safetensors),
    _Reader("safetensors index", lambda head, size: False, (_INDEX,), _open_safetensors_index),
    _Reader("a Git LFS pointer, not the weights", _starts(b"version https://git-lfs"), (), None,
            "Fetch them: git lfs pull."),
    _Reader("GGUF", _starts(b"GGUF"), (".gguf",), _later("gguf", "open_gguf")),
    _Reader("a PyTorch index", lambda head, size: False, (".bin.index.json",), _later("joined", "open_local_index")),
    _Reader("a zip archive", _starts(b"PK\x03\x04", b"PK\x05\x06"), (".pt", ".pth", ".ckpt", ".bin", ".zip", ".whl"),
            _later("archive_open", "open_archive")),
    _Reader("a PyTorch file", _starts(b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"), (".pkl", ".pickle"),
            _later("torch_container", "open_torch")),
    _Reader("ONNX", lambda head, size: False, (".onnx",), _later("onnx", "open_onnx")),
    _Reader("HDF5", _starts(b"\x89HDF\r\n\x1a\n"), (".h5", ".hdf5"), None,
            "It is not read yet; convert it to safetensors."),
    _Reader("a numpy array", _starts(b"\x93NUMPY"), (".npy", ".npz"), _later("npz", "open_npy")),
)  # fmt: skip
"""One line per container. The first whose magic fits decides, then the first whose suffix fits."""


def open_container(path: str | Path, *, max_header: int | None = None) -> Container:
    """Open a checkpoint by the path of a file or a folder.

    A folder is read through its index, else model.safetensors, else its only *.safetensors, else a complete set of
    *-NNNNN-of-NNNNN.safetensors. max_header: largest header read, bytes.
    Raises: RefusedError for a path that is missing, unreadable, ambiguous, or no checkpoint this version reads.
    """
    place = Path(path)
    if _REMOTE.match(str(path)) and not os.path.lexists(place):
        from forebear.files.bytes.remote import open_remote

        return open_remote(str(path), max_header)
    if stat.S_ISDIR(_mode(place)):
        return _open_folder(place, max_header)
    return open_source(PositionedFile(place), max_header)


def open_source(file: ByteSource, max_header: int | None = None) -> Container:
    """The container whose bytes these are, wherever they come from; `file` is closed when they are refused.

    Raises: RefusedError as `open_container`.
    """
    try:
        container = _reader_of(file)(file, max_header)
        container.grain_bytes = getattr(file, "grain_bytes", container.grain_bytes)
        return container
    except BaseException:
        file.close()
        raise


def _reader_of(file: ByteSource) -> Callable[[ByteSource, int | None], Container]:
    size, where = file.size, str(file.path)
    if size == 0:
        raise RefusedError("the file is empty", where=where, todo="Download or copy it again.")
    head = bytes(file.read(0, min(64, size)))
    name = file.path.name.lower()
    reader = next((r for r in _READERS if r.magic(head, size)), None)
    reader = reader or next((r for r in _READERS if name.endswith(r.suffixes)), None)
    if reader is None:
        raise RefusedError("no checkpoint format this version knows", where=where,
                           todo="Give a safetensors file or folder.")  # fmt: skip
    if reader.open is None:
        raise RefusedError(f"this is {reader.kind}", where=where, todo=reader.todo)
    return reader.open


def _mode(place: Path) -> int:
    try:
        return place.stat().st_mode
    except ValueError:
        raise RefusedError("a path cannot hold a zero byte", where=str(place), todo="Check the path.") from None
    except OSError as error:
        raise refuse_os_error(error, place) from error


def _open_folder(folder: Path, max_header: int | None) -> Container:
    """See `open_container`."""
    if (kept := _snapshot(folder)) is not None:
        return _open_folder(kept, max_header)
    files = _weight_files(folder)
    indexes = [name for name in files if name.endswith(_INDEX)]
    if f"model{_INDEX}" in files or (len(indexes) == 1 and "model.safetensors" not in files):
        chosen = f"model{_INDEX}" if f"model{_INDEX}" in files else indexes[0]
        return open_index(files[chosen], max_header=max_header)
    if "model.safetensors" in files:
        return open_container_file(files["model.safetensors"], max_header)
    weights = [place for name, place in files.items() if name.endswith(".safetensors")]
    if len(weights) == 1 and _SHARD.fullmatch(weights[0].name) is None:
        return open_container_file(weights[0], max_header)
    if weights:
        return ShardedContainer(_complete_set(folder, weights), max_header=max_header)
    from forebear.files.formats.archive_open import main_file

    if (other := main_file(name for name in files if _opens(name))) is not None:
        return open_container_file(files[other], max_header)
    raise _no_weights(folder, files)


def _snapshot(folder: Path) -> Path | None:
    """The main snapshot when the folder is a repository of the hub's cache (models--org--name)."""
    if not (folder.name.startswith("models--") and (folder / "snapshots").is_dir()):
        return None
    from forebear.files.bytes.hub import snapshot

    return snapshot(folder, "main")


def _weight_files(folder: Path) -> dict[str, Path]:
    """Files whose name says they hold weights, in order of name; hidden ones left out."""
    suffixes = tuple(suffix for reader in _READERS for suffix in reader.suffixes)
    try:
        with os.scandir(folder) as entries:
            names = [e.name for e in entries if e.name.lower().endswith(suffixes) and not e.name.startswith(".")]
    except OSError as error:
        raise refuse_os_error(error, folder) from error
    if len(names) > 2 * MAX_SHARDS:
        raise RefusedError(
            f"{len(names):,} weight files; at most {MAX_SHARDS:,} shards are read",
            where=str(folder),
            todo="Give the path of the one that is meant.",
        )
    return {name: folder / name for name in sorted(names)}


def open_container_file(path: Path, max_header: int | None) -> Container:
    """A file found in a folder: never a folder in turn."""
    if stat.S_ISDIR(_mode(path)):
        raise RefusedError("is a folder, not a file", where=str(path), todo="Give the file's own path.")
    return open_container(path, max_header=max_header)


def _complete_set(folder: Path, weights: list[Path]) -> list[Path]:
    """The files *-1-of-N ... *-N-of-N when the weights are exactly that."""
    found = [_SHARD.fullmatch(entry.name) for entry in weights]
    sets = {(m[1], int(m[3])) for m in found if m is not None}
    if None in found or len(sets) != 1:
        shown = ", ".join(quoted(entry.name) for entry in weights[:4])
        raise RefusedError(f"{len(weights)} weight files and no index ({shown}{', …' if len(weights) > 4 else ''})",
                           where=str(folder), todo="Give the path of the one that is meant.")  # fmt: skip
    ((_, count),) = sets
    numbers = sorted(int(m[2]) for m in found if m is not None)
    if count > MAX_SHARDS or numbers != list(range(1, count + 1)):
        raise RefusedError(f"{len(numbers)} of {count} shards are here and there is no index", where=str(folder),
                           todo="Download the rest of it.")  # fmt: skip
    return weights


def _opens(name: str) -> bool:
    reader = next(r for r in _READERS if name.lower().endswith(r.suffixes))
    return reader.open is not None


def _no_weights(folder: Path, files: dict[str, Path]) -> RefusedError:
    if len(others := [name for name in files if _opens(name)]) > 1:
        shown = ", ".join(quoted(name) for name in others[:4])
        return RefusedError(f"{len(others)} weight files ({shown}{', …' if len(others) > 4 else ''})",
                            where=str(folder), todo="Give the path of the one that is meant.")  # fmt: skip
    for name in files:
        reader = next(r for r in _READERS if name.lower().endswith(r.suffixes))
        if reader.open is None:
            what = f"no safetensors weights, only {reader.kind} ({quoted(name)})"
            return RefusedError(what, where=str(folder), todo=reader.todo)
    return RefusedError("a folder without weights", where=str(folder), todo="Give a folder that holds *.safetensors.")


def folder_of(path: str | Path) -> Path:
    """The folder that holds a checkpoint's configuration and tokenizer: the folder itself, or the file's."""
    place = Path(path)
    return place if place.is_dir() else place.parent


def read_small_text(path: str | Path, limit: int = MAX_CONFIG_BYTES) -> str:
    """A small UTF-8 text file, whole. Raises RefusedError when larger than `limit` bytes, not UTF-8, not regular."""
    try:
        return read_bounded(path, limit).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RefusedError(f"is not UTF-8 (byte {error.start:,})", where=str(path), todo="Save it as UTF-8.") from None


def read_small_json(path: str | Path, limit: int = MAX_CONFIG_BYTES) -> Any:
    """A small JSON file, strictly (see `forebear.core.bounded.parse_json`). Raises RefusedError."""
    return parse_json(read_bounded(path, limit), where=str(path))

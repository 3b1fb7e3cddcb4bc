"""A zip archive as a checkpoint: a PyTorch file, an .npz, or exactly one checkpoint packed inside."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from forebear.core.limits import MAX_HEADER_BYTES, MAX_TOKENIZER_BYTES
from forebear.core.messages import message
from forebear.files.base import Container, quoted
from forebear.files.bytes.archive import ZipArchive
from forebear.files.bytes.bytesource import ByteSource
from forebear.files.formats.format import LEFTOVERS, Packed
from forebear.files.formats.npz import is_npz, open_npz
from forebear.files.formats.shares import is_share, open_share
from forebear.files.formats.torch_container import open_torch_zip, pickle_member, read_records

_INSIDE = (".safetensors", ".gguf", ".pt", ".pth", ".bin", ".onnx", ".npz", ".npy", ".ckpt")


def open_archive(file: ByteSource, max_header: int | None) -> Container | Packed:
    """A zip archive by what it holds; a checkpoint packed in a zip or wheel is read one level deep.

    Raises: RefusedError when it is damaged, holds no checkpoint or several, or an archive that is none.
    """
    archive = ZipArchive(file)
    return _itself(file, archive, max_header) or inside(archive, max_header)


def _itself(file: ByteSource, archive: ZipArchive, max_header: int | None) -> Container | None:
    """The checkpoint that the archive is, when it is one."""
    if pickle_member(archive) is not None:
        records = read_records(archive, max_header or MAX_HEADER_BYTES)
        return open_share(file, records) if is_share(records) else open_torch_zip(file, archive, records)
    return open_npz(file, archive) if is_npz(archive) else None


def inside(archive: ZipArchive, max_header: int | None) -> Container | Packed:
    """The one checkpoint a zip archive or wheel holds."""
    names = [
        name for name in archive.members
        if name.lower().endswith(_INSIDE) and name.rsplit("/", 1)[-1].lower() not in LEFTOVERS and not _of_macos(name)
    ]  # fmt: skip
    if not names and any(name.endswith((".weights.h5", ".h5")) for name in archive.members):
        archive.refuse(message("zip.keras"), message("advice.numpy"))
    if not names:
        archive.refuse(message("zip.nothing"), message("advice.inside", names=", ".join(_INSIDE)))
    if len(names) > 1:
        shown = ", ".join(quoted(name) for name in names[:4])
        archive.refuse(message("zip.several", count=len(names), names=shown), message("advice.unpack_one"))
    inner = archive.source(archive.members[names[0]])
    odd = (message("odd.archive", name=quoted(names[0])),)
    packed = Packed(inner, _beside(archive, names[0].rpartition("/")[0]), odd)
    if inner.size < 4 or bytes(inner.read(0, 4)) not in (b"PK\3\4", b"PK\5\6"):
        return packed
    container = _itself(inner, ZipArchive(inner), max_header)
    if container is None:
        archive.refuse(message("zip.nested", name=quoted(names[0])), message("advice.unpack_inner"))
    container.beside = packed.beside
    container.odd += packed.odd
    return container


def _of_macos(name: str) -> bool:
    """Whether a member holds what macOS keeps of another file: its archiver adds one for every file that it packs."""
    return name.startswith("__MACOSX/") or name.rsplit("/", 1)[-1].startswith("._")


def _beside(archive: ZipArchive, folder: str) -> dict[str, Callable[[], bytes]]:
    """The small files in the checkpoint's own folder of the archive."""
    start = f"{folder}/" if folder else ""
    names = {n.removeprefix(start): m for n, m in archive.members.items() if n.startswith(start)}
    return {
        name: partial(archive.read, member, MAX_TOKENIZER_BYTES) for name, member in names.items()
        if "/" not in name and not name.lower().endswith(_INSIDE)
    }  # fmt: skip

"""hf://org/name@revision: what the hub lists, its resolve addresses, and the cache it leaves on disk.

Source: the hub's HTTP interface (api/models, resolve) and the layout of its cache (models--org--name/refs, snapshots,
blobs). Environment: HF_ENDPOINT, HF_TOKEN, HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from forebear.core.bounded import parse_json, read_bounded
from forebear.core.errors import RefusedError
from forebear.core.limits import MAX_CONFIG_BYTES, MAX_HEADER_BYTES, MAX_TOKENIZER_BYTES
from forebear.files.base import Container
from forebear.files.bytes.remote import SmallFile, fetch_small, open_file
from forebear.files.bytes.remote_address import Spot, refuse, spot_of
from forebear.files.bytes.remote_http import Client

ENDPOINT = "https://huggingface.co"
_ADDRESS = re.compile(
    r"hf:/{1,2}([A-Za-z0-9][\w.-]{0,95})/([A-Za-z0-9][\w.-]{0,95})(?:@([\w.-]{1,100}))?((?:/[\w. -]{1,200}){0,8})",
    re.ASCII,
)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SMALL = (".json", ".txt", ".model", ".tiktoken")
_WEIGHTS = ("model.safetensors.index.json", "model.safetensors", "pytorch_model.bin.index.json", "pytorch_model.bin",
            "adapter_model.safetensors")  # fmt: skip


def endpoint() -> str:
    """Where the hub is: HF_ENDPOINT or the public one."""
    stated = os.environ.get("HF_ENDPOINT", "").strip().rstrip("/")
    if not stated:
        return ENDPOINT
    try:
        spot_of(stated)
    except RefusedError as error:
        raise RefusedError(f"the address of the hub {error.what}", where=f"HF_ENDPOINT={error.where}",
                           todo="Set HF_ENDPOINT to an https:// address, or unset it.") from error  # fmt: skip
    if "?" in stated or "#" in stated:
        refuse(stated, "is no address of a hub", "Set HF_ENDPOINT to an https:// address, or unset it.")
    return stated


def token_for(spot: Spot) -> str:
    """HF_TOKEN for an address of the hub itself, nothing for any other host, port or scheme."""
    token = os.environ.get("HF_TOKEN", "").strip()
    if not token or spot.origin != spot_of(endpoint()).origin:
        return ""
    if not token.isascii() or not token.isprintable() or len(token) > 4096:
        raise RefusedError("is no token", where="HF_TOKEN", todo="Copy it again, or unset HF_TOKEN.")
    return token


def cache_folder() -> Path:
    """Where the hub's client keeps what it fetched."""
    stated = os.environ.get("HF_HUB_CACHE")
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    return Path(stated) if stated else home / "hub"


def offline() -> bool:
    """Whether HF_HUB_OFFLINE forbids asking the hub."""
    return os.environ.get("HF_HUB_OFFLINE", "").strip().upper() in ("1", "ON", "YES", "TRUE")


def snapshot(repository: Path, revision: str) -> Path | None:
    """The snapshot of a repository's cache folder (models--org--name) for a revision, when it is there."""
    commit = revision
    reference = repository / "refs" / revision
    if not _COMMIT.fullmatch(revision) and reference.is_file():
        commit = read_bounded(reference, 200).decode("ascii", "replace").strip()
    place = repository / "snapshots" / commit
    return place if _COMMIT.fullmatch(commit) and place.is_dir() else None


def open_hub(address: str, max_header: int | None) -> Container:
    """The checkpoint of a repository: from the cache when offline or when this very commit is there, else by ranges.

    Raises: RefusedError for an address that is none, a repository that cannot be had, or holds no weights.
    """
    found = _ADDRESS.fullmatch(address)
    if found is None:
        refuse(address, "is no hub address", "Write it as hf://organisation/name@revision.")
    organisation, name, revision, inner = found[1], found[2], found[3] or "main", found[4].strip("/")
    if ".." in (organisation, name, revision, *inner.split("/")) or revision.startswith("."):
        refuse(address, "is no hub address", "Write it as hf://organisation/name@revision.")
    repository = cache_folder() / f"models--{organisation}--{name}"
    if offline():
        return _from_cache(address, repository, revision, inner, max_header)
    start = f"{endpoint()}/api/models/{organisation}/{name}/revision/{quote(revision, safe='')}"
    client = Client(start, token_for(spot_of(start)))
    files, commit = _listing(client, start)
    kept = snapshot(repository, commit)
    chosen = _choose(files, inner, address)
    if kept is not None and (kept / chosen).exists():
        return _open_local(kept, inner, max_header)
    base = f"{endpoint()}/{organisation}/{name}/resolve/{commit}"
    container = _open_remote(client, base, chosen, max_header)
    container.beside = {
        file: SmallFile(client, f"{base}/{quote(file)}", container, MAX_TOKENIZER_BYTES) for file in files
        if file.endswith(_SMALL) and "/" not in file and not file.endswith(".index.json")
    }  # fmt: skip
    return container


def _from_cache(address: str, repository: Path, revision: str, inner: str, max_header: int | None) -> Container:
    place = snapshot(repository, revision)
    if place is None:
        refuse(address, "is not in the cache, and HF_HUB_OFFLINE forbids fetching it", "Unset HF_HUB_OFFLINE.")
    return _open_local(place, inner, max_header)


def _open_local(place: Path, inner: str, max_header: int | None) -> Container:
    from forebear.files.sources import open_container

    container = open_container(place / inner if inner else place, max_header=max_header)
    container.beside = {
        entry.name: partial(read_bounded, entry, MAX_TOKENIZER_BYTES) for entry in sorted(place.iterdir())
        if entry.name.endswith(_SMALL) and not entry.name.endswith(".index.json")
    }  # fmt: skip
    return container


def _listing(client: Client, address: str) -> tuple[list[str], str]:
    """File names of a revision and its commit."""
    document: Any = parse_json(fetch_small(client, address, MAX_CONFIG_BYTES), where=address, max_values=10**6)
    siblings = document.get("siblings") if isinstance(document, dict) else None
    commit = document.get("sha") if isinstance(document, dict) else None
    if not isinstance(siblings, list) or not isinstance(commit, str) or not _COMMIT.fullmatch(commit):
        refuse(address, "does not list a repository's files", "Check HF_ENDPOINT.")
    names = [entry.get("rfilename") for entry in siblings if isinstance(entry, dict)]
    return [name for name in names if isinstance(name, str) and _safe(name)], commit


def _safe(name: str) -> bool:
    return 0 < len(name) < 500 and name.isprintable() and not name.startswith("/") and ".." not in name.split("/")


def _choose(files: Iterable[str], inner: str, address: str) -> str:
    """The file to open: the one named, else by the usual names, else the only one that holds weights."""
    present = set(files)
    if inner:
        if inner not in present:
            refuse(address, f"has no file {inner!r}", "Check the name.")
        return inner
    for name in _WEIGHTS:
        if name in present:
            return name
    others = [name for name in sorted(present) if "/" not in name and name.endswith((".safetensors", ".gguf", ".onnx"))]
    if len(others) != 1:
        refuse(address, f"holds {len(others)} weight files and none of the usual names" if others else "holds no weights",
               "Name one: hf://organisation/name@revision/file.")  # fmt: skip
    return others[0]


def _open_remote(client: Client, base: str, chosen: str, max_header: int | None) -> Container:
    from forebear.files.formats.joined import open_remote_index

    address = f"{base}/{quote(chosen)}"
    if chosen.endswith(".index.json"):
        folder = base + (f"/{quote(chosen.rpartition('/')[0])}" if "/" in chosen else "")
        data = fetch_small(client, address, MAX_HEADER_BYTES)
        return open_remote_index(client, lambda file: f"{folder}/{quote(file)}", data, chosen, max_header)
    return open_file(client, address, max_header, name=chosen)


__all__ = ["cache_folder", "endpoint", "offline", "open_hub", "snapshot", "token_for"]

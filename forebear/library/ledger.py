"""What a source is: the key under which the ledger finds it again, and how to tell that it has changed."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forebear.files.sources import open_container
from forebear.models.checkpoint import OnBase, Place

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://.+")
_PINNED = re.compile(r"hf://[^@]+@[0-9a-f]{40}")


def key_of(path: str | Path) -> str:
    """The key of a source: an address as it is, a path as the SHA-256 of where it lies, which tells nobody where that is."""
    text = str(path)
    if _ADDRESS.fullmatch(text):
        return text
    return "file:" + hashlib.sha256(os.fsencode(os.path.realpath(text))).hexdigest()


def name_of(path: str | Path) -> str:
    """What a source is called: the name of its folder or file, or organisation/name@revision."""
    text = str(path)
    if _ADDRESS.fullmatch(text):
        return text.removeprefix("hf://")
    return Path(os.path.realpath(text)).name


def state_of(path: Place, max_header: int | None) -> dict[str, Any]:
    """Size, time of the last change and header of a source's files, from opening them; of an adapter, its base's too.

    Raises: RefusedError.
    """
    if isinstance(path, OnBase):
        own, under = state_of(path.path, max_header), state_of(path.base, max_header)
        return {
            "size": own["size"] + under["size"], "changed": max(own["changed"], under["changed"]),
            "header": hashlib.sha256(f"{own['header']} {under['header']}".encode()).hexdigest(),
        }  # fmt: skip
    container = open_container(str(path), max_header=max_header)
    try:
        states = [os.stat(file) for file in container.paths if os.path.exists(file)]
        return {
            "size": sum(state.st_size for state in states),
            "changed": max((state.st_mtime_ns for state in states), default=0),
            "header": container.header_digest,
        }
    finally:
        container.close()


def is_pinned(path: str | Path) -> bool:
    """Whether an address names one commit, so that it can never mean anything else."""
    return _PINNED.fullmatch(str(path)) is not None


def unchanged(known: Mapping[str, Any], state: Mapping[str, Any]) -> bool:
    """Whether a source is as the ledger knows it."""
    return all(known[key] == state[key] for key in ("size", "changed", "header"))

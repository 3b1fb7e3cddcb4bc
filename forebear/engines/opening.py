"""Which engine keeps the library of an address: a folder by itself, or a word and a colon before it."""

from __future__ import annotations

from pathlib import Path

from forebear.library.local_store import LocalStore
from forebear.library.places import CATALOGUE
from forebear.library.shards import Shards
from forebear.library.store import Store

LANCE, SHARDS, RAY = "lance:", "shards:", "ray:"


def open_store(address: str | Path, *, make: bool = False, check: bool = True) -> Store:
    """The library of an address. make: begin one where there is none; check: look whether it can be opened (`verify` looks itself).

    A path that exists is a folder whatever its name. "lance:" and a folder or the address of an object store: LanceDB.
    "shards:" and a folder: every library directly in it, as one to search; "ray:" the same, each looked through by a worker of Ray.
    Raises: RefusedError when it is no library, cannot be opened, or the engine is not installed.
    """
    text = str(address)
    if not Path(text).exists():
        if text.startswith(LANCE):
            from forebear.engines.lancedb import LanceStore

            return LanceStore(text.removeprefix(LANCE), make=make)
        if text.startswith(SHARDS):
            return Shards(text.removeprefix(SHARDS))
        if text.startswith(RAY):
            from forebear.engines.ray import RayShards

            return RayShards(text.removeprefix(RAY))
    return LocalStore(text, make=make, check=check)


def is_begun(address: str | Path) -> bool:
    """Whether there is a library at an address, whole or torn; true of those that are only searched, which refuse what is new.

    Raises: RefusedError when the engine is not installed, or cannot look there.
    """
    text = str(address)
    if Path(text).exists() or not text.startswith((LANCE, SHARDS, RAY)):
        return (Path(text) / CATALOGUE).exists()
    if not text.startswith(LANCE):
        return True
    from forebear.engines.lancedb import is_table

    return is_table(text.removeprefix(LANCE))

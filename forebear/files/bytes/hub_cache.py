"""The cache that the hub's client leaves on disk: models--org--name/refs, snapshots, blobs.

Environment: HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from forebear.core.bounded import read_bounded
from forebear.core.errors import refusal
from forebear.core.messages import message

COMMIT = re.compile(r"[0-9a-f]{40}")


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
    if not COMMIT.fullmatch(revision) and reference.is_file():
        commit = read_bounded(reference, 200).decode("ascii", "replace").strip()
    place = repository / "snapshots" / commit
    return place if COMMIT.fullmatch(commit) and place.is_dir() else None


def is_repository(folder: Path) -> bool:
    """Whether a folder is a repository of the hub's cache: models--org--name, with its snapshots inside."""
    return folder.name.startswith("models--") and (folder / "snapshots").is_dir()


def main_snapshot(repository: Path) -> Path:
    """The snapshot that refs/main names, or the only one; whatever the revision is called.

    Raises: RefusedError when refs/main names none that is there and several are, or none.
    """
    found = sorted(place for place in (repository / "snapshots").iterdir() if place.is_dir())
    reference = repository / "refs" / "main"
    main = read_bounded(reference, 200).decode("ascii", "replace").strip() if reference.is_file() else ""
    chosen = [place for place in found if place.name == main] or found
    if len(chosen) == 1:
        return chosen[0]
    if not found:
        raise refusal(message("folder.no_snapshot"), where=str(repository), todo=message("advice.download_model"))
    said = message("folder.snapshots", count=len(found))
    raise refusal(said, where=str(repository), todo=message("advice.snapshot"))

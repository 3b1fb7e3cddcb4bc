"""hf://org/name@revision: what the hub lists, its resolve addresses, and the cache it leaves on disk.

Source: the hub's HTTP interface (api/models, resolve) and the layout of its cache (models--org--name/refs, snapshots,
blobs). Environment: HF_ENDPOINT, HF_TOKEN, HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE.
"""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import quote

from forebear.core.bounded import parse_json
from forebear.core.errors import RefusedError, refusal
from forebear.core.limits import MAX_CONFIG_BYTES
from forebear.core.messages import message
from forebear.files.bytes.folder import SMALL, LocalFolder
from forebear.files.bytes.hub_cache import COMMIT, cache_folder, offline, snapshot
from forebear.files.bytes.remote import fetch_small
from forebear.files.bytes.remote_address import Spot, refuse, spot_of
from forebear.files.bytes.remote_folder import RemoteFolder
from forebear.files.bytes.remote_http import Client

ENDPOINT = "https://huggingface.co"
_ADDRESS = re.compile(
    r"hf:/{1,2}([A-Za-z0-9][\w.-]{0,95})/([A-Za-z0-9][\w.-]{0,95})(?:@([\w.-]{1,100}))?((?:/[\w. -]{1,200}){0,8})",
    re.ASCII,
)


def endpoint() -> str:
    """Where the hub is: HF_ENDPOINT or the public one."""
    stated = os.environ.get("HF_ENDPOINT", "").strip().rstrip("/")
    if not stated:
        return ENDPOINT
    try:
        spot_of(stated)
    except RefusedError as error:
        said = message("remote.hub", what=error.said or message("remote.no_address"))
        raise refusal(said, where=f"HF_ENDPOINT={error.where}", todo=message("advice.endpoint")) from error
    if "?" in stated or "#" in stated:
        refuse(stated, message("remote.no_hub"), message("advice.endpoint"))
    return stated


def token_for(spot: Spot) -> str:
    """HF_TOKEN for an address of the hub itself, nothing for any other host, port or scheme."""
    token = os.environ.get("HF_TOKEN", "").strip()
    if not token or spot.origin != spot_of(endpoint()).origin:
        return ""
    if not token.isascii() or not token.isprintable() or len(token) > 4096:
        raise refusal(message("remote.no_token"), where="HF_TOKEN", todo=message("advice.token"))
    return token


def hub_folder(address: str) -> tuple[LocalFolder | RemoteFolder, str]:
    """The files of a repository's revision, and the one that the address names ("" for none).

    From the cache alone when the hub may not be asked. Raises: RefusedError for an address that is none, or a repository
    that cannot be had.
    """
    found = _ADDRESS.fullmatch(address)
    if found is None:
        refuse(address, message("remote.no_hub_address"), message("advice.hub_form"))
    organisation, name, revision, inner = found[1], found[2], found[3] or "main", found[4].strip("/")
    if ".." in (organisation, name, revision, *inner.split("/")) or revision.startswith("."):
        refuse(address, message("remote.no_hub_address"), message("advice.hub_form"))
    repository = cache_folder() / f"models--{organisation}--{name}"
    if offline():
        place = snapshot(repository, revision)
        if place is None:
            refuse(address, message("remote.offline"), message("advice.online"))
        return LocalFolder(place), inner
    start = f"{endpoint()}/api/models/{organisation}/{name}/revision/{quote(revision, safe='')}"
    client = Client(start, token_for(spot_of(start)))
    files, commit = _listing(client, start)
    base = f"{endpoint()}/{organisation}/{name}/resolve/{commit}"
    folder = RemoteFolder(
        client,
        address,
        lambda file: f"{base}/{quote(file)}",
        listed=files,
        kept=snapshot(repository, commit),
        small_files={
            file: f"{base}/{quote(file)}" for file in files
            if file.endswith(SMALL) and "/" not in file and not file.endswith(".index.json")
        },
    )  # fmt: skip
    return folder, inner


def _listing(client: Client, address: str) -> tuple[list[str], str]:
    """File names of a revision and its commit."""
    document: Any = parse_json(fetch_small(client, address, MAX_CONFIG_BYTES), where=address, max_values=10**6)
    siblings = document.get("siblings") if isinstance(document, dict) else None
    commit = document.get("sha") if isinstance(document, dict) else None
    if not isinstance(siblings, list) or not isinstance(commit, str) or not COMMIT.fullmatch(commit):
        refuse(address, message("remote.no_listing"), message("advice.endpoint_check"))
    names = [entry.get("rfilename") for entry in siblings if isinstance(entry, dict)]
    return [name for name in names if isinstance(name, str) and _safe(name)], commit


def _safe(name: str) -> bool:
    return 0 < len(name) < 500 and name.isprintable() and not name.startswith("/") and ".." not in name.split("/")

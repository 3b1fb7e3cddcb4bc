"""From a path to a container: the one resolver of folders, on disk, in the hub's cache or at an address.

A path leads to a folder and the weight sets in it; one of them is taken, the others are named as left aside.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from forebear.core.bounded import refuse_os_error
from forebear.core.errors import RefusedError, refusal
from forebear.core.messages import Message, message
from forebear.core.natural import natural
from forebear.files.assembling import open_set
from forebear.files.base import Container, quoted
from forebear.files.bytes.folder import MAX_INNER, Folder, LocalFolder
from forebear.files.bytes.hub_cache import is_repository, main_snapshot
from forebear.files.formats.format import added
from forebear.files.formats.registry import FORMATS, INDEXES, model_by_bytes, named
from forebear.files.layouts import CUT, refused_layout
from forebear.files.sets import (
    Kind,
    WeightSet,
    called,
    chosen,
    describes,
    is_part,
    is_usual,
    names_in,
    weighs,
    weighs_elsewhere,
    weight_sets,
)
from forebear.files.trained import trained_sets

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/")
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
"""What may be meant for a repository of the hub where no such path is."""
_SHOWN = 6
"""Sets left aside, or files that none stands out of, that a sentence names."""


class Found(NamedTuple):
    """What a path leads to.

    folder: where the files lie. sets: the weight sets that stand for choice. taken: the one that is the model; None when there
    is none, or none stands out. typed: the file that the path names, "" for a folder.
    """

    folder: Folder
    sets: tuple[WeightSet, ...]
    taken: WeightSet | None
    typed: str = ""

    @property
    def home(self) -> Path | None:
        """The folder on disk where the model's configuration and tokenizer are; None for an address."""
        return self.folder.path

    def models(self) -> list[Path]:
        """Of a folder on disk that is no model itself: the models in it, file by file and folder by folder, in order."""
        home = self.folder.path
        if home is None or self.typed or self.taken is not None or names_in(self.folder, describes):
            return []
        files = [home / one.first for one in self.sets if one.opens]
        return sorted(files + [home / name for name in _models_inside(self.folder, all_read=True)], key=natural)

    def opened(self, max_header: int | None = None) -> Container:
        """The container of the set that was taken; `Container.said` names what was left aside.

        max_header: largest header read, bytes. Raises: RefusedError when no set was taken, or it is not whole or not read.
        """
        if self.taken is None:
            raise _no_weights(self.folder, self.sets)
        if self.taken.lacks:
            raise refusal(self.taken.lacks, where=self.folder.where, todo=message("advice.rest"))
        container = open_set(self.folder, self.taken, max_header)
        container.beside = container.beside or self.folder.beside(container)
        container.said += self._aside(self.taken, container)
        return container

    def _aside(self, taken: WeightSet, container: Container) -> list[Message]:
        """What was left aside, or read besides the file that was named."""
        if self.typed and taken.kind in (Kind.NUMBERED, Kind.SPLIT, Kind.RANKS, Kind.SHARES):
            return [message("folder.one_of", name=quoted(self.typed), count=len(taken.files))]
        if self.typed and taken.kind is Kind.FILE and is_part(self.typed, ranks=False):
            return [message("folder.alone", name=quoted(self.typed))]
        read = {path.name for path in container.paths}
        others = [called(one) for one in self.sets if one is not taken and not (one.files and read.issuperset(one.files))]
        stale = any(said.key == "folder.index_stale" for said in container.said)
        first = container.paths[0].name if stale else taken.first
        names: list[Message | str] = [*others[:_SHOWN], *(["…"] if len(others) > _SHOWN else [])]
        return [message("folder.aside", taken=quoted(first), names=names)] if others else []


def resolve(path: str | Path) -> Found:
    """What a path leads to: a file, a folder, a repository of the hub's cache, hf://org/name@revision, or https:// for a file.

    Nothing but names is read, and of a repository at the hub its list of files.
    Raises: RefusedError for a path that is missing or unreadable, or an address that may not be asked.
    """
    place = Path(path)
    if _ADDRESS.match(str(path)) and not os.path.lexists(place):
        return _at_address(str(path))
    return _on_disk(place)


def require_there(path: str | Path) -> None:
    """Refuse a path of this machine that leads nowhere, before any work: one of several inputs that is missing is a slip.

    Raises: RefusedError. Nothing is asked of an address.
    """
    place = Path(path)
    if not _ADDRESS.match(str(path)) or os.path.lexists(place):
        _mode(place)


def _near(place: Path) -> str:
    """The name that may be meant for one that is not there: beside it, nearly the same; "" where none is."""
    try:
        with os.scandir(place.parent) as beside:
            names = [one.name for one in islice(beside, MAX_INNER)]
    except OSError:  # no folder to look into: the path itself is refused by its caller
        return ""
    near = get_close_matches(place.name, names, n=1, cutoff=0.8)
    return near[0] if near else ""


def _on_disk(place: Path) -> Found:
    if not stat.S_ISDIR(_mode(place)):
        return _file(LocalFolder(place.parent), place.name)
    return _in_folder(LocalFolder(main_snapshot(place) if is_repository(place) else place))


def _mode(place: Path) -> int:
    try:
        return place.stat().st_mode
    except ValueError:
        raise refusal(message("unfit.zero_byte"), where=str(place), todo=message("advice.check_path")) from None
    except FileNotFoundError as error:
        if _REPOSITORY.fullmatch(str(place)) and not os.path.lexists(place.parent):
            todo = message("advice.check_path_or_hub", address=f"hf://{place.as_posix()}")
            raise refusal(message("refused.missing"), where=str(place), todo=todo) from error
        if near := _near(place):
            todo = message("advice_path.near", name=quoted(near))
            raise refusal(message("refused.missing"), where=str(place), todo=todo) from error
        raise refuse_os_error(error, place) from error
    except OSError as error:
        raise refuse_os_error(error, place) from error


def _at_address(address: str) -> Found:
    from forebear.files.bytes.hub import hub_folder, token_for  # the network's own modules: local files need none
    from forebear.files.bytes.remote_address import refuse, spot_of
    from forebear.files.bytes.remote_folder import beside_file

    address = re.sub(r"^([a-z][a-z0-9+.-]*):/(?=[^/])", r"\1://", address)  # a path object drops the second slash
    if not address.startswith("hf:/"):
        if not address.startswith(("https://", "http://")):
            refuse(address, message("remote.kind"), message("advice.address_kinds"))
        return _file(*beside_file(address, token_for(spot_of(address))))
    folder, inner = hub_folder(address)
    if isinstance(folder, LocalFolder):  # the cache alone
        found = _on_disk(folder.path / inner)
        return found._replace(folder=LocalFolder(found.folder.path or folder.path, top=folder.path))
    top = folder.kept
    *above, last = inner.split("/")
    for name in above:
        folder = folder.inner(name)
    if last and last in folder.folders():
        folder, last = folder.inner(last), ""
    if last and not names_in(folder, lambda name: name == last):
        refuse(address, message("remote.no_file", name=quoted(inner)), message("advice.check_name"))
    found = _file(folder, last) if last else _in_folder(folder)
    kept, taken = folder.kept, found.taken
    if kept is not None and taken is not None and all((kept / name).exists() for name in taken.all_files):
        return found._replace(folder=LocalFolder(kept, top=top))
    return found


def _file(folder: Folder, name: str) -> Found:
    """A file that a path names, with the others where it is one of several that make one model."""
    alone = WeightSet(Kind.FILE, name, (name,))
    beside = names_in(folder, weighs) if is_part(name) else ()
    if name.lower().endswith(INDEXES):
        alone = WeightSet(Kind.INDEX, name, ())
        sets = weight_sets(beside)
    else:
        sets = weight_sets(other for other in beside if not other.lower().endswith(INDEXES))
    one = next((found for found in sets if name in found.all_files), alone)
    return Found(folder, (one,), alone if one.lacks and one.kind is Kind.NUMBERED else one, name)


def _in_folder(folder: Folder) -> Found:
    sets = weight_sets(names_in(folder, weighs)) or weight_sets(names_in(folder, weighs_elsewhere), added())
    taken = chosen(sets)
    if taken is None and not any(one.opens for one in sets) and (trained := trained_sets(folder)):
        return Found(folder, (*trained, *sets), trained[0])
    if taken is not None and not is_usual(taken) and not names_in(folder, describes) and _models_inside(folder):
        taken = None  # one of several models, the others in folders of their own
    return Found(folder, sets if taken is None else (*sets, *_left_by_a_trainer(folder)), taken)


def _left_by_a_trainer(folder: Folder) -> tuple[WeightSet, ...]:
    """What a trainer keeps beside a model, to be named; inner folders that cannot be looked into are passed over."""
    try:
        return trained_sets(folder)
    except RefusedError:
        return ()


def _models_inside(folder: Folder, *, all_read: bool = False) -> list[str]:
    """Names of inner folders that look like a model, whole or not, by the names in them.

    all_read: one that cannot be looked into is refused; it is passed over otherwise.
    """
    found = []
    for name in folder.folders():
        try:
            if _may_be_model(folder.inner(name)):
                found.append(name)
        except RefusedError:
            if all_read:
                raise
    return found


def _may_be_model(folder: Folder) -> bool:
    if folder.path is not None and is_repository(folder.path):
        return True
    return any(describes(name) or weighs(name) for name in islice(folder.names(), MAX_INNER))


def _no_weights(folder: Folder, sets: Sequence[WeightSet]) -> RefusedError:
    opened = [one for one in sets if one.opens]
    inner = _models_inside(folder)
    todo = message("advice.meant_hub" if folder.path is None else "advice.meant")
    if opened and all(CUT.fullmatch(name) for one in opened for name in one.files) and (layout := refused_layout(folder)):
        return layout
    if opened:
        files = [name for one in opened for name in one.files]
        shown = ", ".join(quoted(name) for name in [*files, *inner][:4]) + (", …" if len(files) + len(inner) > 4 else "")
        said = message("folder.files_no_index", count=len(files), names=shown)
        if inner:
            said = message("folder.files_and_folders", count=len(files), inner=len(inner), names=shown)
        return refusal(said, where=folder.where, todo=todo)
    if (layout := refused_layout(folder)) is not None:
        return layout
    for one in sets:
        if (reader := named(FORMATS, one.first)) is not None and reader.open is None:
            what = message("folder.only_unread", kind=reader.said, name=quoted(one.first))
            return refusal(what, where=folder.where, todo=reader.todo)
    if inner:
        shown = ", ".join(quoted(name) for name in inner[:4]) + (", …" if len(inner) > 4 else "")
        return refusal(message("folder.inner_only", names=shown), where=folder.where, todo=todo)
    found = () if folder.path is None else tuple(folder.path / name for name in sorted(islice(folder.names(), MAX_INNER)))
    for file in found:
        if (kind := model_by_bytes(file)) is not None:
            what = message("format.this_is_named", kind=kind.said, name=quoted(file.name))
            return refusal(what, where=folder.where, todo=kind.todo)
    return refusal(message("folder.no_weights"), where=folder.where, todo=message("advice.safetensors_folder"))


def open_container(path: str | Path, *, max_header: int | None = None) -> Container:
    """The checkpoint that a path leads to (see `resolve`), open. max_header: largest header read, bytes.

    Raises: RefusedError for a path that is missing, unreadable, ambiguous, or no checkpoint this version reads.
    """
    return resolve(path).opened(max_header)


def home_of(path: str | Path) -> Path:
    """The folder on disk that a path leads to, a snapshot of the hub's cache for its repository; the path itself for a file."""
    place = Path(path)
    return main_snapshot(place) if place.is_dir() and is_repository(place) else place


def holds_weights(folder: Path) -> bool:
    """Whether a folder holds weights, or a file that says it does, of any format known."""
    place = LocalFolder(folder)
    return bool(names_in(place, weighs) or names_in(place, weighs_elsewhere))

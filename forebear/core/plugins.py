"""What installed packages add: families, formats, steps and tests, through entry points (docs/architecture.md#plugins).

Nothing is looked for until a registry finds no answer of its own, or everything is to be run (`compare --full`), as reading
the metadata of every installed package takes longer than opening a checkpoint. Whatever fails is an error that names the
distribution and the entry point.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from forebear.core.errors import ForebearError

if TYPE_CHECKING:
    from importlib import metadata

GROUPS = ("forebear.families", "forebear.formats", "forebear.steps", "forebear.tests")
"""Entry point groups that a registry consults."""


class PluginError(ForebearError):
    """What an installed package adds cannot be used. No RefusedError, so that nobody takes it for a damaged checkpoint."""

    exit_code = 3


class Plugin(NamedTuple):
    """One entry point of an installed distribution.

    group, name, value: as in the metadata; distribution: name and version of who installed it.
    """

    group: str
    name: str
    value: str
    distribution: str

    def error(self, what: str, todo: str = "") -> PluginError:
        """An error that says which entry point of which distribution is at fault."""
        return PluginError(what, where=f"{self.distribution}, entry point {self.group}: {self.name} = {self.value}",
                           todo=todo or "Mend or uninstall that package.")  # fmt: skip

    def load(self) -> object:
        """The object that the entry point names; its module is imported, so code of the package runs.

        Raises: PluginError, whatever the package raised.
        """
        from importlib import metadata

        point = metadata.EntryPoint(self.name, self.value, self.group)
        with _installed_only():
            try:
                return point.load()
            except (Exception, SystemExit) as error:
                said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
                raise self.error(f"cannot be loaded ({said})") from error

    def folders(self) -> list[Path]:
        """The folders of the package that the entry point names; a package without a dot in its name isn't imported.

        Raises: PluginError when there is no such package, or it is not one that lies in folders.
        """
        with _installed_only():
            try:
                spec = util.find_spec(self.value)
            except (Exception, SystemExit) as error:
                raise self.error(f"cannot be found ({type(error).__name__}: {error})") from error
        if spec is None or spec.submodule_search_locations is None:
            raise self.error("names no package", "An entry point of data names the package (a folder) that holds it.")
        return [Path(place) for place in spec.submodule_search_locations]


@cache
def installed(group: str) -> tuple[Plugin, ...]:
    """Every entry point of a group, by name. Read once in a process.

    Raises: PluginError when two have one name, or the metadata of a distribution cannot be read.
    """
    from importlib import metadata  # with email and zipfile behind it: as long as a tenth of loading numpy

    with _installed_only():
        try:
            points = list(metadata.entry_points(group=group))
        except (ValueError, TypeError, UnicodeDecodeError) as error:
            raise PluginError(f"entry points cannot be read ({error})", where=_unreadable(),
                              todo="Install that package again, or uninstall it.") from error  # fmt: skip
    found: dict[str, Plugin] = {}
    for point in points:
        plugin = Plugin(group, point.name, point.value, _who(point))
        if point.name in found:
            first = found[point.name].distribution
            raise plugin.error(f"{first} has an entry point of that name too", "Uninstall one of the two.")
        found[point.name] = plugin
    return tuple(found[name] for name in sorted(found))


def _who(point: metadata.EntryPoint) -> str:
    if point.dist is None:
        return "a distribution without metadata"
    return f"{point.dist.metadata['Name'] or 'a distribution without a name'} {point.dist.metadata['Version'] or ''}".strip()


def _unreadable() -> str:
    """The first distribution whose entry points cannot be read."""
    from importlib import metadata

    for distribution in metadata.distributions():
        try:
            list(distribution.entry_points)
        except (ValueError, TypeError):
            return f"{distribution.metadata['Name'] or distribution.locate_file('')}"
    return "an installed distribution"


@contextmanager
def _installed_only() -> Iterator[None]:
    """Without the current folder on the search path, unless an installation put it there.

    Python puts the folder it is started from first; what lies in a folder of downloaded files must not run.
    """
    before = sys.path
    sys.path = _without_current(before)
    try:
        yield
    finally:
        sys.path = before


def _without_current(path: list[str]) -> list[str]:
    """The search path without the current folder where it comes before the standard library."""
    library = os.path.realpath(sysconfig.get_path("stdlib"))
    kept, behind = [], False
    for entry in path:
        behind = behind or os.path.realpath(entry) == library
        if behind or not _is_current(entry):
            kept.append(entry)
    return [entry for entry in kept if entry not in ("", os.curdir)]


def _is_current(entry: str) -> bool:
    if entry in ("", os.curdir):
        return True
    try:
        return os.path.samefile(entry, os.curdir)
    except OSError:
        return False

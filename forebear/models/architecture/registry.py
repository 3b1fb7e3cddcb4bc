"""Which definition reads a checkpoint: by its model_type, else by tensor names; only that file is parsed."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from forebear.core.errors import RefusedError, printable
from forebear.core.plugins import installed
from forebear.models.architecture.definition import Definition
from forebear.models.architecture.matching import skeleton
from forebear.models.architecture.parse import Table, load_definition
from forebear.models.architecture.settings import Settings

FOLDER = Path(__file__).parent.parent / "architectures"
INDEX = FOLDER / "index.toml"


class IndexEntry(NamedTuple):
    """One family in the index: its model types, and names that mark it when there is no configuration.

    marks:  skeletons (numbers as #, without prefix) that must all be there; empty: never inferred from names.
    absent: skeletons that must not be there.
    """

    family: str
    model_types: tuple[str, ...]
    marks: tuple[str, ...]
    absent: tuple[str, ...]


@cache
def index() -> tuple[IndexEntry, ...]:
    """The families that ship with the package; a test proves the index agrees with their files."""
    table = Table(tomllib.loads(INDEX.read_text("utf-8")), str(INDEX))
    entries = []
    for family, inner in table.tables_by_name("families"):
        marks, absent = inner.texts("marks", ()), inner.texts("absent", ())
        entries.append(IndexEntry(family, inner.texts("model_types"), marks, absent))
        inner.finish()
    table.finish()
    return tuple(entries)


@cache
def shipped(family: str) -> Definition:
    """The definition of a family of the index."""
    return load_definition(FOLDER / f"{family}.toml")


@cache
def added() -> Mapping[str, tuple[Definition, str]]:
    """Model type -> (definition, name of the distribution): families that installed packages add.

    How to make one: docs/contributing/architecture.md.

    Raises: PluginError when a package has no definition or a faulty one, takes a family or model type in use, or a file is
            not named after its family.
    """
    families = {entry.family: "forebear" for entry in index()}
    kinds = {kind: "forebear" for entry in index() for kind in entry.model_types}
    found: dict[str, tuple[Definition, str]] = {}
    for plugin in installed("forebear.families"):
        files = sorted(file for folder in plugin.folders() for file in folder.glob("*.toml"))
        if not files:
            raise plugin.error("the package holds no definition (*.toml)")
        for file in files:
            try:
                definition = load_definition(file)
            except RefusedError as error:
                raise plugin.error(f"no definition: {error}") from error
            if definition.family != file.stem:
                raise plugin.error(f"{file.name} calls its family {definition.family!r}", "Name the file after the family.")
            taken = [(definition.family, families)] + [(kind, kinds) for kind in definition.model_types]
            for name, owners in taken:
                if name in owners:
                    raise plugin.error(f"{file.name}: {name!r} is taken by {owners[name]}")
                owners[name] = plugin.distribution
            found |= dict.fromkeys(definition.model_types, (definition, plugin.distribution))
    return found


def select(config: Mapping[str, Any], names: Iterable[str]) -> tuple[Definition | None, list[str]]:
    """The definition for a checkpoint and what is to be said about the choice.

    Source: METHODS §2: the default for an unknown family is none.
    """
    settings = Settings(config, ("", "text_config", "llm_config", "language_config"))
    stated = settings.text("model_type")
    if stated is not None:
        for entry in index():
            if stated in entry.model_types:
                return shipped(entry.family), []
        if (found := added().get(stated)) is not None:
            definition, owner = found
            return definition, [f"the family {definition.family} is defined by the installed package {owner}, not by forebear"]
        shown = printable(stated, 60)
        return None, [f"no definition for the model type {shown!r}: shapes and digests only, no axis holds"]
    bones = {skeleton(name)[0] for name in names}
    fitting = [entry for entry in index() if _marked(entry, bones)]
    if not fitting:  # perhaps under a wrapper that puts words of its own inside names
        known = {word for entry in index() for mark in (*entry.marks, *entry.absent) for word in mark.split(".")}
        bones = {".".join(word for word in name.split(".") if word in known) for name in bones}
        fitting = [entry for entry in index() if _marked(entry, bones)]
    if len(fitting) == 1:
        family = fitting[0].family
        return shipped(family), [f"no configuration names the family: {family} inferred from the tensor names"]
    why = f"they fit {', '.join(entry.family for entry in fitting)}" if fitting else "they fit no definition"
    return None, [f"no configuration names the family, and the tensor names do not decide ({why}): no axis holds"]


def _marked(entry: IndexEntry, bones: set[str]) -> bool:
    def there(mark: str) -> bool:
        return any(name == mark or name.endswith("." + mark) for name in bones)

    return bool(entry.marks) and all(map(there, entry.marks)) and not any(map(there, entry.absent))


def own_definition(path: Path) -> Definition:
    """A user's own definition file.

    Raises: RefusedError.
    """
    if path.suffix != ".toml":
        raise RefusedError("is not a .toml file", where=str(path), todo="An architecture is described in TOML")
    return load_definition(path)

"""Which definition reads a checkpoint: by its model_type, else by tensor names; only that file is parsed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from forebear.core.errors import RefusedError, printable, refusal
from forebear.core.messages import Message, message
from forebear.core.plugins import installed
from forebear.models.architecture.definition import Definition
from forebear.models.architecture.matching import skeleton
from forebear.models.architecture.parse import load_definition
from forebear.models.architecture.settings import Settings

FOLDER = Path(__file__).parent.parent / "architectures"
INDEX = FOLDER / "index.json"


class IndexEntry(NamedTuple):
    """What is known of a family before its file is parsed; the fields are those of the file.

    marks:  skeletons (numbers as #, without prefix) that must all be there; empty: never inferred from names.
    absent: skeletons that must not be there. tall, wide: of matrices with more rows than columns, or fewer.
    gguf, steps: what these sections are written for. called: words for its models.
    """

    family: str
    model_types: tuple[str, ...]
    marks: tuple[str, ...]
    absent: tuple[str, ...]
    tall: tuple[str, ...]
    wide: tuple[str, ...]
    gguf: tuple[str, ...]
    steps: tuple[str, ...]
    called: tuple[str, ...]


@cache
def index() -> tuple[IndexEntry, ...]:
    """The families that ship with the package, from the index that scripts/make_index.py writes from their files."""
    lines = json.loads(INDEX.read_text("utf-8"))
    return tuple(IndexEntry(family, *map(tuple, rest)) for family, *rest in lines)


def entry_of(definition: Definition) -> IndexEntry:
    """The line of the index for a definition."""
    names = (definition.model_types, definition.marks, definition.absent, definition.tall, definition.wide)
    return IndexEntry(definition.family, *names, tuple(definition.gguf), tuple(definition.steps), definition.called)


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


def select(
    config: Mapping[str, Any], names: Iterable[str] | Mapping[str, Sequence[int]]
) -> tuple[Definition | None, list[Message]]:
    """The definition for a checkpoint and what is to be said about the choice.

    names: of its tensors, with their shapes where these may decide as well.

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
            return definition, [message("opening.plugin_family", family=definition.family, package=owner)]
        return None, [message("opening.no_definition", model_type=printable(stated, 60))]
    shapes = names if isinstance(names, Mapping) else dict.fromkeys(names, ())
    bones = {skeleton(name)[0]: shape for name, shape in shapes.items()}
    fitting = _fitting(bones)
    if not fitting:  # perhaps under a wrapper that puts words of its own inside names
        known = {word for entry in index() for mark in (*entry.marks, *entry.absent) for word in mark.split(".")}
        fitting = _fitting({".".join(w for w in name.split(".") if w in known): shape for name, shape in bones.items()})
    if len(fitting) == 1:
        family = fitting[0].family
        return shipped(family), [message("opening.inferred", family=family)]
    if fitting:
        return None, [message("opening.fits_several", families=[entry.family for entry in fitting])]
    return None, [message("opening.fits_none")]


def _fitting(bones: Mapping[str, Sequence[int]]) -> list[IndexEntry]:
    """Families whose marks these names carry. bones: names without numbers, with shapes."""
    seen = _endings(bones)
    return [entry for entry in index() if _marked(entry, seen)]


def _endings(bones: Mapping[str, Sequence[int]]) -> dict[str, Sequence[int]]:
    """Marks of the index that some name ends with, as a whole or after a dot, with its shape: a few cuts for each name."""
    marks = {mark for entry in index() for mark in (*entry.marks, *entry.absent, *entry.tall, *entry.wide)}
    dots = sorted({mark.count(".") for mark in marks})
    found: dict[str, Sequence[int]] = {}
    for name, shape in bones.items():
        for count in dots:
            ending = ".".join(name.rsplit(".", count + 1)[-count - 1 :])
            if ending in marks:
                found.setdefault(ending, shape)
    return found


def _marked(entry: IndexEntry, seen: Mapping[str, Sequence[int]]) -> bool:
    """Whether the marks of a family are there, none of those it lacks, and its matrices have the shapes it says."""

    def tall(mark: str) -> bool:
        shape = seen.get(mark, ())
        return len(shape) == 2 and shape[0] > shape[1]

    there = bool(entry.marks) and seen.keys() >= set(entry.marks) and seen.keys().isdisjoint(entry.absent)
    return there and all(tall(mark) for mark in entry.tall) and not any(tall(mark) for mark in entry.wide)


def own_definition(path: Path) -> Definition:
    """A user's own definition file.

    Raises: RefusedError.
    """
    if path.suffix != ".toml":
        raise refusal(message("definition.no_toml"), where=str(path), todo=message("definition.in_toml"))
    return load_definition(path)

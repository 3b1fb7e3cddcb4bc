"""A GGUF checkpoint in several files, as llama.cpp splits them: name-00001-of-00003.gguf and so on."""

from __future__ import annotations

import re

from forebear.core.errors import RefusedError, printable
from forebear.core.limits import MAX_SHARDS
from forebear.core.messages import message
from forebear.files.base import Container, quoted
from forebear.files.formats.gguf import GgufContainer
from forebear.files.formats.joined import JoinedContainer

_PART = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.gguf", re.DOTALL)


def joined_parts(first: GgufContainer, max_header: int | None) -> Container:
    """The whole checkpoint that a part belongs to; parts are looked for beside it.

    Raises: RefusedError when a part is missing, says it is another, or two hold one tensor.
    """
    where = str(first.paths[0])
    count = first.values.get("split.count")
    found = _PART.fullmatch(first.paths[0].name)
    if not isinstance(count, int) or not 1 < count <= MAX_SHARDS or found is None or int(found[3]) != count:
        raise RefusedError(f"a part of a checkpoint in {count} files whose name does not say which", where=where,
                           todo="Give back the name llama.cpp gave it.")  # fmt: skip
    parts: list[Container] = []
    try:
        for number in range(1, count + 1):
            parts.append(first if number == int(found[2]) else _part(first, found[1], number, count, max_header))
            if parts[-1].metadata.get("split.no") != str(number - 1):
                raise RefusedError(f"says that it is part {parts[-1].metadata.get('split.no')} counted from 0",
                                   where=str(parts[-1].paths[0]), todo="Download the parts again.")  # fmt: skip
        joined = JoinedContainer(parts, where=where)
    except BaseException:
        for part in (first, *parts):
            part.close()
        raise
    stated = first.values.get("split.tensors.count")
    if stated != len(joined.tensors):
        joined.odd.append(message("odd.parts", shown=len(joined.tensors), stated=printable(str(stated), 40)))
    return joined


def _part(first: GgufContainer, stem: str, number: int, count: int, max_header: int | None) -> GgufContainer:
    path = first.paths[0].with_name(f"{stem}-{number:05d}-of-{count:05d}.gguf")
    if not path.is_file():
        raise RefusedError(f"the part {quoted(path.name)} is missing", where=str(first.paths[0]),
                           todo="Download the rest of it.")  # fmt: skip
    return GgufContainer(path, max_header=max_header)

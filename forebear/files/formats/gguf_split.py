"""A GGUF checkpoint in several files, as llama.cpp splits them: name-00001-of-00003.gguf and so on."""

from __future__ import annotations

from collections.abc import Sequence

from forebear.core.errors import printable, refusal
from forebear.core.messages import message
from forebear.files.base import Container
from forebear.files.formats.gguf import GgufContainer
from forebear.files.formats.joined import JoinedContainer
from forebear.files.refusing import AGAIN


def joined_parts(parts: Sequence[Container], where: str) -> Container:
    """The whole checkpoint that parts make, given in the order of their numbers.

    Raises: RefusedError when a part is no GGUF file, says that it is another, or two hold one tensor.
    """
    for number, part in enumerate(parts):
        stated = part.metadata.get("split.no")
        if not isinstance(part, GgufContainer) or part.values.get("split.count") != len(parts) or stated != str(number):
            count = printable(str(part.metadata.get("split.count")), 40)
            said = message("gguf.part", number=printable(str(stated), 40), count=count)
            raise refusal(said, where=str(part.paths[0]), todo=AGAIN)
    joined = JoinedContainer(parts, where=where)
    stated = parts[0].metadata.get("split.tensors.count")
    if stated != str(len(joined.tensors)):
        joined.odd.append(message("odd.parts", shown=len(joined.tensors), stated=printable(str(stated), 40)))
    return joined

"""Words that the refusals of many readers share. Which findings prove more than a contradiction: decision 0025."""

from __future__ import annotations

from forebear.core.errors import RefusedError, refusal
from forebear.core.messages import Message, message
from forebear.files.base import Container, quoted

AGAIN = message("advice.again")
"""For a contradiction: it proves that something is wrong, and not what."""
DAMAGED = message("advice.damaged")
"""For a checksum that the bytes do not give: they are not those that were written."""
BY_HAND = message("advice.by_hand")
"""For what no program that writes such files can have written, not even with one part of the file damaged."""
SOURCE = message("advice.source")
"""For more of something than any known model has."""


def of_tensor(name: str, what: Message) -> Message:
    """What is wrong with one tensor."""
    return message("of.tensor", name=quoted(name), what=what)


def at_byte(what: Message, byte: int) -> Message:
    """What is wrong, and where in the file."""
    return message("of.at_byte", what=what, byte=byte)


def more_than(what: str, most: int, things: str) -> Message:
    """More of something than is read: keys of the table `thing`."""
    return message("most.more_than", what=message(f"thing.{what}"), most=most, things=message(f"thing.{things}"))


def claims(what: Message, count: int, things: str, left: int) -> Message:
    """A count that the bytes left cannot hold."""
    return message("unfit.claims", what=what, count=count, things=message(f"thing.{things}"), left=left)


def place_of(container: Container) -> str:
    """A container's first file, as the place of a refusal."""
    return str(container.paths[0]) if container.paths else container.kind


def refuse_tensor(container: Container, name: str, what: Message, todo: Message = AGAIN) -> RefusedError:
    """A refusal of one tensor of an open container."""
    return refusal(of_tensor(name, what), where=place_of(container), todo=todo)


def no_tensor(container: Container, name: str) -> RefusedError:
    """A refusal to read a tensor that no header names."""
    return refusal(message("unfit.no_tensor", name=quoted(name)), where=place_of(container), todo=message("advice.named"))


def too_many_rows(container: Container, name: str, rows: int, width: int) -> RefusedError:
    """A refusal to read more rows at once than memory is set aside for."""
    said = message("most.rows", rows=rows, name=quoted(name), size=rows * width * 4)
    return refusal(said, where=place_of(container), todo=message("advice.fewer_rows"))


def no_such_row(container: Container, name: str, count: int, row: int) -> RefusedError:
    """A refusal to read a row that a tensor does not have."""
    return refuse_tensor(container, name, message("unfit.no_such_row", count=count, row=row), message("advice.rows"))


def complex_numbers(container: Container, name: str) -> RefusedError:
    """A refusal to read complex numbers as float32."""
    return refuse_tensor(container, name, message("unfit.complex"), message("advice.inspect_only"))

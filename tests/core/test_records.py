"""A record is a dataclass in everything but the code compiled for it: each behaviour is asked of both."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from dataclasses import FrozenInstanceError, InitVar, asdict, dataclass, field, fields, is_dataclass, replace
from typing import Any, ClassVar

import pytest

from forebear.core.records import record


@record(frozen=True)
class Kept:
    """Three values, frozen."""

    name: str
    size: int = 3
    parts: list[int] = field(default_factory=list)

    @property
    def twice(self) -> int:
        return 2 * self.size


@record
class Loose:
    """Checked after it is made."""

    size: int

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError("negative")


def twin(*, frozen: bool) -> Any:
    """The same class as a plain dataclass, under the same name."""
    plain = Kept if frozen else Loose
    body = {
        k: v for k, v in vars(plain).items() if k in {"__annotations__", "__doc__", "__post_init__", "size", "twice"}
    }
    if frozen:
        body["parts"] = field(default_factory=list)
    made = dataclass(frozen=frozen)(type(plain.__name__, (), body))
    made.__qualname__ = plain.__qualname__
    return made


BOTH = [Kept, twin(frozen=True)]
BOTH_LOOSE = [Loose, twin(frozen=False)]


@pytest.mark.parametrize("kind", BOTH)
def test_values_come_by_place_by_name_or_by_default(kind):
    made = kind("a", parts=[1])
    assert (made.name, made.size, made.parts, made.twice) == ("a", 3, [1], 6)
    assert [f.name for f in fields(kind)] == ["name", "size", "parts"]
    assert is_dataclass(made)
    assert asdict(made) == {"name": "a", "size": 3, "parts": [1]}
    assert repr(made) == "Kept(name='a', size=3, parts=[1])"


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize(
    ("given", "named"), [((), {}), (("a", 1, [], 4), {}), (("a",), {"name": "b"}), (("a",), {"colour": 1})]
)
def test_missing_surplus_and_double_values_are_refused(kind, given, named):
    with pytest.raises(TypeError):
        kind(*given, **named)


@pytest.mark.parametrize("kind", BOTH)
def test_a_default_made_anew_is_shared_by_no_two(kind):
    first, second = kind("a"), kind("a")
    first.parts.append(1)
    assert second.parts == []
    assert first != second


@pytest.mark.parametrize("kind", BOTH)
def test_equality_and_hash_go_by_values_and_kind(kind):
    one, other = kind("a", 2, ()), kind("a", 2, ())
    assert one == other
    assert hash(one) == hash(other)
    assert len({one, other, replace(one, size=5)}) == 2
    assert one != ("a", 2, ())
    assert one != replace(one, name="b")


def test_a_record_and_its_twin_are_of_different_kinds():
    assert BOTH[0]("a") != BOTH[1]("a")


@pytest.mark.parametrize("kind", BOTH)
def test_a_frozen_one_refuses_change_and_gives_a_changed_copy(kind):
    made = kind("a")
    with pytest.raises(FrozenInstanceError):
        made.name = "b"
    with pytest.raises(FrozenInstanceError):
        made.colour = 1
    with pytest.raises(FrozenInstanceError):
        del made.name
    assert (made.name, replace(made, name="b").name) == ("a", "b")


@pytest.mark.parametrize("kind", BOTH_LOOSE)
def test_a_loose_one_changes_has_no_hash_and_is_checked_when_made(kind):
    made = kind(1)
    made.size = 7
    assert made == kind(7)
    assert made != kind(8)
    with pytest.raises(TypeError):
        hash(made)
    for wrong in (lambda: kind(-1), lambda: replace(made, size=-1)):
        with pytest.raises(ValueError, match="negative"):
            wrong()


def test_copies_and_what_travels_between_processes_equal_the_record():
    made = Kept("a", 2, [1])
    for again in (copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made))):  # noqa: S301 our own bytes
        assert again == made
        assert again is not made


def test_a_field_that_is_no_argument_is_refused_when_the_class_is_made():
    with pytest.raises(TypeError, match="every field of a record is an argument"):

        @record
        class Wrong:
            """No place among the arguments."""

            size: int = field(default=1, init=False)


COUNT = (
    "import builtins; plain = builtins.exec; made = []\n"
    "builtins.exec = lambda *a, **k: (made.append(1), plain(*a, **k))[1]\n"
    "from forebear.core.records import record; from dataclasses import dataclass\n"
    "body = lambda: type('A', (), {'__annotations__': {'a': 'int'}, '__doc__': 'a'})\n"
    "before = len(made); record(frozen=True)(body()); between = len(made); dataclass(frozen=True)(body())\n"
    "print(between - before, len(made) - between > 3)"
)


def test_no_code_is_compiled_for_a_record():
    done = subprocess.run([sys.executable, "-c", COUNT], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "True"]


@pytest.mark.parametrize("body", [
    {"__annotations__": {"a": "int"}, "a": field(compare=False)},
    {"__annotations__": {"a": "int"}, "a": field(repr=False)},
    {"__annotations__": {"a": "int"}, "a": field(hash=False)},
    {"__annotations__": {"a": "int"}, "a": field(kw_only=True)},
    {"__annotations__": {"a": ClassVar[int]}, "a": 3},
    {"__annotations__": {"a": InitVar[int]}},
    {"__annotations__": {"a": "int", "b": "int"}, "a": 3},
])  # fmt: skip
def test_what_a_record_cannot_do_is_refused_when_it_is_defined(body):
    with pytest.raises(TypeError, match=r"every field of a record|stands behind one"):
        record(type("Odd", (), dict(body)))

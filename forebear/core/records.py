"""Records: dataclasses whose methods are shared, where a plain dataclass writes and compiles its own for every class.

A quick comparison defines some thirty of them, and compiling their methods takes a sixth of the time numpy takes to load. A
record is a dataclass all the same: `fields`, `replace` and `asdict` work on it, and the type checker takes it for one. Making
one costs a microsecond more, so what is made by the hundred thousand (entries of a header, pieces) stays a plain dataclass.
"""

from __future__ import annotations

from dataclasses import MISSING, FrozenInstanceError, dataclass, fields
from typing import TYPE_CHECKING, Any, NoReturn

__all__ = ["record"]

if TYPE_CHECKING:
    from dataclasses import dataclass as record
else:

    def record(cls: type | None = None, /, *, frozen: bool = False) -> Any:
        """As `dataclass`, with equality and representation by fields; frozen: as there, and hashed by fields.

        Raises: TypeError for what a dataclass may have and a record has not: class variables, fields left out of arguments,
        equality, hash or representation, keyword-only ones, and a field without default behind one that has it.
        """
        return _made(cls, frozen) if cls is not None else lambda later: _made(later, frozen)


def _made(cls: type, frozen: bool) -> type:
    made: Any = dataclass(init=False, repr=False, eq=False)(cls)
    own = cls.__dict__
    made.__init__ = _making(made)
    made.__repr__ = own.get("__repr__", _shown)
    made.__eq__ = own.get("__eq__", _same)
    made.__hash__ = own.get("__hash__") or (_hashed if frozen else None)
    if frozen:
        made.__setattr__, made.__delattr__ = _refused, _refused
    return made  # type: ignore[no-any-return]


def _making(made: Any) -> Any:
    """The `__init__` of one record: arguments in the order of its fields, defaults for what is not given."""
    every = fields(made)
    plain = all(f.init and f.compare and f.repr and f.hash is None and not f.kw_only for f in every)
    if not plain or len(every) != len(made.__dataclass_fields__):
        raise TypeError(f"{made.__name__}: every field of a record is an argument, compared and shown")
    given_later = [f.default is MISSING and f.default_factory is MISSING for f in every]
    if given_later != sorted(given_later, reverse=True):
        raise TypeError(f"{made.__name__}: a field without default stands behind one that has it")
    names = tuple(f.name for f in every)
    known = frozenset(names)
    defaults = {f.name: f.default for f in every if f.default is not MISSING}
    factories = {f.name: f.default_factory for f in every if f.default_factory is not MISSING}
    finish = hasattr(made, "__post_init__")

    def __init__(self: Any, *args: Any, **given: Any) -> None:
        values = dict(zip(names, args, strict=False))
        if len(args) > len(names) or not known.issuperset(given) or not values.keys().isdisjoint(given):
            raise TypeError(f"{made.__name__} takes each of {', '.join(names)} once and nothing else")
        values.update(given)
        for name in names if len(values) < len(names) else ():
            if name in values:
                continue
            if name in factories:
                values[name] = factories[name]()
            elif name in defaults:
                values[name] = defaults[name]
            else:
                raise TypeError(f"{made.__name__} needs {name}")
        self.__dict__.update(values)
        if finish:
            self.__post_init__()

    return __init__


def _values(record: Any) -> tuple[Any, ...]:
    return tuple([getattr(record, name) for name in record.__dataclass_fields__])


def _shown(self: Any) -> str:
    named = zip(self.__dataclass_fields__, _values(self), strict=True)
    return f"{type(self).__qualname__}({', '.join(f'{name}={value!r}' for name, value in named)})"


def _same(self: Any, other: object) -> bool:
    return _values(self) == _values(other) if type(other) is type(self) else NotImplemented


def _hashed(self: Any) -> int:
    return hash(_values(self))


def _refused(self: Any, name: str, value: object = None) -> NoReturn:
    raise FrozenInstanceError(f"cannot change {name!r} of a {type(self).__name__}")

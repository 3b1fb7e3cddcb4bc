"""A pickle read as a list of opcodes: inert records of what it would have built; nothing is imported or called.

`pickletools.genops` only splits the bytes into opcodes and arguments. Those on the list below move values about; what
would call something becomes an `Opaque` that remembers the name and the arguments. Any other opcode is refused.
Source: Lib/pickletools.py of CPython 3.11 for what each opcode does to the stack.
"""

from __future__ import annotations

import pickletools
import warnings
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol, cast

from forebear.core.errors import refusal
from forebear.core.limits import MAX_PICKLE_OPCODES
from forebear.core.messages import Message, message
from forebear.files.refusing import AGAIN, SOURCE, at_byte, more_than

CONVERT = message("advice.convert")


@dataclass(frozen=True, slots=True)
class Name:
    """A global the pickle names, never looked up."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(eq=False, slots=True)
class Opaque:
    """What a call would have made. made_by: the callee as far as it is a name; args; state: set by BUILD;
    items, pairs: added afterwards by APPEND and SETITEM."""

    made_by: Any
    args: Any
    state: Any = None
    items: list[Any] = field(default_factory=list)
    pairs: list[tuple[Any, Any]] = field(default_factory=list)

    @property
    def callee(self) -> str:
        """The callee's name; empty when it is none: what a pickle calls may be anything, a tuple of 2^60 parts included."""
        return str(self.made_by) if isinstance(self.made_by, Name) else ""


@dataclass(eq=False, slots=True)
class Table:
    """A dictionary as the pickle fills it, in order; keys may be anything."""

    pairs: list[tuple[Any, Any]] = field(default_factory=list)

    def get(self, key: Hashable) -> Any:
        """The last value under a text or number key; None without."""
        found = None
        for name, value in self.pairs:
            if isinstance(name, str | int) and name == key:
                found = value
        return found


@dataclass(frozen=True, eq=False, slots=True)
class Persistent:
    """A reference to something kept outside the pickle."""

    id: Any


class _Mark:
    """The stack's marker."""


@dataclass(slots=True)
class Pickled:
    """value: the root; names: every global named; persistent: every reference outside; in order of appearance; opcodes: read."""

    value: Any
    names: list[Name]
    persistent: list[Persistent]
    opcodes: int


class Readable(Protocol):
    """What `genops` reads from."""

    def read(self, count: int, /) -> bytes:
        """At most `count` bytes."""

    def readline(self) -> bytes:
        """Up to and with the next line's end."""

    def tell(self) -> int:
        """Where the next byte stands."""


def read_pickle(data: bytes | Readable, *, where: str, max_opcodes: int = MAX_PICKLE_OPCODES) -> Pickled:
    """The inert contents of one pickle, protocols 0 to 5.

    data: the pickle's bytes, or a bounded stream standing at its first byte.
    Raises: RefusedError for an opcode off the list, a broken stack, text that cannot be decoded, too many opcodes.
    """
    machine = _Machine(where, max_opcodes)
    machine.at = 0 if isinstance(data, bytes) else data.tell()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of escapes in texts of protocol 0, which are the file's
            for opcode, argument, position in pickletools.genops(cast(Any, data)):
                machine.step(opcode.name, argument, position or 0)
    except (ValueError, OverflowError, UnicodeError, MemoryError):
        machine.refuse(message("pickle.unreadable", byte=machine.at))
    except (IndexError, KeyError):
        machine.refuse(message("pickle.stack", byte=machine.at))
    if not machine.done:
        machine.refuse(message("pickle.no_end"))
    return Pickled(machine.result, list(dict.fromkeys(machine.names)), machine.persistent, machine.count)


class _Machine:
    """The stack and the memo."""

    def __init__(self, where: str, limit: int) -> None:
        self.where, self.limit = where, limit
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.names: list[Name] = []
        self.persistent: list[Persistent] = []
        self.at = self.count = 0
        self.done, self.result = False, None

    def refuse(self, what: Message, todo: Message = AGAIN) -> NoReturn:
        raise refusal(message("of.pickle", what=what), where=self.where, todo=todo)

    def refuse_here(self, what: Message) -> NoReturn:
        self.refuse(at_byte(what, self.at))

    def step(self, name: str, argument: Any, position: int) -> None:
        self.at = position
        self.count += 1
        if self.count > self.limit:
            raise refusal(more_than("pickle", self.limit, "opcodes"), where=self.where, todo=SOURCE)
        if name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _LITERALS:
            self.stack.append(argument)
        elif (action := _ACTIONS.get(name)) is not None:
            action(self, argument)
        elif name not in _NOTHING:
            self.refuse(at_byte(message("pickle.opcode", name=name), position), CONVERT)

    def pop(self) -> Any:
        value = self.stack.pop()
        if value is _Mark:
            raise IndexError
        return value

    def above(self) -> list[Any]:
        """Everything above the topmost mark, the mark taken away."""
        at = len(self.stack) - 1
        while self.stack[at] is not _Mark:
            at -= 1
            if at < 0:
                raise IndexError
        values = self.stack[at + 1 :]
        del self.stack[at:]
        return values

    def drop(self, to_mark: bool = False) -> None:
        self.above() if to_mark else self.stack.pop()

    def top(self) -> Any:
        if self.stack[-1] is _Mark:
            raise IndexError
        return self.stack[-1]

    def name(self, module: Any, name: Any) -> None:
        found = Name(str(module), str(name))
        self.names.append(found)
        self.stack.append(found)

    def refer(self, identity: Any) -> None:
        self.persistent.append(Persistent(identity))
        self.stack.append(self.persistent[-1])

    def extend(self, values: list[Any]) -> None:
        target = self.top()
        if isinstance(target, list):
            target.extend(values)
        elif isinstance(target, Opaque):
            target.items.extend(values)
        else:
            self.refuse_here(message("pickle.no_list"))

    def put(self, values: list[Any]) -> None:
        target = self.top()
        if len(values) % 2 or not isinstance(target, Table | Opaque):
            self.refuse_here(message("pickle.no_dictionary"))
        target.pairs.extend(zip(values[::2], values[1::2], strict=True))

    def build(self, state: Any) -> None:
        target = self.top()
        if isinstance(target, Opaque):
            target.state = state
        else:
            self.refuse_here(message("pickle.no_state"))

    def tuple(self, count: int) -> None:
        values = [self.pop() for _ in range(count)]
        self.stack.append(tuple(reversed(values)))

    def call(self, keywords: bool = False) -> None:
        more = self.pop() if keywords else None
        args, callee = self.pop(), self.pop()
        self.stack.append(Opaque(callee, args if more is None else (args, more)))

    def memoize(self, key: int) -> None:
        self.memo[key] = self.top()

    def stop(self) -> None:
        self.result, self.done = self.pop(), True
        if self.stack:
            self.refuse(message("pickle.left_over"))


def _global(machine: _Machine, argument: str) -> None:
    module, _, name = argument.partition(" ")
    machine.name(module, name)


def _stack_global(machine: _Machine, _: Any) -> None:
    name, module = machine.pop(), machine.pop()
    if not (isinstance(name, str) and isinstance(module, str)):
        machine.refuse_here(message("pickle.no_name"))
    machine.name(module, name)


def _dict(machine: _Machine, _: Any) -> None:
    values = machine.above()
    machine.stack.append(Table())
    machine.put(values)


def _setitem(machine: _Machine, _: Any) -> None:
    value, key = machine.pop(), machine.pop()
    machine.put([key, value])


def _memoize_next(machine: _Machine, _: Any) -> None:
    machine.memoize(len(machine.memo))


def _appended(machine: _Machine, _: Any) -> None:
    value = machine.pop()
    machine.extend([value])


def _many(machine: _Machine, _: Any, into: Callable[[_Machine, list[Any]], None]) -> None:
    values = machine.above()
    into(machine, values)


_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": (), "MARK": _Mark}
_LITERALS = frozenset((
    "INT", "LONG", "BININT", "BININT1", "BININT2", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING",
    "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES",
    "BINBYTES8", "BYTEARRAY8",
))  # fmt: skip
_NOTHING = frozenset(("PROTO", "FRAME"))
_ACTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "STOP": lambda m, a: m.stop(),
    "POP": lambda m, a: m.drop(),
    "POP_MARK": lambda m, a: m.drop(to_mark=True),
    "DUP": lambda m, a: m.stack.append(m.top()),
    "EMPTY_LIST": lambda m, a: m.stack.append([]),
    "EMPTY_DICT": lambda m, a: m.stack.append(Table()),
    "EMPTY_SET": lambda m, a: m.stack.append([]),
    "LIST": lambda m, a: m.stack.append(m.above()),
    "TUPLE": lambda m, a: m.stack.append(tuple(m.above())),
    "FROZENSET": lambda m, a: m.stack.append(tuple(m.above())),
    "DICT": _dict,
    "TUPLE1": lambda m, a: m.tuple(1),
    "TUPLE2": lambda m, a: m.tuple(2),
    "TUPLE3": lambda m, a: m.tuple(3),
    "APPEND": _appended,
    "APPENDS": lambda m, a: _many(m, a, _Machine.extend),
    "ADDITEMS": lambda m, a: _many(m, a, _Machine.extend),
    "SETITEM": _setitem,
    "SETITEMS": lambda m, a: _many(m, a, _Machine.put),
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    "REDUCE": lambda m, a: m.call(),
    "NEWOBJ": lambda m, a: m.call(),
    "NEWOBJ_EX": lambda m, a: m.call(keywords=True),
    "BUILD": lambda m, a: m.build(m.pop()),
    "PERSID": lambda m, a: m.refer(a),
    "BINPERSID": lambda m, a: m.refer(m.pop()),
    "PUT": lambda m, a: m.memoize(int(a)),
    "BINPUT": lambda m, a: m.memoize(int(a)),
    "LONG_BINPUT": lambda m, a: m.memoize(int(a)),
    "MEMOIZE": _memoize_next,
    "GET": lambda m, a: m.stack.append(m.memo[int(a)]),
    "BINGET": lambda m, a: m.stack.append(m.memo[int(a)]),
    "LONG_BINGET": lambda m, a: m.stack.append(m.memo[int(a)]),
}

"""YAML as data: a bounded walk over the events of PyYAML's safe loader, no tag, anchor or alias, no key twice.

Extra [recipes]. Nothing is constructed but text, numbers, true, false, null, lists and mappings.
"""

from __future__ import annotations

from typing import Any

from forebear.core.errors import RefusedError

MAX_BYTES = 2**20
MAX_VALUES = 50_000
MAX_DEPTH = 20


def read_yaml(text: bytes, where: str) -> Any:
    """The data of one YAML document.

    Raises: RefusedError for text over 1 MiB, over 50,000 values or 20 levels, with an anchor, alias or tag of its own, with a key
            twice, with more than one document, or that is no YAML; and when the extra is not installed.
    """
    try:
        import yaml
    except ImportError:
        raise RefusedError(
            "reading YAML needs the extra [recipes]", where=where, todo="Install it with: pip install 'forebear[recipes]'."
        ) from None
    if len(text) > MAX_BYTES:
        raise RefusedError(f"is {len(text):,} bytes of YAML; at most {MAX_BYTES:,} are read", where=where)
    try:
        _check(yaml, text, where)
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, UnicodeDecodeError) as error:
        raise RefusedError(f"is not YAML that can be read: {str(error)[:120]}", where=where) from None


def _check(yaml: Any, text: bytes, where: str) -> None:
    """Walk the events once: bounds, and what is refused whatever it means."""
    keys: list[set[str] | None] = []  # of every open mapping; None for a list
    turn: list[bool | None] = []  # whether the next value of a mapping is a key; None in a list
    documents = 0
    for values, event in enumerate(yaml.parse(text, Loader=yaml.SafeLoader), start=1):
        if values > MAX_VALUES or len(keys) > MAX_DEPTH:
            raise RefusedError(f"has over {MAX_VALUES:,} values or {MAX_DEPTH} levels", where=where)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise RefusedError("has an anchor or alias", where=where, todo="Write the values out.")
        if getattr(event, "tag", None) is not None:
            raise RefusedError("has a tag of its own", where=where, todo="Take the tag out: only plain values are read.")
        documents += isinstance(event, yaml.DocumentStartEvent)
        if documents > 1:
            raise RefusedError("holds more than one document", where=where)
        if isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            keys.pop()
            turn.pop()
            _turned(turn)
        elif isinstance(event, (yaml.ScalarEvent, yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            _value(yaml, event, keys, turn, where)


def _value(yaml: Any, event: Any, keys: list[set[str] | None], turn: list[bool | None], where: str) -> None:
    is_key = bool(turn and turn[-1])
    if isinstance(event, yaml.ScalarEvent):
        mine = keys[-1] if keys else None
        if is_key and mine is not None:
            if event.value in mine or event.value == "<<":
                raise RefusedError(f"has the key {event.value[:60]!r} twice, or merges keys", where=where)
            mine.add(event.value)
        _turned(turn)
        return
    if is_key:
        raise RefusedError("has a key that is a list or a mapping", where=where)
    mapping = isinstance(event, yaml.MappingStartEvent)
    keys.append(set() if mapping else None)
    turn.append(True if mapping else None)


def _turned(turn: list[bool | None]) -> None:
    """After a whole key its value comes, after a value the next key; lists have no keys."""
    if turn and turn[-1] is not None:
        turn[-1] = not turn[-1]

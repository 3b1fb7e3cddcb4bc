"""Changes made to sound documents: to their bytes, to their lines, and to the values of their tree."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

EDGES = (0, 1, 2, 3, 7, 8, 9, 31, 32, 63, 64, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**16, 2**31 - 1, 2**31, 2**32 - 1,
         2**32, 2**62, 2**63 - 1, 2**63, 2**64 - 1)  # fmt: skip
_NUMBERS: tuple[Any, ...] = (
    0, 1, -1, 2, 3, 5, -2, 0.5, -0.0, 1e308, -1e308, 5e-324, 255, 256, 257, 0xD800, 0x110000, 65536, 2**31 - 1, 2**31, 2**32,
    2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63), -(2**63) - 1, 10**30, 10**400, float("nan"), float("inf"), float("-inf"), True,
    False,
)  # fmt: skip
_RARE_NUMBERS = (4_194_303, 4_194_304, 4_194_305)
"""At the bound on token ids: inputs of these take a second, so they are drawn seldom."""
_STRINGS = (
    "", " ", "  ", "\0", "\n", "\t", "\ud800", "\udc00x", "\ud83d", "é", "e\u0301", "\u202ex", "\x85", "\u2028", "\x9b", "▁", "▁▁a",
    "##", "##a", "<0x0A>", "<0xGG>", "Ġ", "Ċ", "Ġa", "ab", "a" * 300, "中文", "𝕏", "../x", "/etc/passwd", "..", ".", "%00", "%0A",
    "-", "1e400", "1_000", "٣", "²", "①", "½", "{}", "{0.__class__}", "%s", "[", "(", "(?", "\\", "ﬀ", "İ", "ß", "\U0010ffff",
    "\U000e0041", "true", "null", "nan", "-1", "1", "00", "0x10", "sources/../../x", "a/b", "a\\b", "http://[", "[UNK]", "<s>",
)  # fmt: skip
_EMPTY: tuple[Callable[[], Any], ...] = (
    lambda: None,
    list,
    dict,
    lambda: [[]],
    lambda: {"": None},
    lambda: [None],
    lambda: [{}],
)
_MARK = "@@"
"""Begins strings that stand for what no Python value can say: see `_spelt`."""
HUGE, DEEP_LISTS, DEEP_TABLES, DOUBLE = "@@int5000@@", "@@lists@@", "@@tables@@", "@@again@@"
LARGE, LARGE_BYTES = 5e-5, 100_000
"""Share of inputs that are large, so that time that grows faster than size is seen; most are small, so that many are tried."""
LONGEST_TEXT = 20_000
"""Characters of a changed text: small inputs, many of them."""
DEEP = (12, 60, 400, 3000)


def scalar(rng: random.Random, words: Sequence[str] = ()) -> Any:
    """A value that nobody expects: a number at an edge, odd text, an empty list, or a word of another place."""
    how = rng.random()
    if how < 0.4:
        return rng.choice(_RARE_NUMBERS) if rng.random() < 0.002 else rng.choice(_NUMBERS)
    if how < 0.65:
        return rng.choice(_STRINGS)
    if how < 0.8 and words:
        return rng.choice(words)
    if how < 0.97:
        return rng.choice(_EMPTY)()
    return rng.choice((HUGE, DEEP_LISTS, DEEP_TABLES))


def words_of(values: Sequence[Any]) -> tuple[str, ...]:
    """Every short string and key of sound documents: what one place has is tried in another."""
    found: dict[str, None] = {}
    stack = list(values)
    while stack:
        item = stack.pop()
        if isinstance(item, str) and len(item) < 80:
            found[item] = None
        elif isinstance(item, dict):
            found.update(dict.fromkeys(k for k in item if len(k) < 80))
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
    return tuple(found)


def tree(rng: random.Random, value: Any, words: Sequence[str] = (), most: int = 4) -> Any:
    """A tree of lists and tables, changed in one to `most` places (it is changed in place, the new root is returned)."""
    for _ in range(1 if rng.random() < 0.6 else rng.randint(2, most)):
        value = _changed(rng, value, words)
    return value


def _changed(rng: random.Random, root: Any, words: Sequence[str]) -> Any:
    parent: Any = None
    key: Any = None
    node = root
    while isinstance(node, (dict, list)) and node and (parent is None or rng.random() < 0.8):
        parent, key = node, rng.choice(list(node)) if isinstance(node, dict) else rng.randrange(len(node))
        node = node[key]
    if parent is None:
        return scalar(rng, words)
    how = rng.random()
    if how < 0.5:
        parent[key] = _other(rng, node, words)
    elif how < 0.62:
        del parent[key]
    elif isinstance(parent, dict):
        _table(rng, parent, key, words)
    else:
        _list(rng, parent, key, words)
    return root


def _other(rng: random.Random, node: Any, words: Sequence[str]) -> Any:
    """Something in place of a value: often of its own kind, so that later checks are reached."""
    if rng.random() < 0.45:
        if isinstance(node, bool):
            return not node
        if isinstance(node, int):
            return rng.choice((node + 1, node - 1, -node, node * 2, node / 2 if abs(node) < 2**64 else 0.5, str(node)))
        if isinstance(node, float):
            return rng.choice((-node, node * 1e300, int(node) if abs(node) < 1e15 else 0, str(node)))
        if isinstance(node, str):
            return rng.choice((node + rng.choice(_STRINGS), rng.choice(_STRINGS) + node, node[1:], node[:-1], node * 2,
                               rng.choice(words) if words else node.upper()))  # fmt: skip
    if rng.random() < 0.1:
        return [node] if rng.random() < 0.5 else {"type": node}
    return scalar(rng, words)


def _table(rng: random.Random, table: dict[str, Any], key: Any, words: Sequence[str]) -> None:
    how = rng.randrange(4)
    if how == 0:
        table[rng.choice(words) if words and rng.random() < 0.7 else str(rng.choice(_STRINGS))] = scalar(rng, words)
    elif how == 1:
        table[DOUBLE + str(key)] = scalar(rng, words)
    elif how == 2:
        table[rng.choice(words) if words else "x"] = table.pop(key)
    else:
        other = rng.choice(list(table))
        table[key], table[other] = table[other], table[key]


def _list(rng: random.Random, items: list[Any], at: Any, words: Sequence[str]) -> None:
    how = rng.randrange(4)
    if how == 0:
        items.insert(at, scalar(rng, words))
    elif how == 1:
        items[at:at] = items[at : at + rng.randint(1, 4)] * rng.choice((1, 1, 1, 20))
    elif how == 2:
        rng.shuffle(items)
    else:
        other = rng.randrange(len(items))
        items[at], items[other] = items[other], items[at]


def _spelt(text: str, rng: random.Random, table: tuple[str, str, str]) -> str:
    """Marks replaced by what they stand for: an integer of 5,000 digits, deep nesting, a key given twice."""
    depth = rng.choice(DEEP)
    opened, inner, closed = table
    text = text.replace(f'"{HUGE}"', "7" * 5000).replace(f'"{DEEP_LISTS}"', "[" * depth + "]" * depth)
    return text.replace(f'"{DEEP_TABLES}"', opened * depth + inner + closed * depth).replace(DOUBLE, "")


def json_bytes(rng: random.Random, value: Any) -> bytes:
    """JSON of a changed tree, with what JSON allows and strict readers must refuse."""
    text = json.dumps(value, ensure_ascii=rng.random() < 0.7)
    if _MARK in text:
        text = _spelt(text, rng, ('{"a":', "1", "}"))
    return text.encode("utf-8", "surrogatepass")


def toml_bytes(rng: random.Random, value: Any) -> bytes:
    """TOML of a changed tree; what TOML cannot say is written as JSON would, so that its parser refuses it."""
    if not isinstance(value, dict):
        value = {"x": value}
    lines: list[str] = []
    later: list[tuple[str, dict[str, Any]]] = []
    for key, item in value.items():
        if isinstance(item, dict) and rng.random() < 0.9:
            later.append((f"[{_toml_key(key)}]", item))
        elif isinstance(item, list) and item and all(isinstance(i, dict) for i in item) and rng.random() < 0.9:
            later += [(f"[[{_toml_key(key)}]]", i) for i in item]
        else:
            lines.append(f"{_toml_key(key)} = {_toml(item)}")
    for head, table in later:
        lines += [head, *(f"{_toml_key(k)} = {_toml(v)}" for k, v in table.items())]
    text = "\n".join(lines) + "\n"
    if _MARK in text:
        text = _spelt(text, rng, ("{a = ", "1", "}"))
    return text.encode("utf-8", "surrogatepass")


def _toml_key(key: str) -> str:
    bare = key.removeprefix(DOUBLE)
    return key if bare.isascii() and bare.replace("_", "").replace("-", "").isalnum() else json.dumps(key)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml_key(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return "1979-05-27T07:32:00Z" if value is None else repr(value)


def raw(rng: random.Random, pool: Sequence[bytes], most: int = 8192) -> bytes:
    """A sound file changed in one to six places byte by byte, now and then joined with another."""
    data = bytearray(pool[0] if rng.random() < 0.4 else rng.choice(pool))  # the first is sound
    for _ in range(rng.randint(1, 6)):
        _bytes(rng, data, pool)
    return bytes(data[:most])


def _bytes(rng: random.Random, data: bytearray, pool: Sequence[bytes]) -> None:
    at = rng.randrange(len(data) + 1)
    how = rng.randrange(8)
    if how == 0 and data:
        data[at % len(data)] ^= 1 << rng.randrange(8)
    elif how == 1 and data:
        data[at % len(data)] = rng.randrange(256)
    elif how == 2:
        size = rng.choice((1, 2, 4, 8))
        data[at : at + size] = (rng.choice(EDGES) & (2 ** (8 * size) - 1)).to_bytes(size, "little")
    elif how == 3:
        del data[at : at + rng.randint(1, 16)]
    elif how == 4:
        data[at:at] = data[at : at + rng.randint(1, 32)]
    elif how == 5:
        data[at:at] = rng.randbytes(rng.randint(1, 8))
    elif how == 6:
        other = rng.choice(pool)
        begin = rng.randrange(len(other))
        data[at:at] = other[begin : begin + rng.randint(1, 64)]
    else:
        del data[at:]


def lines(rng: random.Random, text: str, words: Sequence[str] = (), most: int = 4) -> bytes:
    """A text changed line by line and word by word, in UTF-8 but for half surrogate pairs."""
    found = text.split("\n")
    for _ in range(rng.randint(1, most)):
        _line(rng, found, words)
    return "\n".join(found)[:LONGEST_TEXT].encode("utf-8", "surrogatepass")


def stretched(rng: random.Random, text: str, words: Sequence[str] = ()) -> bytes:
    """A text of about 100 KB: one of its lines or words, or an odd word, again and again in its middle."""
    found = text.split("\n")
    at = rng.randrange(len(found))
    piece = rng.choice(
        (
            found[at] + "\n",
            rng.choice(found[at].split(" ")),
            rng.choice(words or _STRINGS),
            rng.choice("a 9/[(*#-<&>.\t"),
        )
    )
    piece += rng.choice(("", "", " ", "\n"))
    found[at] = piece * (LARGE_BYTES // max(1, len(piece.encode("utf-8", "surrogatepass"))))
    return "\n".join(found).encode("utf-8", "surrogatepass")


def _line(rng: random.Random, found: list[str], words: Sequence[str]) -> None:
    at = rng.randrange(len(found))
    how = rng.randrange(7)
    odd = str(rng.choice(_NUMBERS)) if rng.random() < 0.3 else rng.choice(words or _STRINGS) if rng.random() < 0.5 else (
        rng.choice(_STRINGS))  # fmt: skip
    if how == 0 and len(found) > 1:
        del found[at]
    elif how == 1:
        found.insert(at, found[rng.randrange(len(found))])
    elif how == 2:
        found.insert(at, odd)
    elif how == 3:
        parts = found[at].split(" ")
        parts[rng.randrange(len(parts))] = odd
        found[at] = " ".join(parts)
    elif how == 4:
        cut = rng.randrange(len(found[at]) + 1)
        found[at] = found[at][:cut] + odd + found[at][cut:]
    elif how == 5:
        cut = rng.randrange(len(found[at]) + 1)
        found[at] = found[at][:cut] + found[at][cut + rng.randint(1, 6) :]
    else:
        found[at] = found[at] * (rng.choice((2, 3, 40)) if len(found[at]) < 200 else 2)

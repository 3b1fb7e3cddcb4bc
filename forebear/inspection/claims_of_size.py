"""From one parameter count to another: which changes of a configuration lead there, and which claimed ones cannot (METHODS §16)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from forebear.core.errors import RefusedError, UsageError, printable
from forebear.core.messages import Message, message
from forebear.inspection.arithmetic import Count, count_parameters

CLAIM_KEY = "parameters"
"""Key of a claim file that states the count itself, as a number or as text such as "135B"."""
MAX_KEYS = 400
STEPS = (4096, 2048, 1024, 512, 256, 128, 64)
ROWS_EITHER_SIDE = 4
_AMOUNT = re.compile(r"\s*(\d{1,15})(?:\.(\d{1,9}))?\s*([KMBT]?)\s*")
_UNITS = {"": 0, "K": 3, "M": 6, "B": 9, "T": 12}

Config = Mapping[str, Any]


@dataclass(frozen=True)
class Claim:
    """A stated count and how far from it still agrees: half a unit of its last stated digit."""

    parameters: int
    slack: int

    def agrees(self, count: int) -> bool:
        """Whether a count rounds to what was stated."""
        return abs(count - self.parameters) <= self.slack


def parse_claim(value: object) -> Claim:
    """A stated count: 135000000000, "135B", "1.5 B". Trailing zeros of a plain number count as rounding.

    Raises: UsageError for anything else.
    """
    text = f"{value:.0f}" if isinstance(value, float) else str(value)
    found = _AMOUNT.fullmatch(text)
    if found is None or isinstance(value, bool):
        what = f"{printable(text, 60)!r} is no number of parameters"
        raise UsageError(what, where="--against", todo='Write it as 135000000000 or "135B".')
    whole, part, unit = found.group(1), found.group(2) or "", _UNITS[found.group(3)]
    digits = unit - len(part)
    number = int(whole + part) * 10**digits if digits >= 0 else int(whole + part) // 10**-digits
    zeros = digits if unit else len(whole) - len(whole.rstrip("0"))
    return Claim(number, 10 ** max(0, zeros) // 2)


def completed(config: Config, against: Config) -> tuple[dict[str, Any], list[str]]:
    """What is claimed, laid over the configuration when it is only a part of one; and the keys it leaves open (null)."""
    whole = "model_type" in against
    open_keys = [k for k, v in against.items() if v is None and k in config and config[k] is not None and not whole]
    stated = {k: v for k, v in against.items() if k != CLAIM_KEY and k not in open_keys}
    return ({} if whole else dict(config)) | stated, open_keys


def arithmetic(config: Config, against: Config | None = None) -> dict[str, Any]:
    """The count of a configuration and, given another or the claimed part of one, the way between them.

    Raises: RefusedError when the configuration cannot be counted.
    """
    count = count_parameters(config)
    document: dict[str, Any] = {
        "subject": count.document(),
        "against": None,
        "words": [message("arithmetic.alone", count=count.total)],
    }
    if against is None:
        return document
    other, open_keys = completed(config, against)
    claim = parse_claim(against[CLAIM_KEY]) if against.get(CLAIM_KEY) is not None else None
    reached = count_parameters(other)
    target = claim or Claim(reached.total, 0)
    changes = _changes(config, other, count.total)
    document |= {
        "against": reached.document(),
        "claimed": None if claim is None else {"parameters": claim.parameters, "slack": claim.slack},
        "difference": reached.total - count.total,
        "changes": changes,
        "reaches": target.agrees(reached.total) if claim is not None and not open_keys else None,
        "alone": [_alone(config, key, target) for key in _levers(config)],
        "open": _open(other, open_keys, target) if claim is not None else None,
    }
    document["words"] = _words(count, reached, claim, document)
    return document


def _changes(config: Config, other: Config, total: int) -> list[dict[str, Any]]:
    """Every key that differs and matters: what it does alone, and what it adds when applied after those before it."""
    found: list[dict[str, Any]] = []
    running, before = dict(config), total
    for key in [k for k in other if config.get(k) != other[k]][:MAX_KEYS]:
        alone = _count(dict(config) | {key: other[key]})
        running[key] = other[key]
        after = _count(running)
        if alone == total and after == before:
            continue
        step = None if after is None else after - before
        found.append(
            {
                "key": printable(key, 80),
                "from": _plain(config.get(key)),
                "to": _plain(other[key]),
                "alone": None if alone is None else alone - total,
                "step": step,
            }
        )
        before = before if after is None else after
    return found


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float | bool) or value is None else printable(str(value), 80)


def _count(config: Config) -> int | None:
    try:
        return count_parameters(config).total
    except RefusedError:
        return None  # a size that does not divide: no such model


def _levers(config: Config) -> list[str]:
    """Keys with a whole number on which the count depends, the most effective first."""
    total = count_parameters(config).total
    effects = {}
    for key in [k for k, v in config.items() if isinstance(v, int) and not isinstance(v, bool) and v > 0][:MAX_KEYS]:
        doubled = _count(dict(config) | {key: 2 * config[key]})
        if doubled is not None and doubled > total:
            effects[key] = doubled - total
    return sorted(effects, key=lambda k: -effects[k])


def _alone(config: Config, key: str, target: Claim) -> dict[str, Any]:
    """How far this key alone would have to go, and whether a whole value gets there."""
    value, count = solve(config, key, target.parameters)
    return {
        "key": printable(key, 80),
        "from": config[key],
        "needed": value,
        "parameters": count,
        "agrees": count is not None and target.agrees(count),
    }


def solve(config: Config, key: str, wanted: int) -> tuple[int | None, int | None]:
    """The value of one key whose count comes nearest to `wanted`, by halving; (None, None) when no value is near."""
    base = config[key]
    step = 1 if _count(dict(config) | {key: base + 1}) is not None else _stride(config, key)

    def at(value: int) -> int | None:
        return _count(dict(config) | {key: value * step})

    low, high = 1, max(2, 64 * base // step)
    while low < high:
        middle = (low + high) // 2
        count = at(middle)
        if count is None:
            return None, None
        low, high = (middle + 1, high) if count < wanted else (low, middle)
    near = [(v * step, c) for v in (low - 1, low) if v > 0 and (c := at(v)) is not None]
    return min(near, key=lambda vc: abs(vc[1] - wanted), default=(None, None))


def _stride(config: Config, key: str) -> int:
    """The least power of two, times the heads, by which a key can move without breaking a division."""
    heads = config.get("num_attention_heads")
    for stride in (2, 4, 8, 16, 32, 64, 128, heads if isinstance(heads, int) and heads > 0 else 256):
        if config[key] % stride == 0 and _count(dict(config) | {key: config[key] + stride}) is not None:
            return stride
    return int(config[key])


def _open(config: Config, keys: list[str], target: Claim) -> dict[str, Any] | None:
    """The values of one open key that reach the claim: exact, near round ones, and how round a value can be."""
    if len(keys) != 1:
        return None
    key = keys[0]
    if not isinstance(config[key], int) or isinstance(config[key], bool):
        return None  # it counts nothing, so no value of it is looked for
    exact, _ = solve(config, key, target.parameters)
    low, _ = solve(config, key, target.parameters - target.slack)
    high, _ = solve(config, key, target.parameters + target.slack)
    if exact is None or low is None or high is None:
        return None
    round_ones = []
    for step in STEPS:
        values = [v for v in range(-(-(low - 1) // step) * step, high + step, step) if v > 0][:1000]
        reaching = [v for v in values if (c := _count(dict(config) | {key: v})) is not None and target.agrees(c)]
        round_ones.append({"multiple_of": step, "values": reaching[:64], "count": len(reaching)})
    middle = max(1, round(exact / 1024))
    rows = []
    for multiple in range(max(1, middle - ROWS_EITHER_SIDE), middle + ROWS_EITHER_SIDE + 1):
        count = _count(dict(config) | {key: multiple * 1024})
        if count is not None:
            difference = count - target.parameters
            rows.append(
                {
                    "value": multiple * 1024,
                    "parameters": count,
                    "difference": difference,
                    "agrees": target.agrees(count),
                }
            )
    return {"key": printable(key, 80), "exact": exact, "low": low, "high": high, "rows": rows, "round": round_ones}


def _words(count: Count, reached: Count, claim: Claim | None, document: Mapping[str, Any]) -> list[Message]:
    said = [message("arithmetic.both", count=count.total, other=reached.total)]
    for change in document["changes"]:
        if change["alone"] is not None:
            key = "arithmetic.adds" if change["alone"] >= 0 else "arithmetic.takes"
            values = {"name": change["key"], "before": change["from"], "after": change["to"]}
            said.append(message(key, **values, count=abs(change["alone"])))
    if claim is not None and document["reaches"] is not None:
        key = "arithmetic.reach" if document["reaches"] else "arithmetic.short"
        said.append(message(key, claimed=claim.parameters, count=reached.total))
    found = document["open"]
    if found is not None and claim is not None:
        values = {"name": found["key"], "low": found["low"], "high": found["high"], "exact": found["exact"]}
        said.append(message("arithmetic.open", **values, claimed=claim.parameters, slack=claim.slack))
    return said

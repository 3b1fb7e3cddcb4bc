"""Does a verdict claim more than is true of its pair? Its messages, read against bench/allowed.toml.

    python -m bench.allowed FILE...

reads documents of bench.framed_verb and prints every violation; ends with 1 where there is one.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parent / "allowed.toml"


@cache
def table() -> dict[str, Any]:
    """Truths with what they allow, and claims with the messages that make them."""
    return tomllib.loads(TABLE.read_text("utf-8"))


def said(words: object) -> Iterator[str]:
    """The key of every message in a verdict, those in the values of other messages included."""
    if isinstance(words, Mapping):
        if isinstance(words.get("key"), str):
            yield words["key"]
        for value in words.values():
            yield from said(value)
    elif isinstance(words, Sequence) and not isinstance(words, str):
        for value in words:
            yield from said(value)


def claim_of(key: str) -> str | None:
    """What a message claims; None for one that stands in no claim."""
    return next((c for c, keys in table()["claims"].items() if any(fnmatchcase(key, k) for k in keys)), None)


def violations(truth: str, relation: str, keys: Sequence[str]) -> list[str]:
    """What this verdict says that is not true of its pair. Raises: KeyError for a truth that the table lacks."""
    allowed = table()["truth"][truth]
    found = [] if relation in allowed["relations"] else [f"{relation} is said, the truth is {truth}"]
    for key in dict.fromkeys(keys):
        claim = claim_of(key)
        if claim not in allowed["claims"]:
            found.append(f"{key} claims {claim or 'what no claim is known for'}, the truth is {truth}")
    return found


def main() -> int:
    """Every row of every document."""
    count = bad = 0
    for path in sys.argv[1:]:
        for row in json.loads(Path(path).read_text("utf-8"))["rows"]:
            found = violations(row["truth"], row["relation"], row.get("said", row["words"]))
            count, bad = count + 1, bad + bool(found)
            for line in found:
                print(f"{row['name']}: {line}")
    print(f"{bad} of {count} verdicts say more than is true")
    return int(bad > 0)


if __name__ == "__main__":
    raise SystemExit(main())

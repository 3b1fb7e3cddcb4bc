"""tokenizer.json rewritten when token ids change: renumbered, or cut down to the tokens that stay."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from forebear.core.errors import RefusedError
from forebear.recipes.steps.step import require


def renumber(tokenizer: bytes, numbers: Mapping[int, int]) -> bytes:
    """The same tokens under other ids.

    numbers: old id → new id, for every id.
    Raises: RefusedError for a file that is no tokenizer.json, or a Unigram list that would get holes.
    """
    return _rewrite(tokenizer, numbers, drop=False)


def keep_tokens(tokenizer: bytes, numbers: Mapping[int, int]) -> bytes:
    """Only the tokens with a new id; merges that need or make another one are dropped.

    numbers: old id → new id, for the tokens that stay.
    Raises: RefusedError besides when the post-processor or the unknown token needs a token that is gone.
    """
    return _rewrite(tokenizer, numbers, drop=True)


def _rewrite(tokenizer: bytes, numbers: Mapping[int, int], *, drop: bool) -> bytes:
    """Walk the places of a tokenizer.json that hold ids."""
    try:
        document = json.loads(tokenizer)
        model = document["model"]
        vocabulary = model["vocab"]
    except (ValueError, TypeError, KeyError) as problem:
        raise RefusedError("this is no tokenizer.json with a vocabulary", where="tokenizer.json") from problem
    if isinstance(vocabulary, dict):
        model["vocab"] = {t: numbers[i] for t, i in vocabulary.items() if _stays(i, numbers, drop)}
        if drop and model.get("merges"):
            model["merges"] = [merge for merge in model["merges"] if _possible(merge, model["vocab"])]
        unknown = model.get("unk_token")
        lost = unknown in vocabulary and unknown not in model["vocab"]
        require(not lost, "the unknown token would be gone", where="tokenizer.json")
    else:
        _rewrite_list(model, numbers, drop)
    added = [token for token in document.get("added_tokens") or [] if _stays(token["id"], numbers, drop)]
    for token in added:
        token["id"] = numbers[token["id"]]
    if document.get("added_tokens") is not None:
        document["added_tokens"] = sorted(added, key=lambda token: int(token["id"]))
    if document.get("post_processor"):
        _rewrite_processor(document["post_processor"], numbers)
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _stays(number: int, numbers: Mapping[int, int], drop: bool) -> bool:
    """Raises: RefusedError when every id should have a new one and this has none."""
    require(drop or number in numbers, f"token id {number} is no row of the model", where="tokenizer.json")
    return number in numbers


def _possible(merge: Any, vocabulary: Mapping[str, int]) -> bool:
    """A merge whose two sides and result are all tokens."""
    left, right = merge.split(" ", 1) if isinstance(merge, str) else merge
    return left in vocabulary and right in vocabulary and left + right in vocabulary


def _rewrite_list(model: dict[str, Any], numbers: Mapping[int, int], drop: bool) -> None:
    """A Unigram list, whose positions are the ids."""
    placed = {numbers[i]: entry for i, entry in enumerate(model["vocab"]) if _stays(i, numbers, drop)}
    require(sorted(placed) == list(range(len(placed))), "a Unigram list cannot have holes", where="tokenizer.json")
    model["vocab"] = [placed[i] for i in range(len(placed))]
    if model.get("unk_id") is not None:
        require(model["unk_id"] in numbers, "the unknown token would be gone", where="tokenizer.json")
        model["unk_id"] = numbers[model["unk_id"]]


def _rewrite_processor(processor: dict[str, Any], numbers: Mapping[int, int]) -> None:
    """Ids inside a post-processor, whichever kind it is."""
    for part in processor.get("processors") or []:
        _rewrite_processor(part, numbers)
    for special in (processor.get("special_tokens") or {}).values():
        special["ids"] = [_needed(i, numbers) for i in special["ids"]]
    for key in ("sep", "cls"):
        if isinstance(processor.get(key), list):
            processor[key][1] = _needed(processor[key][1], numbers)


def _needed(number: int, numbers: Mapping[int, int]) -> int:
    require(number in numbers, f"the post-processor needs token id {number}, which is gone", where="tokenizer.json")
    return numbers[number]

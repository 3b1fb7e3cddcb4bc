"""Where two vocabularies differ outside their text: special and added tokens by name and id, reserved places by number."""

from __future__ import annotations

from typing import Any

from forebear.core.messages import Message, message
from forebear.tokens.placeholders import is_placeholder, placeholders, special_tokens
from forebear.tokens.vocabulary import Vocabulary

SHOWN = 16
"""Tokens listed of each kind; the count is of all, `more` of those that are not listed."""


def special_contrast(subject: Vocabulary, candidate: Vocabulary) -> dict[str, Any]:
    """Special and added tokens of two vocabularies set against each other.

    same:              how many have one name and one id on both sides.
    only_subject, only_candidate: names that the other side has not at all.
    other_id:          one name, two ids.
    ordinary_subject, ordinary_candidate: special or added on the other side, listed among the text tokens on this one.
    placeholders:      reserved places on each side (count, first and last id, one name).
    unlisted:          sides whose file lists no special token at all, as rank files do, which leave them to the program.
    """
    ours, theirs = special_tokens(subject), special_tokens(candidate)
    plain_ours, plain_theirs = (
        _plain(subject, theirs.keys() - ours.keys()),
        _plain(candidate, ours.keys() - theirs.keys()),
    )
    both = ours.keys() & theirs.keys()
    moved = sorted((ours[token], theirs[token], token) for token in both if ours[token] != theirs[token])
    return {
        "same": len(both) - len(moved),
        "only_subject": _listed({t: id_ for t, id_ in ours.items() if t not in theirs and t not in plain_theirs}),
        "only_candidate": _listed({t: id_ for t, id_ in theirs.items() if t not in ours and t not in plain_ours}),
        "other_id": {
            "count": len(moved),
            "more": max(0, len(moved) - SHOWN),
            "tokens": [
                {"text": _text(token), "subject_id": here, "candidate_id": there}
                for here, there, token in moved[:SHOWN]
            ],
        },
        "ordinary_subject": _listed(plain_ours),
        "ordinary_candidate": _listed(plain_theirs),
        "placeholders": {"subject": _places(subject), "candidate": _places(candidate)},
        "unlisted": [
            side for side, one in (("subject", subject), ("candidate", candidate)) if not one.special and not one.added
        ],
    }


_KINDS = ("only_subject", "only_candidate", "other_id", "ordinary_subject", "ordinary_candidate")
_WITHOUT_NAME = frozenset({"only_subject", "other_id"})


def special_words(found: dict[str, Any] | None, name: str) -> list[Message]:
    """That special tokens differ, in one sentence with the counts; nothing where they are the same."""
    if found is None:
        return []
    parts = [_said(f"lineage.special_{key}", name, key, found[key]["count"]) for key in _KINDS if found[key]["count"]]
    here, there = (found["placeholders"][side]["count"] for side in ("subject", "candidate"))
    if here != there:
        parts.append(message("lineage.special_places", name=name, here=here, there=there))
    if parts and found["unlisted"]:
        ours = [message("lineage.special_unlisted_subject")] if "subject" in found["unlisted"] else []
        theirs = "candidate" in found["unlisted"]
        parts = ours + ([message("lineage.special_unlisted_candidate", name=name)] if theirs else [])
    return [message("lineage.special_differ", parts=parts)] if parts else []


def _said(key: str, name: str, kind: str, count: int) -> Message:
    return message(key, count=count) if kind in _WITHOUT_NAME else message(key, count=count, name=name)


def _plain(vocabulary: Vocabulary, wanted: set[bytes]) -> dict[bytes, int]:
    """Those of some spellings that are ordinary tokens here, with their ids."""
    if not wanted:
        return {}
    apart = vocabulary.special | vocabulary.added
    return {
        token: id_
        for id_, token in enumerate(vocabulary.tokens)
        if token is not None and token in wanted and id_ not in apart and not is_placeholder(token)
    }


def _listed(found: dict[bytes, int]) -> dict[str, Any]:
    rows = sorted((id_, token) for token, id_ in found.items())
    shown = [{"id": id_, "text": _text(token)} for id_, token in rows[:SHOWN]]
    return {"count": len(rows), "more": max(0, len(rows) - SHOWN), "tokens": shown}


def _places(vocabulary: Vocabulary) -> dict[str, Any]:
    found = placeholders(vocabulary)
    ids = found.values()
    example = min(found, key=lambda token: found[token], default=None)
    return {
        "count": len(found),
        "first_id": min(ids, default=None),
        "last_id": max(ids, default=None),
        "example": None if example is None else _text(example),
    }


def _text(token: bytes) -> str:
    return token[:64].decode("utf-8", "backslashreplace")

"""Errors say what, where and what to do, in English and as messages."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from forebear.core.bounded import parse_json, read_bounded
from forebear.core.errors import RefusedError
from forebear.core.messages import message
from forebear.reports.catalogue import LANGUAGES, catalogue


def test_an_error_says_what_where_and_what_to_do() -> None:
    error = RefusedError("is no such thing", where="a.json", todo="Give one.")
    assert str(error) == "a.json: is no such thing. Give one."
    assert error.reason().english == str(error)
    assert error.message() == message("refused.english_at", where="a.json", what="is no such thing. Give one.")
    assert str(RefusedError("is no such thing")) == "is no such thing"


def refusals(folder: Path) -> list[RefusedError]:
    """Errors of the guarded opening and of strict JSON, as they are raised."""
    (folder / "large").write_bytes(bytes(9))
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to("loop")
    texts = [b"{not", b'{"a": 1, "a": 2}', b"[NaN]", b"[" * 200 + b"]" * 200, b"[" + b"9" * 30 + b"]", b"[1e999]", b"\xff", b"[1,2,3]"]
    found = []
    for name in ("missing", "large", "pipe", "loop", ".", "large/inside", "x" * 300, "a\0b"):
        with pytest.raises(RefusedError) as caught:
            read_bounded(folder / name, 8)
        found.append(caught.value)
    for text in texts:
        with pytest.raises(RefusedError) as caught:
            parse_json(text, where="x.json", max_values=1000 if b"2,3" not in text else 2)
        found.append(caught.value)
    return found


def test_a_refusal_that_documents_repeat_has_words_in_every_language_and_its_english_is_the_same(tmp_path: Path) -> None:
    for error in refusals(tmp_path):
        assert error.said is not None, str(error)
        said = json.loads(json.dumps(error.said.document()))
        texts = {language: catalogue(language).text(said) for language in LANGUAGES}
        assert texts["en"] == error.what
        assert error.advice is not None
        advised = {language: catalogue(language).text(json.loads(json.dumps(error.message().document()))) for language in LANGUAGES}
        assert advised["en"] == str(error)
        assert len({advised["en"], advised["ja"], advised["zh-Hans"]}) == 3
        assert len({texts["en"], texts["ja"], texts["zh-Hans"]}) == 3

"""Every header parser answers mutated input with a refusal or a container, quickly: the short run of bench/fuzz_headers.py."""

from __future__ import annotations

import random

import pytest

from bench.fuzz_headers import PARSERS, fuzz, mutated, seeds


@pytest.mark.parametrize("parser", PARSERS)
def test_a_short_run_finds_no_crash_no_hang_and_no_growth(parser: str) -> None:
    outcome = fuzz(parser, 1500)
    assert outcome.inputs > 1500
    assert outcome.accepted > 0
    assert not outcome.crashes
    assert outcome.sound, outcome


@pytest.mark.parametrize("parser", PARSERS)
def test_mutations_differ_and_repeat_by_seed(parser: str) -> None:
    pool = seeds(parser)
    first, again = ([mutated(random.Random(f"{i}"), pool) for i in range(300)] for _ in range(2))
    assert first == again
    assert len(set(first)) > 250
    assert sum(data in pool for data in first) < 30


def test_a_parser_that_breaks_would_be_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(data: bytes) -> None:
        raise IndexError("list index out of range")

    monkeypatch.setitem(PARSERS, "npy", broken)
    outcome = fuzz("npy", 10)
    assert not outcome.sound
    assert "IndexError" in outcome.crashes[0]

"""Rounds of beacons and their times: no value before its round, no promise to what everybody knows already."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import forebear
from forebear.attest.commitment import announcement, canonical, read_commitment
from forebear.core.errors import RefusedError, UsageError
from forebear.reports.show import rendered
from tests.attest.runs import BEFORE, CONFIG, PAST, ROUND, VALUE, Kept, announced, at, plain, states

AFTER = 2_000_000_000.0
"""A moment after the round ROUND, 2033."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG), "utf-8")
    return tmp_path


def test_a_value_before_its_round_is_refused(folder: Path) -> None:
    with pytest.raises(
        RefusedError, match=r"`value`: round 99999999 is not public before 2033-02-23T20:29:21Z; no value of it"
    ) as error:
        forebear.attest_commit(folder, seed_from=ROUND, value=VALUE)
    assert error.value.said is not None
    minute = (int(AFTER) // 60) + 1000
    with pytest.raises(RefusedError, match="is not public before"):
        forebear.attest_commit(folder, seed_from=f"nist:{minute}", value=VALUE * 2)
    with pytest.raises(RefusedError, match="is not public before"):
        forebear.attest_commit(folder, seed_from=ROUND, value=VALUE, commitment=announced(folder, ROUND))


def test_a_chain_with_a_value_before_its_round_is_not_recorded_and_is_not_explained(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    invented = at(AFTER, tmp_path, ROUND, VALUE)
    early = tmp_path / "early.json"
    early.write_bytes(plain(invented))
    with pytest.raises(RefusedError, match="`commitment`: round 99999999 is not public"):
        forebear.attest_record(kept.run, 0, tmp_path, commitment=early)
    kept.save(0, kept.start)
    path = kept.run / "chain.jsonl"
    _change(path, commitment=read_commitment(early))
    lines = forebear.attest_verify(path)["does_not_prove"]
    said = [ln["said"]["key"] for ln in lines if (ln["line"], ln["state"]) == ("source", "unexplained")]
    assert "attest_round.value_now" in said


def test_a_record_dated_before_the_round_whose_value_it_holds_contradicts_itself(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.save(0, kept.start)
    assert "contradicted" not in states(kept.verify()).values()
    _change(kept.run / "chain.jsonl", recorded="2024-01-01T00:00:00Z")
    document = forebear.attest_verify(kept.run)
    assert document["conclusion"]["contradicted"] == ("source",)
    assert document["does_not_prove"][-2]["said"]["key"] == "attest_round.value_early"


def _change(path: Path, **parts: Any) -> None:
    """A first record rewritten by its maker."""
    record = json.loads(path.read_bytes())
    path.write_bytes(canonical(json.loads(json.dumps(record | parts))) + b"\n")


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("published", "2020-01-01T00:00:00Z"),
        ("published", ""),
        ("address", "https://example.org/"),
        ("in_the_future", False),
        ("round", 10**14),
    ],
)
def test_a_maker_cannot_say_when_a_round_was_public(folder: Path, part: str, value: object) -> None:
    path = announced(folder)
    raw = json.loads(path.read_bytes())
    raw["seed_source"][part] = value
    raw["announcement"] = announcement(raw)
    path.write_text(json.dumps(raw), "utf-8")
    with pytest.raises(RefusedError, match="a time or an address"):
        read_commitment(path)


@pytest.mark.parametrize("stated", ["yesterday", "2023-11-14", "0"])
def test_an_announcement_without_a_time_is_refused(folder: Path, stated: str) -> None:
    path = announced(folder)
    raw = json.loads(path.read_bytes())
    raw["announced"] = stated
    raw["announcement"] = announcement(raw)
    path.write_text(json.dumps(raw), "utf-8")
    with pytest.raises(RefusedError, match="a time or an address"):
        read_commitment(path)


def test_the_headline_says_what_a_commitment_is_good_for(folder: Path) -> None:
    (folder / "news.txt").write_text("of the day", "utf-8")
    given = announced(folder)
    documents = [
        at(BEFORE, folder, PAST),
        forebear.attest_commit(folder, seed_from=PAST),
        forebear.attest_commit(folder, seed_from=PAST, value=VALUE),
        forebear.attest_commit(folder, seed_from=PAST, value=VALUE, commitment=given),
        forebear.attest_commit(folder, seed_from=str(folder / "news.txt")),
    ]
    heads = [" ".join(rendered(one, "text").decode().split()) for one in documents]
    starts = [
        "Announce this digest",
        "This round is already public (since 2025-",
        "This round is already public",
        "The start that follows",
        "Publish this",
    ]
    for head, start in zip(heads, starts, strict=True):
        assert head.startswith(start)


@pytest.mark.parametrize("source", ["drand:abc", "nist:2027-01-01T00:00", "42", "drand:", "drand:-3", "drand:1.5"])
def test_a_round_that_is_no_number_is_told_how_rounds_are_named(folder: Path, source: str) -> None:
    with pytest.raises(UsageError, match="drand:ROUND takes a whole number; nist:MINUTE is minutes since 1970, UTC"):
        forebear.attest_commit(folder, seed_from=source)

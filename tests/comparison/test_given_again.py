"""A candidate that is given more than once is compared once, under whatever name, and the document says so."""

from __future__ import annotations

from pathlib import Path

import forebear
from forebear.comparison.demo import demo_folder


def said(document) -> list[list[str]]:
    return [list(one["values"]["names"]) for one in document["limits"] if one["key"] == "given_again.once"]


def test_one_candidate_given_twice_makes_the_document_of_a_pair_with_one_look():
    demo = demo_folder()
    once = forebear.compare(demo / "descendant", demo / "base")
    twice = forebear.compare(demo / "descendant", [demo / "base", demo / "base"])
    assert twice["schema"] == once["schema"]
    assert twice["verdict"] == once["verdict"]
    assert said(twice) == [[str(demo / "base")]]
    assert said(once) == []


def test_another_name_of_a_candidate_is_the_same_candidate(tmp_path: Path):
    demo = demo_folder()
    (tmp_path / "linked").symlink_to(demo / "base")
    document = forebear.compare(demo / "descendant", [demo / "base", demo / "independent", tmp_path / "linked"])
    assert [pair["candidate"] for pair in document["pairs"]] == [str(demo / "base"), str(demo / "independent")]
    assert said(document) == [[str(tmp_path / "linked")]]


def test_a_copy_is_another_candidate_and_two_names_in_the_subjects_own_folder_stay(tmp_path: Path):
    demo = demo_folder()
    for name in ("a", "b"):
        (tmp_path / name).symlink_to(demo / "base")
    assert len(forebear.compare(tmp_path)["pairs"]) == 1
    copy = tmp_path / "copied"
    copy.mkdir()
    for file in (demo / "base").iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    document = forebear.compare(demo / "descendant", [demo / "base", copy])
    assert len(document["pairs"]) == 2
    assert said(document) == []


def test_a_member_of_the_subjects_folder_that_is_also_given_is_compared_once():
    demo = demo_folder()
    document = forebear.compare(demo, demo / "base")
    assert len(document["pairs"]) == 3
    assert said(document) == [[str(demo / "base")]]

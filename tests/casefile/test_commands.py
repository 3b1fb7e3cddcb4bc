"""The command under a case's report does the same again: no option that was given is left out of it."""

from __future__ import annotations

import shlex
from pathlib import Path

import forebear

TEXT = "The model has 12 layers. It was trained on 300 tokens.\n"


def test_every_option_that_was_given_stands_in_the_command(tmp_path: Path) -> None:
    (tmp_path / "a b.txt").write_text(TEXT)
    (tmp_path / "zh.txt").write_text("该模型有12层。它用300个词元训练。\n", "utf-8")
    case = tmp_path / "case"
    added = forebear.case_add(case, tmp_path / "zh.txt", language="zh", id="original", date="2025-07-01", title="A case")
    assert shlex.split(added["reproduce"]) == [
        "forebear", "case", "add", str(case), str(tmp_path / "zh.txt"), "--language", "zh", "--id", "original", "--date", "2025-07-01",
        "--title", "A case",
    ]  # fmt: skip
    second = forebear.case_add(case, tmp_path / "a b.txt", language="en", role="translation", of="original", id="english")
    assert shlex.split(second["reproduce"])[3:6] == [str(case), str(tmp_path / "a b.txt"), "--language"]
    assert {"--role", "translation", "--of", "original"} <= set(shlex.split(second["reproduce"]))
    assert forebear.case_align(case, only=["english"])["reproduce"].endswith("--only english")
    assert forebear.case_check(case, all=True)["reproduce"].endswith(" --all")
    assert not forebear.case_check(case)["reproduce"].endswith(" --all")


def test_the_command_of_a_sealed_report_never_seals_the_whole_case(tmp_path: Path) -> None:
    (tmp_path / "en.txt").write_text(TEXT)
    case = tmp_path / "case"
    forebear.case_add(case, tmp_path / "en.txt", language="en")
    forebear.case_report(case)
    assert "--report-only" in shlex.split(forebear.case_seal(case, tmp_path / "sealed", report_only=True)["reproduce"])
    assert "--report-only" not in shlex.split(forebear.case_seal(case, tmp_path / "whole")["reproduce"])

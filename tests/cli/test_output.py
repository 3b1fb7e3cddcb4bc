"""What becomes of a result when standard output cannot take it, and of paths the system refuses."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from forebear.cli.main import guarded
from forebear.cli.plain import plain_comparison
from forebear.comparison.demo import demo_folder
from forebear.comparison.many.matrix import members_in
from forebear.core.errors import RefusedError

BASE, OTHER = str(demo_folder() / "base"), str(demo_folder() / "descendant")
FORMS = ["--format json", "--format=json", "--format text", "--format=text"]
"""The same words, understood without the parser and by it."""


def exit_code(words: str, output: str) -> tuple[int, str]:
    """Of a command in a shell, its standard output joined to something."""
    command = f"{sys.executable} -m forebear.cli {words} {output}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize("form", FORMS)
def test_a_reader_who_leaves_early_changes_no_exit_code(form):
    gone = "| true; exit ${PIPESTATUS[0]}"
    assert exit_code(f"compare {BASE} {BASE} {form}", gone)[0] == 0
    code, said = exit_code(f"compare {BASE} {OTHER} --expect identical {form}", gone)
    assert code == 1
    assert "expected identical, found related" in said


def test_an_output_that_is_closed_or_full_is_said_in_one_line():
    code, said = exit_code(f"compare {BASE} {BASE}", ">&-")
    assert (code, said) == (3, "forebear: standard output is closed. Say where to write: -o FILE.\n")
    if Path("/dev/full").exists():
        code, said = exit_code(f"compare {BASE} {BASE}", "> /dev/full")
        assert code == 3
        assert said.startswith("forebear: standard output cannot be written (")
        assert said.count("\n") == 1


def test_a_path_too_long_for_the_system_is_refused():
    with pytest.raises(RefusedError, match="too long"):
        members_in("x" * 5000)


def test_what_the_system_refuses_about_a_file_is_no_fault_of_ours(capsys, monkeypatch):
    def unreadable():
        raise PermissionError(13, "Permission denied", "somewhere/model.safetensors")

    monkeypatch.delenv("FOREBEAR_DEBUG", raising=False)
    assert guarded(unreadable) == 3
    assert capsys.readouterr().err == (
        "forebear: somewhere/model.safetensors: no permission to read it. Give this user read permission.\n"
    )


def test_what_this_user_may_not_read_is_left_to_the_parser(tmp_path, monkeypatch):
    closed = tmp_path / "closed"
    closed.mkdir()
    assert plain_comparison(["compare", str(closed), BASE]) is not None
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != closed)
    assert plain_comparison(["compare", str(closed), BASE]) is None

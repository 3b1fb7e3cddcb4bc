"""The command that a document repeats: it runs where it says, and names no folder of who ran it."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from forebear.core.pasting import Command


def made(about: Path, *others: Path, published: bool = False) -> str:
    command = Command("verify", about=about, published=published).path(about)
    for one in others:
        command.path(one, "--against")
    return str(command)


def arguments(command: str, folder: Path, **names: str) -> list[str]:
    """What a shell makes of the command in a folder."""
    shown = f'forebear() {{ printf "%s\\n" "$@"; }}; {command}'
    return subprocess.run(["bash", "-c", shown], cwd=folder, env={**os.environ, **names}, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.parametrize("name", ["one", "a model", "it's", "$HOME", "x;y"])
def test_pasted_in_the_folder_of_what_was_given_it_finds_every_path(name, tmp_path):
    home = tmp_path / "someone" / "models"
    for one in (home / name, home / "base", tmp_path / "away" / "two"):
        one.mkdir(parents=True)
    command = made(home / name, home / "base", tmp_path / "away" / "two")
    found = [word for word in arguments(command, home, FOLDER=str(tmp_path / "away")) if word not in ("verify", "--against")]
    assert [(home / one).resolve() for one in found] == [home / name, home / "base", tmp_path / "away" / "two"]


def test_no_folder_of_who_ran_it_is_named(tmp_path):
    command = made(tmp_path / "kim" / "one", tmp_path / "lee" / "two", Path("/srv/secret/three"))
    assert command == 'forebear verify one --against "$FOLDER"/two --against "$FOLDER"/three'
    assert len(shlex.split(command)) == 7


def test_paths_below_the_present_folder_are_shown_as_they_were_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert made(Path("models/one"), tmp_path / "models" / "two") == "forebear verify models/one --against models/two"
    assert made(Path("models/one"), Path("two"), published=True) == 'forebear verify one --against "$FOLDER"/two'


def test_an_address_stays_and_a_name_before_a_path_too():
    assert str(Command("verify", about="hf://a/b").path("hf://a/b").path("/x/y", "--against", name="n/m")) == (
        'forebear verify hf://a/b --against n/m="$FOLDER"/y'
    )


def test_a_command_says_when_it_is_to_be_pasted_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert not Command("verify", about="model").elsewhere
    assert Command("verify", about="/somewhere/model").elsewhere

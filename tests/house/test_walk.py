"""Every command over good and bad inputs: the quick part of scripts/walk.py, which lists what is wrong."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.house.references import ROOT

sys.path.insert(0, str(ROOT))

from scripts.walk import CHECKS, problems
from scripts.walk_docs import commands, pages, unparsed


def test_every_command_takes_a_good_input_and_refuses_a_bad_one_with_one_line():
    done = subprocess.run([sys.executable, "scripts/walk.py", "--quick"], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


WRONG = {
    "a traceback": (1, "", "Traceback (most recent call last)", ""),
    "a fault of ours": (4, "", "forebear: a fault of ours (ValueError: x).", ""),
    "another exit code": (0, "", "", ""),
    "two lines of error": (2, "", "forebear: no.\nforebear: no.\n", ""),
    "an error without its name": (2, "", "no\n", ""),
    "a place of this machine": (1, "/somebody/home/x", "", ""),
    "an anchor that leads nowhere": (1, "<html><a href='#gone'>x</a></html>", "", "html"),
    "a script": (1, "<html><script>1</script></html>", "", "html"),
    "an address that is fetched": (1, "<html><img src='https://example.org/x.png'></html>", "", "html"),
    "a place nothing filled": (1, "There are {count} models.", "", "text"),
    "rows of unlike length": (1, "a,b\r\n1\r\n", "", "csv"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_the_walk_sees_what_is_wrong(kind: str):
    code, shown, said, form = WRONG[kind]
    assert list(problems(code, {1, 2}, shown, said, form, ["/somebody/home"]))


def test_the_walk_passes_what_is_right():
    assert list(problems(1, {1}, "<html><a href='#here' id='here'>x</a></html>", "", "html", ["/somebody/home"])) == []
    assert set(CHECKS) >= {"text", "json", "html", "csv", "sarif", "junit"}


def test_commands_of_the_documentation_are_found_and_an_unknown_option_is_told():
    assert sum(len(list(commands(page))) for page in pages()) > 50
    assert unparsed(["compare", "a", "b", "--brief"]) == ""
    assert unparsed(["case", "add", "a", "b", "--sparkle"]) == "no option --sparkle"

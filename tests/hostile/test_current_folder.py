"""Nothing in the current folder is imported: a module of every name that a run may load lies there, and none of them runs."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from forebear.core.threads import usable_cores
from tests.files.hub_server import Hub, serve
from tests.hostile.verbs import BASE, OTHER, ROOT, SCRIPT, case_verbs, make_case, make_key, plain_verbs

ENTRIES = {"script": [str(SCRIPT)], "python -P -m forebear": [sys.executable, "-P", "-m", "forebear"]}
NEVER_INSTALLED = {"sitecustomize", "usercustomize", "readline", "forebear", "shellingham", "opencc_clib", "colorama", "__main__",
                   "org"}  # fmt: skip
"""Names that somebody tries to import though nobody has them: `org` is what pickle asks for on a Java machine."""
NAMES = {*sys.stdlib_module_names, *packages_distributions(), *NEVER_INSTALLED}
MODULE = "open({log!r}, 'a').write({name!r} + chr(10))\n"


class Trap:
    """A folder full of modules that say in `log` that they ran."""

    def __init__(self, folder: Path, log: Path) -> None:
        self.folder, self.log = folder, log
        folder.mkdir()
        for name in NAMES:
            if name.isidentifier():
                (folder / f"{name}.py").write_text(MODULE.format(log=str(log), name=name))
        for configuration in ("s2t", "s2twp", "t2s", "s2tw", "tw2sp", "t2tw"):  # OpenCC would take these for its own
            (folder / f"{configuration}.json").write_text('{"name": "trap", "conversion_chain": []}')

    def runs(self) -> list[str]:
        return self.log.read_text().split() if self.log.exists() else []


@pytest.fixture(scope="module")
def trap(tmp_path_factory: pytest.TempPathFactory) -> Trap:
    place = tmp_path_factory.mktemp("trap")
    return Trap(place / "downloads", place / "ran")


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    files = {path.name: path.read_bytes() for path in BASE.iterdir()}
    with serve(Hub(files)) as running:
        yield running


def clean(hub: Hub | None = None, **more: str) -> dict[str, str]:
    """An environment without a module path of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "HF_", "_FOREBEAR"))}
    return kept | ({"HF_ENDPOINT": hub.address} if hub is not None else {}) | more


def imported(told: str) -> set[str]:
    """First names of the modules that runs under PYTHONPROFILEIMPORTTIME told of, those of workers among them."""
    lines = [line.split("|") for line in told.splitlines() if line.startswith("import time:")]
    return {line[2].strip().partition(".")[0] for line in lines if len(line) == 3} - {"imported package"}


def call(words: Sequence[str], env: Mapping[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize("entry", ENTRIES)
def test_no_verb_imports_anything_from_the_current_folder(trap: Trap, hub: Hub, tmp_path: Path, entry: str) -> None:
    env = clean(hub, HF_HUB_CACHE=str(tmp_path / "cache"), PYTHONPROFILEIMPORTTIME="1")
    verbs = plain_verbs(tmp_path)
    if entry == "script":  # what a case's verbs load, they load however the program was started
        verbs |= case_verbs(tmp_path, make_case(tmp_path), make_key(tmp_path))
    loaded: set[str] = set()
    for name, words in verbs.items():
        ended = call([*ENTRIES[entry], *words], env, trap.folder)
        told = "\n".join(line for line in ended.stderr.splitlines() if not line.startswith("import time:"))
        wanted = {"a hub address": (0, 3), "no such file": (3,), "no such option": (2,)}.get(name, (0,))
        assert ended.returncode in wanted, f"{name}: {told}"
        assert trap.runs() == [], name
        loaded |= imported(ended.stderr)
    if usable_cores() > 1:
        assert json.loads((tmp_path / "workers.json").read_bytes())["read"]["processes"] > 1
    late = {"http"} if entry == "script" else set()
    assert {"numpy", "typer", "jinja2", "csv", "tomllib"} | late <= loaded
    assert {name for name in loaded if name.isidentifier()} <= NAMES


@pytest.mark.parametrize("words", ["complete_bash", "source_bash", "complete_zsh", "complete_fish"])
def test_completion_imports_nothing_from_the_current_folder(trap: Trap, words: str) -> None:
    asked = {
        "COMP_WORDS": "forebear ",
        "COMP_CWORD": "1",
        "_TYPER_COMPLETE_ARGS": "forebear ",
        "_TYPER_COMPLETE_FISH_ACTION": "x",
    }
    call([str(SCRIPT)], clean(_FOREBEAR_COMPLETE=words, **asked), trap.folder)
    assert trap.runs() == []


def test_a_coloured_report_on_a_terminal_imports_nothing_from_the_current_folder(trap: Trap) -> None:
    inner, outer = pty.openpty()
    read: list[bytes] = []

    def drain() -> None:
        try:
            while piece := os.read(inner, 65536):
                read.append(piece)
        except OSError:  # the other end is closed
            pass

    thread = threading.Thread(target=drain)
    thread.start()
    words = [str(SCRIPT), "compare", str(BASE), str(OTHER)]
    env = clean(TERM="xterm-256color", COLUMNS="80")
    env.pop("NO_COLOR", None)
    done = subprocess.run(words, cwd=trap.folder, env=env, stdout=outer, stderr=outer, timeout=300, check=False)
    os.close(outer)
    thread.join(60)
    os.close(inner)
    assert done.returncode == 0
    assert b"\x1b[" in b"".join(read)
    assert trap.runs() == []


LIBRARY = """
import os, sys
from forebear.comparison.many.workers import run_in_workers
options = {{"budget": 2**26, "stated": True, "full": False, "architecture": None, "max_header": None, "reproduce": "x",
           "base": None, "looks": 1, "patience": {{"timeout": 120.0, "deadline": 3600.0, "ends": float("inf")}}}}
{then}
found = list(run_in_workers([({base!r}, {other!r})] * 2, options, 2))
print([d["verdict"]["relation"] if d else e for d, e in found])
"""


def library(then: str) -> str:
    """A program that compares in two workers after it has done something."""
    return LIBRARY.format(then=then, base=str(BASE), other=str(OTHER))


LATER = {
    "nothing": "",
    "an empty entry": "sys.path.insert(0, '')",
    "a dot": "sys.path.insert(0, '.')",
    "a name of the folder": "sys.path.insert(0, os.getcwd())",
    "a longer name": "sys.path.insert(0, os.path.join('..', os.path.basename(os.getcwd()), '.'))",
    "an absolute way round": "sys.path.insert(0, os.path.join(os.getcwd(), '..', os.path.basename(os.getcwd())))",
    "a link": "sys.path.insert(0, os.environ['TRAP_LINK'])",
    "a colon in a name": "sys.path.insert(0, '/nowhere:' + os.getcwd())",
    "a path of bytes": "sys.path.insert(0, os.fsencode(os.getcwd()))",
}


@pytest.mark.parametrize("later", LATER)
def test_workers_leave_the_current_folder_out_however_it_came_onto_the_module_path(
    trap: Trap, tmp_path: Path, later: str
) -> None:
    link = tmp_path / "link"
    link.symlink_to(trap.folder)
    ended = call([sys.executable, "-P", "-c", library(LATER[later])], clean(TRAP_LINK=str(link)), trap.folder)
    assert ended.stdout.strip() == "['related', 'related']", ended.stderr
    assert trap.runs() == []


@pytest.mark.parametrize("given", [":", "/nowhere:", ".:/nowhere", "::", "./", "../downloads"])
def test_workers_start_without_an_entry_of_pythonpath_that_is_the_current_folder(tmp_path: Path, given: str) -> None:
    """The process itself has that folder on its path, which is what PYTHONPATH asks for: the folder fills up afterwards."""
    folder = tmp_path / "downloads"
    folder.mkdir()
    made = MODULE.format(log=str(tmp_path / "ran"), name="module")
    then = (
        f"for name in {sorted(name for name in NAMES if name.isidentifier())}: open(name + '.py', 'w').write({made!r})"
    )
    ended = call([sys.executable, "-P", "-c", library(then)], clean(PYTHONPATH=given), folder)
    assert ended.stdout.strip() == "['related', 'related']", ended.stderr
    assert not (tmp_path / "ran").exists()


def test_the_trap_works_where_python_is_asked_for_the_current_folder(tmp_path: Path) -> None:
    small = Trap(tmp_path / "downloads", tmp_path / "ran")
    call([sys.executable, "-m", "forebear", "--version"], clean(), small.folder)
    assert small.runs()


def test_workers_find_this_package_where_the_current_folder_holds_it(tmp_path: Path) -> None:
    ended = call([sys.executable, "-P", "-c", library("")], clean(), ROOT)
    assert ended.stdout.strip() == "['related', 'related']", ended.stderr


def test_conversion_between_scripts_takes_no_table_from_the_current_folder(tmp_path: Path) -> None:
    """OpenCC looks for a configuration in the current folder first; no code, but it would decide what is a finding."""
    pytest.importorskip("opencc")
    (tmp_path / "trap.txt").write_text("汉\tTRAP\n", encoding="utf-8")
    table = {"type": "text", "file": str(tmp_path / "trap.txt")}
    for name in ("s2t", "s2twp", "t2s", "jp2t"):
        for file in (name, f"{name}.json"):
            made = {
                "name": "x",
                "segmentation": {"type": "mmseg", "dict": table},
                "conversion_chain": [{"dict": table}],
            }
            (tmp_path / file).write_text(json.dumps(made))
    for name in ("STCharacters", "STPhrases", "TSCharacters", "TSPhrases", "JPShinjitaiCharacters"):
        for ending in ("txt", "ocd2", "ocd"):
            (tmp_path / f"{name}.{ending}").write_text("汉\tTRAP\n", encoding="utf-8")
    program = "from forebear.casefile.checks.conversion import convert; print(*(convert('汉字漢', c) for c in ('s2t', 's2twp', 't2s')))"
    ended = call([sys.executable, "-P", "-c", program], clean(PYTHONIOENCODING="utf-8"), tmp_path)
    assert ended.stdout.split() == ["漢字漢", "漢字漢", "汉字汉"], ended.stderr

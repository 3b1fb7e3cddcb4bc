"""What becomes of a result when standard output cannot take it, and of paths the system refuses."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from forebear.cli.main import guarded, run
from forebear.comparison.demo import demo_folder
from forebear.comparison.many.matrix import members_in
from forebear.core.errors import RefusedError
from tests.hostile.verbs import make_copies

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


def ended(*words: object) -> int:
    """The exit code of a call in this process."""
    return guarded(lambda: run([str(word) for word in words]))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of a model that may be spoilt."""
    return Path(shutil.copytree(BASE, tmp_path / "model"))


@pytest.mark.parametrize("verb", [("compare", BASE, OTHER), ("inspect", BASE), ("inspect", f"{BASE}/tokenizer.json"),
                                  ("tokenizers", "lineage", f"{BASE}/tokenizer.json", f"{OTHER}/tokenizer.json")])  # fmt: skip
def test_an_output_that_is_no_regular_file_is_refused_before_the_work(verb, tmp_path, capsys):
    precious = tmp_path / "precious"
    precious.write_bytes(b"precious")
    (tmp_path / "link").symlink_to(precious)
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    (tmp_path / "null").symlink_to("/dev/null")
    os.mkfifo(tmp_path / "pipe")
    names = sorted(os.listdir(tmp_path))
    for target in (
        *(tmp_path / name for name in ("link", "dangling", "null", "pipe")),
        tmp_path,
        "/dev/full",
        "/dev/stderr",
    ):
        assert ended(*verb, "-o", target) == 2, target
        assert capsys.readouterr().err.count("\n") == 1
    assert sorted(os.listdir(tmp_path)) == names
    assert precious.read_bytes() == b"precious"
    assert ended(*verb, "-o", tmp_path / "no such folder" / "x") == 3


def test_no_input_of_a_run_is_written_over(model, tmp_path):
    files = sorted(model.iterdir())
    for file in files:
        os.link(file, tmp_path / f"hard {file.name}")
        (tmp_path / f"link {file.name}").symlink_to(file)
    before = {file: file.read_bytes() for file in files}
    weights, configuration = model / "model.safetensors", model / "config.json"
    tries = [(words, target) for target in (weights, configuration)
             for words in (("compare", model, OTHER), ("compare", OTHER, model), ("inspect", model))]  # fmt: skip
    tries += [(("inspect", OTHER, "--against", configuration), configuration)]
    for words, file in tries:
        for target in (file, tmp_path / f"hard {file.name}", tmp_path / f"link {file.name}"):
            assert ended(*words, "-o", target) == 2, (words, target)
    assert {file: file.read_bytes() for file in files} == before


def test_no_input_that_a_worker_alone_read_is_written_over(model, tmp_path):
    before = (model / "model.safetensors").read_bytes()
    others = make_copies(tmp_path / "many")
    assert ended("compare", BASE, *others, model, "--quiet", "-o", model / "model.safetensors") == 2
    assert (model / "model.safetensors").read_bytes() == before


def test_the_null_device_and_standard_output_are_written_through(tmp_path):
    for name in ("/dev/null", "/dev/stdout"):
        before = os.lstat(name)
        code, said = exit_code(f"compare {BASE} {BASE} --format json -o {name}", f"> {tmp_path}/out")
        assert (code, said) == (0, "")
        assert os.lstat(name)[:3] == before[:3]
        out = (tmp_path / "out").read_bytes()
        assert json.loads(out)["verdict"]["relation"] == "identical" if name == "/dev/stdout" else out == b""
    code, said = exit_code(f"compare {BASE} {BASE} -o /dev/stdout", ">&-")
    assert (code, said) == (3, "forebear: standard output is closed. Say where to write: -o FILE.\n")


def test_a_pipe_from_the_shell_is_refused_and_not_replaced():
    code, said = exit_code(f"compare {BASE} {BASE} -o >(cat)", "")
    assert code == 2
    assert said.count("\n") == 1


def long_words() -> list[list[str]]:
    return [
        ["--help"],
        ["compare", "--help"],
        ["compare", BASE, OTHER],
        ["compare", BASE, OTHER, "--format=html"],
        ["case", "--help"],
    ]


@pytest.mark.parametrize("unbuffered", [[], ["-u"]])
@pytest.mark.parametrize("words", long_words(), ids=" ".join)
def test_a_full_disk_never_leaves_a_short_page_under_exit_code_0(words, unbuffered, tmp_path):
    def limited(room: int) -> tuple[int, bytes, str]:
        with (tmp_path / "page").open("wb") as page:
            done = subprocess.run(
                [sys.executable, *unbuffered, "-m", "forebear.cli", *words], stdout=page, stderr=subprocess.PIPE, text=True, check=False,
                timeout=120, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
            )  # fmt: skip
        return done.returncode, (tmp_path / "page").read_bytes(), done.stderr

    code, whole, said = limited(2**30)
    assert (code, said) == (0, "")
    for room in (0, 500, len(whole) - 60):  # the seconds in a report have more or fewer digits
        code, page, said = limited(room)
        assert code == 3
        assert len(page) <= room
        assert said.startswith("forebear: standard output cannot be written (File too large)")
        assert said.count("\n") == 1


@pytest.mark.parametrize("unbuffered", [[], ["-u"]])
@pytest.mark.parametrize("words", [["--help"], ["compare", BASE, OTHER, "--format=html"]], ids=" ".join)
def test_a_pipe_that_takes_little_at_a_time_and_does_not_wait_gets_all(words, unbuffered):
    command = [sys.executable, *unbuffered, "-m", "forebear.cli", *words]
    size = len(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    inner, outer = os.pipe()
    os.set_blocking(outer, False)
    process = subprocess.Popen(command, stdout=outer)
    os.close(outer)
    read = b""
    while piece := os.read(inner, 997):
        read += piece
    assert process.wait() == 0
    assert abs(len(read) - size) <= 40  # seconds in the page
    assert read.rstrip().endswith((b"</html>", b"."))


@pytest.mark.parametrize("words", ["--help", "case --help", "compare --help", "--version"])
def test_a_reader_of_help_who_leaves_early_changes_no_exit_code(words):
    for python in (sys.executable, f"{sys.executable} -u"):
        done = subprocess.run(
            ["bash", "-c", f"{python} -m forebear.cli {words} | true; exit ${{PIPESTATUS[0]}}"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("messages", ["2>/dev/full", "2>&-", "2>/dev/full <&-", "2>&- <&-"])
def test_messages_that_cannot_be_written_change_no_exit_code_and_no_output(messages, tmp_path):
    assert exit_code("inspect no-such-file", f"> {tmp_path}/out {messages}")[0] == 3
    assert exit_code("compare --no-such-option", f"> {tmp_path}/out {messages}")[0] == 2
    assert (
        exit_code(f"compare {BASE} {OTHER} --expect identical -o {tmp_path}/x", f"> {tmp_path}/out {messages}")[0] == 1
    )
    assert (tmp_path / "out").read_bytes() == b""
    assert exit_code(f"demo --format json -o {tmp_path}/demo.json", f">&- {messages}")[0] == 0
    assert json.loads((tmp_path / "demo.json").read_bytes())["pairs"]


def test_a_broken_pipe_of_something_else_is_no_success(capsys, monkeypatch):
    from forebear.cli import application

    def broken(*given, **named):
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.delenv("FOREBEAR_DEBUG", raising=False)
    assert guarded(broken) == 4
    monkeypatch.setattr(application, "show", broken)
    assert ended("compare", BASE, OTHER, "--format=json") == 4
    assert capsys.readouterr().err.count("a fault of ours (BrokenPipeError") == 2


def test_a_file_of_ours_that_is_missing_is_a_fault_and_no_refusal(capsys, monkeypatch):
    from forebear.core import documents

    def missing():
        (documents.SCHEMAS / "no-such-1.json").read_bytes()

    monkeypatch.delenv("FOREBEAR_DEBUG", raising=False)
    assert guarded(missing) == 4
    assert "FileNotFoundError" in capsys.readouterr().err


CONTROLS = [*range(0x7F, 0xA0), 0x61C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A)]


@pytest.mark.parametrize("form", ["text", "json", "csv", "html"])
def test_nothing_of_a_hostile_name_steers_a_terminal(form, tmp_path):
    names = {f"a{chr(code)}[31mb{code}": np.ones((2, 2), np.float32) for code in CONTROLS}
    save_file(names, tmp_path / "c1.safetensors")
    save_file(names, tmp_path / "c2.safetensors", metadata={"said": "x\x9b31my\u202ez"})
    out = tmp_path / "out"
    for words in (
        ("inspect", tmp_path / "c2.safetensors"),
        ("compare", tmp_path / "c1.safetensors", tmp_path / "c2.safetensors"),
    ):
        assert ended(*words, "--format", form, "-o", out) == 0
        written = out.read_text(encoding="utf-8")
        assert not [code for code in CONTROLS if chr(code) in written]
        assert "\x1b" not in written

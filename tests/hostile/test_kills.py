"""Verbs that write, ended at random moments: no part of a file under its final name, and the second try works.

`python -m pytest -m slow tests/hostile/test_kills.py` ends 200 runs; every day a short slice of them.
"""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from forebear.core.documents import problems_of
from tests.hostile.verbs import BASE, OTHER, SCRIPT, make_case, make_copies, make_key

SEED = "tests/hostile/kills 1"
MOMENTS = 200
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGTERM)
SUFFIXES = {"text": "txt", "json": "json", "html": "html", "csv": "csv"}
CASE = "examples/case_sample"
MANY = tuple(f"{{}}/many/{number}" for number in range(24))


@dataclass(frozen=True)
class Verb:
    """words: after the script; `{}` is the folder of the run. before: steps of the case that were done already."""

    words: tuple[str, ...]
    before: tuple[tuple[str, ...], ...] = ()


def verbs() -> dict[str, Verb]:
    """Every verb that writes, in every format."""
    tokenizer, other = f"{BASE}/tokenizer.json", f"{OTHER}/tokenizer.json"
    plain = {
        "compare": (("compare", str(BASE), str(OTHER), "--full"), SUFFIXES),
        "compare in workers": (("compare", str(BASE), *MANY, "--quiet"), SUFFIXES),
        "inspect": (("inspect", str(BASE), "--full"), SUFFIXES),
        "tokenizers cost": (("tokenizers", "cost", tokenizer), ("text", "json", "html")),
        "tokenizers lineage": (("tokenizers", "lineage", tokenizer, other), ("text", "json", "html")),
    }
    found = {
        f"{name} {form}": Verb((*words, "--format", form, "-o", f"{{}}/out.{SUFFIXES[form]}"))
        for name, (words, forms) in plain.items() for form in forms
    }  # fmt: skip
    case = f"{{}}/{CASE}"
    align, check, run, report = (("case", step, case) for step in ("align", "check", "run", "report"))
    add = ("case", "add", case, "{}/new.txt", "--language", "en", "--role", "statement", "--id", "new")
    seal = ("case", "seal", case, "{}/bag", "--key", "{}/key")
    return found | {
        "case add": Verb(add),
        "case add to a new case": Verb(("case", "add", "{}/new case", "{}/new.txt", "--language", "en", "--id", "new")),
        "case align": Verb(align),
        "case check": Verb(check, (align,)),
        "case run": Verb(run, (align, check)),
        "case report": Verb((*report, "--format", "html", "-o", "{}/out.html"), (align, check, run)),
        "case seal": Verb(seal, (align, check, run)),
        "case seal of the report": Verb((*seal, "--report-only"), (align, check, run, report)),
    }


def heard() -> None:
    """In the child: signals as a terminal gives them, though the tests may run where they are ignored."""
    for number in SIGNALS[1:]:
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)


def begin(words: tuple[str, ...], folder: Path) -> subprocess.Popen[bytes]:
    command = [str(SCRIPT), *(word.replace("{}", str(folder)) for word in words)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, preexec_fn=heard, cwd=folder)


def finish(words: tuple[str, ...], folder: Path) -> None:
    process = begin(words, folder)
    _, told = process.communicate(timeout=300)
    assert process.returncode == 0, (words, told.decode())


def files(folder: Path) -> dict[str, bytes]:
    """Every file under a final name, by path; names that begin with a dot are temporary."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in found
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }  # fmt: skip


def whole(name: str, data: bytes, reference: Mapping[str, bytes]) -> bool:
    """Whether a file is all of what the verb writes under that name; seconds in it may differ."""
    wanted = reference[name]
    if name.endswith(".json"):
        document = json.loads(data)
        return not (isinstance(document, dict) and "schema" in document and problems_of(document))
    if name.endswith(".html"):
        return data.rstrip().endswith(b"</html>")
    if name.startswith("bag") or name.endswith((".txt", ".csv", ".tmx", ".toml")):
        return data.count(b"\n") == wanted.count(b"\n") and data[-1:] == wanted[-1:]
    return data == wanted


def safely_whole(name: str, data: bytes, reference: Mapping[str, bytes]) -> bool:
    try:
        return whole(name, data, reference)
    except ValueError:  # no JSON
        return False


class Bench:
    """Folders in the state before each verb, the files after it, and how long it takes; made once each."""

    def __init__(self, place: Path) -> None:
        self.place, self.known = place, {}  # type: ignore[var-annotated]

    def state(self, name: str, verb: Verb) -> tuple[Path, dict[str, bytes], float]:
        if name not in self.known:
            start = self.place / f"before {len(self.known)}"
            start.mkdir()
            make_key(start)
            (start / "new.txt").write_text("The committee met on 3 May 2024.\n", encoding="utf-8")
            if any(CASE in word for word in verb.words):
                make_case(start)
            if MANY[0] in verb.words:
                make_copies(start / "many", len(MANY))
            for words in verb.before:
                finish(words, start)
            after = self.place / f"after {len(self.known)}"
            shutil.copytree(start, after)
            began = time.monotonic()
            finish(verb.words, after)
            self.known[name] = (start, files(after), time.monotonic() - began)
        return self.known[name]  # type: ignore[no-any-return]


def once(bench: Bench, at: int) -> str:
    """One run ended at a random moment, looked at, and tried again; "" or what is wrong."""
    every = verbs()
    rng = random.Random(f"{SEED}/{at}")
    name = sorted(every)[at % len(every)]
    verb, number = every[name], rng.choice(SIGNALS)
    start, reference, seconds = bench.state(name, verb)
    folder = bench.place / f"run {at}"
    shutil.copytree(start, folder)
    before = files(folder)
    process = begin(verb.words, folder)
    # half of the moments fall into the last third, where the writing is
    moment = seconds * (rng.uniform(0, 1.05) if rng.random() < 0.5 else rng.uniform(0.67, 1.1))
    try:
        process.wait(moment)
    except subprocess.TimeoutExpired:
        process.send_signal(number)
    _, told = process.communicate(timeout=60)
    wrong = [] if ended_well(process.returncode, number, told) else [f"ended with {process.returncode}: {told!r}"]
    for file, data in files(folder).items():
        if file not in reference:
            wrong.append(f"{file} is no file of this verb")
        elif data != before.get(file) and not safely_whole(file, data, reference):
            wrong.append(f"{file} is partial ({len(data)} bytes)")
    if not (bag := folder / "bag").exists() or process.returncode != 0:
        # a bag under its final name is whole: it must not be sealed again, and is not in the way of a try that was ended
        if bag.exists():
            finish(("case", "verify", "{}/bag", "--key", "{}/key"), folder)
            shutil.rmtree(bag)
        again = begin(verb.words, folder)
        _, told = again.communicate(timeout=300)
        if again.returncode != 0:
            wrong.append(f"the second try ended with {again.returncode}: {told!r}")
    missing = set(reference) - set(files(folder))
    wrong += [f"{file} is missing after the second try" for file in sorted(missing)]
    wrong += [f"{file} is new after the second try" for file in sorted(set(files(folder)) - set(reference))]
    shutil.rmtree(folder)
    return f"{at}, {name}, {number.name} after {moment:.3f} s of {seconds:.3f}: {'; '.join(wrong)}" if wrong else ""


def ended_well(code: int, number: int, told: bytes) -> bool:
    """By the signal's own code with one line, by the signal before forebear began (or for SIGKILL), or done before it came."""
    if code in (-number, 0):
        return True
    return number != signal.SIGKILL and code == 128 + number and told.count(b"\n") == 1


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("kills"))


@pytest.mark.slow
@pytest.mark.parametrize("at", range(MOMENTS))
def test_every_run_that_is_ended_leaves_whole_files_and_a_second_try_works(bench: Bench, at: int) -> None:
    assert once(bench, at) == ""


@pytest.mark.parametrize("name", ["compare html", "inspect json", "tokenizers lineage text", "case add"])
def test_some_runs_that_are_ended_leave_whole_files_and_a_second_try_works(bench: Bench, name: str) -> None:
    every = sorted(verbs())
    for round_ in range(2):
        assert once(bench, every.index(name) + len(every) * round_) == ""


@pytest.mark.parametrize(("name", "data", "sound"), [
    ("x.json", b'{"a": 1}', True), ("x.json", b'{"schema": "forebear/recipe/1"}', False), ("x.html", b"<html>", False),
    ("x.txt", b"one\ntw", False), ("x.txt", b"one\ntwo\n", True), ("x.bin", b"ab", False), ("x.bin", b"abc", True),
])  # fmt: skip
def test_a_partial_file_would_be_noticed(name: str, data: bytes, sound: bool) -> None:
    reference = {"x.json": b'{"a": 1}', "x.html": b"<html></html>\n", "x.txt": b"1\n2\n", "x.bin": b"abc"}
    assert whole(name, data, reference) is sound


def test_json_that_ends_early_is_no_document() -> None:
    with pytest.raises(ValueError):
        whole("x.json", b'{"a": ', {"x.json": b'{"a": 1}'})

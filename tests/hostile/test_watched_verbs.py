"""Python's audit hook over whole verbs and over a worker: after a warm-up nothing is imported or run, and written is only the output."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile.test_nothing_runs import write_all
from tests.hostile.verbs import BASE, OTHER, ROOT, case_verbs, make_case, make_key

HOOK = """
import os, sys
FORBIDDEN = ("import", "marshal", "pickle", "socket", "subprocess", "os.system", "os.exec", "os.spawn",
             "os.fork", "os.posix_spawn", "os.putenv", "os.link", "os.symlink", "os.truncate", "shutil", "tempfile",
             "code.", "function", "urllib", "http", "ftplib", "webbrowser", "mmap", "syslog", "sqlite3", "builtins.input")
CHANGES = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.chmod", "os.chown", "os.utime")
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
seen, ours, watching, allowed = [], set(), False, ""

def below(path):
    return isinstance(path, (str, os.PathLike)) and bool(allowed) and (os.path.abspath(path) + os.sep).startswith(allowed)

def hook(event, args):
    if event in ("compile", "exec") or event.startswith("ctypes."):
        # the parser compiles our annotations and the template engine our templates at every call, and the C library is asked
        # to keep memory: what the warm-up did too
        if not watching:
            ours.add(key(event, args))
        elif key(event, args) not in ours:
            seen.append((event, str(args[0])[:160]))
    elif not watching:
        return
    elif event == "open":
        if (args[2] if isinstance(args[2], int) else 0) & WRITES and not isinstance(args[0], int) and not below(args[0]):
            seen.append((event, str(args[0])))
    elif event in CHANGES:
        if not isinstance(args[0], int) and not below(args[0]) or event == "os.rename" and not below(args[1]):
            seen.append((event, str(args)))
    elif event.split(".")[0] in FORBIDDEN or event.startswith(FORBIDDEN):
        seen.append((event, str(args[:1])[:160]))

def key(event, args):
    # of what is compiled or run: its text, or the instructions and constants it was compiled to; of a function in C its name
    what = args[-1] if event.startswith("ctypes.") else args[0]
    return (event, what.co_code, str(what.co_names)) if hasattr(what, "co_code") else (event, str(what))

sys.addaudithook(hook)
"""
VERBS = """
import json
from forebear.cli.main import guarded, run
warm, watched, allowed_then = json.loads(sys.argv[1])
codes = []
for words in warm:
    guarded(lambda: run(words))
allowed = allowed_then
sys.stdout.flush()
for words in watched:
    watching = True
    code = guarded(lambda: run(words))
    watching = False
    codes.append(code)
print(json.dumps([codes, seen]), file=sys.stderr)
"""
WORKER = """
import json
from forebear.comparison import worker
first = True
def compare(pair, options):
    global watching
    watching = not pair[0].endswith("warm")
    try:
        return real(pair, options)
    finally:
        watching = False
        if pair[1].endswith("last"):
            print(json.dumps(seen), file=sys.stderr, flush=True)
real, worker.compare = worker.compare, compare
worker.main()
"""


def verbs_of(folder: Path) -> list[list[str]]:
    """Every verb over good and defective inputs below a folder; each writes into it."""
    folder.mkdir()
    write_all(folder / "files", defects=True)
    out = str(folder / "out")
    base, other = (str(shutil.copytree(path, folder / path.name)) for path in (BASE, OTHER))
    tokenizers = [f"{base}/tokenizer.json", f"{other}/tokenizer.json"]
    verbs = [
        *(["inspect", str(file), "--full", "-o", out] for file in sorted((folder / "files").iterdir())),
        *(["compare", base, str(file), "-o", out] for file in sorted((folder / "files").iterdir())[::7]),
        *(["compare", base, other, "--full", "--format", form, "-o", out] for form in ("text", "json", "html", "csv")),
        ["inspect", base, "--full", "--tokenizer", "--format", "html", "-o", out],
        ["inspect", base, "--format=csv"],
        ["inspect", f"{base}/config.json", "--against", f"{other}/config.json"],
        ["demo", "--format", "json"],
        ["compare", str(folder), "--quiet", "--format", "html", "-o", out],
        ["tokenizers", "cost", tokenizers[0], "--format", "html", "-o", out],
        ["tokenizers", "lineage", *tokenizers, "--format", "html", "-o", out],
        ["compare", base, other, "--no-such-option"],
        ["inspect", str(folder / "no such file")],
        ["--help"],
    ]
    return verbs + list(case_verbs(folder, make_case(folder), make_key(folder)).values())


def test_every_verb_reads_and_writes_its_output_and_does_nothing_else(tmp_path: Path) -> None:
    warm, cold = verbs_of(tmp_path / "warm"), verbs_of(tmp_path / "cold")
    given = json.dumps([warm, cold, f"{tmp_path / 'cold'}/"])
    done = subprocess.run(
        [sys.executable, "-P", "-W", "ignore", "-c", HOOK + VERBS, given],
        capture_output=True, text=True, timeout=300, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    codes, seen = json.loads(done.stderr.splitlines()[-1])
    assert seen == [], sorted({(event, what[:200]) for event, what in seen})[:20]
    assert len(codes) == len(cold)
    assert {0, 2, 3} == set(codes)
    assert not list(tmp_path.rglob("sprung"))
    assert not (ROOT / "sprung").exists()


def worker(pairs: list[tuple[str, str]], program: str = WORKER) -> subprocess.CompletedProcess[str]:
    options = {"budget": 2**26, "stated": False, "full": True, "architecture": None, "max_header": None, "reproduce": "x",
               "base": None, "looks": 1, "patience": {"timeout": 120.0, "deadline": 3600.0, "ends": float("inf")}}  # fmt: skip
    lines = "".join(json.dumps({"pair": pair, "options": options}) + "\n" for pair in pairs)
    # the input stays open until the last answer came: at its end a worker ends, in the middle of a pair too
    with subprocess.Popen([sys.executable, "-P", "-W", "ignore", "-c", HOOK + program], stdin=subprocess.PIPE, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(lines)
        process.stdin.flush()
        out = "".join(process.stdout.readline() for _ in pairs)
        process.stdin.close()
        return subprocess.CompletedProcess([], process.wait(), out, process.stderr.read())


def pairs_of(folder: Path) -> list[tuple[str, str]]:
    write_all(folder / "warm", defects=True)
    write_all(folder / "cold", defects=True)
    warm, same = (Path(shutil.copytree(BASE, folder / name)) for name in ("base-warm", "same"))
    cold, last = (Path(shutil.copytree(OTHER, folder / name)) for name in ("cold base", "last"))
    files = sorted((folder / "warm").iterdir())
    return [
        *((str(warm), str(file)) for file in files), (str(warm), str(cold)), (str(warm), str(same)),
        *((str(cold), str(file)) for file in sorted((folder / "cold").iterdir())), (str(cold), str(warm)),
        (str(cold), str(last)),
    ]  # fmt: skip


def test_a_worker_does_nothing_but_read(tmp_path: Path) -> None:
    pairs = pairs_of(tmp_path)
    done = worker(pairs)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stderr.splitlines()[-1]) == []
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(pairs)
    assert not [answer["error"] for answer in answers if str(answer["error"]).startswith("fault")]
    assert answers[-1]["document"]["verdict"]["relation"] == "identical"


@pytest.mark.parametrize(("done", "event"), [
    ("__import__('pickle').loads(b'cos\\ngetpid\\n.')", "pickle.find_class"), ("open('written', 'w')", "open"),
    ("eval('1')", "compile"), ("__import__('colorsys')", "import"), ("os.unlink('x')", "os.remove"),
])  # fmt: skip
def test_the_hook_would_notice(tmp_path: Path, done: str, event: str) -> None:
    done = done.replace("'written'", repr(str(tmp_path / "written")))
    planted = WORKER.replace(
        "    try:\n", f"    try:\n        {done}\n    except Exception:\n        pass\n    try:\n", 1
    )
    copies = [str(shutil.copytree(BASE, tmp_path / name)) for name in ("one", "last")]
    ended = worker([(copies[0], copies[1])], planted.replace("import json\n", "import json, pickle\n", 1))
    assert f'["{event}"' in ended.stderr

"""A signal ends a command with one line and the exit code of shells, at whatever moment, and leaves no worker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from forebear.core.threads import usable_cores
from tests.hostile.verbs import BASE, SCRIPT, make_copies

SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


def heard() -> None:
    """In the child: signals as a terminal gives them, though the tests may run where they are ignored."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)


def start(words: list[str], **more: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heard, start_new_session=True, **more
    )  # type: ignore[call-overload,no-any-return]


SLOW_IMPORT = """
import builtins, os, signal, sys, time
from forebear.cli import main
wanted, number, real = sys.argv[1], int(sys.argv[2]), builtins.__import__
def slowly(name, *more, **named):
    if name == wanted or name.startswith(wanted + "."):
        builtins.__import__ = real
        os.kill(os.getpid(), number)
        {how}
    return real(name, *more, **named)
builtins.__import__ = slowly
sys.argv = ["forebear", *sys.argv[3:]]
main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["forebear.cli.application", "typer", "numpy", "numpy._core", "numpy.linalg",
                                    "forebear.comparison.compare", "forebear.reports.show"])  # fmt: skip
def test_a_signal_while_a_module_is_imported_is_one_line(moment: str, number: int) -> None:
    for how in ("pass", "raise ImportError('and the import fails because of it')"):
        words = ["compare", str(BASE), str(BASE), "--format=text"]
        program = SLOW_IMPORT.format(how=how)
        done = subprocess.run(
            [sys.executable, "-c", program, moment, str(int(number)), *words],
            capture_output=True, text=True, timeout=120, check=False, preexec_fn=heard,
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (SIGNALS[signal.Signals(number)], "")
        assert done.stderr == f"forebear: stopped by {signal.Signals(number).name}\n"


def test_the_first_statement_of_main_is_the_handler() -> None:
    """Between it and the start of the program nothing is loaded that takes time."""
    import ast
    import inspect

    from forebear.cli import main as module_of_main

    tree = ast.parse(inspect.getsource(module_of_main))
    statements = tree.body[0].body
    first = (
        statements[1]
        if isinstance(statements[0], ast.Expr) and isinstance(statements[0].value, ast.Constant)
        else statements[0]
    )
    assert ast.unparse(first) == "stop_at_signals()"
    program = "import sys; before = set(sys.modules); from forebear.cli import main; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"numpy", "typer", "json", "rich", "jinja2", "subprocess"} & set(done.stdout.split())


def children_of(process: subprocess.Popen[bytes], wanted: int) -> list[psutil.Process]:
    """The workers of a command, once there are as many as wanted."""
    for _ in range(3000):
        found = psutil.Process(process.pid).children(recursive=True)
        if len(found) >= wanted or process.poll() is not None:
            return found
        time.sleep(0.02)
    return []


@pytest.fixture
def at_work(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[subprocess.Popen[bytes], list[psutil.Process]]]:
    """A command with workers."""
    if usable_cores() < 2:
        pytest.skip("one core: no worker is started")
    out, others = str(tmp_path / "out.json"), make_copies(tmp_path_factory.mktemp("many"), 60)
    process = start([str(SCRIPT), "compare", str(BASE), *others, "--quiet", "--format", "json", "-o", out])
    found = children_of(process, 2)
    assert len(found) >= 2
    yield process, found
    process.kill()
    process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
@pytest.mark.parametrize(("group", "pause"), [(False, 0.0), (True, 0.7)])
def test_no_worker_outlives_a_command_that_is_stopped(at_work, tmp_path: Path, number: int, group: bool, pause: float):
    """Sent to the command alone (kill), or to all of them (Ctrl-C at a terminal); while workers start, and later."""
    process, workers = at_work
    time.sleep(pause)
    (os.killpg if group else os.kill)(process.pid, number)
    _, told = process.communicate(timeout=60)
    if number == signal.SIGKILL:
        assert (process.returncode, told) == (-signal.SIGKILL, b"")
    else:
        assert process.returncode == SIGNALS[signal.Signals(number)]
        assert told.decode() == f"forebear: stopped by {signal.Signals(number).name}\n"
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive
    assert os.listdir(tmp_path) == []


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    ignored = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); "
    program = (
        ignored
        + "import os, threading; from forebear.cli import main; import sys; sys.argv = sys.argv[:1] + ['--version']; "
    )
    program += "import forebear.cli.main; from forebear.cli.signals import stop_at_signals; stop_at_signals(); os.kill(os.getpid(), 2); main()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_interrupted_call_of_the_library_ends_its_workers(tmp_path: Path) -> None:
    if usable_cores() < 2:
        pytest.skip("one core: no worker is started")
    program = (
        "import forebear, time\n"
        "try:\n"
        f"    forebear.compare({str(BASE)!r}, {make_copies(tmp_path, 60)!r})\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted', flush=True); time.sleep(60)\n"
    )
    process = start([sys.executable, "-c", program])
    workers = children_of(process, 2)
    process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    assert process.stdout.readline() == b"interrupted\n"
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive
    assert psutil.Process(process.pid).children() == []
    process.kill()
    process.communicate()

"""Python's own audit hook watches: after a warm-up, reading imports, executes, writes, connects and unpickles nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from tests.hostile import defects_gguf, defects_npz, defects_onnx, defects_torch, defects_zip
from tests.hostile.defects_torch import many, name, table, tensor, torch, word

PROGRAM = """
import os, sys, warnings
from pathlib import Path
from forebear.core.errors import RefusedError
from forebear.files.digests import value_digest
from forebear.files.sources import open_container

FORBIDDEN = ("import", "exec", "compile", "marshal", "pickle", "socket", "subprocess", "os.system", "os.exec", "os.spawn",
             "os.fork", "os.posix_spawn", "os.putenv", "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link",
             "os.symlink", "os.truncate", "os.chmod", "os.chown", "os.utime", "shutil", "tempfile", "ctypes", "code",
             "function", "urllib", "http", "ftplib", "webbrowser", "mmap", "syslog", "sqlite3", "builtins.input")
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
seen, watching = [], False

def hook(event, args):
    if not watching:
        return
    if event == "open" and (args[2] if isinstance(args[2], int) else 0) & WRITES:
        seen.append((event, str(args[0])))
    elif event.split(".")[0] in FORBIDDEN or event.startswith(FORBIDDEN):
        seen.append((event, str(args[:1])[:80]))

def read(folder):
    for path in sorted(Path(folder).iterdir()):
        try:
            container = open_container(path)
            for name in container.tensors:
                container.rows(name, 0, 1)
                container.read(name)
                value_digest(container, name, stored=True)
            container.close()
        except RefusedError:
            pass

sys.addaudithook(hook)
read(sys.argv[1])
warnings.simplefilter("ignore")
watching = True
read(sys.argv[2])
watching = False
print(seen)
"""
CALL = name("os", "mkdir") + many(word("sprung")) + b"R"


def write_all(folder: Path, *, defects: bool) -> None:
    folder.mkdir()
    good = {
        "a.gguf": defects_gguf.GOOD, "b.pt": defects_torch.GOOD, "c.pt": defects_torch.GOOD_LEGACY,
        "d.npz": defects_npz.GOOD, "e.onnx": defects_onnx.GOOD, "f.zip": defects_zip.archive(defects_zip.File()),
        "g.safetensors": save({"w": np.ones((4, 4), np.float32)}), "h.npy": defects_npz.npy(),
        "q.gguf": defects_gguf.gguf(tensors=(defects_gguf.tensor(sizes=(32,), kind=8),), data=34),
        "i.pt": torch(table(w=tensor(), t=CALL)), "j.pkl": defects_torch.DEFECTS["a plain pickle"][0],
    }  # fmt: skip
    for file, content in good.items():
        (folder / file).write_bytes(content)
    sets = {"gguf": defects_gguf.DEFECTS, "zip": defects_zip.DEFECTS, "pt": defects_torch.DEFECTS,
            "npy": defects_npz.ARRAY_DEFECTS, "npz": defects_npz.ARCHIVE_DEFECTS, "onnx": defects_onnx.DEFECTS}  # fmt: skip
    for suffix, table_of in sets.items() if defects else ():
        for i, (content, _) in enumerate(table_of.values()):
            (folder / f"x{i}.{suffix}").write_bytes(content)


def watched(tmp_path: Path, program: str = PROGRAM) -> str:
    write_all(tmp_path / "warm", defects=True)
    write_all(tmp_path / "cold", defects=True)
    command = [sys.executable, "-c", program, str(tmp_path / "warm"), str(tmp_path / "cold")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=Path.cwd())
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_reading_every_container_and_every_defect_does_nothing_but_read(tmp_path: Path) -> None:
    pytest.importorskip("gguf")
    assert watched(tmp_path) == "[]"
    assert not list(tmp_path.rglob("sprung"))
    assert not (Path.cwd() / "sprung").exists()


@pytest.mark.parametrize(("done", "event"), [
    ("import pickle; pickle.loads(b'cos\\ngetpid\\n.')", "pickle.find_class"), ("open(os.devnull, 'w')", "open"),
    ("eval('1')", "compile"), ("sys.modules.pop('colorsys', None); import colorsys", "import"),
    ("import socket; socket.socket().close()", "socket.__new__"),
])  # fmt: skip
def test_the_hook_would_notice(tmp_path: Path, done: str, event: str) -> None:
    program = PROGRAM.replace("watching = True\n", f"import socket, pickle\nwatching = True\n{done}\n")
    assert f"('{event}'" in watched(tmp_path, program)

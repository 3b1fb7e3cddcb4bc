"""Run the steps of the Dockerfile where no container engine is: its files, its installation, its entry point.

    python scripts/try_image.py

COPY, WORKDIR, RUN of pip, ENTRYPOINT and CMD are followed in a scratch folder with an environment of its own; what makes a user of
the image is left out and said. Fails where pip knows an extra not, where the entry point does not run, or where a model's card is
not read whole.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
MADE = shutil.ignore_patterns("__pycache__")
"""Not copied: what other processes compile meanwhile."""


def instructions() -> list[tuple[str, str]]:
    """The steps, each with its words."""
    text = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text("utf-8"))
    lines = [line.split(None, 1) for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(name, words) for name, words in lines]


def ran(words: list[str], cwd: Path, programs: Path) -> str:
    """Both outputs of a command of the image. Raises: SystemExit when it fails."""
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False, env={**os.environ, "PATH": path})
    if done.returncode:
        raise SystemExit(f"image: {' '.join(words)}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def main() -> int:
    """Follow the steps, then use what they make."""
    entry: list[str] = []
    with TemporaryDirectory(prefix="image-") as scratch:
        root = Path(scratch)
        venv.create(root / "environment", with_pip=True)
        programs, here = root / "environment" / "bin", root
        for name, words in instructions():
            if name == "WORKDIR":
                here = root / words.lstrip("/")
                here.mkdir(parents=True, exist_ok=True)
            elif name == "COPY":
                *sources, target = words.split()
                for source in sources:
                    found, place = ROOT / source, here / target
                    shutil.copytree(found, place, ignore=MADE, dirs_exist_ok=True) if found.is_dir() else shutil.copy(found, place)
            elif name == "RUN":
                for part in words.split(" && "):
                    if "pip install" not in part:
                        print(f"image: left out: {part}")
                        continue
                    said = ran([str(programs / "python"), *shlex.split(part)[1:]], here, programs)
                    if "does not provide the extra" in said:
                        raise SystemExit(f"image: {said.strip()}")
            elif name in ("ENTRYPOINT", "CMD"):
                entry += json.loads(words)
        assert "compare" in ran([str(programs / entry[0]), *entry[1:]], here, programs)
        model = Path(shutil.copytree(ROOT / "forebear/demo_data/base", here / "model"))
        (model / "README.md").write_text("---\nlicense: apache-2.0\n---\n- Layers: 4\n", "utf-8")
        found = json.loads(ran([str(programs / entry[0]), "verify", "model", "--format", "json"], here, programs))
        assert {"licence", "layers"} <= {claim["kind"] for claim in found["claims"]}, found["limits"]
    print("image: installed by the Dockerfile's steps and used")
    return 0


if __name__ == "__main__":
    sys.exit(main())

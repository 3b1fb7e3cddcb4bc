"""Build the sdist and the wheel into a folder, install each into a bare environment, and use it from outside the tree.

python scripts/try_packages.py FOLDER
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
TRIED: tuple[tuple[tuple[str, ...], str], ...] = (
    (("forebear", "--version"), "forebear "),
    (("forebear", "demo", "--quiet", "--brief"), "share weights"),
    (("python", "-m", "forebear", "--help"), "compare"),
    (("python", "-c", "import forebear; print(forebear.demo()['schema'])"), "forebear/matrix/2"),
)
"""What is run, and what it must print."""


def run(*words: str, cwd: Path | None = None) -> str:
    """Standard output of a command. Raises: CalledProcessError, after its output was printed, when it fails."""
    done = subprocess.run(words, capture_output=True, text=True, cwd=cwd, check=False)
    if done.returncode:
        print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
        done.check_returncode()
    return done.stdout


def main() -> int:
    """Build, install and try; the first failure ends it."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    target = Path(sys.argv[1]).resolve()
    with TemporaryDirectory() as work:
        tools = made(Path(work) / "tools")
        run(str(tools / "pip"), "install", "--quiet", "build", "hatchling>=1.25")
        run(str(tools / "python"), "-m", "build", "--no-isolation", "--outdir", str(target), str(ROOT))
        for package in sorted([*target.glob("*.whl"), *target.glob("*.tar.gz")]):
            place = Path(work) / package.suffix.strip(".")
            programs = made(place)
            run(str(programs / "pip"), "install", "--quiet", str(package))
            for words, wanted in TRIED:
                said = run(str(programs / words[0]), *words[1:], cwd=place)
                if wanted not in said:
                    print(f"{package.name}: {' '.join(words)} did not say {wanted!r}:\n{said}", file=sys.stderr)
                    return 1
            print(f"{package.name}: installed alone and used")
    return 0


def made(place: Path) -> Path:
    """A new environment; where its programs are."""
    venv.create(place, with_pip=True)
    return place / ("Scripts" if sys.platform == "win32" else "bin")


if __name__ == "__main__":
    raise SystemExit(main())

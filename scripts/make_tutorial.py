"""Write what the commands of the tutorials print, and the pictures of the pages they make.

    python scripts/make_tutorial.py [--check] [--pictures] [PAGE...]

Every line `$ ...` of a console block is run, in order, in one scratch folder for each page that holds the inputs named in PAGES;
what it prints is put below it, whole digests as `…`, since a record's has the time in it. --check: change nothing, fail where a
page differs. --pictures: take each page made by `-o NAME.html` as docs/pictures/NAME.png (needs chromium and chromedriver).
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = {"tutorial.md": ("demo", "forebear/demo_data"), "attest-tutorial.md": ("tiny", "examples/attest_run")}
"""Page of docs/ -> the name of the inputs its commands take, and where they are."""
BLOCK = re.compile(r"(?<=```console\n).*?(?=```)", re.DOTALL)
DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
PROGRAMS = {"forebear": f'"{sys.executable}" -m forebear.cli "$@" --quiet', "python": f'"{sys.executable}" "$@"'}
WIDTH, HEIGHT = 1000, 860


def written(page: str, text: str, folder: Path) -> str:
    """A page with what its commands print today, run in a folder."""
    name, source = PAGES[page]
    shutil.copytree(ROOT / source, folder / name)
    return BLOCK.sub(lambda block: "".join(ran(line, folder) for line in block[0].splitlines() if line.startswith("$ ")), text)


def ran(line: str, folder: Path) -> str:
    """A line `$ ...` with what the command prints below it."""
    shell = "".join(f"{name}() {{ {call}; }}\n" for name, call in PROGRAMS.items()) + line.removeprefix("$ ")
    done = subprocess.run(
        ["bash", "-c", shell], cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"tutorial: {line}: {done.stderr.strip()}")
    return f"{line}\n{DIGEST.sub('…', done.stdout)}"


def take_pictures(folder: Path) -> None:
    """Every page in a folder as a picture of its top."""
    sys.path.insert(0, str(ROOT))
    from tests.reports.browser import Browser

    with Browser() as browser:
        for page in sorted(folder.glob("*.html")):
            browser.look(page, width=WIDTH)
            (ROOT / "docs" / "pictures" / f"{page.stem}.png").write_bytes(browser.picture(WIDTH, HEIGHT))


def made(name: str, check: bool, pictures: bool) -> bool:
    """Write one page, or say whether it is what it would be."""
    page = ROOT / "docs" / name
    old = page.read_text("utf-8")
    with tempfile.TemporaryDirectory(prefix="tutorial-") as scratch:
        new = written(name, old, Path(scratch))
        if pictures:
            take_pictures(Path(scratch))
    if check:
        if new != old:
            print(f"docs/{name} differs from what its commands print; run python scripts/make_tutorial.py")
        return new == old
    page.write_text(new, "utf-8")
    return True


def main() -> int:
    """Every page, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--pictures", action="store_true")
    parser.add_argument("pages", nargs="*", metavar="PAGE", help=f"any of {', '.join(PAGES)}; all when none is named")
    args = parser.parse_args()
    return max(int(not made(name, args.check, args.pictures)) for name in args.pages or PAGES)


if __name__ == "__main__":
    raise SystemExit(main())

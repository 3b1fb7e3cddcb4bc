"""Write what the commands of docs/tutorial.md print, and the pictures of the pages they make.

    python scripts/make_tutorial.py [--check] [--pictures]

Every line `$ forebear ...` of a console block is run, in order, in one scratch folder that holds the demo's models as `demo`;
what it prints is put below it. --check: change nothing, fail where the page differs. --pictures: take each page made by
`-o NAME.html` as docs/pictures/NAME.png (needs chromium and chromedriver).
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "tutorial.md"
BLOCK = re.compile(r"(?<=```console\n).*?(?=```)", re.DOTALL)
WIDTH, HEIGHT = 1000, 860


def written(text: str, folder: Path) -> str:
    """The page with what its commands print today, run in a folder."""
    shutil.copytree(ROOT / "forebear" / "demo_data", folder / "demo")
    return BLOCK.sub(lambda block: "".join(ran(line, folder) for line in block[0].splitlines() if line.startswith("$ ")), text)


def ran(line: str, folder: Path) -> str:
    """A line `$ forebear ...` with what the command prints below it."""
    _, program, *words = shlex.split(line)
    if program != "forebear":
        raise SystemExit(f"tutorial: {line}: only forebear is run")
    done = subprocess.run(
        [sys.executable, "-m", "forebear.cli", *words, "--quiet"], cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"tutorial: {line}: {done.stderr.strip()}")
    return f"{line}\n{done.stdout}"


def take_pictures(folder: Path) -> None:
    """Every page in a folder as a picture of its top."""
    sys.path.insert(0, str(ROOT))
    from tests.reports.browser import Browser

    with Browser() as browser:
        for page in sorted(folder.glob("*.html")):
            browser.look(page, width=WIDTH)
            (ROOT / "docs" / "pictures" / f"{page.stem}.png").write_bytes(browser.picture(WIDTH, HEIGHT))


def main() -> int:
    """Write the page, or say whether it is what it would be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--pictures", action="store_true")
    args = parser.parse_args()
    old = PAGE.read_text("utf-8")
    with tempfile.TemporaryDirectory(prefix="tutorial-") as scratch:
        new = written(old, Path(scratch))
        if args.pictures:
            take_pictures(Path(scratch))
    if args.check:
        if new != old:
            print("docs/tutorial.md differs from what its commands print; run python scripts/make_tutorial.py")
        return int(new != old)
    PAGE.write_text(new, "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Pictures of every kind of page, for looking at: each language, 1280 and 400 pixels, light and dark, and paper.

    python scripts/look_at_pages.py INTO [--only KIND] [--language LANGUAGE]

The documents are real ones, made from the demo's checkpoints and the inputs of scripts/walk.py. INTO gets KIND.json, and for each
language KIND-LANGUAGE.html, KIND-LANGUAGE-1280-light.png and so on, and KIND-LANGUAGE.pdf. Needs chromium, chromedriver and, for
Chinese and Japanese, a font that has them (Debian: fonts-noto-cjk). docs/pages.md says what is looked for.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from forebear.reports.catalogue import LANGUAGES  # noqa: E402
from forebear.reports.show import rendered  # noqa: E402
from scripts.walk import called  # noqa: E402
from scripts.walk_inputs import needed, prepared  # noqa: E402
from tests.reports.browser import Browser  # noqa: E402

KINDS = {
    "related": "compare demo/descendant demo/base",
    "stranger": "compare demo/independent demo/base",
    "matrix": "compare demo/descendant demo/base demo/independent",
    "inspection": "inspect demo/base --full",
    "recipe": "recipe demo/descendant demo/base",
    "search": "library search demo/descendant --library known --prove",
    "tree": "library tree --library grown --prove",
    "verification": "verify demo/descendant --against demo/base --card card.md",
    "attestation": "attest verify run demo/independent",
    "cost": "tokenizers cost demo/base/tokenizer.json builtin:one-each --languages eng,jpn,cmn_hans",
    "lineage": "tokenizers lineage demo/descendant demo/base",
    "case": "case check case",
    "case-run": "case run case",
}
"""Kind of page -> the command whose document it shows."""
LOOKS = [(1280, False), (1280, True), (400, False), (400, True)]


def documents(only: str) -> dict[str, bytes]:
    """The document of each kind, as JSON."""
    with tempfile.TemporaryDirectory(prefix="look-") as scratch:
        here = prepared(Path(scratch), called)
        needed(called, "library add demo/base demo/independent demo/descendant --into grown", here)
        kinds = {kind: line for kind, line in KINDS.items() if only in ("", kind)}
        return {kind: _made(line, here) for kind, line in kinds.items()}


def _made(line: str, here: Path) -> bytes:
    code, out, said = called([*shlex.split(line), "--format", "json"], here)
    if code not in (0, 1):
        raise SystemExit(f"look: forebear {line}: {said}")
    return out.encode()


def take(browser: Browser, page: Path) -> None:
    """A page at every width and light, and on paper."""
    for width, dark in LOOKS:
        browser.look(page, width=width, dark=dark)
        page.with_name(f"{page.stem}-{width}-{'dark' if dark else 'light'}.png").write_bytes(browser.picture())
    page.with_suffix(".pdf").write_bytes(browser.paper())


def main() -> int:
    """Make every picture asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("into", type=Path)
    parser.add_argument("--only", default="", choices=["", *KINDS])
    parser.add_argument("--language", default="", choices=["", *LANGUAGES])
    asked = parser.parse_args()
    asked.into.mkdir(parents=True, exist_ok=True)
    with Browser() as browser:
        for kind, document in documents(asked.only).items():
            (asked.into / f"{kind}.json").write_bytes(document)
            for language in LANGUAGES:
                if asked.language in ("", language):
                    page = asked.into / f"{kind}-{language}.html"
                    page.write_bytes(rendered(json.loads(document), "html", language))
                    take(browser, page)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

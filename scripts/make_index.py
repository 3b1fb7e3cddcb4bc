"""Writes the index of families from their files: python scripts/make_index.py [--check] (exit code 1 when it is not current)."""

from __future__ import annotations

import json
import sys

from forebear.models.architecture.parse import load_definition
from forebear.models.architecture.registry import FOLDER, INDEX, entry_of


def main() -> int:
    """Write the index, or say whether it is current."""
    entries = [entry_of(load_definition(path)) for path in sorted(FOLDER.glob("*.toml"))]
    text = "[\n" + ",\n".join(json.dumps(entry) for entry in entries) + "\n]\n"
    if "--check" in sys.argv[1:]:
        return 0 if INDEX.read_text("utf-8") == text else 1
    INDEX.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

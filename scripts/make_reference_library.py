"""Make the reference library from every model and tokenizer that scripts/fetch_real.py has fetched, as one file.

    python scripts/make_reference_library.py

Weights become prints, tokenizers entries without weights. Beside the file stands a table of what is in it, the licence of each as
scripts/real.toml states it, and what was left out because it is not fetched. Prints hold no weights.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from fetch_real import find, manifest

import forebear

TARGET = Path(__file__).resolve().parent.parent / "forebear" / "library" / "reference.fblib"
HEAD = """# The reference library

`reference.fblib`, made by `scripts/make_reference_library.py`; `forebear library import` reads it. It holds prints and no weights.

| item | model or tokenizer | licence |
|---|---|---|
"""


def main() -> int:
    """Write the file and its table; 0 when something of every item that is here was added."""
    table, absent, nothing = HEAD, [], []
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "library"
        for item in manifest().values():
            if item.kind not in ("weights", "tokenizer"):
                continue
            place = find(item)
            if place is None:
                absent.append(item.name)
                continue
            about = item.kind == "tokenizer"
            added = forebear.library_add([place], into=library, about=about)
            if about and added["outcomes"].get("refused"):  # a folder of files under names of their own
                added = forebear.library_add(sorted(place.iterdir()), into=library, about=True)
            taken = [one for one in added["items"] if one["outcome"] != "refused"]
            nothing += [] if taken else [item.name]
            for one in taken:
                print(f"{one['outcome']:10} {item.name}: {one['name']}")
                table += f"| {item.name} | {one['name']} | {item.licence} |\n"
        whole = forebear.library_export(TARGET, library=library)
    table += f"\nNot fetched when it was made: {', '.join(absent) or 'nothing'}.\n"
    table += f"Fetched, and nothing of it was taken: {', '.join(nothing)}.\n" if nothing else ""
    TARGET.with_suffix(".md").write_text(table, "utf-8")
    print(f"{whole['models']} models, {whole['screens']} with a screen, {TARGET.stat().st_size:,} bytes")
    return 1 if nothing else 0


if __name__ == "__main__":
    raise SystemExit(main())

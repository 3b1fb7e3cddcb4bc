"""Makes the sample case from one table: original, Japanese and English, with every planted error and tempting passage marked.

    python examples/case_sample/make.py

Every word is ours; people, firms, models and events are invented. The traditional text comes from the simplified one by
OpenCC (configuration s2twp) with a few marked edits. Marks: [[tag|text]] a planted discrepancy, <<text>> a passage that
looks wrong and is right. An empty cell with a mark is an omission. The marks become answer_key.toml.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from forebear.casefile.checks.conversion import convert
from forebear.casefile.folder.toml import written

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from table import HANT_EDITS, PEOPLE, ROWS  # noqa: E402

MARK = re.compile(r"\[\[(?P<tag>[a-z0-9-]+)\|(?P<text>[^\]]*)\]\]|<<(?P<fine>[^>]*)>>")
COLUMNS = {"zh-hans": 0, "ja": 1, "en": 2}
HEADS = {
    "zh-hans": "---\ntitle: 夜航船手记\ndate: 2031-04-02\n---\n\n",
    "ja": "---\ntitle: 夜航船ノート\ntranslator: 匿名\n---\n\n",
    "en": "---\ntitle: Notes from the night boat\n---\n\n",
}


def strip(cell: str, source: str, row: int, original: str, key: dict[str, list[dict[str, object]]]) -> str:
    """The cell without marks; marks go to the key with the sentence they stand in."""
    plain = MARK.sub(lambda m: m["text"] if m["fine"] is None else m["fine"], cell)
    for match in MARK.finditer(cell):
        text = match["text"] if match["fine"] is None else match["fine"]
        entry = {"source": source, "row": row, "exact": text, "sentence": _bare(plain), "original": _bare(original)}
        if match["fine"] is None:
            key["planted"].append({"tag": match["tag"], **entry})
        else:
            key["tempting"].append(entry)
    return plain


def _bare(text: str) -> str:
    return re.sub(r"\*\*|^#+ ", "", MARK.sub(lambda m: m["text"] if m["fine"] is None else m["fine"], text))


def main() -> None:
    """Write sources/ and answer_key.toml."""
    key: dict[str, list[dict[str, object]]] = {"planted": [], "tempting": [], "link": []}
    texts: dict[str, list[str]] = {name: [] for name in COLUMNS}
    for number, row in enumerate(ROWS):
        if row == "":
            for lines in texts.values():
                lines.append("\n\n")
            continue
        for name, column in COLUMNS.items():
            cell = strip(row[column], name, number, row[0], key)
            space = " " if name == "en" and cell and not cell.startswith("#") else ""
            texts[name].append(cell + space)
    (HERE / "sources").mkdir(exist_ok=True)
    for name, lines in texts.items():
        body = re.sub(r"\n{3,}", "\n\n", "".join(lines)).replace(" \n", "\n").strip() + "\n"
        (HERE / "sources" / f"{name}.md").write_text(HEADS[name] + body, "utf-8")
    hant = convert((HERE / "sources" / "zh-hans.md").read_text("utf-8"), "s2twp")
    for tag, old, new in HANT_EDITS:
        if tag != "conversion-cut":
            assert hant.count(old) == 1, (old, hant.count(old))
            hant = hant.replace(old, new)
        assert new in hant, new
        key["planted"].append(
            {"tag": tag, "source": "zh-hant", "row": -1, "exact": new, "sentence": new, "original": ""}
        )
    (HERE / "sources" / "zh-hant.md").write_text(hant, "utf-8")
    cells = [r for r in ROWS if r != ""]
    for row in cells:
        for name in ("ja", "en"):
            if row[0] and row[COLUMNS[name]] and "[[omission" not in row[COLUMNS[name]]:
                right = re.sub(r"\[\[(?:addition|note)\|[^\]]*\]\]", "", row[COLUMNS[name]]).strip()
                key["link"].append({"left": _bare(row[0]), "right": _bare(right), "source": name})
    people = {"people": {"spellings": PEOPLE}}
    (HERE / "answer_key.toml").write_bytes(written({**key, **people}, head="Made by make.py; see its head."))
    print(f"{len(key['planted'])} planted, {len(key['tempting'])} tempting, {len(key['link'])} links")


if __name__ == "__main__":
    main()

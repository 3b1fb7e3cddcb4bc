"""Bytes into text: encodings, declared languages and odd characters, each fault said before anything is stored."""

from __future__ import annotations

import codecs
import encodings
import re
from dataclasses import dataclass

from forebear.casefile.folder.model import Seen
from forebear.casefile.text.scripts import script_counts
from forebear.core.errors import refusal
from forebear.core.messages import Message, message

MAX_SOURCE_BYTES = 64 * 2**20
"""Largest text source; larger files can be kept as bytes beside a transcript."""
MAX_LINE_CHARACTERS = 1_000_000
"""Longest line that is cut into segments; a novel's longest paragraph is far below it."""
OTHERS = ("gb18030", "big5hkscs", "cp932", "euc_jp", "utf-16")
"""Encodings tried, in this order, only to say what a file might be; a file is never decoded by a guess."""
NO_CHARSETS = frozenset(
    ("idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "utf_7", "utf7", "u7")
)
"""Codecs of Python that are no character set of a text: escapes, names of hosts; one of them is quadratic."""
HALVES = re.compile("[\ud800-\udfff]")
BIDI = re.compile("[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")
INVISIBLE = re.compile("[\u200b\u200c\u200d\u2060\ufeff\u00ad\U000e0000-\U000e007f]")
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True)
class Decoded:
    """Text with line ends made "\\n", the encoding used, and what was odd."""

    text: str
    encoding: str
    seen: tuple[Seen, ...]


def decode(data: bytes, where: str, encoding: str = "") -> Decoded:
    """Text of a source, by its byte order mark, the stated encoding, or UTF-8: never by a guess.

    Raises: RefusedError when the file is empty, too large, does not decode (first bad byte and line, encodings
    that would
            fit), changes encoding between lines, is not text, or has a line too long to cut.
    """
    if not data.strip():
        raise refusal(message("case_refused.white_space" if data else "case_refused.empty"), where=where)
    if len(data) > MAX_SOURCE_BYTES:
        raise refusal(message("case_refused.text_bytes", bytes=len(data), most=MAX_SOURCE_BYTES), where=where)
    if encoding and (not re.fullmatch(r"[A-Za-z0-9_.:-]{1,40}", encoding) or _key(encoding) in NO_CHARSETS):
        raise refusal(
            message("case_refused.unknown_encoding", encoding=repr(encoding)),
            where=where,
            todo=message("case_advice.name_charset"),
        )
    name = encoding or next((n for bom, n in _BOMS if data.startswith(bom)), "utf-8")
    try:
        text = data.decode(name)
    except LookupError as error:
        raise refusal(message("case_refused.unknown_encoding", encoding=repr(encoding)), where=where) from error
    except UnicodeError as error:
        raise refusal(_undecodable(data, name, error), where=where, todo=_advice(data)) from error
    if HALVES.search(text):
        raise refusal(message("case_refused.surrogates", encoding=name), where=where)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    longest = max(len(line) for line in text.split("\n"))
    if longest > MAX_LINE_CHARACTERS:
        raise refusal(
            message("case_refused.long_line", longest=longest, most=MAX_LINE_CHARACTERS),
            where=where,
            todo=message("case_advice.keep_bytes"),
        )
    if text.count("\x00") > 0:
        raise refusal(
            message("case_refused.nul", count=text.count(chr(0))),
            where=where,
            todo=message("case_advice.as_bytes"),
        )
    return Decoded(text, name, tuple(_oddities(text)))


def _key(encoding: str) -> str:
    return encodings.normalize_encoding(encoding).lower()


def _undecodable(data: bytes, name: str, error: UnicodeError) -> Message:
    start = getattr(error, "start", 0)
    line = data.count(b"\n", 0, start) + 1
    said = {"encoding": name, "byte": start, "line": line, "bad": data[start : start + 4].hex(" ")}
    mixed = _mixed(data) if name == "utf-8" else {}
    return message("case_refused.undecodable_mixed" if mixed else "case_refused.undecodable", **said, **mixed)


def _mixed(data: bytes) -> dict[str, int]:
    """How many lines are UTF-8 and how many are not, with the first and last of these; empty where encodings are not mixed."""
    lines = data.split(b"\n")
    good = [_fits(line, "utf-8") and not line.isascii() for line in lines]
    bad = [i + 1 for i, line in enumerate(lines) if not _fits(line, "utf-8")]
    if not any(good) or not bad:
        return {}
    return {"good": sum(good), "others": len(bad), "first": bad[0], "last": bad[-1]}


def _advice(data: bytes) -> Message:
    fits = [name for name in OTHERS if _fits(data, name)]
    return message("case_advice.decode_as", names=", ".join(fits)) if fits else message("case_advice.decode_none")


def _fits(data: bytes, name: str) -> bool:
    try:
        data.decode(name)
    except UnicodeError:
        return False
    return True


def _oddities(text: str) -> list[Seen]:
    seen = []
    for pattern, what in ((BIDI, "bidirectional"), (INVISIBLE, "invisible"), (CONTROL, "control")):
        places = [m.start() for m in pattern.finditer(text)]
        if places:
            code = f"U+{ord(text[places[0]]):04X}"
            seen.append(Seen(what, len(places), code, tuple(places[:5])))
    if "\ufffd" in text:
        seen.append(Seen("replacement", text.count(chr(0xFFFD))))
    return seen


def check_language(text: str, language: str, script: str, where: str) -> None:
    """Whether the text looks like the declared language and script at all.

    Raises: RefusedError when it plainly is another: what was counted is said.
    """
    n = script_counts(text)
    letters = n["han"] + n["kana"] + n["latin"] + n["other"]
    if letters < 20:
        return
    seen = _guess(n)
    fault = (language in ("zh", "ja", "en") and seen != language) or (
        language == "zh" and {"Hans": "Hant", "Hant": "Hans"}.get(script) == _variant(n)
    )
    if fault:
        declared = f"{language}-{script}" if script else language
        looks = f"{seen}-{_variant(n)}" if seen == "zh" and _variant(n) else seen
        said = message("case_refused.other_language", declared=declared, looks=looks,
                       **{kind: n[kind] for kind in ("han", "hans", "hant", "kana", "latin")})  # fmt: skip
        raise refusal(said, where=where, todo=message("case_advice.declare_language"))


def _guess(n: dict[str, int]) -> str:
    if n["kana"] >= 0.05 * max(1, n["han"] + n["kana"]) and n["kana"] > 5:
        return "ja"
    if n["han"] * 3 > n["latin"]:
        return "zh"
    return "en" if n["latin"] >= n["other"] else "other"


def _variant(n: dict[str, int]) -> str:
    if n["hans"] + n["hant"] < 5:
        return ""
    if n["hans"] > 4 * n["hant"]:
        return "Hans"
    return "Hant" if n["hant"] > 4 * n["hans"] else ""

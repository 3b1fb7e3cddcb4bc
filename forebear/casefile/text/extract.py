"""Readable text of a source: plain text, Markdown with front matter, HTML; what was left out is recorded."""

from __future__ import annotations

import re

from forebear.casefile.text.blocks import Block, Extract, Span
from forebear.casefile.text.html import extract_html

MEDIA = {
    ".txt": "text/plain",
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".html": "text/html",
    ".htm": "text/html",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
}
TEXT_MEDIA = ("text/plain", "text/markdown", "text/html")


def extract(text: str, media: str) -> Extract:
    """The text of a source of one of TEXT_MEDIA; equal input gives equal positions, for ever."""
    if media == "text/html":
        return extract_html(text)
    return _markdown(text) if media == "text/markdown" else _plain(text)


def _plain(text: str) -> Extract:
    """Blocks between blank lines; when there are none, every line is a block."""
    out = Extract(text=text)
    pattern = r"[^\n]+(?:\n[^\n]+)*" if re.search(r"\n[ \t\u3000]*\n", text.strip()) else r"[^\n]+"
    squeezed = re.sub(r"\n[ \t\u3000]+(?=\n)", lambda m: "\n" * len(m.group()), text)
    for match in re.finditer(pattern, squeezed):
        if match.group().strip():
            out.blocks.append(Block("paragraph", match.start(), match.end()))
    return out


_FENCE = re.compile(r"^\s{0,3}(```|~~~)")
_HEADING = re.compile(r"^\s{0,3}(#{1,6})\s+(.*?)\s*#*\s*$")
_ITEM = re.compile(r"^\s*(?:[-*+]|\d{1,3}[.)])\s+")
_RULE = re.compile(r"^\s{0,3}(?:(?:\*\s*){3,}|(?:-\s*){3,}|(?:_\s*){3,})$")


class _MarkdownReader:
    """Lines in, one Extract out; a block ends at a blank line or where another kind begins."""

    def __init__(self) -> None:
        self.out = Extract()
        self.parts: list[str] = []
        self.length = 0
        self.open: list[str] = []
        self.kind = "paragraph"

    def flush(self) -> None:
        """Close the open block and give it its place in the text."""
        if self.open:
            self.block(self.kind, "\n".join(self.open))
        self.open, self.kind = [], "paragraph"

    def block(self, kind: str, raw: str, level: int = 0) -> None:
        """Append one block, inline marks taken off unless it is code or front matter."""
        verbatim = kind in ("code", "front-matter")
        plain, emphasis = (raw, []) if verbatim else _inline(raw, self.out)
        if not plain.strip():
            return
        start = self.length
        self.out.blocks.append(Block(kind, start, start + len(plain), level))
        self.out.emphasis += [(start + a, start + b) for a, b in emphasis]
        self.parts.append(plain)
        self.length += len(plain) + 2

    def line(self, line: str) -> None:
        """One line outside code and front matter."""
        heading = _HEADING.match(line)
        if not line.strip() or _RULE.match(line):
            self.flush()
        elif heading:
            self.flush()
            self.block("heading", heading.group(2), len(heading.group(1)))
        elif _ITEM.match(line):
            self.flush()
            self.kind, self.open = "item", [_ITEM.sub("", line, count=1)]
        elif line.lstrip().startswith(">"):
            if self.kind != "quote":
                self.flush()
            self.kind = "quote"
            self.open.append(line.lstrip()[1:].lstrip())
        else:
            self.open.append(line.strip())


def _markdown(text: str) -> Extract:
    reader = _MarkdownReader()
    front = re.match(r"\ufeff?---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|$)", text, re.S)
    if front:
        reader.block("front-matter", front.group(1))
        text = text[front.end() :]
    fence: list[str] | None = None
    for line in text.split("\n"):
        if fence is not None:
            if _FENCE.match(line):
                reader.block("code", "\n".join(fence))
                fence = None
            else:
                fence.append(line)
        elif _FENCE.match(line):
            reader.flush()
            fence = []
        else:
            reader.line(line)
    if fence:
        reader.block("code", "\n".join(fence))
    reader.flush()
    reader.out.text = "\n\n".join(reader.parts)
    return reader.out


_COMMENT = r"(?P<comment><!--.*?-->)|"
_MARKS = (
    r"!\[(?P<image>[^\]\[\n]*)\]\((?P<imageurl>[^)\n]{0,4000})\)|\[(?P<link>[^\]\[\n]+)\]\((?P<url>[^)\n]{0,4000})\)"
    r"|(?P<foot>\[\^[^\]\[\n]+\])|`(?P<code>[^`\n]+)`|\*\*(?P<bold>[^*\n]+)\*\*|__(?P<bold2>[^_\n]+)__"
    r"|(?<![\w*])\*(?P<it>[^*\s][^*\n]*)\*(?!\*)|(?<!\w)_(?P<it2>[^_\s][^_\n]*)_(?!\w)|\\(?P<escape>[\\`*_{}\[\]()#+\-.!>])"
    r"|(?P<tag></?[A-Za-z][^<>\n]*>)"
)
"""No mark may hold its own opening, so that a run of openings costs one look each."""
_INLINE = re.compile(_COMMENT + _MARKS, re.S)
_NO_COMMENT = re.compile("(?P<comment>(?!))|" + _MARKS, re.S)


def _inline(raw: str, out: Extract) -> tuple[str, list[Span]]:
    """Text without inline marks, and where emphasis was; addresses, pictures, notes and tags are recorded as
    removed."""
    parts: list[str] = []
    spans: list[Span] = []
    length = at = 0
    closed = raw.rfind("-->") + 1  # behind it no comment ends: none is looked for
    later = _NO_COMMENT.search(raw)
    while True:
        if later is not None and later.start() < at:
            later = _NO_COMMENT.search(raw, at)
        early = _INLINE.search(raw, at, closed + 2) if at < closed else None
        match = early if early and (later is None or early.start() <= later.start()) else later
        if match is None:
            break
        kept = _kept(match, out)
        parts += [raw[at : match.start()], kept]
        length += match.start() - at
        if match.lastgroup in ("bold", "bold2", "it", "it2"):
            spans.append((length, length + len(kept)))
        length += len(kept)
        at = match.end()
    parts.append(raw[at:])
    return "".join(parts), spans


def _kept(match: re.Match[str], out: Extract) -> str:
    group = match.groupdict()
    if group["link"] is not None:
        out.remove("link address", group["url"])
        return str(group["link"])
    for name, what in (("comment", "comment"), ("foot", "footnote mark"), ("tag", "HTML tag")):
        if group[name] is not None:
            out.remove(what, group[name])
            return ""
    if group["imageurl"] is not None:
        out.remove("picture", match.group())
        return str(group["image"])
    return next(str(v) for k, v in group.items() if v is not None and k not in ("imageurl", "url"))

"""Text of an HTML page by the standard library's parser; scripts, styles, navigation and hidden parts are
recorded, not kept."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from forebear.casefile.text.blocks import Block, Extract

_DROP = {
    "script",
    "style",
    "noscript",
    "template",
    "nav",
    "footer",
    "aside",
    "form",
    "iframe",
    "object",
    "svg",
    "head",
    "button",
}
_BLOCK = {
    "p": "paragraph",
    "div": "paragraph",
    "section": "paragraph",
    "article": "paragraph",
    "li": "item",
    "dt": "item",
    "dd": "item",
    "td": "item",
    "th": "item",
    "blockquote": "quote",
    "pre": "code",
    "figcaption": "paragraph",
    "tr": "paragraph",
    "table": "paragraph",
    "ul": "paragraph",
    "ol": "paragraph",
    "dl": "paragraph",
    "main": "paragraph",
    "body": "paragraph",
    "header": "paragraph",
    "caption": "paragraph",
    "address": "paragraph",
    "hr": "paragraph",
}
_EMPHASIS = {"b", "strong", "em", "i", "mark", "u"}
_VOID = {"br", "hr", "img", "input", "meta", "link", "wbr", "area", "base", "col", "embed", "source", "track"}
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])", re.I)


def extract_html(text: str) -> Extract:
    """Blocks of a page in order, white space collapsed outside `pre`; removed parts recorded with their beginning."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return reader.finish()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out = Extract()
        self.parts: list[str] = []
        self.length = 0
        self.pieces: list[str] = []
        self.kinds: list[tuple[str, str, int]] = []
        self.dropping: list[str] = []
        self.dropped: list[str] = []
        self.reason = ""
        self.emphasis: list[tuple[str, int]] = []
        self.marks: list[tuple[int, int]] = []

    def _so_far(self) -> int:
        return len(_squeeze("".join(self.pieces), keep_end=True).lstrip())

    def _flush(self) -> None:
        raw = "".join(self.pieces)
        kind, level = (self.kinds[-1][1], self.kinds[-1][2]) if self.kinds else ("paragraph", 0)
        text = raw.strip("\n") if kind == "code" else _squeeze(raw).strip()
        if text:
            start = self.length
            self.out.blocks.append(Block(kind, start, start + len(text), level))
            self.out.emphasis += [
                (start + a, start + min(b, len(text))) for a, b in self.marks if a < min(b, len(text))
            ]
            self.parts.append(text)
            self.length += len(text) + 2
        self.pieces, self.marks = [], []
        self.emphasis = [(tag, 0) for tag, _ in self.emphasis]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open a block, an emphasis or a part that is left out."""
        if self.dropping:
            if tag not in _VOID:
                self.dropping.append(tag)
            return
        given = dict(attrs)
        hidden = (
            "hidden" in given
            or given.get("aria-hidden") == "true"
            or bool(_HIDDEN_STYLE.search(given.get("style") or ""))
        )
        if (tag in _DROP or hidden) and tag not in _VOID:
            self.reason = f"hidden {tag}" if hidden and tag not in _DROP else tag
            self.dropping, self.dropped = [tag], []
        elif tag == "br":
            self.pieces.append("\n" if self.kinds and self.kinds[-1][1] == "code" else " ")
        elif tag == "img":
            self.out.remove("picture", given.get("alt") or given.get("src") or "")
        elif tag in _BLOCK or re.fullmatch("h[1-6]", tag):
            self._flush()
            if tag not in _VOID:
                level = int(tag[1]) if tag[0] == "h" and tag[1:].isdigit() else 0
                self.kinds.append((tag, "heading" if level else _BLOCK[tag], level))
        elif tag in _EMPHASIS:
            self.emphasis.append((tag, self._so_far()))

    def handle_endtag(self, tag: str) -> None:
        """Close what the tag closes; a stray end tag closes nothing."""
        if self.dropping:
            if tag in self.dropping:
                while self.dropping.pop() != tag:
                    pass
                if not self.dropping:
                    self.out.remove(self.reason, "".join(self.dropped))
            return
        if tag in _EMPHASIS:
            for i in range(len(self.emphasis) - 1, -1, -1):
                if self.emphasis[i][0] == tag:
                    self.marks.append((self.emphasis.pop(i)[1], self._so_far()))
                    break
        elif any(tag == open_tag for open_tag, _, _ in self.kinds):
            self._flush()
            while self.kinds.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        """Text: kept, or counted with the part that is left out."""
        (self.dropped if self.dropping else self.pieces).append(data)

    def handle_comment(self, data: str) -> None:
        """A comment is recorded and left out."""
        self.out.remove("comment", data)

    def finish(self) -> Extract:
        """The extract, with a part left open to the end said."""
        if self.dropping:
            self.out.remove(f"{self.reason} never closed", "".join(self.dropped))
        self._flush()
        self.out.text = "\n\n".join(self.parts)
        return self.out


def _squeeze(text: str, keep_end: bool = False) -> str:
    out = re.sub(r"[ \t\n\r\f]+", " ", text)
    # a line break between two wide characters is no space
    out = re.sub(
        r"(?<=[\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef]) (?=[\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef])", "", out
    )
    return out if keep_end else out.strip()

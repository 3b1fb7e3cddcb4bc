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
        self.kinds: list[tuple[str, str]] = []
        self.dropping: list[str] = []
        self.dropped: list[str] = []
        self.reason = ""

    def _flush(self) -> None:
        raw = "".join(self.pieces)
        kind = self.kinds[-1][1] if self.kinds else "paragraph"
        text = raw.strip("\n") if kind == "code" else _squeeze(raw)
        if text:
            start = self.length
            self.out.blocks.append(Block(kind, start, start + len(text)))
            self.parts.append(text)
            self.length += len(text) + 2
        self.pieces = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open a block or a part that is left out."""
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
                self.kinds.append((tag, _BLOCK.get(tag, "heading")))

    def handle_endtag(self, tag: str) -> None:
        """Close what the tag closes; a stray end tag closes nothing."""
        if self.dropping:
            if tag in self.dropping:
                while self.dropping.pop() != tag:
                    pass
                if not self.dropping:
                    self.out.remove(self.reason, "".join(self.dropped))
            return
        if any(tag == open_tag for open_tag, _ in self.kinds):
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


def _squeeze(text: str) -> str:
    out = re.sub(r"[ \t\n\r\f]+", " ", text)
    # a line break between two wide characters is no space
    return re.sub(
        r"(?<=[\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef]) (?=[\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef])", "", out
    ).strip()

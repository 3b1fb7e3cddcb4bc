"""Small texts for tests of checks: one original and one translation, aligned and checked."""

from __future__ import annotations

from forebear.casefile.bitext.bitext import Text, align_texts, read_text
from forebear.casefile.checks.checker import check_case
from forebear.casefile.checks.findings import Finding
from forebear.casefile.checks.pair import Knowledge
from forebear.casefile.folder.model import Source
from forebear.casefile.text.extract import extract

FIVE_ZH = "模型有6层。数据来自3家公司。训练花了12天。团队有15个人。报告在5月发布。"
FIVE_EN = (
    "The model has 6 layers. The data came from 3 companies. Training took 12 days. The team had 15 people. "
    "The report came out in May."
)
SCRIPTS = {"zh": "Hans", "hant": "Hant", "ja": "Jpan", "en": "Latn"}


def text(name: str, language: str, body: str, of: str = "", conversion: str = "") -> Text:
    """A source of Markdown text that exists in memory only."""
    role = "machine-conversion" if conversion else "translation" if of else "original"
    tag = "zh" if language == "hant" else language
    source = Source(
        id=name, file="", sha256="", bytes=0, media="text/markdown", language=tag, script=SCRIPTS[language], role=role, of=of,
        conversion=conversion,
    )  # fmt: skip
    return read_text(source, extract(body, "text/markdown"))


def found(original: tuple[str, str], *others: tuple[str, str], known: Knowledge | None = None) -> list[Finding]:
    """Findings of an original (language, text) against its translations."""
    texts = {"o": text("o", *original)}
    texts |= {f"t{i}": text(f"t{i}", *other, of="o") for i, other in enumerate(others)}
    links = {("o", name): align_texts(texts["o"], texts[name]) for name in texts if name != "o"}
    return check_case(texts, links, known or Knowledge())


def rules_of(original: tuple[str, str], *others: tuple[str, str], known: Knowledge | None = None) -> list[str]:
    """Rule ids of those findings, sorted."""
    return sorted(f.rule for f in found(original, *others, known=known))

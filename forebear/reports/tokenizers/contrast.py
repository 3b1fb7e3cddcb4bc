"""Where two vocabularies differ outside their tokens, as sentences and examples that text and page share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from forebear.reports.catalogue import Catalogue
from forebear.reports.lines import Line, bullet, safe

Document = Mapping[str, Any]
_STEPS = ("normalizer", "pre_tokenizer", "merges")


def head_name(document: Document) -> str:
    """The candidate that the figures are about: the first parent."""
    return str(document["parents"][0]["name"])


def special_sentences(document: Document, words: Catalogue) -> list[str]:
    """Special tokens by name and id; empty where the document has none or says nothing of them."""
    found = document.get("special_tokens")
    if not found:
        return []
    ours, theirs = document["subject"]["name"], head_name(document)
    said = [words("lineage_page.special_same", count=found["same"])] if found["same"] else []
    rows = (("only_subject", "special_only", ours), ("only_candidate", "special_only", theirs),
            ("other_id", "special_other_id", theirs), ("ordinary_subject", "special_ordinary", ours),
            ("ordinary_candidate", "special_ordinary", theirs))  # fmt: skip
    for key, sentence, name in rows:
        if found[key]["count"]:
            said.append(words(f"lineage_page.{sentence}", name=name, tokens=_tokens(found[key], words)))
    for side, name in (("subject", ours), ("candidate", theirs)):
        places = found["placeholders"][side]
        if places["count"]:
            said.append(words("lineage_page.places", name=name, count=places["count"], first=places["first_id"],
                              last=places["last_id"], example=safe(places["example"], 40)))  # fmt: skip
    return said


def _tokens(found: Mapping[str, Any], words: Catalogue) -> str:
    named = [f"{safe(entry['text'], 40)} ({_ids(entry)})" for entry in found["tokens"]]
    return ", ".join([*named, *([words("lineage_page.and_more", count=found["more"])] if found["more"] else [])])


def _ids(entry: Mapping[str, Any]) -> str:
    return str(entry["id"]) if "id" in entry else f"{entry['subject_id']}, {entry['candidate_id']}"


def cut_sentences(document: Document, words: Catalogue) -> list[str]:
    """Normaliser, pre-tokeniser and merges as both files state them."""
    found = document.get("cuts")
    if not found:
        return []
    return [
        words(
            "page_looks.cut_plain" if _unsaid(found[key]) else "lineage_page.cut_step",
            step=words(f"lineage.step_{key}"),
            state=words(f"lineage_page.state_{found[key]['state']}"),
            here=_stated(found[key]["subject"], words),
            name=head_name(document),
            there=_stated(found[key]["candidate"], words),
        )
        for key in _STEPS
    ]


def _unsaid(step: Mapping[str, Any]) -> bool:
    """Whether neither file states a step."""
    return step["subject"] is None and step["candidate"] is None


def _stated(value: Sequence[str] | int | None, words: Catalogue) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    if value is None:
        return words("page_looks.unstated")
    return ", ".join(safe(step, 120) for step in value) or words("lineage_page.none")


def examples(document: Document) -> Sequence[Mapping[str, Any]]:
    """Short texts that the two cut differently: the text, and each one's pieces."""
    found = document.get("cuts")
    return found["examples"] if found else ()


def contrast_lines(document: Document, words: Catalogue) -> list[Line]:
    """Both contrasts as lines of text."""
    lines = []
    for title, sentences in (("special_title", special_sentences(document, words)),
                             ("cuts_title", cut_sentences(document, words))):  # fmt: skip
        if sentences:
            name = safe(head_name(document))
            lines += [Line(""), Line(words(f"lineage_page.{title}", name=name), "bold"), *bullet(sentences)]
    shown = examples(document)
    if shown:
        lines.append(Line(f"  {words('lineage_page.cut_example')}"))
    for example in shown:
        lines.append(Line(f"    “{safe(example['text'], 70)}”"))
        lines += [Line(f"      {safe(row['tokenizer'], 24)}: {_pieces(row['pieces'])}") for row in example["rows"]]
    return lines


def _pieces(pieces: Sequence[Mapping[str, str]]) -> str:
    return " | ".join(
        repr(safe(piece["text"], 40)) if "text" in piece else f"<{piece['hex']}>" for piece in pieces[:24]
    )

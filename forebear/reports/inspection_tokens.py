"""The audit of a tokenizer in an inspection, as rows and sentences that text and page share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from forebear.reports.catalogue import Catalogue
from forebear.reports.lines import safe

SHOWN = 8
"""Examples of a finding told in one row; the document holds more."""


def audit_rows(tokenizer: Mapping[str, Any], words: Catalogue) -> list[tuple[str, str]]:
    """What an audit found, as name and value."""
    audit = tokenizer["audit"]
    made = words(
        "tokens.made",
        **{
            key: f"{audit[part]:,}"
            for key, part in (("text", "text_tokens"), ("special", "special"), ("added", "added"))
        },
    )
    rows = [("holds", made), ("known", _known(audit["known"], words))]
    cut = audit.get("cut")
    if cut is not None and cut["how"] == "assumed":  # before every figure that rests on it
        rows.insert(0, ("cut", words("tokens.cut_guessed", name=cut["name"])))
    if audit["merges"] is not None:
        rows.append(("merges", f"{audit['merges']:,}"))
    rows += [(key, _listed(audit[key], words)) for key in ("unreachable", "orphans", "broken_utf8")]
    rows += [(key, f"{audit[key]:,}") for key in ("incomplete_utf8", "duplicates", "missing_bytes")]
    odd = audit["odd_special"]
    told = [f"{token(e, words)} ({words.text(e['why'])})" for e in odd[:SHOWN]]
    rows.append(("odd_special", _joined(told, len(odd), words) if odd else words("tokens.none")))
    rows.append(("untrained", _untrained(audit["untrained"], words)))
    return [(words(f"tokens.{key}"), value) for key, value in rows]


WHYS = ("unreachable", "untrained", "orphan", "broken_utf8")
"""What may be found about a token, in the order of the columns of CSV."""


def token_rows(found: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    """The list of tokens that a finding names, for CSV: id, bytes in hexadecimal, text, and each finding as true or false."""
    rows: list[list[Any]] = [["id", "bytes", "text", *WHYS]]
    for one in found:
        text = bytes.fromhex(one["bytes"]).decode("utf-8", "backslashreplace")
        rows.append([one["id"], one["bytes"], text, *(why in one["why"] for why in WHYS)])
    return rows


def audit_sentences(tokenizer: Mapping[str, Any]) -> list[Mapping[str, Any] | str]:
    """What beside the counts is odd about a tokenizer, as the document says it."""
    audit = tokenizer["audit"]
    return [s for key in ("labels", "artefacts", "odd") for s in audit[key]]


def token(example: Mapping[str, Any], words: Catalogue) -> str:
    """The text of a token between the quotes of a language, bytes that are no text in hexadecimal."""
    text = bytes.fromhex(example["bytes"]).decode("utf-8", "backslashreplace")
    return words("quoted.text", text=safe(text, 32))


def _known(known: Sequence[Mapping[str, Any]], words: Catalogue) -> str:
    if not known:
        return words("tokens.stranger")
    told = []
    for match in known:
        how = words.name("kinship", match["how"])
        order = f", {match['sampled_in_order']} / {match['sampled_shared']}" if "sample" in match["how"] else ""
        told.append(f"{safe(match['name'], 60)} ({how}{order})")
    return "; ".join(told)


def _listed(found: Mapping[str, Any] | None, words: Catalogue) -> str:
    if found is None:
        return words("tokens.not_looked")
    if not found["count"]:
        return words("tokens.none")
    told = [token(e, words) for e in found["examples"][:SHOWN]]
    return f"{found['count']:,}: {_joined(told, found['count'], words)}"


def _untrained(found: Mapping[str, Any] | None, words: Catalogue) -> str:
    if found is None:
        return words("tokens.not_looked")
    if not found["count"]:
        return words("tokens.none_of", rows=f"{found['rows']:,}")
    told = [token(e, words) for e in found["examples"][:SHOWN]]
    counts = words(
        "tokens.rows", count=f"{found['count']:,}", rows=f"{found['rows']:,}", text=f"{found['text_tokens']:,}"
    )
    return f"{counts}: {_joined(told, found['text_tokens'], words)}" if told else counts


def _joined(told: Sequence[str], total: int, words: Catalogue) -> str:
    return " ".join(told) + (f" {words('tokens.more')}" if total > len(told) else "")

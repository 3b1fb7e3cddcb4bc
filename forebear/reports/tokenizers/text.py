"""Tokenizer documents as lines of text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forebear.reports.lines import Line, safe, table, wrap

Document = Mapping[str, Any]
LONGEST_NAME = 24


def cost_lines(document: Document) -> list[Line]:
    """What each tokenizer costs: what is lost, then tokens per 1,000 characters by language, premiums, pairs."""
    names = [t["name"] for t in document["tokenizers"]]
    lines = [Line("What each tokenizer costs", "bold"), *_lossless(document["tokenizers"])]
    by_key = {(row["language"], row["tokenizer"]): row for row in document["rows"]}
    languages = list(dict.fromkeys(row["language"] for row in document["rows"]))
    header = ("text", *(name[:LONGEST_NAME] for name in names))
    lines += [Line(""), Line("Tokens per 1,000 characters", "bold")]
    lines += table(header, [(n, *(_cell(by_key.get((n, t)), "per_1000_characters") for t in names)) for n in languages])
    premiums = [n for n in languages if any(_get(by_key, n, t, "premium") is not None for t in names)]
    if premiums:
        lines += [Line(""), Line(f"Tokens for the same text, {document['reference']} = 1 (95 % interval)", "bold")]
        lines += table(header, [(n, *(_premium(by_key.get((n, t))) for t in names)) for n in premiums])
    lines += [Line(""), Line("How each cuts", "bold"), *_profiles(document["tokenizers"], document["width"])]
    lines += _pairs(document["comparisons"])
    lines += [Line(""), Line("What could not be done, and what to keep in mind", "bold")]
    for limit in document["limits"]:
        lines += wrap(f"- {limit}")
    return [*lines, Line(""), Line(f"again: {safe(document['reproduce'], 400)}", "dim")]


def _get(by_key: Mapping[tuple[str, str], Any], language: str, name: str, key: str) -> Any:
    row = by_key.get((language, name))
    return None if row is None else row[key]


def _cell(row: Mapping[str, Any] | None, key: str) -> str:
    if row is None:
        return "-"
    return f"{row[key]:,.0f}" + ("" if row["lossless"] else "!")


def _premium(row: Mapping[str, Any] | None) -> str:
    if row is None or row["premium"] is None:
        return "-"
    span = "" if row["low"] is None else f" ({row['low']:.2f}-{row['high']:.2f})"
    return f"{row['premium']:.2f}{span}"


def _lossless(tokenizers: Any) -> list[Line]:
    lines = []
    for entry in tokenizers:
        if entry["lossless"]:
            lines.append(Line(f"  {safe(entry['name'])}: every text comes back as it was given"))
            continue
        lines.append(
            Line(f"  {safe(entry['name'])}: {entry['failed_blocks']} blocks do NOT come back (marked !)", "yellow")
        )
        for failure in entry["failures"][:3]:
            given, back = safe(failure["given"], 40), safe(failure["came_back"], 40)
            lines.append(Line(f"    {safe(failure['where'])}: gave {given!r}, got {back!r}"))
    return lines


def _profiles(tokenizers: Any, width: int) -> list[Line]:
    rows = []
    for entry in tokenizers:
        size = entry["table_parameters"]
        rows.append((
            entry["name"][:LONGEST_NAME],
            entry["kind"],
            "-" if entry["ids"] is None else f"{entry['ids']:,}",
            "-" if size is None else f"{size / 1e6:,.0f} M",
            "+".join(map(str, entry["digits"])),
            "/".join(str(entry["spaces"][n]) for n in ("2", "4", "8", "16")),
            f"{entry['single']['Han (Simplified)']:.0%}",
            f"{entry['single']['emoji']:.0%}",
        ))  # fmt: skip
    header = (
        "tokenizer",
        "kind",
        "ids",
        f"table at width {width}",
        "1234567890",
        "2/4/8/16 spaces",
        "Han single",
        "emoji single",
    )
    return table(header, rows)


def _pairs(comparisons: Any) -> list[Line]:
    """Per pair of tokenizers: on how many texts each needs fewer tokens, and on how many there is no clear difference."""
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for row in comparisons:
        tally = counts.setdefault((row["a"], row["b"]), {})
        tally[row["outcome"]] = tally.get(row["outcome"], 0) + 1
    if not counts:
        return []
    rows = [(a[:LONGEST_NAME], b[:LONGEST_NAME], t.get("a needs fewer", 0), t.get("b needs fewer", 0),
             t.get("no clear difference", 0), t.get("cannot tell", 0)) for (a, b), t in counts.items()]  # fmt: skip
    header = ("a", "b", "a needs fewer", "b needs fewer", "no clear difference", "cannot tell")
    return [Line(""), Line("Pair by pair, texts on which", "bold"), *table(header, rows)]


def lineage_lines(document: Document) -> list[Line]:
    """Where a vocabulary comes from: the sentence, the parents, each candidate, scripts, stretches of ids."""
    lines = [Line(f"{safe(document['subject']['name'])}: {document['relation']}", "bold"), *wrap(document["words"])]
    for part in document["parents"]:
        lines.append(Line(f"  {part['share']:.1%} of it ({part['tokens']:,} tokens) stands as in {safe(part['name'])}"))
    for third in document["third_parties"]:
        lines += wrap(
            f"{third['name']} would explain the same {third['tokens']:,} tokens as well as {third['explains']}"
        )
    lines += [Line(""), Line("Each candidate by itself", "bold"), *_candidates(document["candidates"])]
    lines += [
        Line(""),
        Line("By script (of the first candidate that counts)", "bold"),
        *_scripts(document["by_script"]),
    ]
    lines += [Line(""), Line("Along the ids", "bold"), *_stretches(document["change_points"])]
    for artefact in document["artefacts"]:
        lines += wrap(f"converter: {artefact}")
    for item in document["evidence"]:
        chance = "-" if item["expected"] is None else f"{item['expected']:.1%}"
        lines += wrap(f"{item['candidate']}: {item['chain']:,} of {item['of']:,} in order (chance alone about {chance}); "
                      f"{item['kept']:,} in stretches where order is exact [{item['kind']}]")  # fmt: skip
    lines += [Line(""), Line("What to keep in mind", "bold")]
    for limit in document["limits"]:
        lines += wrap(f"- {limit}")
    return [*lines, Line(""), Line(f"again: {safe(document['reproduce'], 400)}", "dim")]


def _candidates(candidates: Any) -> list[Line]:
    rows = [(c["name"][:LONGEST_NAME], c["relation"], "-" if c["order_kept"] is None else f"{c['order_kept']:.3f}",
             f"{c['shared']:,}", f"{c['kept']:,}", f"{c['new']:,}", f"{c['dropped']:,}", f"{c['same_id']:,}")
            for c in candidates]  # fmt: skip
    return table(("candidate", "relation", "order kept", "shared", "kept", "new", "dropped", "same id"), rows)


def _scripts(by_script: Any, most: int = 14) -> list[Line]:
    rows = [(r["script"], f"{r['subject']:,}", f"{r['candidate']:,}", f"{r['shared']:,}", f"{r['kept']:,}")
            for r in by_script[:most]]  # fmt: skip
    return table(("script", "here", "candidate", "shared", "kept"), rows)


def _stretches(stretches: Any, most: int = 14) -> list[Line]:
    rows = []
    for s in stretches[:most]:
        kept = ", ".join(f"{safe(name, LONGEST_NAME)} {count:,}" for name, count in s["kept"].items() if count) or "-"
        rows.append(
            (
                f"{s['first_id']}-{s['last_id']}",
                f"{s['tokens']:,}",
                kept,
                f"{s['shared_out_of_order']:,}",
                f"{s['new']:,}",
            )
        )
    return table(("ids", "tokens", "kept from", "shared, moved", "new"), rows)

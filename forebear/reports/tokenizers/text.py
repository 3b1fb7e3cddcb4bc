"""Tokenizer documents as lines of text and as rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from forebear.reports.catalogue import Catalogue, catalogue
from forebear.reports.lines import Line, bullet, footer, safe, table, wrap
from forebear.reports.tokenizers.contrast import contrast_lines
from forebear.reports.tokenizers.first import OUTCOMES, cost_today, lineage_today
from forebear.tokens.sample import aliases, code_of

Document = Mapping[str, Any]
ENGLISH = "eng"
"""The language that others are measured by where it is among the texts."""
LONGEST_NAME = 24
SHOWN_FAILURES = 3
FEW = range(7)
"""How many pairs there are where each is told in a sentence."""
SHOWN_ROWS = 14
"""Scripts and stretches of ids that text shows; the page and the document have all of them."""
_COST_ROWS = ("tokenizer", "language", "tokens", "characters", "bytes", "per_1000_characters", "bytes_per_token", "premium",
              "low", "high", "money_per_1000_characters", "lossless", "unknown", "words", "tokens_per_word", "renyi_efficiency",
              "renyi_of_used", "ids_used")  # fmt: skip
_FORMS = ("composed", "as_given", "premium_as_given")
_LINEAGE_ROWS = ("name", "relation", "order_kept", "shared", "kept", "new", "dropped", "same_id", "id_shift")


def cost_lines(document: Document, language: str = "en") -> list[Line]:
    """What each tokenizer costs: what is lost, then tokens per 1,000 characters by language, premiums, pairs."""
    words, document = catalogue(language), cost_today(document)
    names = [t["name"] for t in document["tokenizers"]]
    first = cheapest(document, words) or [alone(document, words)]
    lines = [line for said in first for line in wrap(said, indent="", style="bold")]
    lines += [line for said in cheaper(document, words) for line in wrap(said)]
    lines += [Line(line.text, "yellow") for m in document.get("first", ()) for line in wrap(words.text(m))]
    lines += [*_lossless(document["tokenizers"], words), *_known(document["tokenizers"], words)]
    by_key = {(row["language"], row["tokenizer"]): row for row in document["rows"]}
    texts = list(dict.fromkeys(row["language"] for row in document["rows"]))
    header = (words("cost_page.text"), *map(marked, document["tokenizers"]))

    def shown(
        key: str, among: Sequence[str], cell: Callable[[Mapping[str, Any] | None], str], **values: Any
    ) -> list[Line]:
        rows = [(text_name(n, words), *(cell(by_key.get((n, t))) for t in names)) for n in among]
        return [Line(""), Line(words(f"cost_page.{key}", **values), "bold"), *table(header, rows)]

    lines += shown("per_thousand", texts, _cell)
    if document["reference"] is not None:
        reference = text_name(document["reference"], words)
        if document["reference"] != ENGLISH:
            lines += [Line(""), *wrap(words("cost_words.no_english", reference=reference), indent="")]
        lines += shown("same_text", document["languages"], _premium, reference=reference)
    worded = [n for n in document["languages"] if any((by_key.get((n, t)) or {}).get("tokens_per_word") for t in names)]
    lines += shown("per_word", worded, _per_word) if worded else []
    apart = [n for n in texts if any((by_key.get((n, t)) or {}).get("forms") for t in names)]
    lines += shown("forms", apart, _both_forms) if apart else []
    lines += [Line(""), Line(words("cost_page.made"), "bold"), *_profiles(document, words), *_uses(document, words)]
    lines += _pairs(document, words)
    return [*lines, *_limits(document, words), *footer(document, words)]


def cheapest(document: Document, words: Catalogue) -> list[str]:
    """Which tokenizer needs the fewest tokens: of a few texts for each, of more on how many; nothing where one stands alone, or
    where something has to be known before any figure."""
    found = () if document.get("first") else document.get("cheapest", ())
    if found and len(found) in FEW:
        one = not [t for t in document["tokenizers"] if t["kind"] != "scheme"][1:]  # beside ways of counting, it beats none
        return [
            words(
                "cost_alone.needs" if one else "cost_first.one_level" if row["level"] else "cost_first.one",
                text=text_name(row["language"], words), name=safe(row["tokenizer"], 60),
                tokens=f"{row['per_1000_characters']:,.0f}",
                others=words("many.joint").join(safe(name, 60) for name in row["level"]),
            )
            for row in found
        ]  # fmt: skip
    counts = Counter(row["tokenizer"] for row in found)
    shown = [words("cost_first.count", name=safe(name, 60), count=count) for name, count in counts.most_common()]
    return [words("cost_first.counts", counts=words("many.joint").join(shown), count=len(found))] if shown else []


def alone(document: Document, words: Catalogue) -> str:
    """What one tokenizer needs for the reference text; the title alone where several are weighed, or there is no such text."""
    texts = list(dict.fromkeys(row["language"] for row in document["rows"]))
    asked = document["reference"] or (None if texts[1:] else next(iter(texts), None))  # one text alone is no reference
    row = next((row for row in document["rows"] if row["language"] == asked), None)
    if document["tokenizers"][1:] or document.get("first") or row is None or row["per_1000_characters"] is None:
        return words("cost_page.title")
    return words("cost_alone.needs", name=safe(row["tokenizer"], 60), tokens=f"{row['per_1000_characters']:,.0f}",
                 text=text_name(row["language"], words))  # fmt: skip


def cheaper(document: Document, words: Catalogue) -> list[str]:
    """Of each pair of a few tokenizers, on how many texts which needs fewer tokens; ! behind one that loses text."""
    if len(document["pairs"]) not in FEW:
        return []
    name = {t["name"]: f"{safe(t['name'], 60)}{'' if t['lossless'] else '!'}" for t in document["tokenizers"]}
    return [
        words(
            "token_head.pair", a=name[p["a"]], b=name[p["b"]], fewer=p["texts"]["a-fewer"], more=p["texts"]["b-fewer"],
            level=p["texts"]["no-clear-difference"], open=p["texts"]["cannot-tell"],
        )
        for p in document["pairs"]
    ]  # fmt: skip


def origin(document: Document, words: Catalogue) -> str:
    """Where a vocabulary comes from, in one sentence with names."""
    same = [c["name"] for c in document["candidates"] if c["relation"] == document["relation"]]
    others = [p["name"] for p in document["parents"]] or same
    named = words("many.joint").join(safe(name, 60) for name in others)
    return words(f"token_head.{document['relation']}", subject=safe(document["subject"]["name"], 60), others=named)


def marked(tokenizer: Mapping[str, Any]) -> str:
    """A tokenizer's name for a table, with ! where some text does not come back whole."""
    name: str = safe(tokenizer["name"], LONGEST_NAME)
    return name if tokenizer["lossless"] else f"{name}!"


def _known(tokenizers: Any, words: Catalogue) -> list[Line]:
    found = [(t["name"], t["known_as"]) for t in tokenizers if t.get("known_as")]
    return [
        Line(f"  {words('cost_page.known_as', name=safe(name), known=safe(', '.join(known)))}") for name, known in found
    ]


def _per_word(row: Mapping[str, Any] | None) -> str:
    value = None if row is None else row.get("tokens_per_word")
    return "-" if row is None or value is None else f"{value:.2f}{_mark(row)}"


def _both_forms(row: Mapping[str, Any] | None) -> str:
    forms = None if row is None else row["forms"]
    if row is None or not forms:
        return "-"
    shown = f"{forms['composed']:,} / {forms['as_given']:,}"
    if row["premium"] is not None and forms["premium_as_given"] is not None:
        shown = f"{shown} ({row['premium']:.2f} / {forms['premium_as_given']:.2f})"
    return f"{shown}{_mark(row)}"


def _mark(row: Mapping[str, Any]) -> str:
    return "" if row["lossless"] else "!"


def _uses(document: Document, words: Catalogue) -> list[Line]:
    """How much of each vocabulary the text uses, and how evenly."""
    if not any(t.get("vocabulary_used") for t in document["tokenizers"]):
        return []
    rows = []
    for t in document["tokenizers"]:
        used = t["vocabulary_used"]
        share = "-" if used is None else f"{used['ids']:,} / {used['of']:,} ({used['share']:.1%})"
        figures = ("-" if t[key] is None else f"{t[key]:.3f}" for key in ("renyi_efficiency", "renyi_of_used"))
        rows.append((marked(t), share, *figures, f"{t['unknown']:,}"))
    header = (
        words("cost_page.tokenizer"),
        words("cost_page.used"),
        words("cost_page.renyi", order=document["renyi_order"]),
        words("cost_page.renyi_used"),
        words("cost_page.unknown_tokens"),
    )
    return [Line(""), Line(words("cost_page.uses"), "bold"), *table(header, rows)]


def text_name(name: str, words: Catalogue) -> str:
    """The name of a text that was weighed: of a language, of a domain, or of the file it is."""
    tongue = code_of(name, aliases())  # a corpus may call a language by another of its codes
    return words.name("tongue", tongue) if words.has(f"tongue.{tongue}") else words.name("domain", name)


def cost_rows(document: Document) -> list[list[Any]]:
    """One row a tokenizer and text."""
    heads = [*_COST_ROWS, *(f"tokens_{key}" if key in ("composed", "as_given") else key for key in _FORMS)]
    rows = (
        [*(row.get(key) for key in _COST_ROWS), *((row.get("forms") or {}).get(key) for key in _FORMS)]
        for row in document["rows"]
    )
    return [heads, *rows]


def _cell(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return "-"
    return f"{row['per_1000_characters']:,.0f}{_mark(row)}"


def _premium(row: Mapping[str, Any] | None) -> str:
    if row is None or row["premium"] is None:
        return "-"
    span = "" if row["low"] is None else f" ({row['low']:.2f}-{row['high']:.2f})"
    return f"{row['premium']:.2f}{span}{_mark(row)}"


def _lossless(tokenizers: Any, words: Catalogue) -> list[Line]:
    lines = []
    for entry in tokenizers:
        name = safe(entry["name"])
        if entry["lossless"]:
            lines.append(Line(f"  {name}: {words('cost_page.all_back')}"))
            continue
        lines.append(Line(f"  {name}: {lost(entry, words)}", "yellow"))
        for failure in entry["failures"][:SHOWN_FAILURES]:
            given, back = safe(failure["given"], 40), safe(failure["came_back"], 40)
            where = safe(text_name(failure["where"], words))
            both = f"{words('cost_page.given')} {given!r}, {words('cost_page.back')} {back!r}"
            lines.append(Line(f"    {where}: {both}"))
    return lines


def lost(entry: Mapping[str, Any], words: Catalogue) -> str:
    """What of a text one tokenizer loses."""
    if not entry["failed_blocks"]:
        return words("cost_page.unknown_put", count=entry["unknown"])
    return words("cost_page.not_back", count=entry["failed_blocks"])


def _profiles(document: Document, words: Catalogue) -> list[Line]:
    rows = [
        (
            marked(entry),
            entry["kind"],
            "-" if entry["ids"] is None else f"{entry['ids']:,}",
            "-" if entry["table_parameters"] is None else f"{entry['table_parameters']:,}",
            "+".join(map(str, entry["digits"])),
            " / ".join(str(entry["spaces"][n]) for n in ("2", "4", "8", "16")),
            f"{entry['single']['Han (Simplified)']:.0%}",
            f"{entry['single']['emoji']:.0%}",
            "-" if entry["characters_per_second"] is None else f"{entry['characters_per_second']:,.0f}",
        )
        for entry in document["tokenizers"]
    ]
    header = (
        *(words(f"cost_page.{key}") for key in ("tokenizer", "kind", "ids")),
        words("cost_page.table", width=document["width"]),
        *(words(f"cost_page.{key}") for key in ("digits", "spaces", "han", "emoji", "speed")),
    )
    return table(header, rows)


def _pairs(document: Document, words: Catalogue) -> list[Line]:
    """Per pair of tokenizers: on how many texts each needs fewer tokens, and on how many there is no clear difference."""
    if not document["pairs"]:
        return []
    names = {t["name"]: marked(t) for t in document["tokenizers"]}
    rows = [(names[p["a"]], names[p["b"]], *(p["texts"][o] for o in OUTCOMES)) for p in document["pairs"]]
    header = (words("cost_words.first"), words("cost_words.second"), *(words.name("outcome", o) for o in OUTCOMES))
    return [
        Line(""),
        Line(words("cost_page.pairs"), "bold"),
        *wrap(words("cost_page.pairs_note")),
        *table(header, rows),
    ]


def _limits(document: Document, words: Catalogue) -> list[Line]:
    return [Line(""), Line(words("text.keep"), "bold"), *bullet(words.text(limit) for limit in document["limits"])]


def lineage_lines(document: Document, language: str = "en") -> list[Line]:
    """Where a vocabulary comes from: the sentence, the parents, each candidate, scripts, stretches of ids."""
    words, document = catalogue(language), lineage_today(document)
    lines = [
        *wrap(origin(document, words), indent="", style="bold"),
        *wrap(words.statements(document["words"])),
        *(line for sentence in parts(document, words) for line in wrap(sentence)),
    ]
    lines += [Line(""), Line(words("lineage_page.candidates"), "bold"), *_candidates(document["candidates"], words)]
    lines += [Line(""), Line(words("lineage_page.scripts"), "bold"), *_scripts(document["by_script"], words)]
    lines += [Line(""), Line(words("lineage_page.ids"), "bold"), *_stretches(document["change_points"], words)]
    lines += [line for one in seen(document, words) for line in wrap(one)]
    lines += contrast_lines(document, words)
    lines += [Line(""), Line(words("lineage_page.evidence"), "bold")]
    lines += [line for item in document["evidence"] for line in wrap(evidence_words(item, words))]
    return [*lines, *_limits(document, words), *footer(document, words)]


def parts(document: Document, words: Catalogue) -> list[str]:
    """What comes from whom, and who would explain it as well."""
    said = [
        words(
            "lineage_page.parent" if p.get("by", "order") == "order" else "lineage_page.parent_tokens",
            share=p["share"],
            count=p["tokens"],
            name=p["name"],
        )
        for p in document["parents"]
    ]
    said += [
        words(
            "lineage_page.third" if t.get("as_well", True) else "lineage_page.within",
            name=t["name"],
            count=t["tokens"],
            explains=t["explains"],
        )
        for t in document["third_parties"]
    ]
    return said


def seen(document: Document, words: Catalogue) -> list[str]:
    """What a converter left behind in the subject."""
    return [f"{words('lineage_page.converter')}: {words.text(artefact)}" for artefact in document["artefacts"]]


def evidence_words(item: Mapping[str, Any], words: Catalogue) -> str:
    """The figure of one candidate as a sentence."""
    if item["expected"] is None:
        return words("lineage_page.nothing_shared", name=item["candidate"])
    figures = {key: item[key] for key in ("chain", "of", "kept", "expected")}
    return words("lineage_page.figure", name=item["candidate"], kind=words.name("kind", item["kind"]), **figures)


def lineage_rows(document: Document) -> list[list[Any]]:
    """One row a candidate."""
    return [list(_LINEAGE_ROWS), *([row[key] for key in _LINEAGE_ROWS] for row in document["candidates"])]


def _columns(words: Catalogue, *names: str) -> tuple[str, ...]:
    return tuple(words(f"lineage_page.{name}") for name in names)


def _candidates(candidates: Any, words: Catalogue) -> list[Line]:
    rows = [(c["name"][:LONGEST_NAME], words.name("kin", c["relation"]),
             "-" if c["order_kept"] is None else f"{c['order_kept']:.1%}", f"{c['shared']:,}", f"{c['kept']:,}",
             f"{c['new']:,}", f"{c['dropped']:,}", f"{c['same_id']:,}") for c in candidates]  # fmt: skip
    return table(
        _columns(words, "candidate", "relation", "order_kept", "shared", "kept", "new", "dropped", "same_id"), rows
    )


def _scripts(by_script: Any, words: Catalogue) -> list[Line]:
    rows = [(words.name("script", r["script"]), f"{r['subject']:,}", f"{r['candidate']:,}", f"{r['shared']:,}",
             f"{r['kept']:,}") for r in by_script[:SHOWN_ROWS]]  # fmt: skip
    return table(_columns(words, "script", "here", "candidate", "shared", "kept"), rows)


def _stretches(stretches: Sequence[Mapping[str, Any]], words: Catalogue) -> list[Line]:
    rows = []
    for s in stretches[:SHOWN_ROWS]:
        kept = ", ".join(f"{safe(name, LONGEST_NAME)} {count:,}" for name, count in s["kept"].items() if count) or "-"
        ids = f"{s['first_id']}-{s['last_id']}"
        rows.append((ids, f"{s['tokens']:,}", kept, f"{s['shared_out_of_order']:,}", f"{s['new']:,}"))
    return table(_columns(words, "range", "tokens", "kept_of", "shared_moved", "new"), rows)

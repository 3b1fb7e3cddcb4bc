"""An inspection document in words."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from forebear.core.sizes import show_size
from forebear.reports.catalogue import Catalogue, catalogue
from forebear.reports.inspection_tokens import audit_rows, audit_sentences, token_rows
from forebear.reports.lines import Line, bullet, footer, local_name, padded, safe, table, wrap

SHOWN_TENSORS = 24
STATISTICS = ("min", "max", "mean", "std", "nan")


def inspection_lines(document: Mapping[str, Any], language: str = "en") -> list[Line]:
    """Text report of a forebear/inspection document."""
    words = catalogue(language)
    said = sentence(document, words)
    lines = [*wrap(title(document, words), indent="", style="bold"), *wrap(said, indent=""), *([Line("")] if said else [])]
    lines += [Line(f"{padded(name, 13)} {value}") for name, value in head(document, words)]
    if document["tokenizer"] and document["tokenizer"].get("audit"):
        lines += [Line(""), Line(words("tokens.title"), "bold"), *_audit(document["tokenizer"], words)]
    axes = document["architecture"]["axes"]
    if axes:
        names = tuple(words(f"inspect.{key}") for key in ("axis", "scope", "order", "sign", "withheld"))
        lines += [Line(""), Line(words("inspect.axes"), "bold"), *table(names, axis_rows(axes, words))]
    if document["tensors"]:
        lines += [Line(""), Line(words("page.tensors"), "bold"), *_tensors(document["tensors"], words)]
    if document.get("arithmetic"):
        lines += [Line(""), Line(words("page.arithmetic"), "bold"), *_arithmetic(document["arithmetic"], words)]
    residue = [residue_words(t, words) for t in document["residue"]]
    told = (("claims", document["claims"]), ("residue", residue), ("odd", document["odd"]))
    for key, found in told:
        if found:
            lines += [
                Line(""),
                Line(words(f"inspect.{key}"), "bold"),
                *bullet(words.text(s) for s in found),
            ]
    if document["limits"]:
        limits = (words.text(s) for s in document["limits"])
        lines += [Line(""), Line(words("page.limits"), "bold"), *bullet(limits)]
    return lines + footer(document, words)


def title(document: Mapping[str, Any], words: Catalogue) -> str:
    """Whose contents these are, by the name that was asked about."""
    names = document["container"]["names"] or ["?"]
    return words("inspect.page_title", name=safe(asked(document) or names[0], 80))


def sentence(document: Mapping[str, Any], words: Catalogue) -> str:
    """What is in the file, in one sentence; "" where its architecture is not known."""
    if not (document["architecture"]["recognised"] and document["layers"] and document["dtypes"]):
        return ""
    said = words(
        "figure_inside.sentence", family=safe(document["architecture"]["family"]), layers=document["layers"],
        width=document["width"], parameters=document["parameters"], types=words("many.joint").join(map(safe, document["dtypes"])),
    )  # fmt: skip
    odd = "" if document["odd"] else words("inspect.none_odd")
    return said + ("" if words("found.stop") == "。" or not odd else " ") + odd


def asked(document: Mapping[str, Any]) -> str:
    """What was asked about, as the command names it: `forebear inspect NAME`."""
    try:
        words = shlex.split(document["reproduce"])
    except ValueError:  # of a document that another version wrote
        words = []
    return local_name(words[2]) if words[:2] == ["forebear", "inspect"] and words[2:] else ""


def head(document: Mapping[str, Any], words: Catalogue) -> list[tuple[str, str]]:
    """What stands at the top: names and values."""
    container, architecture = document["container"], document["architecture"]
    alone = container["kind"] == "tokenizer"  # no weights to tell of
    dtypes = _by_type(document["dtypes"], words)
    kind = safe(words.name("container", container["kind"]))
    files = words("inspect.files", kind=kind, count=container["files"], size=show_size(container["bytes"]))
    unknown = "" if architecture["recognised"] else f" ({words('inspect.unknown')})"
    count = words("inspect.count", parameters=f"{document['parameters']:,}", tensors=len(document["tensors"]))
    rows = [
        ("container", files),
        ("architecture", words("adapters.architecture") if document.get("adapter") else safe(architecture["family"]) + unknown),
        ("layers", str(document["layers"] or "-")),
        ("width", str(document["width"] or "-")),
        ("parameters", count),
        ("dtypes", dtypes or "-"),
    ][: 1 if alone else None]
    if document.get("adapter"):
        rows[1:1] = [("adapter", _adapter(document["adapter"], words)), ("base", safe(document["adapter"]["base"] or "-"))]
    if document["value_grid"]:
        rows.append(("value_grid", _by_type(document["value_grid"], words)))
    if document["tokenizer"]:
        t = document["tokenizer"]
        gaps = t.get("gaps", 0)
        values = {"kind": safe(t["kind"]), "count": f"{t['tokens']:,}", "file": safe(t["file"])}
        highest = {"highest": f"{t['highest_id']:,}"} if gaps else {}
        rows.append(("tokenizer", words("inspect.tokens_to" if gaps else "inspect.tokens", **values, **highest)))
    if container.get("header_digest"):
        rows.append(("header_digest", safe(container["header_digest"])))
    names = {"adapter": "adapters.name", "base": "adapters.base"}
    return [(words(names.get(key, f"inspect.{key}")), value) for key, value in rows]


def _by_type(counts: Mapping[str, int], words: Catalogue) -> str:
    """How many tensors each type has."""
    return words("found.joint").join(words("look.of_type", name=safe(name), count=count) for name, count in counts.items())


def _adapter(adapter: Mapping[str, Any], words: Catalogue) -> str:
    """An adapter in one line: kind, ranks, alpha, the matrices that it changes."""
    kind, ranks = safe(words.name("adapters", adapter["kind"])), ", ".join(map(str, adapter["ranks"]))
    if not ranks:
        return kind
    alpha = "-" if adapter["alpha"] is None else f"{adapter['alpha']:g}"
    modules = words("many.joint").join(safe(name) for name in adapter["modules"])
    return words("adapters.line", kind=kind, ranks=ranks, alpha=alpha, count=adapter["matrices"], modules=modules)


def _audit(tokenizer: Mapping[str, Any], words: Catalogue) -> list[Line]:
    lines = []
    for name, value in audit_rows(tokenizer, words):
        first, *rest = wrap(value, 84, indent="") or [Line("")]
        lines.append(Line(f"  {name}: {first.text}"))
        lines += [Line(f"      {line.text}") for line in rest]
    return lines + bullet(words.text(s) for s in audit_sentences(tokenizer))


def axis_rows(axes: Sequence[Mapping[str, Any]], words: Catalogue) -> list[tuple[str, ...]]:
    """Axes as rows: name, scope, order, sign, why withheld."""
    yes = {True: words("term.yes"), False: words("term.no")}
    return [
        (
            words.name("axis_word", a["axis"]),
            " / ".join(words.name("axis_word", one) for one in a["scope"].split("/")),
            yes[bool(a["permutation"])],
            yes[bool(a["sign"])],
            words.text(a["withheld"] or ""),
        )
        for a in axes
    ]


def tensor_cells(t: Mapping[str, Any], words: Catalogue) -> tuple[str, ...]:
    """A tensor as text cells: name, type, shape, part, and statistics where they were read."""
    part = words.name("part", t.get("part") or "")
    inferred = words("inspect.inferred", part=part) if t.get("inferred") else part
    cells = (t["name"], t["dtype"], "x".join(str(s) for s in t["shape"]) or words("inspect.scalar"), inferred)
    return cells + tuple(figure(t.get(key)) for key in STATISTICS) if "digest" in t else cells


def figure(value: Any) -> str:
    """A statistic in five digits."""
    return "-" if value is None else (f"{value:.5g}" if isinstance(value, float) else str(value))


def _tensors(tensors: Sequence[Mapping[str, Any]], words: Catalogue) -> list[Line]:
    shown = [tensor_cells(t, words) for t in tensors[:SHOWN_TENSORS]]
    keys = ("name", "dtype", "shape", "part", *(STATISTICS if len(shown[0]) > 4 else ()))
    lines = table(tuple(words(f"inspect.{key}") for key in keys), shown)
    rest = len(tensors) - len(shown)
    return [*lines, Line(f"  {words('inspect.more', count=rest)}", "dim")] if rest > 0 else lines


def residue_words(trace: Mapping[str, Any], words: Catalogue) -> str:
    """One trace in words: where, what kind, the text, the families it names."""
    where = f"{trace['file']}:{trace['line']}" if trace["line"] else trace["file"]
    names = f" [{', '.join(trace['names'])}]" if trace["names"] else ""
    return f"{where}, {words.name('trace', trace['kind'])}: {trace['text']}{names}"


def _arithmetic(found: Mapping[str, Any], words: Catalogue) -> list[Line]:
    lines = bullet(words.text(s) for s in found["words"])
    changes, alone = change_rows(found), alone_rows(found, words)
    if changes:
        names = tuple(words(f"count.{k}") for k in ("key", "from", "to", "alone", "step"))
        lines += [Line(""), Line("  " + words("count.changes")), *table(names, changes)]
    if alone:
        names = tuple(words(f"count.{k}") for k in ("key", "from", "needed", "reached", "agrees"))
        lines += [Line(""), Line("  " + words("count.each_alone")), *table(names, alone)]
    if found.get("open"):
        names = tuple(words(f"count.{k}") for k in ("value", "reached", "difference", "agrees"))
        lines += [
            Line(""),
            Line("  " + words("count.open", key=safe(found["open"]["key"]))),
            *table(names, open_rows(found, words)),
        ]
        lines += table((words("count.multiple"), words("count.values")), round_rows(found))
    return lines


def change_rows(found: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Changed keys: from, to, what each does alone, and what it adds after those before it."""
    return [
        (safe(c["key"]), safe(c["from"]), safe(c["to"]), signed(c["alone"]), signed(c["step"]))
        for c in found.get("changes", ())
    ]


def alone_rows(found: Mapping[str, Any], words: Catalogue) -> list[tuple[str, ...]]:
    """How far each key alone would have to go to reach the other count."""
    return [
        (
            safe(a["key"]),
            f"{a['from']:,}",
            _whole(a["needed"]),
            _whole(a["parameters"]),
            words(f"term.{'yes' if a['agrees'] else 'no'}"),
        )
        for a in found.get("alone", ())
        if found.get("claimed") or found.get("difference")
    ]


def open_rows(found: Mapping[str, Any], words: Catalogue) -> list[tuple[str, ...]]:
    """Round values of the open key and what they lead to."""
    return [
        (
            f"{r['value']:,}",
            f"{r['parameters']:,}",
            signed(r["difference"]),
            words(f"term.{'yes' if r['agrees'] else 'no'}"),
        )
        for r in found["open"]["rows"]
    ]


def round_rows(found: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """For each step, the values that are its multiples and reach the claim."""
    return [
        (f"{r['multiple_of']:,}", ", ".join(f"{v:,}" for v in r["values"][:8]) or "–") for r in found["open"]["round"]
    ]


def signed(value: int | None) -> str:
    """A change with its sign."""
    return "–" if value is None else f"{value:+,}"


def _whole(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def inspection_rows(document: Mapping[str, Any]) -> list[list[Any]]:
    """The table of tensors for CSV, of a tokenizer alone its list of tokens; columns are those of the document, English."""
    if document["container"]["kind"] == "tokenizer" and "list" in (document["tokenizer"] or {}).get("audit", {}):
        return token_rows(document["tokenizer"]["audit"]["list"])
    keys = ["name", "dtype", "shape", "part", "parameters", "bytes", "min", "max", "mean", "std", "nan", "infinite", "zeros",
            "value_grid", "constant", "digest"]  # fmt: skip
    rows: list[list[Any]] = [keys]
    for t in document["tensors"]:
        rows.append(["x".join(map(str, t["shape"])) if k == "shape" else t.get(k) for k in keys])
    return rows

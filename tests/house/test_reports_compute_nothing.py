"""Reports draw and say figures; they neither compute nor compare them (docs/architecture.md#rule-3).

Two rules. Outside the modules that place shapes on a page, arithmetic and comparisons of size stand only in the functions listed
here, each with its reason. And everywhere, what fills a sentence is a value of the document or a count of what is left out.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import forebear

REPORTS = Path(forebear.__file__).parent / "reports"
DRAWING = {"figures", "svg.py", "scene.py", "charts.py", "line_breaks.py"}
"""Where values become coordinates, colours and sizes of shapes."""
LAYOUT = {
    "verification/whole_card.py:whole_card": "whether the line that a claim names is in the card",
    "verification/whole_card.py:_front": "the line after the front matter",
    "verification/whole_card.py:_in_body": "lines are counted on from the front matter",
    "verification/whole_card.py:_commented": "whether a row of a table has a cell",
    "verification/whole_card.py:_right": "whether the files leave one figure alone",
    "catalogue.py:short_names": "which names are alike, and get their number",
    "catalogue.py:power_of_ten": "how many digits of a power of ten are shown",
    "comparison.py:_alignment": "the length of a bar of # in a text report",
    "comparison.py:matrix_in_full": "a rule of a hundred dashes",
    "comparison_page.py:_tensor": "which filter shows a row: that of equal tensors those whose share of equal rows is one",
    "inspection.py:_tensors": "how many rows of a table are not shown",
    "inspection_page.py:inspection_page": "how many rows of a table are not shown",
    "inspection_tokens.py:_joined": "whether a list was cut",
    "library/tree.py:family_lines": "how far a row is set in",
    "lines.py:padded": "the width of a column",
    "lines.py:table": "the width of a column",
    "lines.py:_width": "the width of a character on a terminal",
    "lines.py:wrap": "where a line is broken",
    "matrix_page.py:matrix_figures": "how many pairs are drawn",
    "matrix_page.py:matrix_page": "how many pairs are not shown",
    "cases/page.py:_finding": "findings are numbered from one",
    "cases/page.py:_visible": "how much of a text is shown",
    "tokenizers/first.py:cost_today": "a document of version 1 does not count its outcomes",
    "page.py:_plain": "how much of a text is shown",
    "page.py:_unbroken": "how much of a text stays on one line",
    "recipes/text.py:parameters": "flags are shown by their names, and nothing where there is nothing",
}
COUNTS = {
    ("inspection.py", "count"), ("inspection_page.py", "count"), ("matrix_page.py", "count"),
    ("layers.py", "count"), ("contrast.py", "count"),
}  # fmt: skip
"""Slots that say how much is not shown, or how many cells of a picture were drawn as one."""
SIZES = (ast.Lt, ast.Gt, ast.LtE, ast.GtE)
SUMS = (ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)
CALLS = {"sum", "min", "max", "abs", "round", "divmod", "pow"}


def computed(node: ast.AST) -> Iterator[str]:
    """Arithmetic and comparisons of size inside an expression; paths and repeated blanks are neither."""
    for inner in ast.walk(node):
        if _sum(inner) or _comparison(inner) or _call(inner):
            yield ast.unparse(inner)


def _sum(node: ast.AST) -> bool:
    if isinstance(node, ast.BinOp):
        adds = isinstance(node.op, ast.Add) and (_constant(node.left) or _constant(node.right))
        return adds or (isinstance(node.op, SUMS) and not _path(node))
    return isinstance(node, ast.AugAssign) and (isinstance(node.op, SUMS) or _constant(node.value))


def _comparison(node: ast.AST) -> bool:
    if not isinstance(node, ast.Compare):
        return False
    return any(isinstance(op, SIZES) for op in node.ops) or any(_constant(side) for side in node.comparators)


def _call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS


def _path(node: ast.BinOp) -> bool:
    text = isinstance(node.right, ast.JoinedStr) or (isinstance(node.right, ast.Constant) and isinstance(node.right.value, str))
    return isinstance(node.op, ast.Div) and text


def _constant(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)


def functions() -> Iterator[tuple[Path, str, ast.AST]]:
    """Every function of the reports by module and name; what stands outside of functions as "module"."""
    for path in sorted(REPORTS.rglob("*.py")):
        yield from _inside(path, "", ast.parse(path.read_text("utf-8")))


def _inside(path: Path, name: str, node: ast.AST) -> Iterator[tuple[Path, str, ast.AST]]:
    if isinstance(node, ast.FunctionDef):
        yield path, f"{name}{node.name}", node
        return
    for child in ast.iter_child_nodes(node):
        yield from _inside(path, f"{name}{node.name}." if isinstance(node, ast.ClassDef) else name, child)


def _place(path: Path, name: str) -> str:
    return f"{path.relative_to(REPORTS).as_posix()}:{name}"


def test_arithmetic_stands_only_where_a_page_is_laid_out() -> None:
    found = {}
    for path, name, node in functions():
        if not DRAWING & set(path.parts):
            sums = list(computed(node))
            if sums:
                found[_place(path, name)] = sums
    assert {place: sums for place, sums in found.items() if place not in LAYOUT} == {}
    assert set(LAYOUT) <= set(found), "a reason for nothing"


def said(node: ast.AST) -> Iterator[tuple[str, list[str]]]:
    """Slots that a function fills in a sentence, with what is computed for them, here or where their names are set."""
    values: dict[str, list[ast.expr]] = {}
    for inner in ast.walk(node):
        if isinstance(inner, ast.Assign):
            for target in inner.targets:
                for leaf in ast.walk(target):
                    if isinstance(leaf, ast.Name):
                        values.setdefault(leaf.id, []).append(inner.value)
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call) and getattr(inner.func, "id", "") in ("words", "message"):
            for slot in inner.keywords:
                names = [leaf.id for leaf in ast.walk(slot.value) if isinstance(leaf, ast.Name)]
                made = [slot.value, *(value for name in names for value in values.get(name, ()))]
                yield str(slot.arg), [text for value in made for text in computed(value)]


def test_what_a_sentence_says_is_not_computed_where_it_is_said() -> None:
    slots, wrong = 0, {}
    for path, name, node in functions():
        for slot, sums in said(node):
            slots += 1
            if sums and (path.name, slot) not in COUNTS:
                wrong[_place(path, name), slot] = sums
    assert slots > 60
    assert wrong == {}


def test_a_computed_figure_would_be_noticed() -> None:
    code = "def f(words, d):\n    share = d['a'] / d['b']\n    return words('x.y', share=share, most=max(d['c']), of=len(d['rows']))\n"
    (node,) = ast.parse(code).body
    assert [(slot, bool(sums)) for slot, sums in said(node)] == [("share", True), ("most", True), ("of", False)]
    assert list(computed(ast.parse("d['p'] < 0.05"))) == ["d['p'] < 0.05"]
    assert list(computed(ast.parse("Path(x) / 'templates'"))) == []

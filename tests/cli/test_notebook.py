"""The example notebook runs from its first cell to its last, and every cell ends in what a reader would look at."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

NOTEBOOK = Path(__file__).resolve().parents[2] / "examples" / "notebook.ipynb"


def test_the_example_notebook_runs() -> None:
    cells = [c for c in json.loads(NOTEBOOK.read_text("utf-8"))["cells"] if c["cell_type"] == "code"]
    names: dict[str, Any] = {}
    ends = []
    for cell in cells:
        assert not cell["outputs"], "the notebook is kept without outputs"
        tree = ast.parse("".join(cell["source"]))
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, str(NOTEBOOK), "exec"), names)
        if isinstance(last, ast.Expr):
            ends.append(eval(compile(ast.Expression(last.value), str(NOTEBOOK), "eval"), names))  # noqa: S307
    assert len(cells) == len(ends) >= 6
    assert ends[0]._repr_html_().startswith("<iframe sandbox ")
    assert ends[2][0] == "related"
    assert {"deck", "sign"} <= set(ends[3]["test"])
    assert list(ends[5]["relation"]).count("related") == 1
    assert ends[-1] is True

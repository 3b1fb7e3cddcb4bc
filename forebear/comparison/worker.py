"""A process that compares the pairs it is handed line by line (see workers.py and worker_start.py)."""

from __future__ import annotations

import gc
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forebear.comparison.compare import Options, compare_pair
from forebear.comparison.many.matrix import KEPT_KEYS
from forebear.comparison.many.workers import Found, serve
from forebear.core.errors import Reason, RefusedError
from forebear.core.messages import message
from forebear.core.patience import Patience, waiting


def compare(pair: tuple[str, str], options: Mapping[str, Any]) -> Found:
    """One pair's document, or why there is none; a fault is said as one."""
    try:
        with waiting(Patience(**options["patience"])):
            return row_of(compare_pair(*pair, options_of(options), looks=int(options["looks"]))), None
    except RefusedError as error:
        return None, error.reason()
    except Exception as error:  # noqa: BLE001 told across the pipe and raised at its other end
        what = f"fault: {type(error).__name__} comparing {pair[0]} with {pair[1]}: {error}"
        return None, Reason(what, message("refused.english", what=what))


def row_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """What a matrix keeps of a comparison; the rest would cost both ends of the pipe more than many a comparison."""
    kept = {key: document[key] for key in ("subject", "candidate", "verdict", "effects")}
    return kept | {"evidence": [{k: e[k] for k in KEPT_KEYS if k in e} for e in document["evidence"]]}


def options_of(written: Mapping[str, Any]) -> Options:
    """Options as they crossed the pipe."""
    architecture = written["architecture"]
    return Options(
        budget=written["budget"],
        stated=written["stated"],
        full=written["full"],
        architecture=None if architecture is None else Path(architecture),
        max_header=written["max_header"],
        reproduce=written["reproduce"],
        base=written["base"],
    )


def main() -> None:
    """Answer until the input ends."""
    gc.set_threshold(50_000)  # documents are made of many small parts and leave no cycles
    serve(compare, sys.stdin, sys.stdout)

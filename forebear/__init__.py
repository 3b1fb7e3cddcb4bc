"""Finds what a language model descends from, with figures whose false-positive rate is known.

One public verb per command, with the same arguments, each loaded when it is asked for (PEP 562).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from forebear.version import __version__

if TYPE_CHECKING:
    from forebear.api import (
        attest_commit,
        attest_record,
        attest_verify,
        case_add,
        case_align,
        case_check,
        case_claims,
        case_names,
        case_report,
        case_rule,
        case_run,
        case_seal,
        case_verify,
        compare,
        demo,
        inspect,
        library_add,
        library_compact,
        library_export,
        library_import,
        library_list,
        library_merge,
        library_remove,
        library_search,
        library_tree,
        library_verify,
        recipe,
        tokenizers_cost,
        tokenizers_lineage,
        verify,
    )
    from forebear.api.document import Document, open

__all__ = [
    "Document",
    "__version__",
    "attest_commit",
    "attest_record",
    "attest_verify",
    "case_add",
    "case_align",
    "case_check",
    "case_claims",
    "case_names",
    "case_report",
    "case_rule",
    "case_run",
    "case_seal",
    "case_verify",
    "compare",
    "demo",
    "inspect",
    "library_add",
    "library_compact",
    "library_export",
    "library_import",
    "library_list",
    "library_merge",
    "library_remove",
    "library_search",
    "library_tree",
    "library_verify",
    "open",
    "recipe",
    "tokenizers_cost",
    "tokenizers_lineage",
    "verify",
]


def __getattr__(name: str) -> Any:
    """A public verb, or what documents are and how a saved one is opened, from `forebear.api`."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    room = "forebear.api.document" if name in ("Document", "open") else "forebear.api"
    return getattr(import_module(room), name)


def __dir__() -> list[str]:
    """The public names."""
    return __all__

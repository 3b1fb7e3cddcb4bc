"""The public verbs, one per command: each returns a frozen document (forebear.core.documents).

Signature and docstring lines `name: what it is` are the one declaration of a command, of which `forebear.cli` makes options
and help. A verb imports its room when it is called, so that no verb pays for another.
"""

from forebear.api.attesting import attest_commit, attest_record, attest_verify
from forebear.api.cases import (
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
)
from forebear.api.comparing import compare, demo, inspect
from forebear.api.libraries import (
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
)
from forebear.api.recipes import recipe
from forebear.api.tokenizers import tokenizers_cost, tokenizers_lineage
from forebear.api.verifying import verify

__all__ = [
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
    "recipe",
    "tokenizers_cost",
    "tokenizers_lineage",
    "verify",
]

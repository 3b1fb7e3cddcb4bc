"""Every module of forebear whose readers are fuzzed, in one place: when a room moves, this file follows.

They are called through their modules, so that the verbs meet a planted fault too.
"""

from __future__ import annotations

import forebear
from forebear.casefile import document as case_document
from forebear.casefile import records as case_records
from forebear.casefile import verbs as case_verbs
from forebear.casefile.bitext import bitext as case_bitext
from forebear.casefile.checks import checker as case_checker
from forebear.casefile.checks import pair as case_pair
from forebear.casefile.claims import claims as case_claims
from forebear.casefile.claims import run as case_run
from forebear.casefile.folder import folder as case_folder
from forebear.casefile.folder import intake as case_intake
from forebear.casefile.folder import model as case_model
from forebear.casefile.folder import seal as case_seal
from forebear.casefile.folder import toml as case_toml
from forebear.comparison import compare as comparison
from forebear.comparison.reading import beside
from forebear.core import documents, strict
from forebear.files import digests as value_digests
from forebear.files import trained as trained_folders
from forebear.files.formats import gguf as gguf_files
from forebear.files.formats import registry as format_registry
from forebear.files.formats import safetensors as safetensors_files
from forebear.files.views import adapters as adapter_files
from forebear.files.views import quantised
from forebear.inspection import claims_of_size, residue
from forebear.inspection import inspection_values as inspected_values
from forebear.models import adapter as adapters
from forebear.models import adapter_patterns as patterns
from forebear.models import checkpoint as checkpoints
from forebear.models.architecture import layout, registry, settings, stated_shapes
from forebear.models.published import gguf_tokens as gguf_vocabularies
from forebear.reports import show as reports
from forebear.tokens import audit as token_audit
from forebear.tokens import encoders as token_encoders
from forebear.tokens import expressions as token_expressions
from forebear.tokens import labels as token_labels
from forebear.tokens import lineage as token_lineage
from forebear.tokens import readers as token_readers
from forebear.tokens import splitting as token_splitting
from forebear.tokens import vocabulary as vocabularies

__all__ = [
    "adapter_files",
    "adapters",
    "beside",
    "case_bitext",
    "case_checker",
    "case_claims",
    "case_document",
    "case_folder",
    "case_intake",
    "case_model",
    "case_pair",
    "case_records",
    "case_run",
    "case_seal",
    "case_toml",
    "case_verbs",
    "checkpoints",
    "claims_of_size",
    "comparison",
    "documents",
    "forebear",
    "format_registry",
    "gguf_files",
    "gguf_vocabularies",
    "inspected_values",
    "layout",
    "patterns",
    "quantised",
    "registry",
    "reports",
    "residue",
    "safetensors_files",
    "settings",
    "stated_shapes",
    "strict",
    "token_audit",
    "token_encoders",
    "token_expressions",
    "token_labels",
    "token_lineage",
    "token_readers",
    "token_splitting",
    "trained_folders",
    "value_digests",
    "vocabularies",
]  # fmt: skip

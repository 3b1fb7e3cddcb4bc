"""The signature of a bundle, checked by the package model-signing with a public key (extra `attest`)."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from forebear.core.messages import message
from forebear.verification.claim import Claim, Outcome, Tested, outcome_of


def check_signature(claim: Claim, model: Path, bundle: Path, key: Path | None) -> Tested:
    """Whether a signature is that of a public key over these files.

    Without a key, and where the package is not installed, it was not checked; "valid" is never said of it then.
    """
    if key is None:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_key"))
    if importlib.util.find_spec("model_signing") is None:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_package"))
    import model_signing.verifying

    config = model_signing.verifying.Config().use_elliptic_key_verifier(public_key=key)
    config.set_ignore_unsigned_files(True)
    try:
        config.verify(model, bundle)
    except ValueError as error:
        return outcome_of(claim, Outcome.not_shown, message("shown.signature_not", why=type(error).__name__), flagged=True)
    return outcome_of(claim, Outcome.borne_out, message("shown.signature"))

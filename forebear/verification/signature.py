"""The signature of a bundle, checked by the package model-signing with a public key (extra `attest`)."""

from __future__ import annotations

from pathlib import Path

from forebear.core.bounded import read_bounded
from forebear.core.errors import RefusedError
from forebear.core.messages import message
from forebear.core.wording import in_english
from forebear.verification.claim import Claim, Outcome, Tested, outcome_of

KEY_BYTES = 2**16


def check_signature(claim: Claim, model: Path, bundle: Path, key: Path | None) -> Tested:
    """Whether a signature is that of a public key over these files.

    Without a key, and where the package is not installed, it was not checked; "valid" is never said of it then.
    Raises: RefusedError when the key is no public key (PEM).
    """
    if key is None:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_key"))
    try:
        import model_signing.verifying
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
    except ImportError:
        return outcome_of(claim, Outcome.not_testable, message("shown.no_package"))
    try:
        load_pem_public_key(read_bounded(key, KEY_BYTES))
    except ValueError:
        said = message("verify_refused.key")
        raise RefusedError(in_english(said), where=key.name, said=said) from None
    config = model_signing.verifying.Config().use_elliptic_key_verifier(public_key=key)
    config.set_ignore_unsigned_files(True)
    try:
        config.verify(model, bundle)
    except (ValueError, LookupError, OSError) as error:
        return outcome_of(claim, Outcome.not_shown, message("shown.signature_not", why=type(error).__name__), flagged=True)
    return outcome_of(claim, Outcome.borne_out, message("shown.signature"))

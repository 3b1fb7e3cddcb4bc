"""Ed25519 signatures (RFC 8032) by the library `cryptography`: whoever has the public key checks a seal, its owner makes one."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

from forebear.core.errors import refusal
from forebear.core.messages import message


@cache
def can_sign() -> bool:
    """Whether signatures can be made and checked here (extra `attest`)."""
    return find_spec("cryptography") is not None


def _needed() -> None:
    if not can_sign():
        raise refusal(message("case_refused.needs_cryptography"), todo=message("case_advice.install_attest"))


def public_key(secret: bytes) -> bytes:
    """The public key (32 bytes) of a secret of 32 bytes. Raises: RefusedError without the library."""
    _needed()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return bytes(Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw())


def sign(secret: bytes, message: bytes) -> bytes:
    """The signature (64 bytes) of a message; the same every time. Raises: RefusedError without the library."""
    _needed()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return bytes(Ed25519PrivateKey.from_private_bytes(secret).sign(message))


def fits(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether a signature of this message was made with the secret behind a public key; False for malformed input.

    Raises: RefusedError without the library: an unchecked signature fits nothing and is not wrong either.
    """
    _needed()
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if len(public) != 32 or len(signature) != 64:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True

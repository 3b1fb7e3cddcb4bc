"""The signature of a beacon's round, checked offline by py_ecc (extra `attest`): BLS12-381, keys in G2 and signatures in G1.

Scheme bls-unchained-g1-rfc9380 of drand: what is signed is the SHA-256 of the round's number, eight bytes, hashed to the curve
(RFC 9380); the value of a round is the SHA-256 of its signature (https://docs.drand.love, cryptography and protocol specification).
"""

from __future__ import annotations

import hashlib
import sys

SIGNATURE_BYTES = 48
DOMAIN = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_"


def value_of(signature: str) -> str:
    """The value of the round with this signature, both hexadecimal."""
    return hashlib.sha256(bytes.fromhex(signature)).hexdigest()


def is_signed(public_key: str, number: int, signature: str) -> bool:
    """Whether a signature is the key's for a round.

    public_key: 96 bytes, signature: 48 bytes, both compressed points in hexadecimal.
    Raises: ImportError when py_ecc is not installed.
    """
    depth = sys.getrecursionlimit()
    try:
        return _checked(public_key, number, signature)
    finally:
        sys.setrecursionlimit(depth)  # importing py_ecc sets 100,000: deep brackets of a file would overrun the stack


def _checked(public_key: str, number: int, signature: str) -> bool:
    from py_ecc.bls.g2_primitives import subgroup_check
    from py_ecc.bls.hash_to_curve import hash_to_G1
    from py_ecc.bls.point_compression import decompress_G1, decompress_G2
    from py_ecc.optimized_bls12_381 import FQ12, G2, final_exponentiate, is_inf, neg, pairing

    half = len(public_key) // 2
    key = decompress_G2((int(public_key[:half], 16), int(public_key[half:], 16)))
    try:
        point = decompress_G1(int(signature, 16))
    except ValueError:
        return False  # no point of the curve
    if is_inf(point) or not subgroup_check(point):
        return False
    said = hash_to_G1(hashlib.sha256(number.to_bytes(8, "big")).digest(), DOMAIN, hashlib.sha256)
    both = pairing(neg(G2), point, final_exponentiate=False) * pairing(key, said, final_exponentiate=False)
    return bool(final_exponentiate(both) == FQ12.one())

"""Ed25519 signatures in plain Python (RFC 8032): whoever has the public key can check a seal, only the key's owner can make one.

Not written for speed or against timing: a seal is made on its owner's own machine, once, in some milliseconds.
"""

from __future__ import annotations

import hashlib

FIELD = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
CURVE = -121665 * pow(121666, -1, FIELD) % FIELD
ROOT = pow(2, (FIELD - 1) // 4, FIELD)
"""A square root of -1."""
Point = tuple[int, int, int, int]
"""X, Y, Z, T of a point x = X/Z, y = Y/Z, xy = T/Z of the curve -x² + y² = 1 + CURVE x² y²."""
NEUTRAL: Point = (0, 1, 1, 0)


def public_key(secret: bytes) -> bytes:
    """The public key (32 bytes) of a secret of 32 bytes."""
    return _packed(_times(_expanded(secret)[0], BASE))


def sign(secret: bytes, message: bytes) -> bytes:
    """The signature (64 bytes) of a message; the same every time."""
    scalar, prefix = _expanded(secret)
    own = _packed(_times(scalar, BASE))
    once = _number(prefix, message) % ORDER
    point = _packed(_times(once, BASE))
    answer = (once + _number(point, own, message) * scalar) % ORDER
    return point + answer.to_bytes(32, "little")


def fits(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether a signature of this message was made with the secret behind a public key; False for malformed input."""
    own, point = _unpacked(public), _unpacked(signature[:32])
    answer = int.from_bytes(signature[32:], "little")
    if len(public) != 32 or len(signature) != 64 or own is None or point is None or answer >= ORDER:
        return False
    share = _number(signature[:32], public, message) % ORDER
    return _packed(_times(answer, BASE)) == _packed(_sum(point, _times(share, own)))


def _expanded(secret: bytes) -> tuple[int, bytes]:
    digest = hashlib.sha512(secret).digest()
    scalar = int.from_bytes(digest[:32], "little") & (2**254 - 8) | 2**254
    return scalar, digest[32:]


def _number(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


def _sum(a: Point, b: Point) -> Point:
    """The sum of two points, equal ones included (the law of this curve has no exceptions)."""
    less = (a[1] - a[0]) * (b[1] - b[0]) % FIELD
    more = (a[1] + a[0]) * (b[1] + b[0]) % FIELD
    twist = 2 * CURVE * a[3] * b[3] % FIELD
    scale = 2 * a[2] * b[2] % FIELD
    e, f, g, h = more - less, scale - twist, scale + twist, more + less
    return e * f % FIELD, g * h % FIELD, f * g % FIELD, e * h % FIELD


def _times(count: int, point: Point) -> Point:
    total = NEUTRAL
    while count:
        if count & 1:
            total = _sum(total, point)
        point = _sum(point, point)
        count >>= 1
    return total


def _abscissa(y: int, odd: int) -> int | None:
    """x of the point with this y and this parity of x; None when there is none."""
    square = (y * y - 1) * pow(CURVE * y * y + 1, -1, FIELD) % FIELD
    x = pow(square, (FIELD + 3) // 8, FIELD)
    if (x * x - square) % FIELD:
        x = x * ROOT % FIELD
    if (x * x - square) % FIELD or (x == 0 and odd):
        return None
    return FIELD - x if x & 1 != odd else x


def _packed(point: Point) -> bytes:
    inverse = pow(point[2], -1, FIELD)
    x, y = point[0] * inverse % FIELD, point[1] * inverse % FIELD
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _unpacked(data: bytes) -> Point | None:
    value = int.from_bytes(data, "little")
    y, odd = value & (2**255 - 1), value >> 255
    if len(data) != 32 or y >= FIELD:
        return None
    x = _abscissa(y, odd)
    return None if x is None else (x, y, 1, x * y % FIELD)


def _base() -> Point:
    y = 4 * pow(5, -1, FIELD) % FIELD
    x = _abscissa(y, 0)
    assert x is not None, "the base point is on the curve"
    return x, y, 1, x * y % FIELD


BASE = _base()

"""Time-stamps beside a chain, checked offline: RFC 3161 by rfc3161-client, OpenTimestamps by opentimestamps (extra `attest`).

What may be stamped: the digest of a record's line, the file of the chain as it stood after a record, or the announcement. A stamp
is valid only where its signature led to a root certificate that the caller gave; a proof that ends in a block of Bitcoin names the
Merkle root to compare, and is never called valid here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forebear.attest.chain import MAX_BYTES, chain_file, finished_lines, stamps_beside
from forebear.attest.commitment import utc
from forebear.core.bounded import read_bounded
from forebear.core.errors import RefusedError, printable, refusal
from forebear.core.messages import Message, message

STAMP_BYTES = 2**20
ROOT_BYTES = 2**20
HASHES = {"2.16.840.1.101.3.4.2.1": "sha256", "2.16.840.1.101.3.4.2.2": "sha384", "2.16.840.1.101.3.4.2.3": "sha512"}
"""Names of digests by their object identifiers (RFC 5754)."""
ANNOUNCEMENT = -1


@dataclass(frozen=True)
class Stamp:
    """What became of one file: whether it is valid, and in words."""

    valid: bool
    said: Message


@dataclass(frozen=True)
class _Chain:
    """What a stamp may be of. marks: digest by the name of its hash → number of a record, or ANNOUNCEMENT; roots: certificates."""

    marks: Mapping[str, Mapping[bytes, int]]
    roots: Sequence[Any]

    def what(self, name: str, digest: bytes) -> Message | None:
        """What a digest is of, None where it is of nothing here."""
        found = self.marks.get(name, {}).get(digest)
        if found is None:
            return None
        return (
            message("attest_stamp.announcement")
            if found == ANNOUNCEMENT
            else message("attest_stamp.record", number=found)
        )


def stamps_of(
    chain: Path, records: Sequence[Mapping[str, Any]], promised: Mapping[str, Any] | None, roots: Path | None
) -> list[Stamp]:
    """Every time-stamp file beside a chain, in order of names.

    promised: the commitment, whose announcement may be stamped too. roots: root certificates (PEM) that are trusted.
    Raises: RefusedError for a file of roots that holds no certificate.
    """
    names = stamps_beside(chain)
    certificates = [] if roots is None else _certificates(roots)
    if not names:
        return []
    known = _Chain(_marks(chain, len(records), promised), certificates)
    folder = chain_file(chain).parent
    return [_checked(folder / name, known) for name in names]


def _certificates(path: Path) -> list[Any]:
    try:
        from cryptography.x509 import load_pem_x509_certificates
    except ImportError:
        raise refusal(message("attest_stamp.install"), where=str(path)) from None
    try:
        return list(load_pem_x509_certificates(read_bounded(path, ROOT_BYTES)))
    except ValueError:
        raise refusal(message("attest_stamp.no_roots_in"), where=str(path)) from None


def _marks(chain: Path, count: int, promised: Mapping[str, Any] | None) -> dict[str, dict[bytes, int]]:
    """Digests of each record's line, and of the file up to its end; the earliest record that has one."""
    lines = finished_lines(read_bounded(chain_file(chain), MAX_BYTES))[:count]
    found: dict[str, dict[bytes, int]] = {}
    for name in HASHES.values():
        own, whole = found.setdefault(name, {}), hashlib.new(name)
        for number, line in enumerate(lines):
            whole.update(line + b"\n")
            own.setdefault(hashlib.new(name, line).digest(), number)
            own.setdefault(whole.digest(), number)
    if promised is not None:
        found["sha256"].setdefault(bytes.fromhex(promised["announcement"]), ANNOUNCEMENT)
    return found


def _checked(path: Path, chain: _Chain) -> Stamp:
    name = printable(path.name, 80)
    try:
        data = read_bounded(path, STAMP_BYTES)
        return _token(name, data, chain) if path.suffix == ".tsr" else _proof(name, data, chain)
    except ImportError:
        return Stamp(False, message("attest_stamp.no_package", name=name))
    except RefusedError as error:
        return Stamp(False, message("attest_stamp.unread", name=name, why=error.message()))


def _token(name: str, data: bytes, chain: _Chain) -> Stamp:
    """A time-stamp response of RFC 3161."""
    from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

    try:
        response = decode_timestamp_response(data)
        imprint, info = response.tst_info.message_imprint, response.tst_info
        digest, kind, when = (
            bytes(imprint.message),
            imprint.hash_algorithm.dotted_string,
            utc(info.gen_time.timestamp()),
        )
    except (ValueError, OverflowError, OSError):
        return Stamp(False, message("attest_stamp.no_token", name=name))
    what = chain.what(HASHES.get(kind, ""), digest)
    if what is None:
        return Stamp(False, message("attest_stamp.unrelated", name=name))
    if not chain.roots:
        return Stamp(False, message("attest_stamp.no_roots", name=name, what=what, time=when))
    try:
        VerifierBuilder(roots=list(chain.roots)).build().verify(response, digest)
    except (VerificationError, ValueError) as error:
        why = printable(str(error), 120)
        return Stamp(False, message("attest_stamp.not_signed", name=name, what=what, why=why))
    return Stamp(True, message("attest_stamp.valid", name=name, what=what, time=when))


def _proof(name: str, data: bytes, chain: _Chain) -> Stamp:
    """A proof of OpenTimestamps."""
    from opentimestamps.core.notary import BitcoinBlockHeaderAttestation
    from opentimestamps.core.serialize import BytesDeserializationContext, DeserializationError
    from opentimestamps.core.timestamp import DetachedTimestampFile

    try:
        proof = DetachedTimestampFile.deserialize(BytesDeserializationContext(data))
    except (DeserializationError, ValueError, OverflowError):
        return Stamp(False, message("attest_stamp.no_proof", name=name))
    what = chain.what(proof.file_hash_op.HASHLIB_NAME, proof.file_digest)
    if what is None:
        return Stamp(False, message("attest_stamp.unrelated", name=name))
    blocks = [
        (one.height, digest[::-1].hex())
        for digest, one in proof.timestamp.all_attestations()
        if isinstance(one, BitcoinBlockHeaderAttestation)
    ]
    if not blocks:
        return Stamp(False, message("attest_stamp.pending", name=name, what=what))
    height, root = min(blocks)
    return Stamp(False, message("attest_stamp.block", name=name, what=what, height=height, root=root))

"""Time-stamps: valid only by a signature that leads to a trusted root; wrong and unchecked ones are said to be so."""

from __future__ import annotations

import builtins
import datetime
import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

import forebear
from forebear.core.errors import RefusedError
from tests.attest.runs import Kept, adam

OPENSSL = shutil.which("openssl")


class Authority:
    """A time-stamping authority with a root of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder, self.root = folder, folder / "root.pem"
        key, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        root = self._certificate("A root", "A root", key, key, authority=True)
        leaf = self._certificate("An authority", "A root", own, key, authority=False)
        self.root.write_bytes(root.public_bytes(serialization.Encoding.PEM))
        (folder / "leaf.pem").write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
        plain = serialization.NoEncryption()
        (folder / "leaf.key").write_bytes(
            own.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        )
        (folder / "serial").write_text("01\n")
        (folder / "tsa.cnf").write_text(
            "[tsa]\ndefault_tsa = one\n[one]\nserial = serial\nsigner_cert = leaf.pem\nsigner_key = leaf.key\nsigner_digest = sha256\n"
            "default_policy = 1.2.3.4\ndigests = sha256, sha512\nordering = no\ntsa_name = no\ness_cert_id_chain = no\n"
        )

    @staticmethod
    def _certificate(subject: str, issuer: str, key: Any, signer: Any, *, authority: bool) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=9))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if not authority:
            made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        return made.sign(signer, hashes.SHA256())

    def stamp(self, digest: bytes, target: Path, kind: str = "sha256") -> None:
        """A response to a request over a digest."""
        def run(*words: str) -> None:
            subprocess.run([str(OPENSSL), "ts", *words], cwd=self.folder, check=True, capture_output=True)

        run("-query", "-digest", digest.hex(), f"-{kind}", "-cert", "-out", "request.tsq")
        run("-reply", "-config", "tsa.cnf", "-queryfile", "request.tsq", "-out", str(target))


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    made = Kept(tmp_path / "kept")
    made.save(0, made.start)
    made.save(6, adam(made.start, [(1e-4, 0.1)] * 2, 1))
    return made


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    if OPENSSL is None:
        pytest.skip("openssl makes the time-stamps of this test")
    return Authority(tmp_path / "authority")


def times(kept: Kept, **more: Any) -> list[tuple[str, str]]:
    document = forebear.attest_verify(kept.run, **more)
    lines = (*document["proves"], *document["does_not_prove"])
    return [(ln["said"]["key"].partition(".")[2], ln["state"]) for ln in lines if ln["line"] == "time"]


def of(kept: Kept, **more: Any) -> Any:
    document = forebear.attest_verify(kept.run, **more)
    return next(ln["said"]["values"]["what"] for ln in (*document["proves"], *document["does_not_prove"]) if ln["line"] == "time")


@pytest.mark.parametrize("stamped", ["line", "file", "file-sha512", "first", "announcement"])
def test_a_stamp_of_the_chain_is_valid_by_a_root_that_was_given_and_not_checked_without(kept: Kept, authority: Authority, stamped: str) -> None:
    data = (kept.run / "chain.jsonl").read_bytes()
    record = forebear.attest_verify(kept.run)["commitment"]["announcement"]
    digest = {
        "line": hashlib.sha256(data.splitlines()[1]).digest(), "file": hashlib.sha256(data).digest(),
        "file-sha512": hashlib.sha512(data).digest(), "first": hashlib.sha256(data.splitlines()[0]).digest(),
        "announcement": bytes.fromhex(record),
    }[stamped]  # fmt: skip
    authority.stamp(digest, kept.run / "one.tsr", "sha512" if stamped == "file-sha512" else "sha256")
    assert times(kept) == [("no_roots", "not-proven")]
    assert times(kept, stamp_roots=authority.root) == [("valid", "proven")]
    what = of(kept, stamp_roots=authority.root)
    wanted = {"first": {"number": 0}, "announcement": {}}.get(stamped, {"number": 1})
    assert dict(what["values"]) == wanted


def test_a_stamp_of_another_authority_is_not_valid(kept: Kept, authority: Authority, tmp_path: Path) -> None:
    authority.stamp(hashlib.sha256((kept.run / "chain.jsonl").read_bytes()).digest(), kept.run / "one.tsr")
    assert times(kept, stamp_roots=Authority(tmp_path / "other").root) == [("not_signed", "not-proven")]


def test_a_stamp_that_was_changed_is_not_valid(kept: Kept, authority: Authority) -> None:
    place = kept.run / "one.tsr"
    authority.stamp(hashlib.sha256((kept.run / "chain.jsonl").read_bytes()).digest(), place)
    data = bytearray(place.read_bytes())
    data[-1] ^= 1
    place.write_bytes(data)
    assert [state for _, state in times(kept, stamp_roots=authority.root)] == ["not-proven"]


def test_stamps_of_something_else_and_files_that_are_none_are_wrong(kept: Kept, authority: Authority) -> None:
    authority.stamp(hashlib.sha256(b"another chain").digest(), kept.run / "a.tsr")
    (kept.run / "b.tsr").write_bytes(b"\x30\x80" * 100)
    (kept.run / "c.ots").write_bytes(b"\x00OpenTimestamps\x00\x00Proof\x00" + b"\xff" * 500)
    found = times(kept, stamp_roots=authority.root)
    assert found == [("unrelated", "not-proven"), ("no_token", "not-proven"), ("no_proof", "not-proven")]


def test_a_proof_of_opentimestamps_names_what_to_compare_and_is_never_called_valid(kept: Kept) -> None:
    from opentimestamps.core.notary import BitcoinBlockHeaderAttestation, PendingAttestation
    from opentimestamps.core.op import OpAppend, OpSHA256
    from opentimestamps.core.serialize import BytesSerializationContext
    from opentimestamps.core.timestamp import DetachedTimestampFile, Timestamp

    def proof(digest: bytes, attestation: Any) -> bytes:
        stamp = Timestamp(digest)
        stamp.ops.add(OpAppend(b"beside")).ops.add(OpSHA256()).attestations.add(attestation)
        context = BytesSerializationContext()
        DetachedTimestampFile(OpSHA256(), stamp).serialize(context)
        return bytes(context.getbytes())

    line = hashlib.sha256((kept.run / "chain.jsonl").read_bytes().splitlines()[1]).digest()
    (kept.run / "a.ots").write_bytes(proof(line, BitcoinBlockHeaderAttestation(800_000)))
    (kept.run / "b.ots").write_bytes(proof(line, PendingAttestation("https://calendar.example")))
    (kept.run / "c.ots").write_bytes(proof(hashlib.sha256(b"x").digest(), BitcoinBlockHeaderAttestation(1)))
    assert times(kept) == [("block", "not-proven"), ("pending", "not-proven"), ("unrelated", "not-proven")]
    said = next(ln["said"]["values"] for ln in forebear.attest_verify(kept.run)["does_not_prove"] if ln["line"] == "time")
    assert said["height"] == 800_000
    assert said["root"] == hashlib.sha256(line + b"beside").digest()[::-1].hex()


def test_without_the_packages_nothing_was_checked(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    (kept.run / "a.tsr").write_bytes(b"x")
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("rfc3161_client"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    assert times(kept) == [("no_package", "not-proven")]


def test_roots_that_are_none_are_refused(kept: Kept, tmp_path: Path) -> None:
    (tmp_path / "roots.pem").write_text("no certificate")
    with pytest.raises(RefusedError, match="holds no certificate"):
        forebear.attest_verify(kept.run, stamp_roots=tmp_path / "roots.pem")

"""Ed25519 against the test vectors of RFC 8032, section 7.1; what must not verify; and seals made by the code before."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import forebear.casefile.folder.seal as seal
import forebear.casefile.folder.signature as signature
from forebear.casefile import verbs
from forebear.casefile.folder.signature import fits, public_key, sign
from forebear.core.errors import ExpectationError, RefusedError
from forebear.reports.show import rendered
from tests.said import text

ORDER = 2**252 + 27742317777372353535851937790883648493
"""Of the base point: adding it to the second half of a signature must not give another valid one."""
SEALS = Path("tests/data/seals")
BEFORE = SEALS / "signed_by_plain_python"
"""A seal made with the key beside it by Ed25519 in plain Python, which this package had before it used a library."""

VECTORS = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("secret", "public", "message", "signature"), VECTORS)
def test_the_vectors_of_the_standard_are_met(secret: str, public: str, message: str, signature: str) -> None:
    key, words = bytes.fromhex(secret), bytes.fromhex(message)
    assert public_key(key).hex() == public
    assert sign(key, words).hex() == signature
    assert fits(bytes.fromhex(public), words, bytes.fromhex(signature))


def test_another_message_key_or_signature_does_not_fit() -> None:
    secret = bytes(range(32))
    public, signed = public_key(secret), sign(secret, b"words")
    assert fits(public, b"words", signed)
    assert not fits(public, b"wordz", signed)
    assert not fits(public_key(bytes(32)), b"words", signed)
    for at in (0, 31, 32, 63):
        assert not fits(public, b"words", signed[:at] + bytes([signed[at] ^ 1]) + signed[at + 1 :])


@pytest.mark.parametrize("length", [0, 31, 33, 63, 65])
def test_malformed_input_never_fits_and_never_raises(length: int) -> None:
    secret = bytes(range(32))
    assert not fits(public_key(secret), b"", bytes(length))
    assert not fits(bytes(length), b"", sign(secret, b""))


def test_a_signature_with_the_group_order_added_is_refused() -> None:
    secret = bytes(range(32))
    signed = sign(secret, b"words")
    longer = int.from_bytes(signed[32:], "little") + ORDER
    assert not fits(public_key(secret), b"words", signed[:32] + longer.to_bytes(32, "little"))


@pytest.mark.parametrize("key", [None, "owner.key", "owner.pub"])
def test_a_seal_made_by_the_code_before_verifies_unchanged(key: str | None) -> None:
    document = verbs.case_verify(BEFORE, key=SEALS / key if key else None)
    assert (document["intact"], document["signature"]) == (True, "valid")
    assert (SEALS / "owner.pub").read_text("ascii") == f"ed25519 {document['public_key']}\n"


def test_the_same_key_makes_the_same_signature_as_before(tmp_path: Path) -> None:
    listed = (BEFORE / seal.TAGS).read_bytes()
    secret = seal._secret(SEALS / "owner.key")
    made = f"ed25519 {public_key(secret).hex()}\nsignature {sign(secret, seal._CONTEXT + listed).hex()}\n"
    assert (BEFORE / seal.SIGNATURE).read_text("ascii") == made


def _without_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signature, "can_sign", lambda: False)
    monkeypatch.setattr(seal, "can_sign", lambda: False)


def test_without_the_library_a_signature_is_not_checked_and_never_called_valid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _without_library(monkeypatch)
    document = verbs.case_verify(BEFORE)
    assert (document["signed"], document["signature"], document["public_key"]) == (False, "not checked", "")
    assert "Signature not checked" in rendered(document, "text").decode()
    assert "forebear[attest]" in text(document["limits"][0])
    with pytest.raises(RefusedError, match=r"pip install .forebear"):
        verbs.case_verify(BEFORE, key=SEALS / "owner.pub")
    with pytest.raises(RefusedError, match=r"pip install .forebear"):
        verbs.case_seal(BEFORE / "data", tmp_path / "bag", key=SEALS / "owner.key")
    assert not (tmp_path / "bag").exists()
    bag = shutil.copytree(BEFORE, tmp_path / "altered")
    (bag / "data" / "sources" / "en.txt").write_text("other words", "utf-8")
    with pytest.raises(ExpectationError, match="1 file differs"):
        verbs.case_verify(bag)

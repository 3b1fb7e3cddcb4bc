"""Signatures of drand's rounds, against published ones: the network's chain hash, rounds 1000 and 657413 of quicknet."""

from __future__ import annotations

import hashlib
import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import forebear
from forebear.attest.commitment import beacons, checked, seed_of
from forebear.attest.signature import is_signed, value_of
from forebear.core.errors import RefusedError
from forebear.reports.show import rendered
from tests.attest.runs import CONFIG, Kept, plain

KEY = beacons()["drand"].public_key
SIGNATURES = {
    1000: "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39",
    657413: "b713718a38ae728dfd477991af2822e08d2f305e47718cef9f7848ce4050e7be41076862b98fad56e91a6b85b89cd97b",
}
VALUES = {657413: "fc1873a13f3545aeade8401532ef5519920652eee6b0d2b19ca12643b87b3587"}
GROUP = "f477d5c89f21a17c863a7f937c6a6d15859414d2be09cd448d4279af331c5d3e"
ROUND = 657413
SOURCE = f"drand:{ROUND}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG), "utf-8")
    return tmp_path


def test_the_key_is_that_of_the_network_whose_hash_its_address_names() -> None:
    beacon = beacons()["drand"]
    told = struct.pack(">Iq", beacon.period, beacon.genesis) + bytes.fromhex(KEY) + bytes.fromhex(GROUP) + b"quicknet"
    assert hashlib.sha256(told).hexdigest() in beacon.address


def test_published_signatures_hold_for_their_rounds_and_no_others() -> None:
    for number, signature in SIGNATURES.items():
        assert is_signed(KEY, number, signature)
    assert not is_signed(KEY, 1001, SIGNATURES[1000])
    assert value_of(SIGNATURES[ROUND]) == VALUES[ROUND]


@pytest.mark.parametrize("signature", [
    "c0" + "00" * 47, "00" * 48, "ff" * 48, SIGNATURES[1000][:-1] + "8", "a" + SIGNATURES[1000][1:], "9" + SIGNATURES[1000][1:],
])  # fmt: skip
def test_what_is_no_signature_is_none(signature: str) -> None:
    assert not is_signed(KEY, 1000, signature)


def test_a_signature_gives_the_seed_of_its_value_and_is_kept(folder: Path) -> None:
    document = forebear.attest_commit(folder, seed_from=SOURCE, value=SIGNATURES[ROUND].upper())
    assert document["seed"]["signature"] == SIGNATURES[ROUND]
    body = checked(json.loads(plain(document)), "x")
    assert seed_of(body, VALUES[ROUND])["seed"] == document["seed"]["seed"]
    assert "attest.limit_beacon" not in [one["key"] for one in document["limits"]]
    with pytest.raises(RefusedError, match="the signature is not the beacon's for round 657413"):
        forebear.attest_commit(folder, seed_from=SOURCE, value=SIGNATURES[1000])
    with pytest.raises(RefusedError):
        forebear.attest_commit(folder, seed_from="drand-default:100", value=SIGNATURES[1000])


def _source(kept: Kept, commitment: Any) -> tuple[str, str]:
    place = kept.folder / "other.json"
    place.write_bytes(plain(commitment))
    document = forebear.attest_verify(kept.run, commitment=place)
    for language in ("en", "ja", "zh-Hans", "zh-Hant"):
        assert rendered(document, "text", language)
    lines = (*document["proves"], *document["does_not_prove"])
    return next((ln["state"], ln["said"]["key"]) for ln in lines if ln["line"] == "source")


def test_verify_proves_the_value_by_its_signature_and_says_where_it_could_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept(tmp_path, committed=False)
    kept.save(0, kept.start)
    late = forebear.attest_commit(tmp_path, seed_from=SOURCE, value=SIGNATURES[ROUND])
    assert _source(kept, late) == ("proven", "attest_signed.right")
    bare = forebear.attest_commit(tmp_path, seed_from=SOURCE, value=VALUES[ROUND])
    assert _source(kept, bare) == ("not-proven", "attest.source_beacon")
    forged = json.loads(plain(late))
    forged["seed"] = seed_of(checked(forged, "x"), SIGNATURES[1000])
    assert _source(kept, forged) == ("unexplained", "attest_signed.wrong")
    monkeypatch.setitem(sys.modules, "py_ecc.bls.g2_primitives", None)
    assert _source(kept, late) == ("not-proven", "attest_signed.unchecked")
    again = forebear.attest_commit(tmp_path, seed_from=SOURCE, value=SIGNATURES[ROUND])
    assert "attest_signed.no_package" in [one["key"] for one in again["limits"]]


def test_a_value_that_does_not_follow_from_the_signature_beside_it_is_refused(folder: Path) -> None:
    document = json.loads(plain(forebear.attest_commit(folder, seed_from=SOURCE, value=SIGNATURES[ROUND])))
    document["seed"]["value"] = "ab" * 32
    with pytest.raises(RefusedError, match="does not follow"):
        checked(document, "x")


def test_how_deep_files_may_be_nested_stays_as_it_was() -> None:
    """py_ecc allows 100,000 calls when it is imported: half a million brackets would end the process in place of being refused."""
    code = (
        "import sys; from forebear.attest.signature import is_signed; before = sys.getrecursionlimit(); "
        f"assert is_signed({KEY!r}, 1000, {SIGNATURES[1000]!r}); "
        "assert 'py_ecc' in sys.modules and sys.getrecursionlimit() == before"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

"""Hostile cards, bills and bundles: nothing runs, nothing hangs, nothing is accused, and the rest is read all the same."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

import forebear
from forebear.comparison.demo import demo_folder
from forebear.core.errors import RefusedError
from forebear.reports.show import FOR_PROGRAMS, rendered
from forebear.verification.readers import card
from forebear.verification.readers.card import MOST_TEXT, beginning, parts_of
from forebear.verification.readers.prose import claims_of_prose
from tests.hostile.test_watched_verbs import HOOK, ROOT, VERBS

DEMO = demo_folder()
SCRIPT = "<script>window.hacked=1</script>"
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(12)
)
TURNED = (
    *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C, 0x200B, 0x2028, 0x2029, 0xFEFF, 0xFFF9, 0xE0041, 0x7F, 0x85, 0x9B,
    0x9D, 0x07, 0x08, 0x0B, 0x1B,
)  # fmt: skip
"""Characters that turn the direction of writing, are not seen, or speak to a terminal."""
EVIL = "".join(map(chr, TURNED))
ESCAPED = "".join(f"\\U{code:08x}" for code in TURNED)
FIELDS = "# T{v}\n- **Base model:** x{v}y\n- **Tokenizer:** GPT{v}-2\n- **Layers:** {v}7\n- **LoRA rank:** 16{v}\n- **Pooling:** mean{v}\nfine-tuned from {v}a/b\n"
FRONT = '---\nlicense: "a{v}"\nbase_model: ["x{v}y/z"]\nbase_model_relation: "merge{v}"\nlibrary_name: "l{v}"\ntags: ["gguf", "lora{v}"]\n---\n'
CARDS = {
    "characters that turn or hide": FRONT.format(v=ESCAPED) + FIELDS.format(v=EVIL),
    "ends of attributes": FRONT.format(v="' onmouseover='alert(1)") + FIELDS.format(v="\" onmouseover=\"alert(1)]]><svg/onload=alert(1)>"),
    "commands of a pipeline": FRONT.format(v="\\n::error file=a::b") + FIELDS.format(v="%0A::set-output name=x::y"),
    "links that run": FRONT.format(v="[a](javascript:alert(1))") + FIELDS.format(v="![x](javascript:alert(1))"),
    "an anchor inside itself": "---\nbase_model: &a [*a]\n---\n",
    "tags of a maker's own": "---\nbase_model: !include /etc/passwd\nlicense: !!binary bWl0\ntags: !!set {a, b}\n---\n",
    "another version of YAML": "---\n%YAML 9.9\n---\nbase_model: a/b\n---\n",
    "front matter of eight megabytes": "---\n" + "x: y\n" * 1_700_000 + "---\n",
    "a list without an end": "---\ntags: [" + "a, " * 1_200_000 + "]\n---\n",
    "keys within keys": "---\n" + "? " * 300_000 + "\n---\n",
    "a number of many digits": "---\nlicense: 0x" + "f" * 100_000 + "\nbase_model_relation: " + "9" * 100_000 + "\n---\n",
    "a bomb of aliases": f"---\n{BOMB}---\n",
    "a merge key": "---\nx: &x {base_model: a/b}\n<<: *x\n---\n",
    "a tag that would run": "---\nbase_model: !!python/object/apply:os.system ['touch hacked']\n---\n",
    "a tag that would import": "---\nbase_model: !!python/name:os.system\n---\n",
    "flow nested deeply": "---\nbase_model: " + "[" * 5000 + "]" * 5000 + "\n---\n",
    "block nested deeply": "---\n" + "".join("  " * i + f"k{i}:\n" for i in range(200)) + "---\n",
    "front matter without an end": "---\nbase_model: a/b\n" + "x: y\n" * 10_000,
    "one key twice": "---\nlicense: mit\nlicense: apache-2.0\n---\n",
    "keys that are lists": "---\n? [a, b]\n: c\n---\n",
    "many keys": "---\n" + "".join(f"k{i}: v\n" for i in range(60_000)) + "---\n",
    "one long line": "---\nbase_model: " + "a" * 900_000 + "\n---\n",
    "zero bytes": "---\nbase_model: a\x00b\n---\n",
    "half a surrogate": "---\nbase_model: \"a\\ud800b\"\n---\n",
    "scripts as values": f"---\nlicense: '{SCRIPT}'\nbase_model: '{SCRIPT}'\n---\n# {SCRIPT}\n- **Base model:** {SCRIPT}\n- Tokenizer: {SCRIPT}\n",
    "terminal codes": "---\nbase_model: \"\\e[31mred\\e[0m\"\n---\n- **Base model:** \x1b[2J\u202egnp.exe\n",
    "lines that expressions stumble over": ("- " + "*" * 590 + "\n") * 300 + ("| " + "a " * 290 + "\n") * 300 + ("based " * 200 + "\n") * 100,
    "a sentence without an end": "fine-tuned " + "from the a model of " * 20_000,
    "links inside links": "based on " + "[" * 3000 + "x" + "](" * 3000,
    "a table of one row and many columns": "|" + "Layers|" * 80 + "\n|" + "---|" * 80 + "\n|" + "9|" * 80 + "\n",
    "numbers without an end": "- **Parameters:** " + "9" * 400 + "B\n- Layers: " + "1" * 300 + "\n- Layers: -4\n- d_model: 1e999\n",
    "not UTF-8": b"---\nlicense: \xff\xfe\n---\n- Layers: \xff\n",
    "a card of nothing but dashes": "---\n" * 50_000,
    "a patch that would break out": "---\nlicense: \"mit\\n---\\nbase_model: evil/x\"\n---\n",
}  # fmt: skip


@pytest.fixture
def model(tmp_path) -> Path:
    folder = tmp_path / "model"
    shutil.copytree(DEMO / "base", folder)
    return folder


@pytest.mark.parametrize("name", CARDS)
def test_a_hostile_card_is_inert_in_every_form(model, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = CARDS[name]
    (model / "README.md").write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    began = time.process_time()
    document = forebear.verify(model)
    assert time.process_time() - began < 20
    accused = [(c["kind"], c["stated"][:20]) for c in document["claims"] if c["outcome"] == "contradicted"]
    assert accused == ([("layers", "9")] * 80 if "columns" in name else [])[: len(accused)]
    assert {c["outcome"] for c in document["claims"] if c["source"]["file"] == "config.json"} == {"borne-out"}
    for form in ("text", "json", "html", "csv", *FOR_PROGRAMS["forebear/verification/1"]):
        shown = rendered(document, form)
        assert len(shown) < 3_000_000
        parsed = json.dumps(json.loads(shown), ensure_ascii=False) if shown[:1] == b"{" else shown.decode()
        assert not [hex(code) for code in TURNED if chr(code) in shown.decode() + parsed]
        if form == "html":
            assert not [bad for bad in (b"<script", b"<svg/", b'" onmouse', b"' onmouse", b'href="javascript') if bad in shown]
        if form == "text":
            assert not [line for line in shown.splitlines() if line.startswith(b"::")]
        if form == "junit":
            ElementTree.fromstring(shown)
        if form == "patch":
            assert shown.split(b"\n").count(b"---") == 2
    assert sorted(os.listdir(tmp_path)) == ["model"]


def bundle(statement: object, **more: object) -> bytes:
    payload = base64.b64encode(json.dumps(statement).encode()).decode()
    return json.dumps({"dsseEnvelope": {"payload": payload, "payloadType": "application/vnd.in-toto+json", "signatures": []}, **more}).encode()


def statement(resources: object, root: object = "0" * 64) -> dict[str, object]:
    return {"_type": "https://in-toto.io/Statement/v1", "subject": [{"name": "m", "digest": {"sha256": root}}],
            "predicateType": "https://model_signing/signature/v1.0",
            "predicate": {"serialization": {"method": "files"}, "resources": resources}}  # fmt: skip


PAPERS = {
    "a bill that is a list": ("bom.json", b"[1, 2]"),
    "a bill of nested lists": ("bom.json", b"[" * 5000 + b"]" * 5000),
    "a bill of a million values": ("bom.json", b"[" + b"1," * 999_999 + b"1]"),
    "a bill with one key twice": ("bom.json", b'{"bomFormat": "CycloneDX", "bomFormat": "CycloneDX"}'),
    "a bill of wrong kinds": ("bom.json", json.dumps({"bomFormat": "CycloneDX", "metadata": [], "components": {"a": 1}}).encode()),
    "a bill of wronger kinds": ("bom.json", json.dumps({"bomFormat": "CycloneDX", "metadata": {"component": {
        "type": "machine-learning-model", "pedigree": [], "licenses": {"x": 1}, "hashes": "abc", "modelCard": 7, "properties": [3]}},
        "components": [None, 3, {"type": "file", "name": ["x"], "hashes": [{"alg": 1, "content": 2}]}]}).encode()),
    "a bill that names a file outside": ("m.cdx.json", json.dumps({"bomFormat": "CycloneDX", "components": [
        {"type": "file", "name": "../../etc/passwd", "hashes": [{"alg": "SHA-256", "content": "0" * 64}]}]}).encode()),
    "a bill with a script": ("bom.json", json.dumps({"bomFormat": "CycloneDX", "metadata": {"component": {
        "type": "machine-learning-model", "name": SCRIPT, "pedigree": {"ancestors": [{"name": SCRIPT}]}}}}).encode()),
    "SPDX of wrong kinds": ("m.spdx.json", json.dumps({"@context": "https://spdx.org/rdf/3.0.1/x", "@graph": [
        1, None, {"spdxId": ["x"]}, {"type": "Relationship", "from": {}, "to": 3, "relationshipType": "ancestorOf"},
        {"type": "ai_AIPackage", "spdxId": "a", "ai_typeOfModel": {}}]}).encode()),
    "SPDX in a circle": ("m.spdx.json", json.dumps({"@context": "https://spdx.org/rdf/3.0.1/x", "@graph": [
        {"type": "ai_AIPackage", "spdxId": "a", "name": "a"}, {"type": "Relationship", "from": "a", "to": ["a"], "relationshipType": "ancestorOf"}]}).encode()),
    "a signature that is no JSON": ("model.sig", b"\x80\x04."),
    "a signature without an envelope": ("model.sig", b"{}"),
    "a signature of another kind": ("model.sig", bundle({"predicateType": "https://slsa.dev/provenance/v1", "subject": []})),
    "a signature whose payload is no base64": ("model.sig", json.dumps({"dsseEnvelope": {"payload": "%%%"}}).encode()),
    "a signature that names a file outside": ("model.sig", bundle(statement([{"name": "../x", "algorithm": "sha256", "digest": "0" * 64}]))),
    "a signature that names a device": ("model.sig", bundle(statement([{"name": "/dev/zero", "algorithm": "sha256", "digest": "0" * 64}]))),
    "a signature of wrong kinds": ("model.sig", bundle(statement({"name": 1}))),
    "a root that is no digest": ("model.sig", bundle(statement([], root=7))),
    "a merge file with a bomb": ("mergekit_config.yml", BOMB.encode()),
    "an adapter file of wrong kinds": ("adapter_config.json", b'{"base_model_name_or_path": [1]}'),
    "a licence of a gigabyte of nothing": ("LICENSE", b"\x00" * 300_000),
}  # fmt: skip


@pytest.mark.parametrize("name", PAPERS)
def test_hostile_papers_accuse_nobody_and_leave_the_rest_to_be_read(model, name):
    file, data = PAPERS[name]
    (model / file).write_bytes(data)
    began = time.process_time()
    document = forebear.verify(model)
    assert time.process_time() - began < 20
    assert document["counts"]["contradicted"] == 0
    assert document["counts"]["borne-out"] >= 3
    assert b"<script" not in rendered(document, "html")


def test_under_the_audit_hook_verify_reads_writes_its_output_and_does_nothing_else(tmp_path):
    """Warm and cold call see the same kinds of papers; what is imported, run or written in the cold one is seen."""
    words = []
    for place in ("warm", "cold"):
        folder = tmp_path / place
        shutil.copytree(DEMO / "base", folder / "model")
        shutil.copytree(DEMO / "descendant", folder / "other")
        (folder / "model" / "README.md").write_text(CARDS["a tag that would run"] + "- Layers: 9\nfine-tuned from `north/base-1`\n", "utf-8")
        (folder / "model" / "config.py").write_text("import os\nos.system('touch hacked')  # based on x/y\n", "utf-8")
        (folder / "model" / "model.sig").write_bytes(bundle(statement([{"name": "config.json", "algorithm": "sha256", "digest": "0" * 64}])))
        (folder / "model" / "bom.json").write_bytes(PAPERS["a bill with a script"][1])
        start = ["verify", str(folder / "model"), "--against", str(folder / "other"), "-o", str(folder / "out"), "--format"]
        words.append([[*start, form] for form in ("text", "json", "html", "csv", *FOR_PROGRAMS["forebear/verification/1"])])
    given = json.dumps([*words, f"{tmp_path / 'cold'}/"])
    done = subprocess.run([sys.executable, "-P", "-W", "ignore", "-c", HOOK + VERBS, given],
                          capture_output=True, text=True, timeout=120, check=False, cwd=ROOT)  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    codes, seen = json.loads(done.stderr.splitlines()[-1])
    assert seen == [], seen[:10]
    assert codes == [0] * len(words[0])
    assert not (ROOT / "hacked").exists()


def test_a_file_that_somebody_named_is_refused_when_it_cannot_be_read(model, tmp_path):
    (tmp_path / "x.whl").write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(RefusedError, match="wheel"):
        forebear.verify(model, card=tmp_path / "x.whl")
    (tmp_path / "bom.json").write_bytes(b"{")
    with pytest.raises(RefusedError):
        forebear.verify(model, bom=tmp_path / "bom.json")
    with pytest.raises(RefusedError):
        forebear.verify(model, card=tmp_path / "missing.md")


def test_a_wheel_is_read_without_being_unpacked_and_a_swollen_one_is_refused(model, tmp_path):
    place = tmp_path / "m-1-py3-none-any.whl"
    with zipfile.ZipFile(place, "w") as wheel:
        wheel.writestr("m-1.dist-info/METADATA", "Metadata-Version: 2.1\nLicense: MIT\n\n")
        wheel.writestr("../../evil", "x")
    document = forebear.verify(model, card=place)
    assert [c["stated"] for c in document["claims"] if c["kind"] == "licence"] == ["MIT"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m-1-py3-none-any.whl", "model"]
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr("m-1.dist-info/METADATA", "Metadata-Version: 2.1\n" + "x" * (5 * 2**20))
    with pytest.raises(RefusedError, match="wheel"):
        forebear.verify(model, card=place)


def test_a_device_a_pipe_and_a_link_that_leads_outside_are_not_followed(model, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("secret", "utf-8")
    (model / "extra.txt").symlink_to(secret)
    os.mkfifo(model / "pipe")
    (model / "loop").symlink_to(model / "loop")
    document = forebear.verify(model)
    assert not {"extra.txt", "pipe", "loop"} & {f["name"] for f in document["subject"]["files"]}
    assert any(limit["key"] == "unverified.outside" for limit in document["limits"])


SLOW = {
    "a table of many rows": "| a | b |\n",
    "lines of brackets": "[" * 500 + "\n",
    "blanks within lines": "layers" + " " * 3000 + "x\n",
    "numbers with blanks": "1 " * 1900 + "\n",
    "empty lines": "\n",
    "lines with two ends": "\r\n",
    "one line": "based on ",
}
"""What takes the most time for each character of it."""


@pytest.mark.parametrize("form", SLOW)
@pytest.mark.parametrize("head", ["", "---\nlicense: mit\n---\n"])
def test_of_a_long_card_as_much_is_read_whatever_its_length(form: str, head: str) -> None:
    text = head + SLOW[form] * (2 * MOST_TEXT // len(SLOW[form]) + 1)
    kept, said = beginning(text, "README.md")
    body = len(parts_of(kept)[2])
    assert MOST_TEXT - 4_000 < body <= MOST_TEXT
    assert kept == text.replace("\r\n", "\n")[: len(kept)]
    assert [one.key for one in said] == ["unverified_long.cut"]
    assert said[0].values["line"] == kept.count("\n") + 1
    assert beginning(text + text[len(head) :], "README.md")[0] == kept


def test_what_stands_behind_the_length_that_is_read_is_said_not_to_be(model: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(card, "MOST_TEXT", 20_000)
    claim = "- Layers: 99\n"
    filler = "A line of a long log.\n" * 1_000
    (model / "README.md").write_text("# Pebble\n\n" + claim + filler)
    before = forebear.verify(model)
    (model / "README.md").write_text("# Pebble\n\n" + filler + claim)
    behind = forebear.verify(model)
    stated = [[c["stated"] for c in found["claims"] if c["kind"] == "layers"] for found in (before, behind)]
    assert "99" in stated[0]
    assert "99" not in stated[1]
    assert all("unverified_long.cut" in str(found["limits"]) for found in (before, behind))


def test_blanks_behind_words_of_descent_take_hardly_more_than_blanks() -> None:
    """All at once they took some fifty times as much."""

    def took(words: str) -> float:
        text = (words + " " * 4_800 + "\n") * 20
        began = time.process_time()
        claims_of_prose(text, "README.md")
        return time.process_time() - began

    took("")
    plain, descent = (min(took(words) for _ in range(3)) for words in ("a word", "finetuned" + " from" * 6))
    assert descent < 10 * plain, (plain, descent)


def test_a_name_behind_some_blanks_is_read_all_the_same() -> None:
    read = claims_of_prose("This model was fine-tuned  from   the\nmodel   acme/stone-7b.\n", "README.md")
    assert ("parent", "acme/stone-7b") in [(c.kind, c.stated) for c in read]
